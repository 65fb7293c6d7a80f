"""Records in the memory of this process, for tests."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from satchel.backends._place import folder, split
from satchel.database import Database

M = TypeVar("M", bound="MemoryDatabase")


class MemoryDatabase(Database):
    """A database at `mem://name/`.

    Its records are gone when its last handle is closed. Handles of one name share them.

    Args:
        config: `name` (a new one when missing), `prefix`, and options as for S3Database.

    >>> db = MemoryDatabase()
    >>> db.count()
    0
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        where, options = split(config or {}, ("name", "prefix"))
        name = where.get("name") or uuid.uuid4().hex
        options.setdefault("cache_dir", ":memory:")
        super().__init__(f"mem://{name}/{folder(where.get('prefix') or '')}", options)

    @classmethod
    def from_config(cls: type[M], config: Mapping[str, Any] | None = None) -> M:
        """The database for a configuration."""
        return cls(config)


SyncMemoryDatabase = MemoryDatabase
