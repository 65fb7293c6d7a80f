"""The public surface: what headers declare, what the library exports, how much it weighs."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gates.tree import Finding, Source, Tree

HEADERS = "include/satchel/"
SIZE_MAX = 300 * 1024

_DECLARATION = re.compile(r"\bSATCHEL_API\b(?P<head>[^;{(]*?)\b(?P<name>\w+)\s*\(")


def declarations(source: Source) -> Iterator[tuple[str, int]]:
    """Name and offset of each function that a public header declares."""
    for match in _DECLARATION.finditer(source.code):
        line_start = source.code.rfind("\n", 0, match.start()) + 1
        if not source.code[line_start : match.start()].lstrip().startswith("#"):
            yield match["name"], match.start()


def _documented(source: Source, offset: int) -> bool:
    before = source.text[:offset].rstrip()
    opening = before.rfind("/*")
    return before.endswith("*/") and before.startswith("/**", opening)


def doc_comments(tree: Tree) -> Iterator[Finding]:
    """Each public function is named satchel_* and has a doc comment right above it."""
    for source in tree.files(".h", under=[HEADERS]):
        for name, offset in declarations(source):
            if not name.startswith("satchel_"):
                yield source.at(offset, f"{name}: a public name starts with satchel_")
            if not _documented(source, offset):
                yield source.at(offset, f"{name}: no doc comment (/** ... */) right above it")


def exported(library: Path) -> list[str]:
    """The dynamic symbols that a shared library defines, less version nodes."""
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", "--format=posix", str(library)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return sorted(row[0].partition("@")[0] for row in rows if row[1] != "A")


def symbols(tree: Tree, library: Path) -> Iterator[Finding]:
    """The library exports what the public headers declare: no more, no less."""
    declared = {
        name: source.at(offset, f"{name} is declared here and the library does not define it")
        for source in tree.files(".h", under=[HEADERS])
        for name, offset in declarations(source)
    }
    names = exported(library)
    for name in names:
        if name not in declared:
            yield Finding(library.name, 0, f"exports {name}, which no public header declares")
    for name in sorted(declared.keys() - set(names)):
        yield declared[name]


def stripped_size(library: Path) -> int:
    """Bytes of the library once stripped."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / library.name
        subprocess.run(["strip", "-o", str(target), str(library)], check=True)
        return target.stat().st_size


def library_size(library: Path) -> Iterator[Finding]:
    """The stripped release library stays small enough to embed."""
    size = stripped_size(library)
    if size > SIZE_MAX:
        yield Finding(library.name, 0, f"{size} bytes stripped > {SIZE_MAX}")
    else:
        yield Finding(library.name, 0, f"{size} bytes stripped (<= {SIZE_MAX})", warning=True)
