"""Every command and call of the copy engine's founding text, each block in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from seed_support import BUCKETS, Stage, blocks, seed

Tree = dict[str, str]  # name -> content; here each content is the name

# What lies where before a block runs: files below the root, and keys in buckets.
LOGS = ("a.log", "b.log", "c.txt")
PRELUDES: dict[str, dict[str, Iterable[str]]] = {
    "One Interface, All Backends": {
        "/local/data": LOGS,
        "/remote-mount/data": ("one", "deep/two"),
        "bucket": ("data/x", "data/y/z", "other"),
        "container": ("files/f", "files/g/h"),
    },
    "Cross-Backend Workflows Made Simple": {
        "source-bucket": ("dataset/part-1", "dataset/part-2", "dataset/important/hot", "else"),
    },
    "Powerful Pattern Support": {
        "/data": ("a.log", "b.log", "backup_1.tar.gz", "backup_x.tar.gz", "backup.tar.gz", "x.json")
        + ("y.json", "y.json.old", "file_1.csv", "file_22.csv", "file_x.csv", "sub/deep.log"),
        "/logs": ("app-01.log", "app-2.log", "app-1234.log", "app-12345.log", "app-1234.log.gz"),
        "/entire-directory": ("top", "a/b/c", "a/empty"),
        "bucket": ("dataset/1", "dataset/2/3", "elsewhere"),
    },
    "Quick Test Drive": {},
    "Seamless Python Integration": {
        "/data": ("a.log", "b.log", "t.csv", "sub/c.csv"),
        "bucket": ("dataset/1", "dataset/2/3"),
        "container": ("files/f", "files/g/h"),
    },
}


@pytest.fixture
def s3_cli(stage: Stage) -> str:
    """A folder with the command under the name that the text calls it by."""
    program = os.environ.get("SATCHEL_TEST_CLI")
    if not program:
        pytest.skip("SATCHEL_TEST_CLI does not name the built command")
    folder = stage.root / "bin"
    folder.mkdir()
    (folder / "s3-cli").symlink_to(program)
    return str(folder)


@pytest.fixture(autouse=True)
def empty_buckets(stage: Stage) -> None:
    for bucket in BUCKETS:
        for key in stage.keys(bucket, ""):
            stage.boto.delete_object(Bucket=bucket, Key=key)


def prepare(stage: Stage, heading: str) -> None:
    for place, names in PRELUDES[heading].items():
        for name in names:
            if place.startswith("/"):
                path = stage.root / place[1:] / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(name)
            else:
                stage.boto.put_object(Bucket=place, Key=name, Body=name.encode())


def run_commands(stage: Stage, heading: str, s3_cli: str) -> list[str]:
    """Runs a block of shell commands as it stands; each of them has to succeed. The commands."""
    prepare(stage, heading)
    code = stage.text(blocks(seed("000"), "bash")[heading])
    path = f"{s3_cli}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-x", "-c", code],
        cwd=stage.work,
        env=stage.env | {"PATH": path, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return re.findall(r"^\+ (s3-cli \w+)", done.stderr, re.M)


def below(folder: Path) -> Tree:
    """What is in a folder, by name."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def in_bucket(stage: Stage, bucket: str, prefix: str) -> Tree:
    """What boto3 finds below a prefix."""
    names = stage.keys(bucket, prefix)
    return {name: stage.get(bucket, prefix + name).decode() for name in names}


def of(*names: str) -> Tree:
    return {name: name for name in names}


def test_every_command_is_run() -> None:
    """All blocks with commands have their prelude; what else is in the text is another program."""
    code = blocks(seed("000"), "bash")
    commands = {name: re.findall(r"^s3-cli .*", text, re.M) for name, text in code.items()}
    assert {name for name, lines in commands.items() if lines} == set(PRELUDES) - {
        "Seamless Python Integration"
    }
    assert sum(len(lines) for lines in commands.values()) == 20
    assert set(blocks(seed("000"), "python")) == {"Seamless Python Integration"}


def test_one_interface(stage: Stage, s3_cli: str) -> None:
    commands = run_commands(stage, "One Interface, All Backends", s3_cli)
    assert commands == ["s3-cli upload"] * 4 + ["s3-cli download"] * 3
    logs = of("a.log", "b.log")
    assert in_bucket(stage, "bucket", "logs/") == logs
    assert in_bucket(stage, "container", "logs/") == logs
    assert below(stage.root / "backup/logs") == logs
    assert below(stage.root / "nvme/logs") == logs
    assert below(stage.work / "local-data") == {"x": "data/x", "y/z": "data/y/z"}
    assert below(stage.work / "files") == {"f": "files/f", "g/h": "files/g/h"}
    assert below(stage.work / "data") == of("one", "deep/two")


def test_pipeline(stage: Stage, s3_cli: str) -> None:
    """The shell's ./temp/* names a folder too, which an upload without -r skips."""
    assert len(run_commands(stage, "Cross-Backend Workflows Made Simple", s3_cli)) == 3
    parts = {name: f"dataset/{name}" for name in ("part-1", "part-2")}
    hot = {"hot": "dataset/important/hot"}
    assert in_bucket(stage, "backup-container", "dataset/") == parts
    assert below(stage.root / "nvme-cache/hot-data") == hot
    assert below(stage.work / "temp") == {**parts, "important/hot": hot["hot"]}


def test_patterns(stage: Stage, s3_cli: str) -> None:
    assert len(run_commands(stage, "Powerful Pattern Support", s3_cli)) == 8
    assert in_bucket(stage, "bucket", "logs/") == of("a.log", "b.log")
    assert in_bucket(stage, "container", "backups/") == of("backup_1.tar.gz", "backup_x.tar.gz")
    assert in_bucket(stage, "bucket", "app-logs/") == of("app-01.log")
    assert in_bucket(stage, "bucket", "json-files/") == of("x.json", "y.json")
    assert in_bucket(stage, "container", "logs/") == of("app-1234.log")
    assert in_bucket(stage, "bucket", "csv-data/") == of("file_1.csv", "file_22.csv")
    assert in_bucket(stage, "bucket", "data/") == of("top", "a/b/c", "a/empty")
    assert below(stage.work / "local") == {"1": "dataset/1", "2/3": "dataset/2/3"}


def test_quick_test_drive(stage: Stage, s3_cli: str) -> None:
    assert len(run_commands(stage, "Quick Test Drive", s3_cli)) == 2
    said = {"test.txt": "Hello s3dlio!\n"}
    assert below(stage.root / "tmp/s3dlio-test") == said
    assert below(stage.work / "downloaded") == said


def test_python_calls(stage: Stage) -> None:
    """The same functions on all stores; the module goes by the text's name in this process."""
    prepare(stage, "Seamless Python Integration")
    prelude = "import sys, satchel\nsys.modules['s3dlio'] = satchel\n"
    stage.run(prelude, blocks(seed("000"), "python")["Seamless Python Integration"])
    everything = of("a.log", "b.log", "t.csv", "sub/c.csv")
    assert in_bucket(stage, "bucket", "logs/") == of("a.log", "b.log")
    assert in_bucket(stage, "container", "data/") == of("t.csv")
    assert below(stage.root / "backup/data") == everything
    assert below(stage.root / "nvme/cache") == everything
    assert below(stage.work / "local") == {"1": "dataset/1", "2/3": "dataset/2/3"}
    assert below(stage.work / "files") == {"f": "files/f", "g/h": "files/g/h"}
