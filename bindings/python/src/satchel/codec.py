"""Between records and the JSON that the library stores.

JSON has no datetimes and no bytes. They are stored as text that other programs can read (ISO 8601,
base64), and the metadata key `_types` says which fields to turn back:

    {"fields": {"when": "2024-05-01T12:00:00+00:00", "blob": "aGVsbG8="},
     "metadata": {"_types": {"when": "datetime", "blob": "binary"}}}

A key of `_types` is a field's name, or a JSON Pointer for a value nested in a field
("/event/when"). Its value is a type, or {"type", "metadata"} where the field has metadata of its
own. Types that JSON shows by itself are not listed. `_types` is hidden from Record.metadata.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from satchel._core import Buffer
from satchel.errors import InvalidError
from satchel.fields import Field, FieldType
from satchel.records import Record, VersionToken

TYPES_KEY = "_types"
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_DATE = "date"  # a date without time: of type datetime, told apart in `_types` only

Row = tuple[str, bytes | None, int, str | None]  # what the module gives for a record


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


class _Encoder:
    """Turns values into what JSON has, noting the types of those it has not."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {}  # by JSON Pointer

    def plain(self, value: Any, path: str) -> Any:
        if value is None or isinstance(value, (str, bool)):
            return value
        if isinstance(value, (int, float)):
            return self.number(value, path)
        if isinstance(value, Mapping):
            return {key: self.plain(item, self.inner(path, key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(item, f"{path}/{i}") for i, item in enumerate(value)]
        return self.special(value, path)

    def number(self, value: int | float, path: str) -> int | float:
        if isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
            raise InvalidError(f"{path}: the integer does not fit 64 bits")
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidError(f"{path}: {value!r} is no JSON number")
        return value

    def inner(self, path: str, key: Any) -> str:
        if not isinstance(key, str):
            raise InvalidError(f"{path}: the key {key!r} is no str")
        return f"{path}/{_escape(key)}"

    def special(self, value: Any, path: str) -> Any:
        if isinstance(value, date):
            self.types[path] = "datetime" if isinstance(value, datetime) else _DATE
            return value.isoformat()
        if isinstance(value, (bytes, bytearray, memoryview, Buffer)):
            self.types[path] = "binary"
            return base64.b64encode(value).decode("ascii")
        if hasattr(value, "tolist"):  # numpy's scalars and arrays
            return self.plain(value.tolist(), path)
        raise InvalidError(f"{path}: a {type(value).__name__} cannot be stored in a record")


def plain(value: Any) -> Any:
    """A value for a query, as it stands in a stored record."""
    return _Encoder().plain(value, "value")


def dump(value: Any) -> bytes:
    """JSON text in UTF-8; InvalidError for what has none."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidError(f"no JSON: {error}") from error


# --- writing --------------------------------------------------------------------------------------


def _check_declared(field: Field) -> None:
    """Of these types the text alone would not tell the value from another one."""
    if field.type in (FieldType.DATETIME, FieldType.BINARY) and not field.validate():
        raise InvalidError(
            f"field {field.name!r} is of type {field.type.value}, its value is a "
            f"{type(field.value).__name__}"
        )


def _type_entry(field: Field, stored: Any, special: str | None) -> Any:
    """What `_types` says about a field; None when JSON says it all."""
    known = special or FieldType.of(stored).value
    declared = field.type.value
    if special == _DATE and field.type is FieldType.DATETIME:
        declared = _DATE
    if field.value is None and declared in ("datetime", "binary"):
        known = ""  # stays null
    entry = declared if special or declared != known else None
    if not field.metadata:
        return entry
    return {"type": declared, "metadata": field.metadata}


def encode(record: Record) -> bytes:
    """The JSON text of a record for the library."""
    encoder = _Encoder()
    fields: dict[str, Any] = {}
    types: dict[str, Any] = {}
    for name, field in record.fields.items():
        _check_declared(field)
        pointer = f"/{_escape(name)}"
        fields[name] = encoder.plain(field.value, pointer)
        entry = _type_entry(field, fields[name], encoder.types.pop(pointer, None))
        if entry is not None:
            types[pointer if name.startswith("/") else name] = entry
    types.update(encoder.types)
    metadata = _encode_metadata(record)
    if types:
        metadata[TYPES_KEY] = types
    document: dict[str, Any] = {"fields": fields, "metadata": metadata}
    if record.given_id is not None:
        document["id"] = record.given_id
    return dump(document)


def _encode_metadata(record: Record) -> dict[str, Any]:
    if TYPES_KEY in record.metadata:
        raise InvalidError(f"the metadata key {TYPES_KEY!r} is satchel's own")
    encoder = _Encoder()
    metadata: dict[str, Any] = encoder.plain(record.metadata, "metadata")
    if encoder.types:
        path = next(iter(encoder.types))
        raise InvalidError(
            f"{path}: metadata holds JSON values only; store the isoformat() or text"
        )
    if record.given_id is not None and metadata.get("id") == record.given_id:
        del metadata["id"]  # it was set when the record came from a database
    return metadata


# --- reading --------------------------------------------------------------------------------------


def _restore(text: Any, kind: str) -> Any:
    """The value that was stored as text; the text itself where it is none of that kind."""
    if not isinstance(text, str):
        return text
    try:
        if kind == "datetime":
            return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
        if kind == _DATE:
            return date.fromisoformat(text)
        if kind == "binary":
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return text  # another program changed it
    return text


def _restore_nested(fields: dict[str, Any], pointer: str, kind: str) -> None:
    *parents, last = (_unescape(part) for part in pointer[1:].split("/"))
    holder: Any = fields
    try:
        for part in parents:
            holder = holder[int(part) if isinstance(holder, list) else part]
        place = int(last) if isinstance(holder, list) else last
        holder[place] = _restore(holder[place], kind)
    except (KeyError, IndexError, TypeError, ValueError):
        return  # another program changed the record since


def _is_types(value: Any) -> bool:
    known = {kind.value for kind in FieldType} | {_DATE}
    if not isinstance(value, dict):
        return False
    kinds = (one.get("type") if isinstance(one, dict) else one for one in value.values())
    return all(isinstance(kind, str) and kind in known for kind in kinds)


def _typed_field(name: str, value: Any, entry: Any) -> Field:
    if entry is None:
        return Field(name, value)
    described = entry if isinstance(entry, dict) else {"type": entry}
    kind, metadata = described["type"], described.get("metadata")
    restored = _restore(value, kind)
    declared: FieldType | None = FieldType.DATETIME if kind == _DATE else FieldType(kind)
    if restored is value and isinstance(value, str) and kind in ("datetime", "binary", _DATE):
        declared = None
    return Field(name, restored, declared, metadata)


def decode(row: Row) -> Record:
    """The record that the library gave."""
    id, text, version, token = row
    document = json.loads(text or b'{"fields":{}}')
    values: dict[str, Any] = document["fields"]
    metadata: dict[str, Any] = document.get("metadata") or {}
    types = metadata.pop(TYPES_KEY) if _is_types(metadata.get(TYPES_KEY)) else {}
    for pointer, kind in types.items():
        if pointer.startswith("/") and pointer.count("/") > 1:
            _restore_nested(values, pointer, kind)
    record = Record(None, metadata, id)
    for name, value in values.items():
        entry = types.get(f"/{_escape(name)}" if name.startswith("/") else name)
        record.fields[name] = _typed_field(name, value, entry)
    record.metadata["id"] = id
    record.version = VersionToken(version, token or "")
    return record
