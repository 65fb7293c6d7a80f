"""Configurations: keys, places, the factory, options as text."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import satchel
from satchel import (
    DatabaseFactory,
    FileDatabase,
    MemoryDatabase,
    Record,
    S3Database,
    UnsupportedError,
    _core,
)
from satchel.backends.s3 import SyncS3Database
from satchel.config import LATER, known_options, options_text


def test_a_missing_bucket_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="'bucket' is missing"):
        S3Database.from_config({"prefix": "x/"})


@pytest.mark.parametrize(
    ("prefix", "uri"),
    [
        ({}, "s3://bkt/records/"),
        ({"prefix": "data"}, "s3://bkt/data/"),
        ({"prefix": "a/b//"}, "s3://bkt/a/b/"),
        ({"prefix": ""}, "s3://bkt/"),
    ],
)
def test_the_prefix_gets_one_slash(prefix: dict[str, str], uri: str) -> None:
    assert S3Database.from_config({"bucket": "bkt", **prefix}).uri == uri


@pytest.mark.parametrize(
    ("kind", "place"), [(S3Database, "bucket"), (MemoryDatabase, "name"), (FileDatabase, "path")]
)
def test_an_unknown_key_names_the_nearest(kind: Any, place: str) -> None:
    with pytest.raises(ValueError, match=r"'regoin' \(did you mean 'region'\?\)"):
        kind.from_config({place: "bkt", "regoin": "x"})


def test_a_place_of_another_backend_is_unknown() -> None:
    with pytest.raises(ValueError, match="'bucket'"):
        MemoryDatabase({"bucket": "bkt"})


@pytest.mark.parametrize("key", sorted(LATER))
def test_a_key_of_a_later_version_is_named(key: str) -> None:
    assert key not in known_options(), "now it is known: take it off the list"
    with pytest.raises(UnsupportedError, match=f"'{key}' is not supported by this version"):
        S3Database.from_config({"bucket": "bkt", key: "x"})


def test_a_bad_value_is_named() -> None:
    with pytest.raises(ValueError, match="cache_ttl"):
        S3Database.from_config({"bucket": "bkt", "cache_ttl": "soon"})


def test_a_secret_is_not_in_the_error(memory: satchel.Database) -> None:
    with pytest.raises(ValueError) as caught:
        S3Database.from_config({"bucket": "bkt", "secret_access_key": "hush\nhush"})
    assert "hush" not in str(caught.value)


def test_values_become_text() -> None:
    given = {
        "create_bucket": True,
        "max_workers": 5,
        "request_timeout": timedelta(minutes=1),
        "tags": ["a", "b"],
        "cache_dir": Path("/tmp/x"),
        "region": None,
    }
    assert options_text(given) == {
        "create_bucket": "true",
        "max_workers": "5",
        "request_timeout": "60.0s",
        "tags": "a,b",
        "cache_dir": "/tmp/x",
    }


def test_options_reach_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert _core.Config({}).get("region") == "eu-north-1"
    assert _core.Config({"region": "x"}).get("region") == "x"
    assert _core.Config({"secret_access_key": "s"}).get("secret_access_key") == "***"
    assert _core.Config({}).get("nothing") is None


def test_the_factory_makes_each_backend(tmp_path: Path) -> None:
    factory = DatabaseFactory()
    assert isinstance(factory.create(backend="memory"), MemoryDatabase)
    assert isinstance(factory.create(backend="file", path=tmp_path), FileDatabase)
    assert type(factory.create(backend="S3", bucket="bkt")) is S3Database is SyncS3Database


@pytest.mark.parametrize("backend", ["azure", "direct", "sqlite", "postgres"])
def test_backends_of_later_versions_say_so(backend: str) -> None:
    with pytest.raises(UnsupportedError, match=f"'{backend}' is not in this version"):
        DatabaseFactory().create(backend=backend, host="localhost")


def test_an_unknown_backend_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="'oracle'"):
        DatabaseFactory().create(backend="oracle")


def test_open_takes_uris_and_options(tmp_path: Path) -> None:
    with satchel.open(f"file://{tmp_path}/new", create_bucket=True) as db:
        db.create(Record({"id": "a"}))
    assert (tmp_path / "new" / "a.json").exists()
    with pytest.raises(UnsupportedError, match="unsupported.*'ftp'.*known: "):
        satchel.open("ftp://x/y")
    with pytest.raises(ValueError, match="'cache_tll'"):
        satchel.open("mem://x/", cache_tll=1)


def test_a_relative_path_is_taken_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert FileDatabase({"path": "db", "prefix": "p"}).uri == f"file://{tmp_path}/db/p/"


def test_memory_databases_of_one_name_are_one() -> None:
    one, same, other = (MemoryDatabase({"name": name}) for name in ("n1", "n1", "n2"))
    one.create(Record({"id": "a"}))
    assert (same.exists("a"), other.exists("a")) == (True, False)
