"""Records on S3: satchel's Python package against dataknobs-data, on one versitygw.

Both run the same program with another import. Each round starts with an empty prefix and an empty
cache folder; writing, searching and deleting have a process each, and the cache folder is removed
before the first search. Times are taken around each call, CPU time by getrusage. s3dlio, which
knows no records, stores and reads the same bytes as objects.
"""

from __future__ import annotations

import sys

sys.path[0] += "/support"

import argparse
import json
import random
import shutil
from pathlib import Path

import paired
from paired import Figures, Goal, Row

OURS, DATAKNOBS, S3DLIO = "satchel", "dataknobs", "s3dlio"
STEPS = ("create_batch", "read_batch", "first_search", "repeated_search", "delete_batch")
# What a contender repeats is divided by: (name, searches after the first).
REPEATED = {OURS: 100, DATAKNOBS: 2}
CHILD = Path(__file__).parent / "support" / "records_child.py"
BUCKET = "bench"
SETTINGS = "both: max_workers 10 (the default of both), no other option; s3dlio: max_in_flight 10"

GOALS = {
    "create_batch": [
        Goal(OURS, "wall", times=3, against=[DATAKNOBS]),
        Goal(OURS, "cpu", most=0.2, against=[DATAKNOBS]),
        Goal(OURS, "cpu", most=1.0, against=[S3DLIO]),
    ],
    "read_batch": [
        Goal(OURS, "wall", times=4, against=[DATAKNOBS]),
        Goal(OURS, "cpu", most=1.0, against=[S3DLIO]),
    ],
    "first_search": [Goal(OURS, "wall", times=4, against=[DATAKNOBS])],
    "repeated_search": [Goal(OURS, "wall", times=200, against=[DATAKNOBS])],
    "delete_batch": [Goal(OURS, "wall", times=15, against=[DATAKNOBS])],
}


def make_records(count: int) -> list[dict[str, object]]:
    """Seeded records of about 1 KiB; no two have the same score, so that each order is total."""
    numbers = random.Random(4)
    scores = numbers.sample(range(10 * count), count)
    return [
        {
            "id": f"rec-{i:06d}",
            "name": f"name {numbers.randrange(count)}",
            "age": numbers.randrange(18, 90),
            "city": numbers.choice(["Bergen", "Lagos", "Lima", "Oslo", "Quito"]),
            "score": scores[i] / 8,
            "active": numbers.random() < 0.5,
            "text": "".join(numbers.choices("abcdefghij klmnopqrst uvwxyz", k=850)),
        }
        for i in range(count)
    ]


class Bench:
    """One server, one set of records, all contenders."""

    def __init__(self, server: paired.Server, python: Path, settings: argparse.Namespace) -> None:
        self.server, self.python, self.settings = server, python, settings
        self.scratch = server.folder / "scratch"
        self.scratch.mkdir()
        server.stored(BUCKET).mkdir()

    def child(self, contender: str, phase: str, prefix: str, result: Path) -> dict[str, Figures]:
        """Runs one phase of a contender in a process of its own; the figures of its steps."""
        spec = {
            "contender": contender,
            "phase": phase,
            "bucket": BUCKET,
            "prefix": prefix,
            "records": str(self.scratch / "records.json"),
            "repeat": REPEATED.get(contender, 0),
            "result": str(result),
        }
        env = {**self.server.env, "XDG_CACHE_HOME": str(self.scratch / "cache")}
        output = paired.run(self.python, CHILD, json.dumps(spec), **env)
        figures: dict[str, Figures] = json.loads(output.rstrip().rsplit("\n", 1)[-1])
        return figures

    def run(self, contender: str, prefix: str) -> dict[str, Figures]:
        """One round of one contender; the results of its phases stay in the scratch folder."""
        figures: dict[str, Figures] = {}
        phases = ["write"] if contender == S3DLIO else ["write", "search", "delete"]
        shutil.rmtree(self.scratch / "cache", ignore_errors=True)
        for phase in phases:
            if phase == "search":
                shutil.rmtree(self.scratch / "cache", ignore_errors=True)
            result = self.scratch / f"{contender}-{phase}.json"
            figures |= self.child(contender, phase, prefix, result)
        left = [path for path in self.server.stored(BUCKET, prefix).rglob("*") if path.is_file()]
        if len(left) != (len(self.records) if contender == S3DLIO else 0):
            sys.exit(f"{contender}: {len(left)} objects are left of {len(self.records)}")
        shutil.rmtree(self.server.stored(BUCKET, prefix), ignore_errors=True)
        return figures

    def compare(self) -> None:
        """Ends the program unless both gave the same ids and fields, and s3dlio the same bytes."""
        for phase in ("write", "search", "delete"):
            ours, theirs = (
                json.loads((self.scratch / f"{who}-{phase}.json").read_text(encoding="utf-8"))
                for who in (OURS, DATAKNOBS)
            )
            for step in ours:
                if ours[step] != theirs[step]:
                    sys.exit(f"{step}: {OURS} and {DATAKNOBS} give different results")
        result = json.loads((self.scratch / f"{OURS}-search.json").read_text(encoding="utf-8"))
        print(
            f"same results: {len(self.records)} records by id and field, "
            f"{len(result['first_search'])} found first, {len(result['repeated_search'])} after"
        )

    def measure(self, count: int) -> list[Row]:
        """All rounds with so many records."""
        self.records = make_records(count)
        (self.scratch / "records.json").write_text(json.dumps(self.records), encoding="utf-8")
        rows = {step: Row(f"{step} {count}") for step in STEPS}
        turns = paired.in_turn([OURS, DATAKNOBS, S3DLIO], self.settings)
        for number, contender, load in turns:
            figures = self.run(contender, f"{contender}-{number}/")
            for step, found in figures.items():
                rows[step].runs.setdefault(contender, []).append(found)
                if contender == OURS:
                    rows[step].loads.append(load)
        self.compare()
        return list(rows.values())


def main() -> int:
    """Measures, prints, writes."""
    parser = paired.options(__doc__.partition("\n")[0], rounds=5)
    parser.add_argument(
        "--count", action="append", type=int, help="records, repeatable (1000 and 5000)"
    )
    settings = parser.parse_args()
    paired.build("metered")
    python = paired.peers()
    paired.install_satchel(python)
    versions = paired.versions(python, "satchel", "dataknobs-data", "boto3", "s3dlio")
    print(f"{paired.machine()}\n{versions}\n{SETTINGS}")
    rows: list[Row] = []
    with paired.server() as server:
        bench = Bench(server, python, settings)
        for count in settings.count or [1000, 5000]:
            measured = bench.measure(count)
            rows += measured
            for row in measured:
                paired.print_row(row, GOALS[row.name.split()[0]])
    path = settings.json or paired.WORK / "records.json"
    paired.write_json(path, rows, versions=versions, settings=SETTINGS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
