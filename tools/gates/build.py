"""Gates that build: no warning from gcc and clang, clang-tidy clean, formatted as pinned."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gates.tree import C_SUFFIXES, Finding, Tree

SHOWN = 40  # lines of a failed build that are worth reading

_DIAGNOSTIC = re.compile(
    r"^(?P<path>[^\s:]+):(?P<line>\d+):\d+:\s*(?:fatal )?(?:error|warning):\s*(?P<text>.*)$", re.M
)


def run(command: Sequence[str | Path], cwd: Path | None = None, **extra: str) -> tuple[int, str]:
    """Exit status and output (both streams) of a command; `extra` is added to its environment."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **extra},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def diagnostics(root: Path, output: str) -> Iterator[Finding]:
    """The compiler-style messages of some output, each once."""
    seen = set()
    for match in _DIAGNOSTIC.finditer(output):
        path = os.path.relpath(match["path"], root) if match["path"][0] == "/" else match["path"]
        finding = Finding(path, int(match["line"]), match["text"])
        if finding not in seen:
            seen.add(finding)
            yield finding


def configure_command(root: Path, folder: Path, build_type: str, cc: str, cxx: str) -> list[str]:
    """The cmake command for Ninja, with ccache where there is one."""
    command = ["cmake", "-S", str(root), "-B", str(folder), "-G", "Ninja"]
    command += [f"-DCMAKE_BUILD_TYPE={build_type}"]
    command += [f"-DCMAKE_C_COMPILER={cc}", f"-DCMAKE_CXX_COMPILER={cxx}"]
    if shutil.which("ccache"):
        command += [f"-DCMAKE_{lang}_COMPILER_LAUNCHER=ccache" for lang in ("C", "CXX")]
    return command


def _build(root: Path, folder: Path, build_type: str, cc: str, cxx: str) -> Iterator[Finding]:
    for command in (
        configure_command(root, folder, build_type, cc, cxx),
        ["cmake", "--build", str(folder), "-j", str(os.cpu_count()), "--", "-k", "0"],
    ):
        status, output = run(command)
        found = list(diagnostics(root, output))
        yield from found
        if status != 0 and not found:
            yield Finding("", 0, "\n".join(output.splitlines()[-SHOWN:]))
        if status != 0:
            return


def gcc_warnings(tree: Tree, build: Path) -> Iterator[Finding]:
    """Everything builds with gcc, optimised, warnings being errors."""
    return _build(tree.root, build / "release", "Release", "gcc", "g++")


def clang_warnings(tree: Tree, build: Path) -> Iterator[Finding]:
    """Everything builds with clang, warnings being errors."""
    return _build(tree.root, build / "clang", "Debug", "clang", "clang++")


# --- clang-tidy -----------------------------------------------------------------------------------


def tidy_tool() -> str:
    """The first clang-tidy on PATH: the plain name, or one with its version."""
    for folder in os.environ["PATH"].split(os.pathsep):
        for tool in [Path(folder, "clang-tidy"), *sorted(Path(folder).glob("clang-tidy-[0-9]*"))]:
            if os.access(tool, os.X_OK):
                return str(tool)
    raise OSError("no clang-tidy on PATH: tools/setup test installs it")


def _compile_commands(tree: Tree, folder: Path) -> dict[str, list[str]]:
    """Path in the tree -> the compiler's arguments, for each C file of src."""
    commands = {}
    for entry in json.loads((folder / "compile_commands.json").read_text(encoding="utf-8")):
        path = os.path.relpath(Path(entry["directory"], entry["file"]), tree.root)
        words = shlex.split(entry["command"])
        if Path(words[0]).name == "ccache":
            words = words[1:]
        if path.startswith("src/"):
            commands[path] = words
    return commands


def _tidy_key(tree: Tree, words: list[str], tool: str) -> str:
    """Changes with the preprocessed text, the settings and the tool, and with nothing else."""
    output = words.index("-o")
    preprocess = [*words[:output], *words[output + 2 :], "-E", "-P"]
    preprocess.remove("-c")
    status, text = run(preprocess, cwd=tree.root)
    settings = (tree.root / ".clang-tidy").read_text(encoding="utf-8")
    return hashlib.sha256(f"{status}{tool}{settings}{text}".encode()).hexdigest()


def _tidy_file(tree: Tree, build: Path, path: str, words: list[str], tool: str) -> list[Finding]:
    stamp = build / "tidy" / _tidy_key(tree, words, tool)
    if stamp.exists():
        return []
    status, output = run([tool, "--quiet", "-p", build / "clang", tree.root / path])
    found = list(diagnostics(tree.root, output))
    if status == 0 and not found:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    elif not found:
        found = [Finding(path, 0, "\n".join(output.splitlines()[-SHOWN:]))]
    return found


def clang_tidy(tree: Tree, build: Path, tool: str) -> Iterator[Finding]:
    """clang-tidy is clean on src; files that did not change since are not looked at again."""
    commands = _compile_commands(tree, build / "clang")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(
            lambda item: _tidy_file(tree, build, item[0], item[1], tool), commands.items()
        )
        for findings in results:
            yield from findings


# --- clang-format ---------------------------------------------------------------------------------


def c_format(tree: Tree) -> Iterator[Finding]:
    """C and C++ look as clang-format of requirements-dev.txt leaves them."""
    paths = [source.path for source in tree.files(*C_SUFFIXES)]
    if not paths:
        return
    _, output = run(["clang-format", "--dry-run", *paths], cwd=tree.root)
    dirty = {
        finding.path: finding.line for finding in reversed(list(diagnostics(tree.root, output)))
    }
    for path, line in sorted(dirty.items()):
        yield Finding(path, line, "is not formatted: run tools/format")
