"""Record and Field: what they hold and how they are asked."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime

import pytest

import satchel
from satchel import Field, FieldType, Record, VersionToken


def test_a_plain_value_assigned_to_fields_becomes_a_field() -> None:
    record = Record({"name": "Alice"})
    record.fields["email"] = "alice@example.com"
    assert record.fields["email"] == Field("email", "alice@example.com")


def test_fields_update_and_assignment_coerce_too() -> None:
    record = Record()
    record.fields.update({"a": 1})
    record.fields |= {"b": 2}
    assert record.fields["a"].type is record.fields["b"].type is FieldType.INTEGER
    record.fields = {"c": 3}
    assert record["c"] == 3


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a", "string"),
        ("a" * 1001, "text"),
        (1, "integer"),
        (1.0, "float"),
        (True, "boolean"),
        (datetime(2024, 1, 1), "datetime"),
        (b"x", "binary"),
        ([1], "json"),
        ({"a": 1}, "json"),
        (None, "string"),
    ],
)
def test_the_type_is_detected(value: object, kind: str) -> None:
    assert Field("x", value).type.value == kind


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'number' \(known: string, integer"):
        Field("x", 1, type="number")


def test_get_value_takes_dotted_paths() -> None:
    record = Record({"address": {"city": "Oslo"}, "a.b": 1}, metadata={"by": {"who": "me"}})
    assert record.get_value("address.city") == "Oslo"
    assert record.get_value("a.b") == 1
    assert record.get_value("metadata.by.who") == "me"
    assert record.get_value("fields.address.city") == "Oslo"
    assert record.get_value("address.street", "none") == "none"


def test_a_record_behaves_like_a_mapping_of_values() -> None:
    record = Record({"a": 1, "b": 2})
    record["c"] = 3
    del record["a"]
    assert (list(record), len(record), "b" in record, record["c"]) == (["b", "c"], 2, True, 3)
    assert record.field_names() == ["b", "c"]
    assert record.remove_field("b") and not record.remove_field("b")
    assert record.field_count() == 1


def test_attributes_are_fields() -> None:
    record = Record({"name": "Alice"})
    record.age = 30
    assert (record.name, record["age"]) == ("Alice", 30)
    with pytest.raises(AttributeError, match="no field 'email'"):
        _ = record.email


@pytest.mark.parametrize(
    ("record", "id"),
    [
        (Record({"id": "field"}, {"id": "meta"}, id="given"), "given"),
        (Record({"id": "field"}, {"id": "meta"}), "field"),
        (Record({"record_id": "other"}, {"id": "meta"}), "meta"),
        (Record({"record_id": 7}), "7"),
        (Record({"name": "x"}), None),
    ],
)
def test_the_id_is_chosen_in_the_order_of_the_library(record: Record, id: str | None) -> None:
    assert record.id == id
    if id is not None:
        assert satchel.MemoryDatabase().create(record) == id


def test_to_dict_and_from_dict_are_inverse() -> None:
    record = Record({"a": 1, "t": Field("t", "x", type="text")}, {"m": 2}, id="i")
    assert Record.from_dict(record.to_dict(include_metadata=True, flatten=False)) == record
    flat = record.to_dict(include_metadata=True)
    assert flat == {"a": 1, "t": "x", "_id": "i", "_metadata": {"m": 2}}
    assert Record.from_dict(flat).to_dict() == record.to_dict()


def test_a_deep_copy_shares_nothing() -> None:
    record = Record({"a": [1]}, {"m": [2]})
    other = record.copy()
    other["a"].append(9)
    other.metadata["m"].append(9)
    assert record == Record({"a": [1]}, {"m": [2]})
    assert copy.copy(record) == record


def test_project_and_merge() -> None:
    one = Record({"a": 1, "b": 2}, {"m": 1}, id="one")
    two = Record({"b": 3, "c": 4}, {"m": 2})
    assert one.project(["b", "zz"]).to_dict() == {"b": 2, "_id": "one"}
    assert one.merge(two).to_dict() == {"a": 1, "b": 3, "c": 4, "_id": "one"}
    assert one.merge(two).metadata == {"m": 2}
    kept = one.merge(two, overwrite=False)
    assert (kept["b"], kept.metadata["m"], kept["c"]) == (2, 1, 4)


def test_validate() -> None:
    assert Record({"n": 3, "v": Field("v", [1, 2.5], type="vector")}).validate()
    assert not Record({"n": Field("n", "3", type="integer")}).validate()
    assert not Field("v", 5, type="vector").validate()
    assert Field("v", None, type="vector").validate()


def test_records_and_versions_pickle() -> None:
    record = Record({"a": 1}, {"m": 2}, id="i")
    record.version = VersionToken(3, "3:etag")
    back = pickle.loads(pickle.dumps(record))
    assert back == record
    assert (back.version, back.version.token) == (3, "3:etag")


def test_a_record_without_fields_is_true() -> None:
    assert Record()
