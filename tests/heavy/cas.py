"""Sixteen processes fight over one record; the outcome is read without satchel.

    cas.py WORKER file|s3|s3s

Increments: every acknowledged one must be in the final value. Creation: exactly one winner.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROCESSES = 16
ROUNDS = {"file": 1000, "s3": 1000, "s3s": 200}  # of each process
SKIPPED = 77  # what ctest takes for a skip


class Store:
    """Where the records lie: the URI satchel gets, and a way to read that is not satchel."""

    def __init__(self, uri: str, env: dict[str, str], fetch: Callable[[str], bytes]) -> None:
        self.uri = uri
        self.env = env
        self.fetch = fetch

    def record(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.fetch(name + ".json"))
        return document


def file_store(folder: Path) -> Store:
    data = folder / "data"
    data.mkdir()
    return Store(f"file://{data}", {}, lambda name: (data / name).read_bytes())


def s3_store(url: str, **client_options: Any) -> Store:
    import boto3

    key = os.environ["SATCHEL_TEST_S3_KEY"]
    secret = os.environ["SATCHEL_TEST_S3_SECRET"]
    client = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        **client_options,
    )
    bucket = f"cas-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    env = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
    }
    if "verify" in client_options:
        env["AWS_CA_BUNDLE"] = client_options["verify"]

    def fetch(name: str) -> bytes:
        body: bytes = client.get_object(Bucket=bucket, Key=f"cas/{name}")["Body"].read()
        return body

    return Store(f"s3://{bucket}/cas/", env, fetch)


def open_store(kind: str, folder: Path) -> Store | None:
    if kind == "file":
        return file_store(folder)
    if kind == "s3" and "SATCHEL_TEST_S3_URL" in os.environ:
        return s3_store(os.environ["SATCHEL_TEST_S3_URL"])
    if kind == "s3s" and "SATCHEL_TEST_S3_TLS_URL" in os.environ:
        url = os.environ["SATCHEL_TEST_S3_TLS_URL"]
        return s3_store(url, verify=os.environ["SATCHEL_TEST_CA"])
    return None


def fight(worker: str, store: Store, folder: Path, mode: str, words: list[str]) -> list[Any]:
    """Starts all processes, lets them go at once, and gathers what each printed."""
    env = {
        **os.environ,
        **store.env,
        "SATCHEL_CACHE_DIR": str(folder / "cache"),
        "SATCHEL_REQUEST_TIMEOUT": "120",
    }
    running = [
        subprocess.Popen(
            [worker, mode, store.uri, *words[:1], word],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for word in words[1:]
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=1500)[0] for process in running]
    if any(process.returncode != 0 for process in running):
        sys.exit("a process failed")
    return [json.loads(output) for output in outputs]


def check_increments(worker: str, store: Store, folder: Path, rounds: int) -> None:
    start = time.monotonic()
    made = fight(worker, store, folder, "create", ["n", "first"])
    assert made[0]["won"]
    results = fight(worker, store, folder, "increment", ["n", *[str(rounds)] * PROCESSES])
    acks = sum(result["acks"] for result in results)
    conflicts = sum(result["conflicts"] for result in results)
    final = store.record("n")
    value, version = final["fields"]["n"], final["version"]
    print(
        f"increments: acks {acks}, conflicts {conflicts}, final value {value}, "
        f"version {version}, {time.monotonic() - start:.1f} s"
    )
    assert acks == PROCESSES * rounds
    assert conflicts > 0, "nothing was fought over"
    assert value == acks, "an acknowledged increment is lost"
    assert version == acks + 1


def check_creation(worker: str, store: Store, folder: Path) -> None:
    for turn in range(10):
        name = f"once-{turn}"
        words = [name, *[f"p{i}" for i in range(PROCESSES)]]
        results = fight(worker, store, folder, "create", words)
        winners = [result["name"] for result in results if result["won"]]
        there = store.record(name)["fields"]["by"]
        assert winners == [there], f"winners {winners}, stored {there}"
    print(f"creation: 10 ids, {PROCESSES} processes each, one winner each")


def main() -> int:
    worker, kind = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = open_store(kind, folder)
        if store is None:
            print(f"skipped: no {kind} server in the environment (tools/servers.sh starts one)")
            return SKIPPED
        check_increments(worker, store, folder, ROUNDS[kind])
        check_creation(worker, store, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
