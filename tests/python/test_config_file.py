"""Configurations from files: the founding document's, classes, substitution, errors, pickles."""

from __future__ import annotations

import json
import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import satchel
from satchel import (
    DatabaseFactory,
    FileDatabase,
    MemoryDatabase,
    NotFoundError,
    Record,
    S3Database,
    UnsupportedError,
)

MEMORY = "databases: [{name: one, class: MemoryDatabase, cache_ttl: '${TTL:5}'}]"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("S3_") or name == "TTL":
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def seed() -> str:
    """The configuration file of the record store's founding document."""
    shared = os.environ.get("SATCHEL_SHARED")
    if not shared:
        pytest.skip("SATCHEL_SHARED is not set: the founding documents are not here")
    (path,) = Path(shared).glob("seeds/003*.txt")
    (text,) = re.findall(r"```yaml\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    return str(text)


def test_the_founding_configuration_opens_its_bucket(
    seed: str, s3_environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_environment.bucket()
    Path("config.yaml").write_text(seed)
    monkeypatch.setenv("S3_BUCKET", bucket)
    monkeypatch.setenv("S3_ENDPOINT", s3_environment.url)
    with S3Database.from_config("config.yaml", name="archive") as db:
        assert db.uri == f"s3://{bucket}/data/"
        db.create(Record({"id": "a"}))
    with DatabaseFactory().from_config(Path("config.yaml"), "archive") as db:
        assert type(db) is S3Database
        assert db.exists("a")
    assert s3_environment.keys(bucket) == ["data/a.json"]


def test_the_founding_configuration_names_a_missing_variable(seed: str) -> None:
    Path("config.yaml").write_text(seed)
    with pytest.raises(ValueError, match=r"config.yaml: line 5, column 5: .*S3_BUCKET is not set"):
        S3Database.from_config("config.yaml", name="archive")


def test_the_library_reads_what_pyyaml_reads(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("config.yaml").write_text(seed)
    monkeypatch.setenv("S3_BUCKET", "bkt")
    (entry,) = yaml.safe_load(seed)["databases"]
    loaded = satchel.config.ConfigFile.of("config.yaml", "archive").load()
    for key in ("region", "endpoint_url", "max_workers"):
        default = re.fullmatch(r"\$\{\w+:(.*)\}", entry[key])
        assert default is not None
        assert loaded.get(key) == default[1]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_file_may_be_of_one_database(form: str, here: Path) -> None:
    config = {"class": "satchel.backends.file.FileDatabase", "path": "db", "create_bucket": True}
    write = yaml.safe_dump if form == "yaml" else json.dumps
    path = Path(f"config.{form}")
    path.write_text(write(config))
    with FileDatabase.from_config(path) as db:
        db.create(Record({"id": "a"}))
        assert db.uri == f"file://{here}/db/"
    assert (here / "db" / "a.json").exists()


def test_a_memory_database_of_a_file_leaves_no_index(tmp_path: Path) -> None:
    Path("c.yaml").write_text(MEMORY)
    with MemoryDatabase.from_config("c.yaml", "one") as db:
        assert db.uri == "mem://one/"
        db.create(Record({"id": "a"}))
        assert db.count() == 1
    assert not (tmp_path / "cache").exists()


def test_the_factory_takes_the_class_of_a_mapping(tmp_path: Path) -> None:
    factory = DatabaseFactory()
    seed_class = "dataknobs_data.backends.s3.SyncS3Database"
    db = factory.from_config({"name": "archive", "class": seed_class, "bucket": "bkt"})
    assert (type(db), db.uri) == (S3Database, "s3://bkt/records/")
    assert type(factory.from_config({"backend": "file", "path": tmp_path})) is FileDatabase
    assert factory.from_config({"class": "MemoryDatabase", "name": "m"}).uri == "mem://m/"
    for bad in ("other.S3Database", "satchel.Record", "S3"):
        with pytest.raises(ValueError, match=f"unknown class '{bad}'"):
            factory.from_config({"class": bad, "bucket": "bkt"})
    with pytest.raises(UnsupportedError, match="'azure' is not in this version"):
        factory.from_config({"backend": "azure"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regoin: x", r"c.yaml: line 1, column 1: unknown option 'regoin' \(did you mean 'region'"),
        ("a: [", r"c.yaml: line 2, column 1: "),
        ("bucket: b\nlanes: x", r"line 2, column 1: option 'lanes' must be a whole number"),
        ("class: Other", r"unknown class 'Other' \(known: S3Database, "),
        ("databases: [{name: a, bucket: b}]", r"no database at its top, and name= picks none"),
        ("path: /tmp", r"file:///tmp/ is no place of S3Database"),
        ("a: &a [*a]", r"anchors \(&\) and aliases"),
    ],
)
def test_a_bad_file_is_a_value_error_with_its_place(text: str, message: str) -> None:
    Path("c.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        S3Database.from_config("c.yaml")


def test_names_and_files_that_are_not_there() -> None:
    Path("c.yaml").write_text(MEMORY)
    with pytest.raises(ValueError, match=r"no database 'on' in it \(did you mean 'one'\?\)"):
        MemoryDatabase.from_config("c.yaml", name="on")
    with pytest.raises(NotFoundError, match="none.yaml"):
        MemoryDatabase.from_config("none.yaml", name="one")
    with pytest.raises(ValueError, match="not of a mapping"):
        MemoryDatabase.from_config({}, name="one")
    Path("u.yaml").write_text("uri: ftp://x/")
    with pytest.raises(UnsupportedError, match="unsupported URI scheme 'ftp'"):
        DatabaseFactory().from_config("u.yaml")


def test_a_handle_pickles_as_its_file_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "canary-canary-canary"
    Path("c.yaml").write_text(
        f"path: {tmp_path}/db\ncreate_bucket: true\nsecret_access_key: {secret}\n"
    )
    db = FileDatabase.from_config("c.yaml")
    db.create(Record({"id": "a"}))
    pickled = pickle.dumps(db)
    assert secret.encode() not in pickled
    monkeypatch.chdir("/")
    again = pickle.loads(pickled)
    assert type(again) is FileDatabase
    assert again.exists("a")
    db.close()
    db.connect()
    assert db.exists("a")


def test_options_go_over_a_file() -> None:
    Path("c.yaml").write_text("cache_ttl: 7\nregion: ${TTL:x}\nuri: mem://options/")
    config = satchel._core.Config({"cache_ttl": "9"}, str(Path("c.yaml").absolute()), None)
    assert (config.get("cache_ttl"), config.get("region")) == ("9", "x")
    assert config.uri == "mem://options/"
    assert satchel._core.Config({}).uri == ""
