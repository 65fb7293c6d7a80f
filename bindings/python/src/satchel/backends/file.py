"""Records as files in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from satchel.backends._place import PlacedDatabase, folder, needed, split


class FileDatabase(PlacedDatabase):
    """A database at `file:///path/`.

    Args:
        config: `path` (needed), the folder; `prefix`, a folder below it; and options as for
            S3Database. `create_bucket` makes a folder that is missing.

    Raises:
        InvalidError: a ValueError: no path, an unknown key, a bad value.
    """

    SCHEME = "file"

    @classmethod
    def _place(cls, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        where, options = split(config, ("path", "prefix"))
        path = Path(needed(where, "path")).absolute()
        below = folder(where.get("prefix") or "")
        return f"file://{str(path).rstrip('/')}/{below}", options


SyncFileDatabase = FileDatabase
