"""Writers are killed in the middle of their batches; what they leave is read without satchel.

    kill.py WORKER file|sidecar

Every acknowledged record must be there, every record that is there must be whole and have its
attributes, no temporary name may be listed, and a later listing removes what was left behind.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from urllib.parse import parse_qs

KILLS = {"file": 200, "sidecar": 100}
AMID_MIN = 0.75  # of the kills must land with records acknowledged and records not
ACKS_MAX = 12  # batches that a writer may finish before its end draws near
LAST_MS = 40  # and the longest it then lives on
SWEEP_AGE_S = 60  # what a dead writer left is removed when it is that old
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@dataclass
class Told:
    """What a writer said before it was killed."""

    begun: dict[str, int] = field(default_factory=dict)  # id -> length of its pad
    acked: set[str] = field(default_factory=set)
    rest: bytes = b""
    batches: int = 0

    def take(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            word = line.decode()
            if word.startswith("+"):
                name, length = word[1:].split(" ")
                self.begun[name] = int(length)
            else:
                self.acked.add(word[1:])
        self.batches += any(line.startswith(b"=") for line in lines)


@dataclass
class Sums:
    amid: int = 0
    acked: int = 0
    others: int = 0
    lost: int = 0
    torn: int = 0
    bare: int = 0
    listed_temp: int = 0
    miscounted: int = 0
    leftovers: int = 0
    unswept: int = 0


def ask(worker: str, mode: str, data: Path) -> list[str]:
    done = subprocess.run(
        [worker, mode, f"file://{data}"], stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    return done.stdout.split("\n")[:-1]


def chunks(process: subprocess.Popen[bytes], deadline: float | None) -> Iterator[bytes]:
    """What the writer says until the deadline, or (None) until it ends."""
    assert process.stdout is not None
    with DefaultSelector() as selector:
        selector.register(process.stdout, EVENT_READ)
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and (left <= 0 or not selector.select(left)):
                return
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                return
            yield data


def kill_one(worker: str, kind: str, data: Path, turn: int, chance: random.Random) -> Told:
    """Kills a writer at a random moment and returns all that it said."""
    told = Told()
    process = subprocess.Popen(
        [worker, "write", kind, f"file://{data}", str(turn)], stdout=subprocess.PIPE
    )
    wanted = chance.randint(0, ACKS_MAX)
    for data in chunks(process, time.monotonic() + 60):
        told.take(data)
        if told.begun and told.batches >= wanted:
            break
    for data in chunks(process, time.monotonic() + chance.uniform(0, LAST_MS) / 1000):
        told.take(data)
    process.kill()
    for data in chunks(process, None):
        told.take(data)
    status = process.wait()
    if status != -9:
        sys.exit(f"a writer ended by itself, status {status}")
    return told


# ---- reading without satchel


def is_whole(path: Path, length: int) -> bool:
    try:
        document = json.loads(path.read_bytes())
        fields = document["fields"]
        number = fields["n"]
        pad = (ALPHABET * (length // 26 + 2))[number % 26 :][:length]
        return bool(
            document["id"] == path.stem == f"t{fields['thread']}-{number}" and fields["pad"] == pad
        )
    except (ValueError, KeyError, TypeError):
        return False


def side_cars(data: Path) -> dict[str, str]:
    """The stamp that each side-car gives, by the name of its object."""
    found = {}
    for path in data.glob(".satchel-*.attr"):
        words = parse_qs(path.read_text().split("\n")[0])
        found[words["name"][0]] = words["stamp"][0]
    return found


def attribute_stamp(path: Path) -> str | None:
    try:
        text = os.getxattr(path, "user.satchel").decode()
    except OSError:
        return None
    return parse_qs(text.split("\n")[0])["stamp"][0]


def check(data: Path, kind: str, told: Told, sums: Sums) -> None:
    """Counts what is lost, torn or without the attributes of its own version."""
    stamps = side_cars(data) if kind == "sidecar" else {}
    there = {path.stem: path for path in data.iterdir() if not path.name.startswith(".")}
    sums.acked += len(told.acked)
    sums.lost += len(told.acked - there.keys())
    for name, path in there.items():
        sums.torn += name not in told.begun or not is_whole(path, told.begun[name])
        info = path.stat()
        stamp = stamps.get(path.name) if kind == "sidecar" else attribute_stamp(path)
        sums.bare += stamp != f"{info.st_ino}-{info.st_size}-{info.st_mtime_ns}"


def leftovers(data: Path) -> int:
    """Temporary files, and side-cars of records that are not there."""
    names = {path.name for path in data.iterdir()}
    owners = side_cars(data)
    return sum(name.endswith(".part") for name in names) + len(owners.keys() - names)


def kill_and_check(worker: str, kind: str, data: Path, turn: int, sums: Sums) -> Told:
    told = kill_one(worker, kind, data, turn, random.Random(turn))
    sums.amid += bool(told.acked) and len(told.acked) < len(told.begun)
    check(data, kind, told, sums)
    records = {path.name for path in data.glob("t*.json")}
    sums.others += len(records) - len(told.acked)
    sums.listed_temp += len(set(ask(worker, "list", data)) - records)
    sums.leftovers += leftovers(data)
    sums.miscounted += ask(worker, "count", data) != [str(len(records))]
    return told


def sweep_and_check(worker: str, kind: str, data: Path, told: Told, sums: Sums) -> None:
    """What was left behind is old enough: a listing removes it, and nothing else."""
    records = {path.name for path in data.glob("t*.json")}
    sums.listed_temp += len(set(ask(worker, "list", data)) - records)
    sums.unswept += leftovers(data)
    check(data, kind, Told(begun=told.begun), sums)
    sums.lost += len(records) - len(list(data.glob("t*.json")))


def run(worker: str, kind: str, folder: Path, sums: Sums) -> None:
    os.environ["SATCHEL_CACHE_DIR"] = str(folder / "cache")
    unswept = []
    for turn in range(KILLS[kind]):
        data = folder / str(turn)
        data.mkdir()
        told = kill_and_check(worker, kind, data, turn, sums)
        if leftovers(data) > 0:
            unswept.append((data, told))
        else:
            shutil.rmtree(data)
    if unswept:
        time.sleep(SWEEP_AGE_S + 1)
    for data, told in unswept:
        sweep_and_check(worker, kind, data, told, sums)


def main() -> int:
    worker, kind = sys.argv[1:]
    start = time.monotonic()
    sums = Sums()
    with tempfile.TemporaryDirectory() as name:
        run(worker, kind, Path(name), sums)
    print(
        f"kill {kind}: {KILLS[kind]} kills, {sums.amid} amid acknowledgements; {sums.acked} "
        f"records acknowledged, {sums.others} others there; lost {sums.lost}, torn {sums.torn}, "
        f"without attributes {sums.bare}, temporary names listed {sums.listed_temp}, wrong counts "
        f"{sums.miscounted}; left behind {sums.leftovers}, after a sweep {sums.unswept}; "
        f"{time.monotonic() - start:.0f} s"
    )
    assert sums.amid >= AMID_MIN * KILLS[kind], "too few kills landed amid the work"
    assert sums.lost == 0, "acknowledged records are lost"
    assert sums.torn == 0, "records are torn"
    assert sums.bare == 0, "records lack their attributes"
    assert sums.listed_temp == 0, "a listing shows what is no record"
    assert sums.miscounted == 0, "a search misses or invents records"
    assert sums.unswept == 0, "a sweep leaves what is dead"
    return 0


if __name__ == "__main__":
    sys.exit(main())
