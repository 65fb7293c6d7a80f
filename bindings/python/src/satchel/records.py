"""Records: fields, metadata, an id, and the version they were read as."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from satchel.errors import InvalidError
from satchel.fields import Field, Fields


class VersionToken(int):
    """A record's version: an int that also knows which content it stands for.

    `update` and `delete` take it as `expected_version`: they succeed only while the record is what
    was read. A bare int does too, for one more request.
    """

    token: str

    def __new__(cls, version: int, token: str = "") -> VersionToken:
        """The version with the opaque token that the library gave for it."""
        made = super().__new__(cls, version)
        made.token = token or str(version)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles with the token."""
        return type(self), (int(self), self.token)


class Record:
    """One record.

    Args:
        data: field names and values; a value may be a Field.
        metadata: about the record; the database adds `created_at` and `updated_at`.
        id: the record's id. Without one the database takes the field `id`, else the metadata
            `id`, else the field `record_id`, else a new UUID.

    Attributes:
        fields: Field objects by name; assigning a plain value makes a Field.
        metadata: a dict of JSON values. On a record that comes from a database `metadata["id"]`
            is its id.
        version: VersionToken of the stored record this one was read from or last written as by
            `create`, `update` or `upsert`; None before. It is not part of the record's content.

    >>> record = Record({"name": "Alice", "address": {"city": "Oslo"}})
    >>> record.fields["age"] = 30
    >>> record["age"], record.name, record.get_value("address.city")
    (30, 'Alice', 'Oslo')
    """

    fields: Fields
    metadata: dict[str, Any]
    version: VersionToken | None
    _id: str | None

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: str | None = None,
    ) -> None:
        self.fields = Fields()
        self.metadata = {} if metadata is None else dict(metadata)
        self.version = None
        self._id = id
        for name, value in (data or {}).items():
            self.fields[name] = value

    # --- id ---------------------------------------------------------------------------------------

    @property
    def id(self) -> str | None:
        """The id that was given, or the one a database would take; None when there is none."""
        if self._id is not None:
            return self._id
        for found in (
            self.get_value("id") if "id" in self.fields else None,
            self.metadata.get("id"),
            self.get_value("record_id") if "record_id" in self.fields else None,
        ):
            if found is not None:
                return str(found)
        return None

    @id.setter
    def id(self, value: str | None) -> None:
        self._id = value

    @property
    def given_id(self) -> str | None:
        """The id that was given or that the record was read by; None when it follows the fields."""
        return self._id

    # --- values -----------------------------------------------------------------------------------

    def get_value(self, name: str, default: Any = None) -> Any:
        """The value of a field.

        Args:
            name: a field's name, or a dotted path into nested values: `address.city`. A field of
                that very name wins. `metadata.x` is in the metadata, `fields.x` is the field x.
            default: what to return when there is no such value.
        """
        if name in self.fields:
            return self.fields[name].value
        first, _, rest = name.partition(".")
        if not rest:
            return default
        if first in self.fields:
            return _walk(self.fields[first].value, rest, default)
        if first == "metadata":
            return _walk(self.metadata, rest, default)
        return self.get_value(rest, default) if first == "fields" else default

    def set_value(self, name: str, value: Any) -> None:
        """Sets the value of a field, which is made when it is missing."""
        self.fields[name] = value

    def get_field(self, name: str) -> Field | None:
        """The Field of that name, or None."""
        return self.fields.get(name)

    def set_field(self, name: str, value: Any, **options: Any) -> None:
        """Makes or replaces a field; `type` and `metadata` as for Field."""
        self.fields[name] = Field(name, value, **options)

    def has_field(self, name: str) -> bool:
        """Whether there is a field of that name."""
        return name in self.fields

    def remove_field(self, name: str) -> bool:
        """Takes a field away; whether it was there."""
        return self.fields.pop(name, None) is not None

    def field_names(self) -> list[str]:
        """The names, in order."""
        return list(self.fields)

    def field_count(self) -> int:
        """How many fields there are."""
        return len(self.fields)

    def validate(self) -> bool:
        """Whether every value is of its field's type."""
        return all(field.validate() for field in self.fields.values())

    def __getitem__(self, name: str) -> Any:
        """The value of a field."""
        return self.fields[name].value

    def __setitem__(self, name: str, value: Any) -> None:
        """Sets the value of a field."""
        self.fields[name] = value

    def __delitem__(self, name: str) -> None:
        """Takes a field away."""
        del self.fields[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is a field of that name."""
        return name in self.fields

    def __len__(self) -> int:
        """How many fields there are."""
        return len(self.fields)

    def __bool__(self) -> bool:
        """A record is true, also without fields: `if db.read(id)` asks whether it is there."""
        return True

    def __iter__(self) -> Iterator[str]:
        """The names of the fields."""
        return iter(self.fields)

    def __getattr__(self, name: str) -> Any:
        """A field's value where the class has no attribute of that name."""
        fields = self.__dict__.get("fields", {})
        if name in fields:
            return fields[name].value
        raise AttributeError(f"the record has no field {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute of the class; any other name is a field."""
        if name == "fields" and not isinstance(value, Fields):
            coerced = Fields()
            coerced.update(value)
            value = coerced
        if name in _ATTRIBUTES or name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self.fields[name] = value

    # --- other forms ------------------------------------------------------------------------------

    def to_dict(self, include_metadata: bool = False, flatten: bool = True) -> dict[str, Any]:
        """The record as a dict.

        Args:
            include_metadata: with the metadata, under `_metadata` (flat) or `metadata`.
            flatten: the values by name, and the id under `_id`; else {"fields", "id"} with each
                field as Field.to_dict() gives it.
        """
        id_key, metadata_key = ("_id", "_metadata") if flatten else ("id", "metadata")
        result: dict[str, Any]
        if flatten:
            result = {name: field.value for name, field in self.fields.items()}
        else:
            result = {"fields": {name: field.to_dict() for name, field in self.fields.items()}}
        if self.id is not None:
            result[id_key] = self.id
        if include_metadata:
            result[metadata_key] = self.metadata
        return result

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """A record from either form of to_dict(), or from plain names and values."""
        fields = data.get("fields")
        if not isinstance(fields, Mapping):
            plain = {k: v for k, v in data.items() if k not in ("_id", "_metadata")}
            return cls(plain, data.get("_metadata"), data.get("_id"))
        made = cls(None, data.get("metadata"), data.get("id", data.get("_id")))
        for name, value in fields.items():
            described = isinstance(value, Mapping) and "value" in value
            made.fields[name] = Field.from_dict({"name": name, **value}) if described else value
        return made

    def copy(self, deep: bool = True) -> Record:
        """A copy; not deep: the same Field objects and metadata values."""
        if deep:
            return copy.deepcopy(self)
        made = Record(self.fields, self.metadata, self._id)
        made.version = self.version
        return made

    def project(self, field_names: Sequence[str]) -> Record:
        """A record with some of the fields; the metadata and the id stay."""
        kept = {name: self.fields[name].copy() for name in field_names if name in self.fields}
        return Record(kept, self.metadata, self.id)

    def merge(self, other: Record, overwrite: bool = True) -> Record:
        """A record with the fields and metadata of both.

        Args:
            other: the second one.
            overwrite: where both have a name, the second one's value is taken.
        """
        first, second = (self, other) if overwrite else (other, self)
        merged = Record(self.copy().fields, {**first.metadata, **second.metadata})
        for name, field in other.fields.items():
            if overwrite or name not in merged.fields:
                merged.fields[name] = field.copy()
        merged.id = self.id if self.id is not None else other.id
        return merged

    def __eq__(self, other: object) -> bool:
        """Fields, metadata and id are equal; the version does not count."""
        if not isinstance(other, Record):
            return NotImplemented
        mine, theirs = (dict(one.fields) for one in (self, other))
        return mine == theirs and self.metadata == other.metadata and self.id == other.id

    def __repr__(self) -> str:
        """As it could be written."""
        values = {name: field.value for name, field in self.fields.items()}
        return f"Record({values!r}, metadata={self.metadata!r}, id={self._id!r})"


_ATTRIBUTES = frozenset({"fields", "metadata", "version", "id"})


def _walk(value: Any, path: str, default: Any) -> Any:
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value


def check_record(value: object) -> Record:
    """The value, if it is a Record; InvalidError with a hint otherwise."""
    if isinstance(value, Record):
        return value
    raise InvalidError(f"expected a Record, not {type(value).__name__}; wrap it: Record(...)")
