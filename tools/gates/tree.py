"""What every gate works on: the files of a checkout, findings, C text without its prose."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

C_SUFFIXES = (".c", ".h", ".cc", ".cpp", ".hpp")
LAYERS = ("core", "backends", "query", "local", "record", "transfer", "api")

SKIPPED_FOLDERS = {"build", "dist", "__pycache__", "node_modules"}

_C_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL,
)


@dataclass(frozen=True, order=True)
class Finding:
    """One place where a gate objects. A warning is printed and fails nothing."""

    path: str
    line: int
    text: str
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.text}" if place else self.text


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def c_without_comments(text: str) -> str:
    """C text with each comment blanked; lines and columns stay."""
    return _C_TOKEN.sub(lambda m: _blank(m[0]) if m["comment"] else m[0], text)


def c_code(text: str) -> str:
    """C text with comments and the content of string and character literals blanked."""

    def keep(match: re.Match[str]) -> str:
        if match["comment"]:
            return _blank(match[0])
        quote = match[0][0]
        return quote + _blank(match[0][1:-1]) + quote

    return _C_TOKEN.sub(keep, text)


def c_comments(text: str) -> str:
    """The comments of C text alone; everything else blanked."""
    kept, last = [], 0
    for match in _C_TOKEN.finditer(text):
        if match["comment"]:
            kept += [_blank(text[last : match.start()]), match[0]]
            last = match.end()
    return "".join([*kept, _blank(text[last:])])


def line_of(text: str, offset: int) -> int:
    """The 1-based line of an offset."""
    return text.count("\n", 0, offset) + 1


@dataclass(frozen=True)
class Source:
    """One file of the tree; `path` is relative to the root, with slashes."""

    root: Path
    path: str

    @cached_property
    def text(self) -> str:
        return (self.root / self.path).read_text(encoding="utf-8")

    @cached_property
    def code(self) -> str:
        return c_code(self.text)

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def layer(self) -> str | None:
        """The layer of a file below src/, e.g. "core" or "cli"."""
        parts = self.path.split("/")
        return parts[1] if len(parts) > 2 and parts[0] == "src" else None

    def at(self, offset: int, text: str) -> Finding:
        return Finding(self.path, line_of(self.text, offset), text)


@dataclass
class Tree:
    """A checkout. Hidden folders and build folders are not part of it."""

    root: Path
    _sources: dict[str, Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(
                name
                for name in folders
                if name not in SKIPPED_FOLDERS and not name.startswith((".", "build-"))
            )
            base = Path(folder).relative_to(self.root)
            for name in sorted(names):
                path = (base / name).as_posix()
                self._sources[path] = Source(self.root, path)

    def __contains__(self, path: str) -> bool:
        return path in self._sources

    def get(self, path: str) -> Source | None:
        return self._sources.get(path)

    def files(self, *suffixes: str, under: Iterable[str] = ("",)) -> Iterator[Source]:
        """Files with one of the suffixes below one of the folders ("src/", or "" for all)."""
        folders = tuple(under)
        for path, source in self._sources.items():
            if path.endswith(suffixes) and path.startswith(folders):
                yield source

    def c_files(self, *under: str) -> Iterator[Source]:
        return self.files(*C_SUFFIXES, under=under or ("",))

    def library(self) -> Iterator[Source]:
        """The C files that end up in libsatchel: all of src but the command."""
        return (source for source in self.c_files("src/") if source.layer in LAYERS)
