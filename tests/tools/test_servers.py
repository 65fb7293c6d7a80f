"""tools/servers.sh: what it starts answers, signs with its own authority, and ends."""

from __future__ import annotations

import shlex
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "servers.sh"


def environment(folder: Path) -> dict[str, str]:
    lines = (folder / "env").read_text(encoding="utf-8").splitlines()
    pairs = (line.removeprefix("export ").split("=", 1) for line in lines)
    return {key: shlex.split(value)[0] for key, value in pairs}


@pytest.fixture(params=[[], ["--tls"]], ids=["http", "https"])
def started(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Path, bool]]:
    command = [SCRIPT, "start", "versitygw", tmp_path, *request.param]
    subprocess.run(command, check=True, capture_output=True)
    yield tmp_path, bool(request.param)
    subprocess.run([SCRIPT, "stop", tmp_path], check=True)


def test_server_answers_and_ends(started: tuple[Path, bool]) -> None:
    folder, tls = started
    env = environment(folder)
    url = env["SATCHEL_TEST_S3_TLS_URL" if tls else "SATCHEL_TEST_S3_URL"]
    context = ssl.create_default_context(cafile=env["SATCHEL_TEST_CA"]) if tls else None
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url, context=context)
    pid = (folder / "pid").read_text(encoding="utf-8").strip()
    subprocess.run([SCRIPT, "stop", folder], check=True)
    assert not Path("/proc", pid).exists()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(url, context=context)


def test_unknown_server_is_named(tmp_path: Path) -> None:
    done = subprocess.run([SCRIPT, "start", "nope", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1
    assert "unknown server 'nope' (known: versitygw)" in done.stderr
