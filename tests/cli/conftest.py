"""Fixtures: the command under test, a store of each kind, an S3 client that is not ours."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_support import Bucket, Cli, make_tree, s3_env, temporary_bucket

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command, at home in an empty folder."""
    program = os.environ.get("SATCHEL_TEST_CLI")
    if not program:
        pytest.skip("SATCHEL_TEST_CLI does not name the built command")
    home = tmp_path / "home"
    home.mkdir()
    return Cli(program, home)


@pytest.fixture
def tree(cli: Cli) -> Path:
    return make_tree(cli.home / "data")


@pytest.fixture
def bucket(cli: Cli) -> Iterator[Bucket]:
    """A fresh bucket; the command is set up to reach it."""
    with temporary_bucket() as made:
        cli.extra |= s3_env()
        yield made


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, cli: Cli) -> str:
    """The URI of an empty store, with its final '/': each test runs on every kind."""
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket').uri}/here/"
    folder = cli.home / "store"
    folder.mkdir()
    return f"file://{folder}/"
