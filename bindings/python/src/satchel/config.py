"""Options: Python values as the text the library takes, and the keys it knows."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from satchel import _core
from satchel.errors import InvalidError, UnsupportedError

Option = str | int | float | bool | timedelta | os.PathLike[str] | Iterable[str] | None

# Keys of a database's configuration that a later version takes.
LATER = frozenset(
    {
        "acl",
        "endpoints",
        "index_bodies",
        "kms_key_id",
        "request_payer",
        "server_side_encryption",
        "sse_customer_key",
    }
)


Source = str | os.PathLike[str]


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file, and which of its databases.

    Attributes:
        path: where it is, absolute; JSON when it ends with ".json", else YAML.
        name: the entry of its `databases` list; None for what stands at its top.
    """

    path: str
    name: str | None

    @classmethod
    def of(cls, path: Source, name: str | None) -> ConfigFile:
        """The file at a path, taken from here."""
        return cls(str(Path(path).absolute()), name)

    def load(self) -> _core.Config:
        """What it says; `uri` is where the database is.

        Raises:
            NotFoundError: no such file.
            InvalidError: the file, with line and column; no such database in it; no place.
        """
        loaded = _core.Config({}, self.path, self.name)
        if not loaded.uri:
            raise InvalidError(f"{self.path}: no database at its top, and name= picks none")
        return loaded


@lru_cache(maxsize=1)
def known_options() -> frozenset[str]:
    """The keys of every option of the library."""
    return frozenset(row[0] for row in _core.options())


def check_keys(given: Iterable[str], places: Iterable[str] = ()) -> None:
    """Refuses keys that are not known.

    Args:
        given: the keys of a configuration.
        places: the keys that say where, besides the options: "bucket", "prefix".

    Raises:
        InvalidError: an unknown key, with the nearest known one.
        UnsupportedError: a key that a later version takes.
    """
    known = known_options() | set(places)
    for key in given:
        if key in known:
            continue
        if key in LATER:
            raise UnsupportedError(
                f"config key {key!r} is not supported by this version", code="UNSUPPORTED"
            )
        near = difflib.get_close_matches(str(key), sorted(known | LATER), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InvalidError(f"unknown config key {key!r}{hint}")


def option_text(key: str, value: Option) -> str:
    """One value as text: True is "true", a list is joined by commas, a timedelta is seconds."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds()}s"
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Iterable):
        return ",".join(str(item) for item in value)
    raise InvalidError(f"config key {key!r}: a {type(value).__name__} is no value of an option")


def options_text(options: Mapping[str, Option]) -> dict[str, str]:
    """The options as text, checked by name; None stands for the default."""
    check_keys(options)
    return {key: option_text(key, value) for key, value in options.items() if value is not None}


@lru_cache(maxsize=1)
def _variables() -> tuple[str, ...]:
    names: list[str] = []
    for key, _, env, _ in _core.options():
        names += [f"SATCHEL_{key.upper()}", *(name for name in env.split(",") if name)]
    return tuple(names)


def environment() -> tuple[str | None, ...]:
    """The variables the library reads when something is opened, as they are now."""
    return tuple(os.environ.get(name) for name in _variables())
