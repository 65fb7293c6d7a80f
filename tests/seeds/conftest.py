"""Fixtures: one server for all blocks, a stage for each of them."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import seed_support
from seed_support import Recorder, Stage

import satchel


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"satchel {satchel.__version__}, {seed_support.table()}")


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not os.environ.get("SATCHEL_SHARED"):
        pytest.skip("SATCHEL_SHARED is not set: the founding texts are not here")
    with seed_support.server(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def stage(server_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A place for the test's block, with a recorder between it and the server."""
    recorder = Recorder(server_url)
    thread = threading.Thread(target=recorder.serve_forever, args=(0.02,))
    thread.start()
    own = re.sub(r"\W+", "-", request.node.name)
    try:
        yield Stage(own, tmp_path / "root", recorder, seed_support.boto_client(server_url))
    finally:
        recorder.shutdown()
        thread.join()
        recorder.server_close()
