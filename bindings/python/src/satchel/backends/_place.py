"""From a configuration's `bucket`, `path` and `prefix` to a URI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from satchel.config import ConfigFile, Source, check_keys
from satchel.database import Database
from satchel.errors import InvalidError

# Who made the configuration may have left these in it.
_NAMES = ("backend", "type", "class", "name")

P = TypeVar("P", bound="PlacedDatabase")


class PlacedDatabase(Database):
    """A database that a configuration describes by keys, such as `bucket` and `prefix`.

    Args:
        config: keys and values; None is an empty one.
    """

    SCHEME: ClassVar[str]
    DEFAULTS: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def _place(cls, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The URI for a configuration, and its options."""
        raise NotImplementedError

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        uri, options = self._place(config or {})
        super().__init__(uri, {**self.DEFAULTS, **options})

    @classmethod
    def from_config(
        cls: type[P], config: Mapping[str, Any] | Source | None = None, name: str | None = None
    ) -> P:
        """The database for a configuration; it is open, no connect() is needed.

        Args:
            config: keys and values, or the path of a YAML or JSON file. In the values of a file
                `${VAR}` and `${VAR:default}` are environment variables.
            name: one of the file's `databases`; None when the file describes one at its top.

        Raises:
            InvalidError: a bad configuration, of a file with line and column; a database of another
                class.
            NotFoundError: no such file.
        """
        if config is None or isinstance(config, Mapping):
            if name is not None:
                raise InvalidError("name= picks a database of a file, not of a mapping")
            return cls(config)
        file = ConfigFile.of(config, name)
        loaded = file.load()
        if not loaded.uri.startswith(f"{cls.SCHEME}://"):
            raise InvalidError(f"{file.path}: {loaded.uri} is no place of {cls.__name__}")
        made = cls.__new__(cls)
        defaults = {key: value for key, value in cls.DEFAULTS.items() if not loaded.get(key)}
        Database.__init__(made, loaded.uri, defaults, file)
        return made


def split(
    config: Mapping[str, Any], places: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that say where, and the options; unknown keys are refused."""
    given = {k: value for k, value in config.items() if k in places or k not in _NAMES}
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
