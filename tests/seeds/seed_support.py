"""The founding texts: their blocks, what may be replaced in them, and a server that fits them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / "tools" / "servers.sh"
RUNNER = Path(__file__).with_name("run_block.py")
ACCOUNT = "test"  # key and secret, as in the texts
BUCKETS = (
    "my-data-bucket",
    "my-bucket",
    "test-bucket",
    "archive-bucket",
    "bucket",
    "container",
    "source-bucket",
    "backup-container",
)

SEEDS = {
    "000": "90d65f0f8fe59ed6ebe65757faf72c86d71c52ad922ae5152f33f64fbc0d606f",
    "003": "959fe3a2d7f136ac6edbbad33b1628af5bff3a9f4d2754500a7633d28e2e78c7",
}


def seed(number: str) -> str:
    """A founding text, unchanged to the byte."""
    shared = os.environ.get("SATCHEL_SHARED")
    if not shared:
        pytest.skip("SATCHEL_SHARED is not set: the founding texts are not here")
    (path,) = Path(shared).glob(f"seeds/{number}_*.txt")
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == SEEDS[number], f"{path} is another text"
    return content.decode()


def blocks(text: str, language: str) -> dict[str, str]:
    """Code by the heading it stands under; "Heading 2" for the second one there."""
    found: dict[str, str] = {}
    for part in re.split(r"^#{2,4} ", text, flags=re.M)[1:]:
        heading, _, body = part.partition("\n")
        code = re.findall(rf"^```{language}\n(.*?)^```", body, re.M | re.S)
        for index, one in enumerate(code, start=1):
            name = heading.strip().strip("*")
            found[name if index == 1 else f"{name} {index}"] = one
    return found


@dataclass(frozen=True)
class Replacement:
    """One of the few changes made to the texts."""

    why: str
    pattern: str
    by: str  # with {url}, {own} and {root}


REPLACEMENTS = (
    Replacement("imports", r"\bdataknobs_data\b", "satchel"),
    Replacement("endpoint", r"http://localhost:4566", "{url}"),
    Replacement("own prefix", r'(\bprefix(?:": |=)")', r"\1{own}/"),
    Replacement("own root", r"""(?:(?<=[ "'])|(?<=://))/(?=\w)""", "{root}/"),
    Replacement("az on S3", r"\baz://", "s3://"),
    Replacement("direct on files", r"\bdirect://", "file://"),
)


def table() -> str:
    """The replacements, for people."""
    rows = [f"  {one.why:16} {one.pattern:36} -> {one.by}" for one in REPLACEMENTS]
    return "\n".join(["replaced in the founding texts, and nothing else:", *rows])


def replaced(code: str, *, url: str, own: str, root: Path) -> str:
    for one in REPLACEMENTS:
        code = re.sub(one.pattern, one.by.format(url=url, own=own, root=root), code)
    return code


# --- the server and what is sent to it ------------------------------------------------------------


def plain_environment() -> dict[str, str]:
    """The environment without settings of AWS and of this library."""
    foreign = ("AWS_", "SATCHEL_", "S3_")
    return {key: value for key, value in os.environ.items() if not key.startswith(foreign)}


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A server whose account is the one of the texts, with their buckets; its URL."""
    env = {key: value for key, value in plain_environment().items() if key != "LD_PRELOAD"}
    env |= {"ACCESS_KEY": ACCOUNT, "SECRET_KEY": ACCOUNT}
    subprocess.run([SERVERS, "start", "versitygw", folder], check=True, env=env)
    try:
        text = (folder / "env").read_text(encoding="utf-8")
        (port,) = re.findall(r"SATCHEL_TEST_S3_URL=\S+:(\d+)", text)
        client = boto_client(f"http://localhost:{port}")
        for bucket in BUCKETS:
            client.create_bucket(Bucket=bucket)
        yield f"http://localhost:{port}"
    finally:
        subprocess.run([SERVERS, "stop", folder], check=True, env=env)


def boto_client(url: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=ACCOUNT,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )


class Recorder(socketserver.ThreadingTCPServer):
    """Hands bytes on to a server and keeps those that went there."""

    daemon_threads = True

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.port = int(url.rpartition(":")[2])
        self.sent: list[bytearray] = []  # one for each connection

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_address[1]}"

    def requests(self, method: str, path: str = "") -> list[dict[str, str]]:
        """The headers of the requests of a method to paths with a text in them."""
        found = []
        pattern = rb"(?m)^" + method.encode() + rb" (\S+) HTTP/1\.1\r\n((?:[^\r\n]+\r\n)*)\r\n"
        for target, head in (pair for sent in self.sent for pair in re.findall(pattern, sent)):
            if path in target.decode():
                lines = (line.split(": ", 1) for line in head.decode().splitlines())
                found.append({name.lower(): value for name, value in lines})
        return found


class _Relay(socketserver.BaseRequestHandler):
    server: Recorder

    def handle(self) -> None:
        sent = bytearray()
        self.server.sent.append(sent)
        with socket.create_connection(("127.0.0.1", self.server.port)) as upstream:
            back = threading.Thread(target=self.pump, args=(upstream, self.request, bytearray()))
            back.start()
            self.pump(self.request, upstream, sent)
            back.join()

    @staticmethod
    def pump(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
        try:
            while piece := source.recv(65536):
                kept += piece
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return  # one side is gone; the other learns it by itself


# --- running a block ------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What a block printed, and the answers to what was asked behind it."""

    printed: str
    answers: list[Any]


@dataclass
class Stage:
    """Where one block runs: a folder and a prefix of its own, the server, and who watches it."""

    own: str
    root: Path
    recorder: Recorder
    boto: Any
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work = self.root / "work"
        self.work.mkdir(parents=True)

    @property
    def env(self) -> dict[str, str]:
        own = {
            "AWS_ENDPOINT_URL_S3": self.recorder.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": ACCOUNT,
            "XDG_CACHE_HOME": str(self.root / "cache"),
        }
        return plain_environment() | own | self.extra

    def text(self, code: str) -> str:
        return replaced(code, url=self.recorder.url, own=self.own, root=self.root)

    def run(self, prelude: str, block: str, ask: Sequence[str] = ()) -> Outcome:
        """Runs a block in a process of its own; `ask` are expressions evaluated behind it."""
        spec = {"prelude": self.text(prelude), "block": self.text(block), "ask": list(ask)}
        done = subprocess.run(
            [sys.executable, RUNNER],
            input=json.dumps(spec),
            capture_output=True,
            text=True,
            env=self.env,
            cwd=self.work,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return Outcome(**json.loads(done.stdout))

    def keys(self, bucket: str, prefix: str | None = None) -> list[str]:
        """What boto3 lists below the block's own prefix, or another one."""
        head = f"{self.own}/" if prefix is None else prefix
        pages = self.boto.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=head)
        rows = [row["Key"] for page in pages for row in page.get("Contents", ())]
        return [key.removeprefix(head) for key in rows]

    def get(self, bucket: str, key: str) -> bytes:
        return bytes(self.boto.get_object(Bucket=bucket, Key=key)["Body"].read())

    def record(self, bucket: str, name: str) -> Any:
        """A record's document, as boto3 reads it."""
        return json.loads(self.get(bucket, f"{self.own}/{name}"))

    def tags(self, bucket: str, name: str) -> dict[str, str]:
        reply = self.boto.get_object_tagging(Bucket=bucket, Key=f"{self.own}/{name}")
        return {tag["Key"]: tag["Value"] for tag in reply["TagSet"]}
