"""Databases by the name of their backend, or by URI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from satchel.backends.file import FileDatabase
from satchel.backends.memory import MemoryDatabase
from satchel.backends.s3 import S3Database
from satchel.config import Option
from satchel.database import Database
from satchel.errors import InvalidError, UnsupportedError

_KINDS: dict[str, Callable[[dict[str, Any]], Database]] = {
    "s3": S3Database,
    "file": FileDatabase,
    "memory": MemoryDatabase,
}
_LATER = ("azure", "direct", "sqlite", "postgres")


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
        kind = _KINDS.get(str(backend).lower())
        if kind is not None:
            return kind(config)
        known = ", ".join(_KINDS)
        if str(backend).lower() in _LATER:
            raise UnsupportedError(f"backend {backend!r} is not in this version (known: {known})")
        raise InvalidError(f"unknown backend {backend!r} (known: {known})")


def open(uri: str, **options: Option) -> Database:
    """Opens the database at a URI.

    Args:
        uri: `s3://bucket/prefix/`, `file:///folder`, `mem://name`: exactly where the records are.
        options: configuration: `region`, `endpoint_url`, `cache_ttl`, ...

    >>> open("mem://docs-open/").count()
    0
    """
    return Database(uri, options)
