"""Every Python block of the record store's founding text, in a process and a prefix of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from seed_support import REPLACEMENTS, Stage, blocks, seed

LARGE = 10 * 1024 * 1024

IMPORTS = """
from satchel import Query, Record
from satchel.backends.s3 import S3Database
"""
DATABASE = f"""{IMPORTS}
db = S3Database.from_config({{"bucket": "my-bucket", "prefix": "app/records/"}})
"""
RECORDS = f"""{DATABASE}
records = [Record({{"name": f"User {{i}}"}}) for i in range(20)]
"""
PEOPLE = f"""{DATABASE}
rows = [("Engineering", True), ("Sales", True), ("Engineering", False)] * 8
db.batch_create([
    Record({{"department": name, "active": active, "created_at": f"2024-01-{{i:02}}"}})
    for i, (name, active) in enumerate(rows, start=1)
])
"""
# There is no PostgreSQL: files stand in for it, with an old record and a new one.
PRODUCTION = """
import satchel
from satchel import Query, Record

class Factory(satchel.DatabaseFactory):
    def create(self, backend, **config):
        if backend == "postgres":
            return super().create("file", path=config["database"], create_bucket=True)
        return super().create(backend, **config)

satchel.DatabaseFactory = Factory
with satchel.DatabaseFactory().create("postgres", database="production") as db:
    db.batch_create([
        Record({"created_at": "2020-01-01T00:00:00"}, id="old"),
        Record({"created_at": "2999-01-01T00:00:00"}, id="new"),
    ])
