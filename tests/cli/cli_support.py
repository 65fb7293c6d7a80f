"""Running the command as a real process, and what several test modules need to judge it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

TIMEOUT = 120


@dataclass(frozen=True)
class Result:
    """How a call ended."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """The lines of standard output as JSON."""
        return [json.loads(line) for line in self.out.split("\n") if line]

    @property
    def summary(self) -> Any:
        """The last line of --json."""
        last = self.lines[-1]
        assert last["op"] == "summary"
        return last

    def events(self, op: str) -> list[Any]:
        return [line for line in self.lines if line["op"] == op]


@dataclass
class Cli:
    """The command with an environment of its own: nothing of the caller's leaks in."""

    program: str
    home: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
        }
        return {**kept, **own, **self.extra}

    def start(self, *args: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """Starts a call; stdin is empty unless said otherwise."""
        options.setdefault("stdin", subprocess.DEVNULL)
        words = [self.program, *map(str, args)]
        process: subprocess.Popen[bytes] = subprocess.Popen(
            words, env=self.env, cwd=self.home, **options
        )
        return process

    def __call__(self, *args: str | Path, stdin: str | None = None, **extra: str) -> Result:
        done = subprocess.run(
            [self.program, *map(str, args)],
            input=(stdin or "").encode(),
            capture_output=True,
            env=self.env | extra,
            cwd=self.home,
            timeout=TIMEOUT,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *args: str | Path, stdin: str | None = None, **extra: str) -> Result:
        """A call that has to succeed."""
        result = self(*args, stdin=stdin, **extra)
        assert result.status == 0, result.err
        return result


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """Relative name -> SHA-256 of each file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): digest(path) for path in files}


def leftovers(folder: Path) -> list[str]:
    """Temporary files of the library below a folder."""
    return [str(path) for path in folder.rglob(".satchel-*")]


def make_tree(folder: Path) -> Path:
    """A small tree: three logs, a nested file, an empty one, a name with blanks and non-ASCII."""
    contents = {
        "app-01.log": b"one\n",
        "app-02.log": b"two\n" * 1000,
        "report (1).txt": b"literal\n",
        "sub/deep/data.bin": bytes(range(256)) * 4096,
        "sub/empty": b"",
        "sub/Grüße.txt": "Grüße\n".encode(),
    }
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def s3_env() -> dict[str, str]:
    """What the command needs to reach the test server."""
    url = os.environ.get("SATCHEL_TEST_S3_URL")
    if not url:
        pytest.skip("SATCHEL_TEST_S3_URL is not set: no S3 server (tools/test starts one)")
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": os.environ["SATCHEL_TEST_S3_KEY"],
        "AWS_SECRET_ACCESS_KEY": os.environ["SATCHEL_TEST_S3_SECRET"],
        "AWS_REGION": os.environ["SATCHEL_TEST_S3_REGION"],
    }


@dataclass
class Bucket:
    """A bucket of the test server and boto3's view of it."""

    name: str
    client: Any

    @property
    def uri(self) -> str:
        return f"s3://{self.name}"

    def names(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix
        )
        return [row["Key"] for page in pages for row in page.get("Contents", [])]

    def get(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())

    def open_uploads(self) -> list[str]:
        """Keys of multipart uploads that were neither finished nor aborted."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name)
        return [row["Key"] for page in pages for row in page.get("Uploads", [])]

    def put(self, key: str, body: bytes, **more: Any) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=body, **more)


@contextmanager
def temporary_bucket() -> Iterator[Bucket]:
    """A bucket of the test server that is removed in the end."""
    boto3 = pytest.importorskip("boto3")
    env = s3_env()
    client = boto3.client(
        "s3",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_REGION"],
    )
    made = Bucket(f"cli-{uuid.uuid4().hex[:16]}", client)
    client.create_bucket(Bucket=made.name)
    yield made
    for key in made.names():
        client.delete_object(Bucket=made.name, Key=key)
    client.delete_bucket(Bucket=made.name)
