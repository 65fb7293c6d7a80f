"""What comes back is what went in: every type of value, through the stored form."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import satchel
from satchel import Database, Field, FieldType, Record

OSLO = timezone(timedelta(hours=2))

VALUES: list[Any] = [
    None,
    True,
    0,
    2**63 - 1,
    -(2**63),
    0.1,
    1e308,
    5e-324,
    -0.0,
    "",
    'naïve ≠ \u0001 \U0001f600 \\ "',
    datetime(2024, 5, 1, 12, 30, 15, 123456),
    datetime(2024, 5, 1, 12, 30, tzinfo=OSLO),
    date(2024, 2, 29),
    b"",
    bytes(range(256)),
    [1, [2.5, {"deep": b"x", "when": datetime(2024, 1, 1)}]],
    {"a/b": {"~": date(2024, 1, 1)}, "": []},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_round_trips_with_its_type(memory: Database, value: Any) -> None:
    memory.create(Record({"id": "r", "value": value}))
    back = memory.read("r")
    assert back is not None
    assert back["value"] == value
    assert type(back["value"]) is type(value)
    assert back.fields["value"].type is FieldType.of(value)
    if isinstance(value, float):
        assert math.copysign(1, back["value"]) == math.copysign(1, value)


def test_declared_types_and_field_metadata_round_trip(memory: Database) -> None:
    fields = {
        "note": Field("note", "short", type="text"),
        "score": Field("score", 3, type="float"),
        "embedding": Field("embedding", [0.5, 1.5], type="vector", metadata={"dimensions": 2}),
        "nothing": Field("nothing", None, type="datetime"),
        "/odd": Field("/odd", "x", type="text"),
        "day": Field("day", date(2024, 1, 1), type="datetime", metadata={"k": 1}),
    }
    memory.create(Record(fields, id="r"))
    back = memory.read("r")
    assert back is not None
    assert dict(back.fields) == fields


def test_the_stored_form_is_readable_json(tmp_path: Path) -> None:
    db = satchel.FileDatabase({"path": tmp_path / "db", "create_bucket": True})
    when = datetime(2024, 5, 1, tzinfo=timezone.utc)
    db.create(Record({"id": "r", "when": when, "blob": b"hello", "deep": {"when": when}}))
    stored = json.loads((tmp_path / "db" / "r.json").read_text())
    assert stored["fields"]["when"] == "2024-05-01T00:00:00+00:00"
    assert stored["fields"]["blob"] == "aGVsbG8="
    assert stored["metadata"]["_types"] == {
        "when": "datetime",
        "blob": "binary",
        "/deep/when": "datetime",
    }


def test_the_types_are_not_shown_as_metadata(memory: Database) -> None:
    memory.create(Record({"id": "r", "blob": b"x"}, {"by": "me"}))
    back = memory.read("r")
    assert back is not None
    assert set(back.metadata) == {"by", "id", "created_at", "updated_at"}


def test_a_datetime_is_ordered_by_instant_in_queries(memory: Database) -> None:
    early, late = datetime(2024, 1, 1, tzinfo=timezone.utc), datetime(2024, 1, 1, 1, tzinfo=OSLO)
    memory.create_batch([Record({"id": "early", "at": early}), Record({"id": "late", "at": late})])
    found = memory.search(satchel.Query().filter("at", "<", early))
    assert [record.id for record in found] == ["late"]  # 01:00+02:00 is the day before in UTC


def test_text_that_another_program_changed_stays_text(tmp_path: Path) -> None:
    db = satchel.FileDatabase({"path": tmp_path, "cache_ttl": 0})
    types = {"when": "datetime", "blob": "binary", "/gone/x": "datetime"}
    document = {"fields": {"when": "soon", "blob": "?"}, "metadata": {"_types": types}}
    (tmp_path / "r.json").write_text(json.dumps(document))
    back = db.read("r")
    assert back is not None
    assert (back["when"], back["blob"]) == ("soon", "?")
    assert back.fields["when"].type is FieldType.STRING
    assert db.update("r", back)


def test_a_foreign_types_key_is_left_alone(tmp_path: Path) -> None:
    db = satchel.FileDatabase({"path": tmp_path})
    (tmp_path / "r.json").write_text('{"fields": {}, "metadata": {"_types": [1]}}')
    back = db.read("r")
    assert back is not None
    assert back.metadata["_types"] == [1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**63, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        (math.nan, "no JSON number"),
        ([math.inf], "/x/0: inf"),
        ({1: 2}, "key 1 is no str"),
        ({1, 2}, "a set cannot"),
        (object(), "object cannot"),
        ("\ud800", "surrogates"),
    ],
)
def test_what_cannot_be_stored_is_a_value_error(memory: Database, value: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        memory.create(Record({"x": value}))
    assert memory.count() == 0


def test_a_declared_type_that_would_change_the_value_is_refused(memory: Database) -> None:
    with pytest.raises(ValueError, match="'x' is of type binary, its value is a str"):
        memory.create(Record({"x": Field("x", "abcd", type="binary")}))


@pytest.mark.parametrize("metadata", [{"at": datetime(2024, 1, 1)}, {"_types": {}}])
def test_metadata_holds_json_values_only(memory: Database, metadata: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="metadata"):
        memory.create(Record({}, metadata))


def test_other_buffers_are_stored_as_bytes(memory: Database) -> None:
    memory.create(Record({"id": "r", "a": bytearray(b"a"), "m": memoryview(b"m")}))
    back = memory.read("r")
    assert back is not None
    assert (back["a"], back["m"]) == (b"a", b"m")
