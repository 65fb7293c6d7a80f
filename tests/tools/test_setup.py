"""tools/setup asks the packager for what is missing, and for nothing when all is there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "setup"


def setup(folder: Path, missing: str, user: int) -> subprocess.CompletedProcess[str]:
    """Runs `tools/setup demo` where only the given package is missing."""
    programs = {
        "dpkg-query": f'for last; do :; done; [ "$last" != "{missing}" ] && printf installed',
        "apt-get": f'echo "$*" >>"{folder}/asked"',
        "id": f"echo {user}",
    }
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    command = [SCRIPT, "demo"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def asked(folder: Path) -> list[str]:
    log = folder / "asked"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@pytest.mark.parametrize("user", [0, 1000])
def test_nothing_is_asked_when_all_is_there(tmp_path: Path, user: int) -> None:
    done = setup(tmp_path, "none", user)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert asked(tmp_path) == []


def test_root_installs_what_is_missing(tmp_path: Path) -> None:
    assert setup(tmp_path, "jq", 0).returncode == 0
    lines = asked(tmp_path)
    assert lines == ["update -q", "install -q -y --no-install-recommends jq"]


def test_others_are_told_the_command(tmp_path: Path) -> None:
    done = setup(tmp_path, "libxml2-dev", 1000)
    assert done.returncode == 1
    assert "sudo apt-get install --no-install-recommends libxml2-dev" in done.stderr
    assert asked(tmp_path) == []
