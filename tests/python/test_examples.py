"""The programs of examples/ run and say what they promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, *arguments: object, status: int = 0) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout


def test_quickstart(tmp_path: Path) -> None:
    assert run("quickstart.py") == "user-1 Alice\n"
    assert run("quickstart.py", tmp_path / "new") == "user-1 Alice\n"
    assert (tmp_path / "new" / "user-2.json").exists()


def test_records(tmp_path: Path) -> None:
    lines = run("records.py", tmp_path / "new").splitlines()
    assert lines[:3] == ["created 9", "richest [('a8', 'Bergen'), ('a6', 'Oslo')]", "balance 15"]
    assert lines[-1] == "deleted 9"


def test_copy(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text("12345")
    target = f"file://{tmp_path}.out/"
    out = run("copy_files.py", tmp_path / "a.log", tmp_path / "b.log", target)
    assert out.splitlines() == ["2 files, 10 bytes", f"{target}a.log", f"{target}b.log"]
    assert run("copy_files.py", tmp_path / "nope*", target, status=1) == ""
    run("copy_files.py", status=2)
