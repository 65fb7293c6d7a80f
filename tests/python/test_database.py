"""The database's methods, the same on memory, files and S3."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest

import satchel
from satchel import (
    BatchError,
    ConflictError,
    Database,
    DuplicateRecordError,
    Query,
    Record,
    StreamConfig,
    VersionToken,
)

Open = Callable[..., Database]


def must_read(db: Database, id: str) -> Record:
    record = db.read(id)
    assert record is not None
    return record


def test_create_read_update_delete(db: Database) -> None:
    assert db.create(Record({"id": "u/1", "name": "Ålice"}, {"by": "admin"})) == "u/1"
    record = must_read(db, "u/1")
    assert (record["name"], record.metadata["by"], record.metadata["id"]) == (
        "Ålice",
        "admin",
        "u/1",
    )
    assert record.version == 1
    record.fields["name"] = "Bob"
    assert db.update("u/1", record) is True
    again = must_read(db, "u/1")
    assert (again["name"], again.version) == ("Bob", 2)
    assert again.metadata["created_at"] == record.metadata["created_at"]
    assert db.delete("u/1") is True
    assert db.read("u/1") is None
    assert db.count() == 0


def test_what_is_missing_is_none_or_false(db: Database) -> None:
    assert db.read("nobody") is None
    assert db.update("nobody", Record({"a": 1})) is False
    assert db.delete("nobody", exact=True) is False
    assert db.exists("nobody") is False
    assert db.get_version("nobody") is None
    assert db.read_batch(["nobody"]) == [None]
    assert db.update_batch([("nobody", Record())]) == [False]
    assert db.count() == 0


def test_a_record_without_id_gets_one(db: Database) -> None:
    first, second = db.create(Record({"a": 1})), db.create(Record({"a": 1}))
    assert first != second
    assert must_read(db, first)["a"] == 1


def test_a_second_create_is_refused_and_changes_nothing(db: Database) -> None:
    db.create(Record({"id": "x", "n": 1}))
    with pytest.raises(DuplicateRecordError) as caught:
        db.create(Record({"id": "x", "n": 2}))
    assert caught.value.code == "EXISTS"
    assert isinstance(caught.value, FileExistsError)
    assert must_read(db, "x")["n"] == 1


def test_the_callers_record_is_not_changed(db: Database) -> None:
    record = Record({"n": [1]}, {"m": {"k": 1}})
    before = copy.deepcopy(record)
    id = db.create(record)
    db.update(id, record)
    db.upsert(id, record)
    assert record == before
    assert (record.id, record.metadata) == (None, {"m": {"k": 1}})
    assert record.version == 3


def test_an_update_with_an_old_version_is_a_conflict(db: Database) -> None:
    id = db.create(Record({"n": 0}))
    mine, theirs = must_read(db, id), must_read(db, id)
    theirs["n"] = 1
    assert db.update(id, theirs, expected_version=theirs.version)
    with pytest.raises(ConflictError):
        db.update(id, mine, expected_version=mine.version)
    with pytest.raises(ConflictError):
        db.update(id, mine, expected_version=1)
    assert db.update(id, mine, expected_version=2)  # a bare number
    assert must_read(db, id)["n"] == 0


def test_versions_are_ints_that_carry_the_content(db: Database) -> None:
    record = Record({"id": "v"})
    db.create(record)
    version = db.get_version("v")
    assert isinstance(version, VersionToken) and version == 1
    assert record.version is not None and record.version.token == version.token
    db.delete("v")
    db.create(Record({"id": "v", "other": 1}))
    with pytest.raises(ConflictError):  # the same number, another record
        db.update("v", record, expected_version=version)


def test_delete_with_an_old_version_is_a_conflict(db: Database) -> None:
    id = db.create(Record({"n": 0}))
    old = must_read(db, id).version
    db.update(id, Record({"n": 1}))
    with pytest.raises(ConflictError):
        db.delete(id, expected_version=old)
    assert db.delete(id, expected_version=db.get_version(id)) is True


def test_upsert_creates_and_replaces(db: Database) -> None:
    assert db.upsert("k", Record({"n": 1})) == "k"
    assert db.upsert(Record({"id": "k", "n": 2})) == "k"
    assert (must_read(db, "k")["n"], db.get_version("k")) == (2, 2)


def test_a_record_that_was_read_can_be_stored_elsewhere(db: Database, memory: Database) -> None:
    db.create(Record({"id": "a", "n": 1}, {"m": 1}))
    assert memory.create_batch(db.all()) == ["a"]
    copy = must_read(memory, "a")
    assert (copy["n"], copy.metadata["m"], copy.version) == (1, 1, 1)


def test_batches_keep_the_order(db: Database) -> None:
    ids = db.batch_create([Record({"id": f"r{i:02}", "n": i}) for i in range(30)])
    assert ids == [f"r{i:02}" for i in range(30)]
    back = db.batch_read([*reversed(ids), "nobody"])
    assert [record and record["n"] for record in back] == [*reversed(range(30)), None]
    assert db.batch_update([(id, Record({"n": -1})) for id in ids[:2]]) == [True, True]
    assert db.batch_upsert([Record({"id": "r00"}), Record({"id": "new"})]) == ["r00", "new"]
    assert db.batch_delete(ids[10:]) == [True] * 20
    assert db.list_all() == ["new", *ids[:10]]


def test_empty_batches(db: Database) -> None:
    assert db.create_batch([]) == db.read_batch([]) == db.delete_batch([]) == []


def test_a_batch_reports_each_item(db: Database) -> None:
    db.create(Record({"id": "taken", "n": 0}))
    bad = Record({"id": "bad", "x": {1, 2}})
    records = [Record({"id": "one"}), Record({"id": "taken"}), bad, Record({"id": "../up"})]
    with pytest.raises(BatchError, match="3 of 4 writes failed") as caught:
        db.create_batch(records)
    results = caught.value.results
    assert results[0] == "one"
    codes = [error.code for error in results[1:]]
    assert codes == ["EXISTS", "INVALID", "INVALID"]
    assert caught.value.exceptions == tuple(results[1:])
    assert db.list_all() == ["one", "taken"]


def test_on_error_return_gives_the_errors(db: Database) -> None:
    results = db.create_batch([Record({"id": "a"}), Record({"id": ".."})], on_error="return")
    assert results[0] == "a"
    assert isinstance(results[1], satchel.InvalidError)


def test_search_count_all_clear(db: Database) -> None:
    records = [Record({"n": i, "even": i % 2 == 0}, id=f"{i:03}") for i in range(25)]
    db.create_batch(records)
    query = Query().filter("even", "=", True).sort("n", "DESC").limit(3)
    assert [record["n"] for record in db.search(query)] == [24, 22, 20]
    assert db.count(Query().filter("n", "<", 5)) == 5
    assert [record.metadata["id"] for record in db.all()] == db.list_all()
    assert db.clear() == 25
    assert db.all() == []


def test_a_change_of_another_handle_is_seen_after_refresh(open_db: Open) -> None:
    mine, other = open_db(cache_ttl=-1), open_db(cache_dir=":memory:")
    mine.create(Record({"id": "a"}))
    assert mine.count() == 1
    other.create(Record({"id": "b"}))
    mine.refresh()
    assert mine.list_all() == ["a", "b"]


def test_stream_read_yields_everything_in_small_batches(db: Database) -> None:
    db.create_batch([Record({"n": i}, id=f"{i:03}") for i in range(23)])
    stream = db.stream_read(None, StreamConfig(batch_size=5))
    assert [record["n"] for record in stream] == list(range(23))


def test_stream_write_reports_each_record(db: Database) -> None:
    db.create(Record({"id": "003", "old": True}))
    source = (Record({"n": i}, id=f"{i:03}") for i in range(10))
    result = db.stream_write(source, StreamConfig(batch_size=4))
    assert (result.total_processed, result.successful, result.failed) == (10, 9, 1)
    assert (result.failed_indices, result.errors[0]["record_id"]) == ([3], "003")
    assert result.total_batches == 3
    assert result.success_rate == 90.0


@pytest.mark.parametrize(
    ("on_conflict", "skipped", "value"), [("skip", 1, "old"), ("upsert", 0, "new")]
)
def test_stream_write_on_conflict(
    memory: Database, on_conflict: Any, skipped: int, value: str
) -> None:
    memory.create(Record({"id": "a", "v": "old"}))
    result = memory.stream_write([Record({"id": "a", "v": "new"})], on_conflict=on_conflict)
    assert (result.skipped, result.failed) == (skipped, 0)
    assert must_read(memory, "a")["v"] == value


def test_stream_write_stops_when_on_error_says_so(memory: Database) -> None:
    seen: list[str | None] = []

    def stop(error: Exception, record: Record) -> bool:
        seen.append(record.id)
        return False

    source = [Record({"id": "a"}), Record({"id": "a"}), Record({"id": "b"})]
    result = memory.stream_write(source, StreamConfig(batch_size=2, on_error=stop))
    assert (result.total_processed, seen, memory.count()) == (2, ["a"], 1)


def test_explain_and_stats(db: Database) -> None:
    db.create(Record({"id": "a"}))
    before = db.stats()
    assert before["put"] >= 1 and before["total"] >= 1
    plan = db.explain(Query().filter("n", ">", 1))
    assert set(plan) >= {"plan", "rows", "fresh", "requests"}
    db.exists("a")
    assert db.stats()["stat"] == before["stat"] + 1


def test_handles_close_open_again_and_pickle(open_db: Open) -> None:
    db = open_db()
    db.create(Record({"id": "a"}))
    other = pickle.loads(pickle.dumps(db))
    assert type(other) is type(db)
    assert other.exists("a")
    other.close()
    with pytest.raises(ValueError, match="closed"):
        other.read("a")
    other.connect()
    assert other.exists("a")
    with other:
        assert other.exists("a")
    other.close()  # twice is fine


@pytest.mark.parametrize("id", ["", "../x", "a//b", "/a", "a\nb", "x" * 901, "a\0b", "\ud800"])
def test_a_bad_id_is_refused_before_any_request(db: Database, id: str) -> None:
    db.create(Record({"id": "good"}))  # S3: conditional writes are probed first
    before = db.stats()["total"]
    for call in (
        lambda: db.create(Record({}, id=id)),
        lambda: db.read(id),
        lambda: db.update(id, Record()),
        lambda: db.delete(id),
        lambda: db.exists(id),
    ):
        with pytest.raises(ValueError):
            call()
    assert db.stats()["total"] == before


def test_arguments_of_another_type_are_refused(memory: Database) -> None:
    with pytest.raises(ValueError, match="expected a Record, not dict"):
        memory.create({"a": 1})
    with pytest.raises(ValueError, match="an id is a str, not int"):
        memory.read(1)
    with pytest.raises(ValueError, match="on_error is one of"):
        memory.create_batch([], on_error="ignore")


def unescape(text: str) -> str:
    raw = re.sub(rb"=([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), text.encode("utf-8"))
    return raw.decode("utf-8")


def test_metadata_of_any_text_is_kept_and_shown_in_tags(s3: Any) -> None:
    """Ten tags fit; what does not stays in the body alone."""
    bucket = s3.bucket()

    def tags(id: str) -> dict[str, str]:
        reply = s3.boto.get_object_tagging(Bucket=bucket, Key=f"{id}.json")
        return {tag["Key"]: tag["Value"] for tag in reply["TagSet"]}

    special = {"a=b&c": "x&y=z", "ø & å": "é=ü"}
    plain = {f"k{i}": f"value {i}" for i in range(8)}
    metadata = plain | special | {"émoji": "\U0001f600", "plus+%": "100% + 1"}
    with satchel.S3Database({"bucket": bucket, "prefix": "", **s3.options}) as db:
        db.create(Record({"id": "many"}, metadata))
        db.create(Record({"id": "few"}, special))
        back = must_read(db, "many")
    assert {key: back.metadata[key] for key in metadata} == metadata
    assert len(tags("many")) == 10
    assert tags("many").items() >= {"_more": "1", "k0": "value 0", "k5": "value 5"}.items()
    few = {unescape(key): unescape(value) for key, value in tags("few").items()}
    assert few.items() >= special.items()
