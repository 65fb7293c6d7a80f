"""The Python gates: ruff, mypy --strict, and the stubs against the compiled module."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from gates.build import SHOWN, run
from gates.tree import Finding, Tree

PACKAGE = "bindings/python/src/satchel"


def _tail(output: str) -> Finding:
    return Finding("", 0, "\n".join(output.splitlines()[-SHOWN:]))


def ruff_check(tree: Tree) -> Iterator[Finding]:
    """The rules of ruff.toml hold everywhere; doc comments on what the package offers."""
    runs = [["ruff", "check", "--quiet", "--no-cache", "--output-format=concise", "."]]
    if (tree.root / PACKAGE).is_dir():
        docs = ["--extend-select=D1", "--extend-ignore=D105,D107", PACKAGE]
        runs.append([*runs[0][:-1], *docs])
    for command in runs:
        status, output = run(command, cwd=tree.root)
        if status != 0:
            yield from (Finding("", 0, line) for line in output.splitlines() if line)


def ruff_format(tree: Tree) -> Iterator[Finding]:
    """Python looks as `ruff format` leaves it."""
    status, output = run(["ruff", "format", "--check", "--no-cache", "."], cwd=tree.root)
    if status == 0:
        return
    for line in output.splitlines():
        if line.startswith("Would reformat: "):
            path = line.removeprefix("Would reformat: ")
            yield Finding(path, 0, "is not formatted: run tools/format")
        elif line.startswith("error"):
            yield Finding("", 0, line)


def mypy_strict(tree: Tree) -> Iterator[Finding]:
    """Type checking: mypy --strict accepts the tools and the package."""
    tools = [
        source.name for source in tree.files(".py", under=["tools/"]) if "/" not in source.path[6:]
    ]
    runs = {"tools": ["gates", *tools], str(Path(PACKAGE).parent): [Path(PACKAGE).name]}
    for folder, targets in runs.items():
        if not (tree.root / folder).is_dir():
            continue
        cache = f"--cache-dir={tree.root / 'build' / 'mypy'}"
        command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", cache, *targets]
        typings = str(tree.root / "tools" / "typings")
        status, output = run(command, cwd=tree.root / folder, MYPYPATH=typings)
        if status != 0:
            yield from (Finding("", 0, line) for line in output.splitlines() if line)


def module_folder(build: Path) -> Path | None:
    """Where tools/test installed the package with its compiled module, if it did."""
    folder = build / "python"
    return folder if any(folder.glob("satchel/*.so")) else None


def stubtest(tree: Tree, build: Path) -> Iterator[Finding]:
    """The stubs say what the compiled module has."""
    if not (tree.root / PACKAGE).is_dir():
        return
    if module_folder(build) is None:
        yield Finding("", 0, "the module is not built here: tools/test builds it", warning=True)
        return
    # Run from a place without sources, so that the installed package is what is imported.
    helper = str(tree.root / "tools" / "pyenv.sh")
    command = [helper, "python", str(Path(__file__).with_name("stubs.py"))]
    status, output = run(command, cwd=build, MYPYPATH=str(build / "python"))
    if status != 0:
        yield _tail(output)


def path_with_venv() -> None:
    """Puts the environment's own programs first on PATH."""
    own = Path(sys.executable).parent
    os.environ["PATH"] = f"{own}{os.pathsep}{os.environ['PATH']}"
