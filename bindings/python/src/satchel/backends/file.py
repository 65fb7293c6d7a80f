"""Records as files in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from satchel.backends._place import folder, needed, split
from satchel.database import Database

F = TypeVar("F", bound="FileDatabase")


class FileDatabase(Database):
    """A database at `file:///path/`.

    Args:
        config: `path` (needed), the folder; `prefix`, a folder below it; and options as for
            S3Database. `create_bucket` makes a folder that is missing.

    Raises:
        InvalidError: a ValueError: no path, an unknown key, a bad value.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        where, options = split(config, ("path", "prefix"))
        path = Path(needed(where, "path")).absolute()
        below = folder(where.get("prefix") or "")
        super().__init__(f"file://{str(path).rstrip('/')}/{below}", options)

    @classmethod
    def from_config(cls: type[F], config: Mapping[str, Any]) -> F:
        """The database for a configuration."""
        return cls(config)


SyncFileDatabase = FileDatabase
