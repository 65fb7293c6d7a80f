"""Ctrl-C and SIGTERM in the middle of the work."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from cli_support import Cli, leftovers


def big_set(folder: Path) -> Path:
    """More than can be copied while a signal travels."""
    folder.mkdir()
    block = b"satchel!" * 8192
    for i in range(3000):
        (folder / f"{i:05}").write_bytes(block)
    return folder


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_copy_leaves_whole_files_only(
    cli: Cli, number: signal.Signals, status: int
) -> None:
    source = big_set(cli.home / "big")
    process = cli.start(
        *("cp", "--json", f"{source}/", "out/"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    events = [json.loads(line) for line in (first + out).splitlines()]
    assert events[-1]["status"] == "interrupted"
    assert 0 < events[-1]["done"] < 3000
    assert b"interrupted" in err
    assert leftovers(cli.home) == []
    copied = list((cli.home / "out").iterdir())
    assert len(copied) >= events[-1]["done"]
    assert {path.stat().st_size for path in copied} == {65536}


def test_an_interrupted_import_ends(cli: Cli) -> None:
    text = "".join(json.dumps({"id": f"r{i}", "x": i}) + "\n" for i in range(20000))
    (cli.home / "many.ndjson").write_text(text)
    words = ("rec", "import", "-c", "db", "many.ndjson", "--id-field", "id", "--json")
    process = cli.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    assert leftovers(cli.home) == []
