"""Forked processes, and interpreters that end amid transfers."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

import satchel
from satchel import Database, Record
from satchel import _handles as handles

PROGRAM = Path(__file__).with_name("forks.py")
ROUNDS = 20
IN_FLIGHT = 100


@dataclass
class Place:
    """Where a program of these tests keeps its records and objects."""

    uri: str
    env: dict[str, str]

    def run(self, *args: str | Path) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **self.env}
        command = [sys.executable, *args]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=280)


def s3_place(url: str, ca_file: str | None) -> Iterator[Place]:
    """A bucket of the test's own."""
    key, secret = os.environ["SATCHEL_TEST_S3_KEY"], os.environ["SATCHEL_TEST_S3_SECRET"]
    client = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        verify=ca_file,
    )
    bucket = f"py-fork-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    env = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
    }
    yield Place(f"s3://{bucket}/", env | ({"AWS_CA_BUNDLE": ca_file} if ca_file else {}))
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", ()):
            client.delete_object(Bucket=bucket, Key=entry["Key"])
    client.delete_bucket(Bucket=bucket)


@pytest.fixture(params=["file", "s3", "s3s"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place on each kind of store, https among them."""
    if request.param == "file":
        for name in ("db", "objects"):
            (tmp_path / name).mkdir()
        yield Place(f"file://{tmp_path}/", {})
        return
    tls = request.param == "s3s"
    url = os.environ.get("SATCHEL_TEST_S3_TLS_URL" if tls else "SATCHEL_TEST_S3_URL")
    if url is None:
        pytest.skip(f"no {request.param} server in the environment")
    yield from s3_place(url, os.environ["SATCHEL_TEST_CA"] if tls else None)


def test_forks_amid_reads_and_writes(place: Place) -> None:
    place.env["SATCHEL_CACHE_TTL"] = "-1"  # a search answers from the index alone
    done = place.run(PROGRAM, f"{place.uri}db/", f"{place.uri}objects/", str(ROUNDS))
    assert done.stderr == ""
    assert done.returncode == 0
    seen = json.loads(done.stdout)
    assert place.uri.startswith("file") or seen["before"]
    assert set(seen["before"]) <= set(seen["after"]), "the parent lost a connection"


# ---- what a child may do

inherited: list[Database] = []


def count_inherited(name: str) -> int:
    inherited[0].create(Record({"id": name}))
    return inherited[0].count()


def test_a_forked_pool_uses_the_handles_of_its_parent(tmp_path: Path) -> None:
    with satchel.open(f"file://{tmp_path}/db", create_bucket=True) as db:
        db.create(Record({"id": "parent"}))
        assert db.count() == 1
        inherited[:] = [db]
        with multiprocessing.get_context("fork").Pool(2) as pool:
            counts = pool.map(count_inherited, [f"child-{i}" for i in range(8)], chunksize=1)
        assert max(counts) == 9
        assert db.count() == 9
        inherited.clear()


CHILD = """
import os, sys, satchel
from satchel import CancelledError, Record
db = satchel.open(sys.argv[1] + "db/", create_bucket=True)
db.create(Record({"id": "a"}))
db.create(Record({"id": "b"}))
found = db.stream_read()
next(found)
child = os.fork()
if child == 0:
    try:
        print(list(found))
    except CancelledError as error:
        print("fork" in str(error))
    db.create(Record({"id": "c"}))
    print(sorted(db.list_all()))
    sys.exit(0)
print("status", os.waitpid(child, 0)[1])
print(db.read("c") is not None)
"""


def test_a_child_ends_as_any_interpreter(tmp_path: Path) -> None:
    done = Place(f"file://{tmp_path}/", {}).run("-c", CHILD, f"file://{tmp_path}/")
    assert done.stdout.splitlines() == ["True", "['a', 'b', 'c']", "status 0", "True"]
    assert (done.returncode, done.stderr) == (0, "")


def put_and_exit(uri: str) -> None:
    os._exit(0 if satchel.exists(uri) else 1)


def test_a_lock_of_the_package_is_free_in_a_child(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/there"
    satchel.put(uri, b"")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with handles._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = multiprocessing.get_context("fork").Process(target=put_and_exit, args=(uri,))
    child.start()
    child.join(60)
    done.set()
    thread.join()
    assert child.exitcode == 0


# ---- the end of the interpreter

GETTING = """
import sys, threading, satchel
from contextlib import suppress
def get(i):
    while sys.argv[2] == "again" or i >= 0:
        with suppress(satchel.Error):
            satchel.get(f"{sys.argv[1]}k{i}")
for i in range(100):
    threading.Thread(target=get, args=(i,), daemon=True).start()
print("started", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def deaf_server() -> Iterator[tuple[str, threading.Event]]:
    """A server that reads requests and never answers; the event is set once it has read enough."""
    kept: list[socket.socket] = []
    enough = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                kept.append(connection)
                assert connection.recv(1)
                if len(kept) >= IN_FLIGHT:
                    enough.set()

    with socket.create_server(("127.0.0.1", 0), backlog=2 * IN_FLIGHT) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", enough
        server.shutdown(socket.SHUT_RDWR)
    for connection in kept:
        connection.close()


def leave_amid(program: list[str], env: dict[str, str], ready: threading.Event | None) -> float:
    """Seconds that the program took to end once it was told to."""
    with subprocess.Popen(
        [sys.executable, "-c", *program],
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        assert ready is None or ready.wait(60)
        start = time.monotonic()
        output, errors = process.communicate("go\n", timeout=60)
        took = time.monotonic() - start
    assert (process.returncode, output, errors) == (0, "", "")
    return took


def test_an_interpreter_ends_amid_a_hundred_transfers() -> None:
    with deaf_server() as (url, enough):
        env = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "SATCHEL_MAX_CONNECTIONS": str(IN_FLIGHT),
        }
        assert leave_amid([GETTING, "s3://bkt/", "once"], env, enough) < 2


def test_an_interpreter_ends_amid_transfers_that_move(place: Place) -> None:
    assert leave_amid([GETTING, f"{place.uri}objects/", "again"], place.env, None) < 2
