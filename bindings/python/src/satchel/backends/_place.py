"""From a configuration's `bucket`, `path` and `prefix` to a URI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from satchel.config import check_keys
from satchel.errors import InvalidError

_NAMES = ("backend", "type")  # who made the configuration may have left these in it


def split(
    config: Mapping[str, Any], places: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that say where, and the options; unknown keys are refused."""
    given = {key: value for key, value in config.items() if key not in _NAMES}
    check_keys(given, places)
    where = {key: given.pop(key) for key in places if key in given}
    return where, given


def folder(prefix: Any) -> str:
    """A prefix with one '/' at its end; "" stays."""
    if not isinstance(prefix, str):
        raise InvalidError(f"config key 'prefix' is a str, not {type(prefix).__name__}")
    stripped = prefix.rstrip("/")
    return f"{stripped}/" if stripped else ""


def needed(where: Mapping[str, Any], key: str) -> Any:
    """The value of a key that must be there and not empty."""
    if not where.get(key):
        raise InvalidError(f"config key {key!r} is missing")
    return where[key]