"""
PRELUDES = {
    "none": "",
    "imports": IMPORTS,
    "database": DATABASE,
    "records": RECORDS,
    "people": PEOPLE,
    "production": PRODUCTION,
}

# Each block of the text and its prelude; None: not for this library.
BLOCKS: dict[str, str | None] = {
    "Basic Configuration": "none",
    "Using LocalStack for Testing": "imports",
    "Basic CRUD Operations": "none",
    "Batch Operations": "database",
    "Metadata and Tags": "database",
    "Searching and Filtering": "people",
    "1. Batch Operations": "records",
    "2. Prefix Organization": "imports",
    "3. Index Caching": "people",
    "4. Multipart Upload": "database",
    "API Call Reduction": "records",
    "Storage Classes": "imports",
    "Lifecycle Policies": "none",
    "S3 Select Integration (Future)": None,
    "Cross-Region Replication": "none",
    "Versioning": "none",
    "Testing with LocalStack": "imports",
    "Migration from Other Backends": "production",
}


def run(stage: Stage, heading: str, *ask: str) -> list[object]:
    """Runs a block behind its prelude; what it printed, and the answers."""
    prelude = BLOCKS[heading]
    assert prelude is not None
    outcome = stage.run(PRELUDES[prelude], blocks(seed("003"), "python")[heading], ask)
    return [outcome.printed, *outcome.answers]


def test_every_block_has_its_test() -> None:
    assert set(blocks(seed("003"), "python")) == set(BLOCKS)
    tested = set(
        re.findall(r'run\(\s*stage, "([^"]+)"', Path(__file__).read_text(encoding="utf-8"))
    )
    tested |= {"1. Batch Operations", "API Call Reduction", *COMMENTS}
    assert tested == {heading for heading, prelude in BLOCKS.items() if prelude is not None}
    assert len(REPLACEMENTS) <= 6


def test_basic_configuration(stage: Stage) -> None:
    run(stage, "Basic Configuration", 'db.create(__import__("satchel").Record({"id": "x"}))')
    assert stage.keys("my-data-bucket") == ["records/x.json"]


def test_localstack_configuration(stage: Stage) -> None:
    stage.extra = {"AWS_ACCESS_KEY_ID": "wrong", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    run(stage, "Using LocalStack for Testing", 'db.create(Record({"id": "x"}))')
    assert stage.keys("test-bucket") == ["records/x.json"]


def test_crud(stage: Stage) -> None:
    """Both versions and the deletion, as a versioned bucket keeps them."""
    stage.boto.put_bucket_versioning(
        Bucket="my-bucket", VersioningConfiguration={"Status": "Enabled"}
    )
    key = f"{stage.own}/app/records/user-123.json"
    try:
        assert run(stage, "Basic CRUD Operations", "record_id") == ["Name: Alice\n", "user-123"]
        kept = stage.boto.list_object_versions(Bucket="my-bucket", Prefix=key)
        bodies = [
            stage.boto.get_object(Bucket="my-bucket", Key=key, VersionId=one["VersionId"])["Body"]
            for one in kept["Versions"]
        ]
    finally:
        stage.boto.put_bucket_versioning(
            Bucket="my-bucket", VersioningConfiguration={"Status": "Suspended"}
        )
    texts = [body.read().decode() for body in bodies]
    assert [re.findall(r"[\w.]+@example.com", text) for text in texts] == [
        ["alice.smith@example.com"],
        ["alice@example.com"],
    ]
    assert [one["IsLatest"] for one in kept["DeleteMarkers"]] == [True]
    assert stage.keys("my-bucket") == []


def test_batch_operations(stage: Stage) -> None:
    names = "[one['name'] for one in retrieved]"
    _, ids, found, deleted = run(stage, "Batch Operations", "record_ids", names, "results")
    assert ids == [f"user-{i}" for i in range(100)]
    assert found == [f"User {i}" for i in range(50)]
    assert deleted == [True] * 50
    assert set(stage.keys("my-bucket")) == {f"app/records/user-{i}.json" for i in range(50)}
    assert stage.record("my-bucket", "app/records/user-7.json")["fields"]["name"] == "User 7"
    assert len(stage.recorder.requests("PUT", "/user-")) == 100


def test_metadata_and_tags(stage: Stage) -> None:
    given = {"created_by": "admin", "version": "1.0", "department": "Engineering"}
    _, id, after, back = run(
        stage, "Metadata and Tags", "record_id", "record.metadata", "db.read(record_id).metadata"
    )
    tags = stage.tags("my-bucket", f"app/records/{id}.json")
    assert tags.items() >= {"id": id, **given}.items()
    assert tags["created_at"].startswith("20")
    assert after == given  # the caller's record is as it was
    assert isinstance(back, dict)
    assert back.items() >= given.items()
    assert stage.record("my-bucket", f"app/records/{id}.json")["metadata"].items() >= given.items()


def test_searching_and_filtering(stage: Stage) -> None:
    _, found = run(stage, "Searching and Filtering", "[one['created_at'] for one in results]")
    assert found == [f"2024-01-{day:02}" for day in (22, 19, 16, 13, 10, 7, 4, 1)]


@pytest.mark.parametrize("heading", ["1. Batch Operations", "API Call Reduction"])
def test_the_bad_and_the_good_way(stage: Stage, heading: str) -> None:
    """Records without ids: each way makes records of its own of all of them."""
    assert run(stage, heading, "db.count()") == ["", 40]
    keys = stage.keys("my-bucket")
    users = [stage.record("my-bucket", key)["fields"]["name"] for key in keys]
    assert sorted(users) == sorted(2 * [f"User {i}" for i in range(20)])


def test_prefix_organization(stage: Stage) -> None:
    run(stage, "2. Prefix Organization", 'db.create(Record({"id": "x"}))')
    assert stage.keys("my-bucket") == ["data/2024/01/x.json"]


def test_index_caching(stage: Stage) -> None:
    """Of the counts only the first lists."""
    before, count, after = "db.stats()['total']", "db.count()", "db.stats()['total']"
    _, total, found, total_after = run(stage, "3. Index Caching", before, count, after)
    assert found == 24
    assert total_after == total
    assert len(stage.recorder.requests("GET", "list-type=2")) == 1


def test_multipart_upload(stage: Stage) -> None:
    _, data = run(stage, "4. Multipart Upload", "len(db.read('large-file')['data'])")
    assert data == LARGE
    assert stage.record("my-bucket", "app/records/large-file.json")["fields"]["data"] == "x" * LARGE
    key = f"{stage.own}/app/records/large-file.json"
    etag = stage.boto.head_object(Bucket="my-bucket", Key=key)["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}-\d+"', etag), f"{etag} is not of a multipart upload"
    assert "Uploads" not in stage.boto.list_multipart_uploads(Bucket="my-bucket")


def test_storage_class(stage: Stage) -> None:
    run(stage, "Storage Classes", 'db.create(Record({"id": "x"}))')
    assert stage.keys("archive-bucket") == ["archive/x.json"]
    (put,) = stage.recorder.requests("PUT", "x.json")
    assert put["x-amz-storage-class"] == "GLACIER"


def test_lifecycle_rule_is_plain_data(stage: Stage) -> None:
    _, rules = run(stage, "Lifecycle Policies", "lifecycle_config['Rules']")
    assert rules == [
        {
            "ID": "ArchiveOldData",
            "Status": "Enabled",
            "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
        }
    ]


COMMENTS = ("Cross-Region Replication", "Versioning")


@pytest.mark.parametrize("heading", COMMENTS)
def test_comments_are_valid_code(stage: Stage, heading: str) -> None:
    assert run(stage, heading) == [""]


def test_testing_with_localstack(stage: Stage) -> None:
    stage.extra = {"AWS_ACCESS_KEY_ID": "wrong", "AWS_SECRET_ACCESS_KEY": "wrong"}
    stage.extra |= {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    _, id = run(stage, "Testing with LocalStack", "record_id")
    assert len(stage.recorder.requests("PUT", f"test/{id}.json")) == 1
    assert stage.keys("test-bucket") == []


def test_migration(stage: Stage) -> None:
    (printed,) = run(stage, "Migration from Other Backends")
    assert printed == "Archived 1 records to S3\n"
    assert stage.keys("archive-bucket") == ["postgres-backup/old.json"]
    document = stage.record("archive-bucket", "postgres-backup/old.json")
    assert document["fields"] == {"created_at": "2020-01-01T00:00:00"}
    left = [path.name for path in (stage.work / "production").glob("*.json")]
    assert left == ["new.json"]


@pytest.mark.parametrize("workers", [None, "3"])
def test_configuration_file(stage: Stage, workers: str | None) -> None:
    """The YAML block as it stands, with its variables and the foreign class name."""
    text = blocks(seed("003"), "yaml")["With Environment Variables"]
    (stage.work / "config.yaml").write_text(text, encoding="utf-8")
    stage.extra = {"S3_BUCKET": "my-data-bucket", "S3_PREFIX": f"{stage.own}/"}
    stage.extra |= {"S3_ENDPOINT": stage.recorder.url}
    stage.extra |= {"S3_MAX_WORKERS": workers} if workers else {}
    code = (
        'db = S3Database.from_config("config.yaml", name="archive")\ndb.create(Record({"id": "x"}))'
    )
    stage.run(IMPORTS, code)
    assert stage.keys("my-data-bucket") == ["x.json"]
