"""Forks amid reads and writes; what came of them is read without satchel.

    fork.py WORKER file|s3|s3s

Twenty children of a process with four busy threads each read, create and search; nothing hangs,
every acknowledged record is there, and the parent keeps the connections it had.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from cas import SKIPPED, Store, open_store

ROUNDS = 20
ESTABLISHED = "01"  # in /proc/net/tcp


def peers_of(server_port: int) -> set[int]:
    """The ports that the server itself has a living connection to."""
    peers = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        if state == ESTABLISHED and int(local.split(":")[1], 16) == server_port:
            peers.add(int(remote.split(":")[1], 16))
    return peers


def check_connections(before: set[int], after: set[int], server_port: int) -> None:
    assert before, "there was no connection to lose"
    assert before <= after, f"lost: {before - after}"
    assert after <= peers_of(server_port), f"ended by the server: {after - peers_of(server_port)}"


def check_records(store: Store, created: list[int]) -> int:
    names = [f"t{i}-{n}" for i, count in enumerate(created) for n in range(count)]
    names += [f"c{round_}" for round_ in range(ROUNDS)]
    for name in names:
        assert store.record(name)["fields"] == {"kind": "made"}, name
    return len(names)


def run(worker: str, store: Store, folder: Path) -> None:
    objects = f"{store.uri.rstrip('/')}/objects/"
    if objects.startswith("file://"):
        Path(objects.removeprefix("file://")).mkdir()
    port = urlsplit(store.env.get("AWS_ENDPOINT_URL", "")).port or 0
    env = {
        **os.environ,
        **store.env,
        "SATCHEL_CACHE_DIR": str(folder / "cache"),
        "SATCHEL_CACHE_TTL": "-1",  # a search answers from the index alone
    }
    start = time.monotonic()
    with subprocess.Popen(
        [worker, store.uri, objects, str(ROUNDS), str(port)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        seen = json.loads(process.stdout.readline())
        if port != 0:
            check_connections(set(seen["before"]), set(seen["after"]), port)
        process.stdin.close()
        assert process.wait(60) == 0
    assert seen["failures"] == 0
    records = check_records(store, seen["created"])
    print(
        f"{ROUNDS} forks, {records} records acknowledged and there, {len(seen['before'])} "
        f"connections kept, {time.monotonic() - start:.1f} s"
    )


def main() -> int:
    worker, kind = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        store = open_store(kind, Path(name))
        if store is None:
            print(f"skipped: no {kind} server in the environment (tools/servers.sh starts one)")
            return SKIPPED
        run(worker, store, Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
