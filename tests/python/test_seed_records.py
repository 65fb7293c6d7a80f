"""The samples of the record store's founding document, with import lines and endpoint changed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import satchel
from satchel import Record

Blocks = dict[str, list[str]]


def read_blocks(text: str) -> Blocks:
    """The Python blocks of a Markdown text by the heading they stand under."""
    found: Blocks = {}
    for part in re.split(r"^#{2,3} ", text, flags=re.M)[1:]:
        heading, _, body = part.partition("\n")
        found[heading.strip()] = re.findall(r"^```python\n(.*?)^```", body, re.M | re.S)
    return found


class Session:
    """Runs blocks one after the other in one namespace."""

    def __init__(self, server: Any, blocks: Blocks) -> None:
        self.server = server
        self.blocks = blocks
        self.names: dict[str, Any] = {}

    def code(self, heading: str) -> str:
        """A block with the changes that are allowed: imports, endpoint, keys."""
        code = self.blocks[heading][0].replace("dataknobs_data", "satchel")
        code = code.replace("http://localhost:4566", self.server.url)
        code = code.replace('"access_key_id": "test"', f'"access_key_id": "{self.server.key}"')
        secret = f'"secret_access_key": "{self.server.secret}"'
        code = code.replace('"secret_access_key": "test"', secret)
        code = code.replace('_ACCESS_KEY_ID"] = "test"', f'_ACCESS_KEY_ID"] = "{self.server.key}"')
        key = f'_SECRET_ACCESS_KEY"] = "{self.server.secret}"'
        return code.replace('_SECRET_ACCESS_KEY"] = "test"', key)

    def run(self, code: str) -> dict[str, Any]:
        exec(compile(code, "seed", "exec"), self.names)
        return self.names

    def block(self, heading: str) -> dict[str, Any]:
        return self.run(self.code(heading))


@pytest.fixture
def session(s3_environment: Any) -> Iterator[Session]:
    shared = os.environ.get("SATCHEL_SHARED")
    if not shared:
        pytest.skip("SATCHEL_SHARED is not set: the founding documents are not here")
    (path,) = Path(shared).glob("seeds/003*.txt")
    for name in ("my-bucket", "my-data-bucket", "test-bucket", "archive-bucket"):
        s3_environment.bucket(name)
    yield Session(s3_environment, read_blocks(path.read_text(encoding="utf-8")))


def test_basic_configuration(session: Session) -> None:
    db = session.block("Basic Configuration")["db"]
    assert db.create(Record({"id": "x"})) == "x"
    assert session.server.keys("my-data-bucket") == ["records/x.json"]


def test_localstack_configuration(session: Session) -> None:
    code = session.code("Using LocalStack for Testing")
    session.run("from satchel.backends.s3 import S3Database")
    db = session.run(code.replace("127.0.0.1", "localhost"))["db"]
    assert db.create(Record({"id": "x"})) == "x"
    assert session.server.keys("test-bucket") == ["records/x.json"]


def test_basic_crud(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    code = session.code("Basic CRUD Operations")
    before, delete = code.split("# Delete\n")
    names = session.run(before)
    assert capsys.readouterr().out == "Name: Alice\n"
    stored = session.server.boto.get_object(Bucket="my-bucket", Key="app/records/user-123.json")
    document = json.loads(stored["Body"].read())
    assert document["fields"]["email"] == "alice.smith@example.com"
    assert document["version"] == 2
    session.run(delete)
    assert session.server.keys("my-bucket") == []
    assert names["db"].read("user-123") is None


def test_batch_operations(session: Session) -> None:
    session.block("Basic CRUD Operations")
    names = session.block("Batch Operations")
    assert names["record_ids"] == [f"user-{i}" for i in range(100)]
    assert [one["name"] for one in names["retrieved"]] == [f"User {i}" for i in range(50)]
    assert names["results"] == [True] * 50
    assert len(session.server.keys("my-bucket")) == 50


def tags_of(session: Session, id: str) -> dict[str, str]:
    key = f"app/records/{id}.json"
    reply = session.server.boto.get_object_tagging(Bucket="my-bucket", Key=key)
    return {tag["Key"]: tag["Value"] for tag in reply["TagSet"]}


def test_metadata_and_tags(session: Session) -> None:
    session.block("Basic CRUD Operations")
    names = session.block("Metadata and Tags")
    tags = tags_of(session, names["record_id"])
    assert list(tags)[:3] == ["id", "created_at", "updated_at"] or set(tags) >= {"id"}
    assert tags["id"] == names["record_id"]
    assert {key: tags[key] for key in ("created_by", "version", "department")} == {
        "created_by": "admin",
        "version": "1.0",
        "department": "Engineering",
    }
    assert set(names["record"].metadata) == {"created_by", "version", "department"}
    back = names["db"].read(names["record_id"])
    assert back.metadata["version"] == "1.0"


def test_twelve_keys_of_any_text_are_kept(session: Session) -> None:
    db = session.block("Basic CRUD Operations")["db"]
    metadata = {f"k{i}": f"value {i}" for i in range(8)}
    metadata |= {"ø & å": "é=ü", "a=b&c": "x&y=z", "émoji": "\U0001f600", "plus+%": "100% + 1"}
    id = db.create(Record({"id": "many"}, metadata))
    back = db.read(id)
    assert {key: back.metadata[key] for key in metadata} == metadata
    tags = tags_of(session, id)
    assert len(tags) == 10
    assert tags["_more"] == "1"
    assert {key: tags[key] for key in ("k0", "k5")} == {"k0": "value 0", "k5": "value 5"}
    special = {"a=b&c": "x&y=z", "ø & å": "é=ü"}
    few = tags_of(session, db.create(Record({"id": "few"}, special)))
    escaped = {unescape(key): unescape(value) for key, value in few.items()}
    assert {key: escaped[key] for key in special} == special


def unescape(text: str) -> str:
    raw = re.sub(rb"=([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), text.encode("utf-8"))
    return raw.decode("utf-8")


def test_searching_and_filtering(session: Session) -> None:
    db = session.block("Basic CRUD Operations")["db"]
    people = [
        {"department": dept, "active": active, "created_at": f"2024-01-{day:02}T00:00:00Z"}
        for day, (dept, active) in enumerate(
            [("Engineering", True), ("Sales", True), ("Engineering", False)] * 6, start=1
        )
    ]
    db.batch_create([Record(one) for one in people])
    found = session.block("Searching and Filtering")["results"]
    wanted = [
        one
        for one in reversed(people)
        if (one["department"], one["active"]) == ("Engineering", True)
    ]
    assert [one["created_at"] for one in found] == [one["created_at"] for one in wanted]


@pytest.mark.parametrize("heading", ["1. Batch Operations", "API Call Reduction"])
def test_the_good_and_the_bad_way(session: Session, heading: str) -> None:
    names = session.block("Basic CRUD Operations")
    names["records"] = [Record({"id": f"u{i}"}) for i in range(20)]
    for half in re.split(r"^# Good", session.code(heading), flags=re.M):
        session.run(half if half.startswith(("#", "from")) else f"# Good{half}")
        assert names["db"].count() == 20
        names["db"].clear()


def test_prefix_organization(session: Session) -> None:
    names = session.run(
        "from satchel.backends.s3 import S3Database\n" + session.code("2. Prefix Organization")
    )
    names["db"].create(Record({"id": "x"}))
    assert session.server.keys("my-bucket") == ["data/2024/01/x.json"]


def test_index_caching_makes_no_request_within_its_time(session: Session) -> None:
    names = session.block("Basic CRUD Operations")
    names["db"].batch_create([Record({"id": f"u{i}"}) for i in range(20)])
    session.block("3. Index Caching")
    before = names["db"].stats()["total"]
    lines = session.server.log_lines("my-bucket")
    session.block("3. Index Caching")
    assert names["db"].stats()["total"] == before
    assert session.server.log_lines("my-bucket") == lines


def test_a_large_record(session: Session) -> None:
    names = session.block("Basic CRUD Operations")
    session.block("4. Multipart Upload")
    assert len(names["db"].read("large-file")["data"]) == 10 * 1024 * 1024
    head = session.server.boto.head_object(Bucket="my-bucket", Key="app/records/large-file.json")
    assert head["ETag"].endswith('-2"')


def test_storage_classes_are_taken(session: Session) -> None:
    session.block("Basic CRUD Operations")
    assert session.block("Storage Classes")["db"].uri == "s3://archive-bucket/archive/"


def test_testing_with_localstack(session: Session) -> None:
    session.run("from satchel import Record")
    db = session.block("Testing with LocalStack")["test_db"]
    assert db.uri == "s3://test-bucket/test/"
    assert session.server.keys("test-bucket") == []


def test_migration_from_another_backend(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    session.run("from satchel import Query")
    code = session.code("Migration from Other Backends")
    with pytest.raises(satchel.UnsupportedError, match="postgres"):
        session.run(code)
    name = 'backend="memory",\n    name="production"'
    code = re.sub(r'backend="postgres".*?production"', name, code, flags=re.S)
    source = satchel.MemoryDatabase({"name": "production"})
    records = [("old", "2020-01-01T00:00:00"), ("new", "2999-01-01T00:00:00")]
    source.create_batch([Record({"created_at": when}, id=id) for id, when in records])
    session.run(code)
    assert capsys.readouterr().out == "Archived 1 records to S3\n"
    assert session.server.keys("archive-bucket") == ["postgres-backup/old.json"]
    assert source.list_all() == ["new"]
