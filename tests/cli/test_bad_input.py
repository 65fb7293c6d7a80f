"""Bad input, as a user without privileges: the right code, status and name, and nothing left."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cli_support import Cli, Result, leftovers, s3_env

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
# The call itself ends after its request_timeout; this only ends a test that hangs.
TIMEOUT = 60


@dataclass
class World:
    """A folder that nobody may write to, with a copy of the command that nobody may run."""

    folder: Path
    program: Path
    env: dict[str, str]
    sockets: list[socket.socket] = field(default_factory=list)

    def run(self, words: list[str], stdin: str = "", prefix: list[str] | None = None) -> Result:
        done = subprocess.run(
            [*NOBODY, *(prefix or []), str(self.program), *words, "--json"],
            input=stdin.encode(),
            capture_output=True,
            cwd=self.folder,
            env=self.env,
            timeout=TIMEOUT,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def give(self, path: Path, mode: int) -> Path:
        """Hands a file or folder to nobody."""
        os.chown(path, 65534, 65534)
        path.chmod(mode)
        return path

    def file(self, name: str, content: str | bytes, mode: int = 0o644) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.give(path, mode)

    def dir(self, name: str, mode: int = 0o755) -> Path:
        path = self.folder / name
        path.mkdir(parents=True)
        return self.give(path, mode)

    def database(self, name: str) -> Path:
        """A database of one good record."""
        folder = self.dir(name)
        self.file(f"{name}/good.json", '{"id": "good", "fields": {"x": 1}, "metadata": {}}\n')
        return folder

    def listen(self, accepting: bool) -> str:
        """host:port of a server that accepts and never answers, or of none."""
        server = socket.create_server(("127.0.0.1", 0))
        address = "{}:{}".format(*server.getsockname())
        if accepting:
            self.sockets.append(server)
        else:
            server.close()
        return address


def copy_program(source: Path, folder: Path) -> Path:
    """The command and its library, readable by everyone."""
    folder.mkdir()
    program = shutil.copy2(source, folder / "satchel")
    libraries = subprocess.run(["ldd", source], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"=> (\S*libsatchel\S*)", libraries):
        shutil.copy2(path, folder / Path(path).name)
    for path in [folder, *folder.iterdir()]:
        path.chmod(0o755)
    return Path(program)


def make_world(cli: Cli, base: Path) -> World:
    base.chmod(0o755)
    program = copy_program(Path(cli.program), base / "bin")
    folder = base / "work"
    folder.mkdir()
    env = cli.env | {
        "LD_LIBRARY_PATH": str(program.parent),
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    made = World(folder, program, env)
    made.give(folder, 0o755)
    return made


@pytest.fixture
def world(cli: Cli) -> Iterator[World]:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv, to become another user: root may write anywhere")
    with tempfile.TemporaryDirectory(prefix="satchel-test-") as name:
        made = make_world(cli, Path(name))
        yield made
        for server in made.sockets:
            server.close()


@dataclass(frozen=True)
class Row:
    """One kind of bad input: what to run, and how it has to end."""

    name: str
    prepare: Callable[[World], list[str]]
    code: str
    status: int
    named: str
    stdin: str = ""


def s3(*words: str, **changes: str) -> Callable[[World], list[str]]:
    """A call on the test server, with some of its settings changed."""

    def prepare(world: World) -> list[str]:
        world.env |= s3_env() | changes
        world.file("f", "x")
        return list(words)

    return prepare


def endpoint(accepting: bool, *words: str) -> Callable[[World], list[str]]:
    """A call on a server that is of no use; retries would not change that."""

    def prepare(world: World) -> list[str]:
        url = f"http://{world.listen(accepting)}"
        world.env |= {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
        world.file("f", "x")
        return [*words, "--endpoint-url", url, "--set", "request_timeout=1"]

    return prepare


def on_database(*words: str) -> Callable[[World], list[str]]:
    """A call on a database of one record; DB stands for it."""

    def prepare(world: World) -> list[str]:
        folder = world.database("db")
        return [str(folder) if word == "DB" else word for word in words]

    return prepare


def plain(*words: str) -> Callable[[World], list[str]]:
    def prepare(world: World) -> list[str]:
        world.file("f", "x")
        return list(words)

    return prepare


def corrupt_record(world: World) -> list[str]:
    folder = world.database("db")
    world.file("db/broken.json", '{"id": "broken", "fields": {"x"')
    return ["rec", "query", str(folder), "x = 1"]


def bad_import(world: World) -> list[str]:
    folder = world.database("db")
    world.file("bad.ndjson", '{"a": \n')
    return ["rec", "import", str(folder), "bad.ndjson"]


def read_only_folder(world: World) -> list[str]:
    world.file("f", "x")
    return ["upload", "f", f"{world.dir('locked', 0o555)}/"]


def read_only_database(world: World) -> list[str]:
    folder = world.database("db")
    folder.chmod(0o555)
    return ["rec", "put", str(folder), "new", "-"]


def unreadable_source(world: World) -> list[str]:
    world.file("closed", "x", 0o000)
    world.dir("out")
    return ["cp", "closed", "out/"]


RECORD = '{"fields": {"x": 1}}'
MISSING_BUCKET = "satchel-no-such-bucket"

ROWS = [
    Row("unknown config key", plain("ls", ".", "--set", "regoin=x"), "INVALID", 2, "regoin"),
    Row("bad value", plain("ls", ".", "--set", "max_retries=x"), "INVALID", 2, "max_retries"),
    Row("bad scheme", plain("upload", "f", "ftp://h/"), "UNSUPPORTED", 2, "ftp"),
    Row("scheme of later", plain("upload", "f", "az://c/"), "UNSUPPORTED", 2, "az"),
    Row("no bucket in it", plain("upload", "f", "s3:///key"), "INVALID", 2, "s3:///key"),
    Row("missing file", plain("upload", "nofile", "out/"), "NOT_FOUND", 3, "nofile"),
    Row("missing bucket, ls", s3("ls", f"s3://{MISSING_BUCKET}"), "NOT_FOUND", 3, MISSING_BUCKET),
    Row(
        "missing bucket, upload",
        s3("upload", "f", f"s3://{MISSING_BUCKET}/"),
        "NOT_FOUND",
        3,
        MISSING_BUCKET,
    ),
    Row(
        "missing bucket, records",
        s3("rec", "put", f"s3://{MISSING_BUCKET}/r/", "a", "-"),
        "NOT_FOUND",
        3,
        MISSING_BUCKET,
        RECORD,
    ),
    Row(
        "wrong secret",
        s3("ls", "s3://any", AWS_SECRET_ACCESS_KEY="wrong"),
        "DENIED",
        4,
        "AWS_SECRET_ACCESS_KEY",
    ),
    Row(
        "wrong access key",
        s3("ls", "s3://any", AWS_ACCESS_KEY_ID="nobody"),
        "DENIED",
        4,
        "AWS_ACCESS_KEY_ID",
    ),
    Row("no answer", endpoint(True, "ls", "s3://any"), "TIMEOUT", 5, "127.0.0.1:"),
    Row(
        "no answer, download",
        endpoint(True, "download", "s3://any/k", "."),
        "TIMEOUT",
        5,
        "127.0.0.1:",
    ),
    Row("refused", endpoint(False, "ls", "s3://any"), "NETWORK", 5, "127.0.0.1:"),
    Row("refused, upload", endpoint(False, "cp", "f", "s3://any/"), "NETWORK", 5, "127.0.0.1:"),
    Row("bad id", on_database("rec", "get", "DB", "../x"), "INVALID", 2, "../x"),
    Row("bad id, put", on_database("rec", "put", "DB", "a//b", "-"), "INVALID", 2, "a//b", RECORD),
    Row("bad query", on_database("rec", "query", "DB", "x LIKES 'a'"), "INVALID", 2, "LIKES"),
    Row(
        "bad operator",
        on_database("rec", "query", "DB", "--json-query", "-"),
        "INVALID",
        2,
        "almost",
        '{"filters": [{"field": "x", "operator": "almost", "value": 1}]}',
    ),
    Row("bad JSON", on_database("rec", "put", "DB", "a", "-"), "INVALID", 2, "a", '{"fields": {'),
    Row("bad JSON, import", bad_import, "INVALID", 2, "line 1"),
    Row("corrupt record", corrupt_record, "CORRUPT", 6, "broken.json"),
    Row("read-only folder", read_only_folder, "DENIED", 4, "locked"),
    Row("read-only database", read_only_database, "DENIED", 4, "db", RECORD),
    Row("unreadable source", unreadable_source, "DENIED", 4, "closed"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_bad_input(world: World, row: Row) -> None:
    words = row.prepare(world)
    before = contents(world.folder)
    result = world.run(words, row.stdin)
    assert result.summary["error"]["code"] == row.code, result.err
    assert result.status == row.status, result.err
    assert result.summary["exit"] == row.status
    assert row.named in result.summary["error"]["text"]
    assert row.named in result.err
    assert leftovers(world.folder) == []
    assert contents(world.folder).items() >= before.items()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the index, which is ours."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if "cache" not in path.parts}


FULL_DISK = """
mount -t tmpfs -o size=1m tmpfs "$1" || exit 99
shift
"$@"
status=$?
find small -name '.satchel-*' >left
ls -A small >listed
exit $status
"""


@pytest.mark.parametrize("kind", ["upload", "records"])
def test_full_disk(world: World, kind: str) -> None:
    target = world.dir("small")
    world.file("big", os.urandom(3_000_000))
    words = {
        "upload": ["upload", "big", f"{target}/"],
        "records": ["rec", "put", str(target), "big", "-"],
    }[kind]
    record = json.dumps({"fields": {"text": "x" * 3_000_000}})
    shell = ["unshare", "-rm", "sh", "-c", FULL_DISK, "sh", str(target)]
    result = world.run(words, record if kind == "records" else "", shell)
    if result.status in (1, 99) and not (world.folder / "left").exists():
        pytest.skip(f"no user namespace with a tmpfs here: {result.err.strip()}")
    assert result.summary["error"]["code"] == "IO", result.err
    assert result.status == 1
    assert "No space left" in result.err
    assert "big" in result.err
    assert (world.folder / "left").read_text() == ""
    assert "big" not in (world.folder / "listed").read_text()
