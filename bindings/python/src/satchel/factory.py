"""Databases by the name of their backend, or by URI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from satchel.backends._place import PlacedDatabase
from satchel.backends.file import FileDatabase
from satchel.backends.memory import MemoryDatabase
from satchel.backends.s3 import S3Database
from satchel.config import ConfigFile, Option, Source
from satchel.database import Database
from satchel.errors import InvalidError, UnsupportedError

_KINDS: dict[str, type[PlacedDatabase]] = {
    "s3": S3Database,
    "file": FileDatabase,
    "memory": MemoryDatabase,
}
_LATER = ("azure", "direct", "sqlite", "postgres")


def _kind(backend: Any) -> type[PlacedDatabase]:
    """The class for the name of a backend."""
    name = str(backend).lower()
    if name in _KINDS:
        return _KINDS[name]
    known = ", ".join(_KINDS)
    if name in _LATER:
        raise UnsupportedError(f"backend {backend!r} is not in this version (known: {known})")
    raise InvalidError(f"unknown backend {backend!r} (known: {known})")


def _class(name: str) -> type[PlacedDatabase]:
    """The class for its name, with or without a module."""
    known = {kind.__name__: kind for kind in _KINDS.values()}
    module, _, last = name.rpartition(".")
    kind = known.get(last.removeprefix("Sync"))
    if kind is None or module.partition(".")[0] not in ("", "satchel", "dataknobs_data"):
        raise InvalidError(f"unknown class {name!r} (known: {', '.join(known)})")
    return kind


class DatabaseFactory:
    """Makes databases.

    >>> DatabaseFactory().create(backend="memory").count()
    0
    """

    def create(self, backend: str = "memory", **config: Any) -> Database:
        """A database.

        Args:
            backend: "s3", "file" or "memory".
            config: what from_config() of its class takes.

        Raises:
            InvalidError: an unknown backend; or as from_config().
            UnsupportedError: "azure", "direct", "sqlite", "postgres": a later version has them.
        """
        return _kind(backend)(config)

    def from_config(self, config: Mapping[str, Any] | Source, name: str | None = None) -> Database:
        """A database of the class that its configuration names.

        Args:
            config: keys and values, or the path of a YAML or JSON file. The class is `class`, as in
                `dataknobs_data.backends.s3.S3Database`, or `backend`, as for create().
            name: one of the file's `databases`; None when the file describes one at its top.

        Raises:
            InvalidError: an unknown class or backend; or as from_config() of the class.
            UnsupportedError: a backend of a later version.
            NotFoundError: no such file.
        """
        if isinstance(config, Mapping):
            named = config.get("class")
            kind = _class(str(named)) if named else _kind(config.get("backend", "memory"))
            return kind.from_config(config, name)
        scheme = ConfigFile.of(config, name).load().uri.partition("://")[0]
        schemes = {kind.SCHEME: kind for kind in _KINDS.values()}
        if scheme not in schemes:
            raise UnsupportedError(f"unsupported URI scheme {scheme!r}")
        return schemes[scheme].from_config(config, name)


def open(uri: str, **options: Option) -> Database:
    """Opens the database at a URI.

    Args:
        uri: `s3://bucket/prefix/`, `file:///folder`, `mem://name`: exactly where the records are.
        options: configuration: `region`, `endpoint_url`, `cache_ttl`, ...

    >>> open("mem://docs-open/").count()
    0
    """
    return Database(uri, options)
