"""Fields of a record: a name, a value, the value's type, and metadata of its own."""

from __future__ import annotations

import copy
import enum
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from satchel._core import Buffer
from satchel.errors import InvalidError

TEXT_LENGTH = 1000  # characters; a longer str is of type text


class FieldType(enum.Enum):
    """What a field holds."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    JSON = "json"
    BINARY = "binary"
    TEXT = "text"
    VECTOR = "vector"

    @classmethod
    def of(cls, value: Any) -> FieldType:
        """The type a value has when none is declared; None counts as a string.

        >>> FieldType.of(2.5)
        <FieldType.FLOAT: 'float'>
        """
        if isinstance(value, str):
            return cls.TEXT if len(value) > TEXT_LENGTH else cls.STRING
        for kind, types in _DETECTED:
            if isinstance(value, types):
                return kind
        return cls.STRING if value is None else cls.JSON


# In this order: a bool is an int.
_DETECTED: tuple[tuple[FieldType, tuple[type, ...]], ...] = (
    (FieldType.BOOLEAN, (bool,)),
    (FieldType.INTEGER, (int,)),
    (FieldType.FLOAT, (float,)),
    (FieldType.DATETIME, (date,)),
    (FieldType.BINARY, (bytes, bytearray, memoryview, Buffer)),
)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_VALID: dict[FieldType, Callable[[Any], bool]] = {
    FieldType.STRING: lambda value: isinstance(value, str),
    FieldType.TEXT: lambda value: isinstance(value, str),
    FieldType.INTEGER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    FieldType.FLOAT: _is_number,
    FieldType.BOOLEAN: lambda value: isinstance(value, bool),
    FieldType.DATETIME: lambda value: isinstance(value, date),
    FieldType.BINARY: lambda value: FieldType.of(value) is FieldType.BINARY,
    FieldType.VECTOR: lambda value: all(_is_number(item) for item in value),
}


def parse_type(given: FieldType | str) -> FieldType:
    """A FieldType from itself or its name; anything else is InvalidError."""
    try:
        return given if isinstance(given, FieldType) else FieldType(given)
    except ValueError:
        known = ", ".join(kind.value for kind in FieldType)
        raise InvalidError(f"unknown field type {given!r} (known: {known})") from None


class Field:
    """One field of a record.

    Args:
        name: the field's name.
        value: anything JSON has, a datetime or date, bytes; nested in lists and dicts too.
        type: a FieldType or its name; detected from the value when None.
        metadata: about this field alone; kept with the record.

    >>> Field("score", 95.5).type
    <FieldType.FLOAT: 'float'>
    """

    __slots__ = ("name", "value", "type", "metadata")

    def __init__(
        self,
        name: str,
        value: Any,
        type: FieldType | str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.value = value
        self.type = FieldType.of(value) if type is None else parse_type(type)
        self.metadata: dict[str, Any] = {} if metadata is None else metadata

    def validate(self) -> bool:
        """Whether the value is of the field's type; None always is.

        >>> Field("count", "three", type="integer").validate()
        False
        """
        if self.value is None or self.type is FieldType.JSON:
            return True
        try:
            return _VALID[self.type](self.value)
        except TypeError:
            return False

    def copy(self) -> Field:
        """A deep copy."""
        return copy.deepcopy(self)

    def to_dict(self) -> dict[str, Any]:
        """{"name", "value", "type", "metadata"}."""
        return {
            "name": self.name,
            "value": self.value,
            "type": self.type.value,
            "metadata": self.metadata,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Field:
        """What to_dict() gave; "type" and "metadata" may be missing."""
        return cls(data["name"], data["value"], data.get("type"), data.get("metadata"))

    def __eq__(self, other: object) -> bool:
        """Name, value, type and metadata are equal."""
        if not isinstance(other, Field):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __repr__(self) -> str:
        """As it could be written."""
        return f"Field({self.name!r}, {self.value!r}, type={self.type.value!r})"


class Fields(OrderedDict[str, Field]):
    """The fields of a record by name; a plain value that is assigned becomes a Field.

    >>> fields = Fields()
    >>> fields["age"] = 30
    >>> fields["age"].type
    <FieldType.INTEGER: 'integer'>
    """

    def __setitem__(self, name: str, value: Any) -> None:
        """Stores a Field, or makes one."""
        if not isinstance(name, str):
            raise InvalidError(f"a field's name is a str, not {name!r}")
        super().__setitem__(name, value if isinstance(value, Field) else Field(name, value))
