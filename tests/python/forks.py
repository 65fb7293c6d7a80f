"""A program that forks while four threads read and write; test_fork.py runs it.

    forks.py DB_URI OBJECTS_URI ROUNDS

Options come from the environment. Every child does 200 reads, a create and a search; an alarm ends
one that hangs. Prints the local ports of the TCP connections before the first fork and after the
last, and the ids that were acknowledged, as one JSON object.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import satchel
from satchel import Record

THREADS = 4
SHARED = 20
READS = 200
HANG_SECONDS = 100
failures: list[str] = []
created: list[list[str]] = [[] for _ in range(THREADS)]
turns = [0] * THREADS


def guarded(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # whatever it is, the program is to end with it
        failures.append(traceback.format_exc())


def acknowledged() -> set[str]:
    return {f"s{i}" for i in range(SHARED)}.union(*map(tuple, created))


def read(db: satchel.Database, objects: str, i: int) -> None:
    name = f"s{i % SHARED}"
    record = db.read(name)
    assert record is not None and record["kind"] == "made", name
    assert satchel.get(objects + name) == name.encode()


def search(db: satchel.Database, least: set[str]) -> None:
    missing = least - {str(record.id) for record in db.search()}
    assert not missing, missing


def make(db: satchel.Database, objects: str, name: str) -> None:
    db.create(Record({"id": name, "kind": "made"}))
    satchel.put(objects + name, name.encode())


def work(db: satchel.Database, objects: str, me: int, stop: threading.Event) -> None:
    while not stop.is_set() and not failures:
        least = acknowledged()
        name = f"t{me}-{len(created[me])}"
        make(db, objects, name)
        created[me].append(name)
        for i in range(SHARED):
            read(db, objects, i)
        search(db, least)
        turns[me] += 1


def child(db: satchel.Database, objects: str, round_: int, least: set[str]) -> None:
    for i in range(READS // 2):
        read(db, objects, i)
    make(db, objects, f"c{round_}")
    search(db, least | {f"c{round_}"})
    db.close()


def fork_once(db: satchel.Database, objects: str, round_: int) -> None:
    least = acknowledged()
    pid = os.fork()
    if pid == 0:
        signal.alarm(HANG_SECONDS)
        failures.clear()
        guarded(lambda: child(db, objects, round_, least))
        print("".join(failures), end="", file=sys.stderr, flush=True)
        os._exit(1 if failures else 0)
    wait_for_turns()
    status = os.waitpid(pid, 0)[1]
    if status != 0:
        failures.append(f"child {round_}: status {status}")


def wait_for_turns() -> None:
    """Until every thread has got through a whole turn since."""
    goals = [turn + 2 for turn in turns]
    while not failures and any(turn < goal for turn, goal in zip(turns, goals, strict=True)):
        time.sleep(0.005)


def ports() -> list[int]:
    """The local ports of this process's TCP connections."""
    found = []
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            if not entry.is_socket():
                continue
            with socket.socket(fileno=os.dup(int(entry.name))) as sock:
                if sock.family == socket.AF_INET:
                    sock.getpeername()
                    found.append(int(sock.getsockname()[1]))
        except OSError:
            continue  # closed meanwhile
    return found


def main() -> int:
    uri, objects, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    signal.alarm(5 * HANG_SECONDS)
    db = satchel.open(uri)
    for i in range(SHARED):
        make(db, objects, f"s{i}")
    stop = threading.Event()
    threads = [
        threading.Thread(target=guarded, args=(lambda i=i: work(db, objects, i, stop),))
        for i in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    wait_for_turns()
    before = ports()
    for round_ in range(rounds):
        if not failures:
            fork_once(db, objects, round_)
    wait_for_turns()
    after = ports()
    stop.set()
    for thread in threads:
        thread.join()
    ids = acknowledged() | {f"c{round_}" for round_ in range(rounds)}
    guarded(lambda: search(db, ids))
    print(json.dumps({"before": before, "after": after, "ids": sorted(ids)}))
    print("".join(failures), end="", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
