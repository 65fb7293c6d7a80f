"""The public surface: what headers declare, what the library exports, how much it weighs."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gates.tree import Finding, Source, Tree

HEADERS = "include/satchel/"
SYMBOLS = "src/api/symbols.txt"
SIZE_MAX = 400 * 1024

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


def listed(tree: Tree) -> list[str]:
    """The lines of the checked-in list of exported symbols."""
    source = tree.get(SYMBOLS)
    return source.text.splitlines() if source else []


def symbol_list(tree: Tree) -> Iterator[Finding]:
    """The list of exported symbols names what the public headers declare, sorted."""
    names = listed(tree)
    declared = set()
    for source in tree.files(".h", under=[HEADERS]):
        for name, offset in declarations(source):
            declared.add(name)
            if name not in names:
                yield source.at(offset, f"{name} is declared here and not in {SYMBOLS}")
    if names != sorted(set(names)):
        yield Finding(SYMBOLS, 0, "is not sorted, or names a symbol twice")
    for number, name in enumerate(names, 1):
        if name not in declared:
            yield Finding(SYMBOLS, number, f"{name}: no public header declares it")


def symbols(tree: Tree, library: Path) -> Iterator[Finding]:
    """The library exports what the checked-in list names: no more, no less."""
    names, expected = exported(library), listed(tree)
    for name in names:
        if name not in expected:
            yield Finding(library.name, 0, f"exports {name}, which is not in {SYMBOLS}")
    for number, name in enumerate(expected, 1):
        if name not in names:
            yield Finding(SYMBOLS, number, f"{name}: the library does not export it")


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
