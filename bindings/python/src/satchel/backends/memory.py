"""Records in the memory of this process, for tests."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from satchel.backends._place import PlacedDatabase, folder, split


class MemoryDatabase(PlacedDatabase):
    """A database at `mem://name/`.

    Its records are gone when its last handle is closed. Handles of one name share them.

    Args:
        config: `name` (a new one when missing), `prefix`, and options as for S3Database.

    >>> db = MemoryDatabase()
    >>> db.count()
    0
    """

    SCHEME = "mem"
    DEFAULTS = {"cache_dir": ":memory:"}

    @classmethod
    def _place(cls, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        where, options = split(config, ("name", "prefix"))
        name = where.get("name") or uuid.uuid4().hex
        return f"mem://{name}/{folder(where.get('prefix') or '')}", options


SyncMemoryDatabase = MemoryDatabase
