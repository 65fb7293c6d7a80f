"""Copies to and from S3: satchel's command against rclone, obstore, opendal and s3dlio.

One large object and many small ones, up and down, on one versitygw over http whose data is in
memory. Each run is a process of its own. rclone and satchel are charged for the whole process; the
peers written for Python time the transfer alone, without the start of the interpreter. Peak memory
is that of the process. The first result of each contender is compared byte for byte.
"""

from __future__ import annotations

import sys

sys.path[0] += "/support"

import argparse
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import paired
from paired import Figures, Goal, Row

BUCKET = "bench"
BLOCK = 1 << 20
COMMAND = paired.BUILD / "src" / "cli" / "satchel"
CHILD = Path(__file__).parent / "support" / "copy_child.py"
PYTHON_PEERS = ("obstore", "opendal", "s3dlio")
PEERS = ("rclone", *PYTHON_PEERS)
OURS, BARE = "satchel", "satchel-no-checksum"

# What is set, and why: parts and ranges of 8 MiB, 4 at once; 32 small objects at once; nobody
# signs a large body and nobody waits for the disk. rclone asks for nothing it could leave out.
UNSIGNED = ["--set", "payload_signing=never"]
SATCHEL = ["--progress", "none", "--set", "durability=none"]
SATCHEL_LARGE = ["--set", "part_size=8MiB", "--set", "range_size=8MiB"]
SATCHEL_SMALL = ["-r", "-j", "32"]
RCLONE = ["--config", "", "--s3-no-check-bucket", "--s3-no-head", "--use-server-modtime"]
RCLONE_LARGE = [
    "--s3-chunk-size=8M",
    "--s3-upload-concurrency=4",
    "--s3-disable-checksum",
    "--multi-thread-streams=4",
]
RCLONE_SMALL = ["--transfers=32", "--no-check-dest"]
SETTINGS = {
    OURS: [*SATCHEL, "large:", *SATCHEL_LARGE, "up:", *UNSIGNED, "small:", *SATCHEL_SMALL],
    BARE: ["as satchel, large up:", "--set", "request_checksum_calculation=when_required"],
    "rclone": [*RCLONE, "large:", *RCLONE_LARGE, "small:", *RCLONE_SMALL],
    "obstore": [
        "large: chunk_size 8 MiB, max_concurrency 4, unsigned_payload",
        "small: 32 at once",
    ],
    "opendal": ["large: chunk 8 MiB, concurrent 4 (it never signs a body)", "small: 32 at once"],
    "s3dlio": ["large: upload, download (no such options)", "small: max_in_flight 32"],
}


@dataclass(frozen=True)
class Task:
    """A row: what is moved which way, and to which file system."""

    name: str
    upload: bool
    large: bool
    on_disk: bool = False


TASKS = [
    Task("large-up", upload=True, large=True),
    Task("large-down", upload=False, large=True),
    Task("small-up", upload=True, large=False),
    Task("small-down", upload=False, large=False),
    Task("small-down-disk", upload=False, large=False, on_disk=True),
]
GOALS = {
    "large-up": [
        Goal(OURS, "cpu", most=1.1, against=PEERS),
        Goal(BARE, "cpu", most=0.9, against=PEERS),
    ],
    "large-down": [Goal(OURS, "cpu", most=0.8, against=PEERS), Goal(OURS, "rss", most=32 << 20)],
    "small-up": [Goal(OURS, "cpu", most=0.35, against=PEERS)],
    "small-down": [Goal(OURS, "cpu", most=0.4, against=PEERS)],
    "small-down-disk": [Goal(OURS, "cpu", most=0.8, against=PEERS)],
}


def satchel(task: Task, source: str, target: str) -> list[str]:
    """The command line of satchel."""
    command = [str(COMMAND), "upload" if task.upload else "download", *SATCHEL]
    if task.large:
        command += [*SATCHEL_LARGE, *(UNSIGNED if task.upload else [])]
    else:
        command += SATCHEL_SMALL
    to_folder = task.large and not task.upload
    return [*command, source, str(Path(target).parent) if to_folder else target]


def satchel_without_checksum(task: Task, source: str, target: str) -> list[str]:
    """The command line of satchel that takes no checksum of what it sends."""
    command = satchel(task, source, target)
    return [*command[:2], "--set", "request_checksum_calculation=when_required", *command[2:]]


def rclone(task: Task, source: str, target: str) -> list[str]:
    """The command line of rclone, for places as satchel writes them."""
    verb = ["copyto", *RCLONE_LARGE] if task.large else ["copy", *RCLONE_SMALL]
    places = [place.replace("s3://", "bench:") for place in (source, target)]
    return ["rclone", *verb, *RCLONE, *places]


def written_for_python(child: list[str], task: Task, source: str, target: str) -> list[str]:
    """The command line of the program that calls a Python peer."""
    return [*child, task.name, source, target]


class Bench:
    """One server, one set of files, all contenders."""

    def __init__(self, server: paired.Server, python: Path, settings: argparse.Namespace) -> None:
        self.server, self.settings = server, settings
        self.scratch = server.folder / "scratch"
        self.large, self.small = self.scratch / "large", self.scratch / "small"
        self.scratch.mkdir()
        server.stored(BUCKET).mkdir()
        self.env = {
            **server.env,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ENDPOINT_URL_S3": server.url,
            "RCLONE_CONFIG_BENCH_TYPE": "s3",
            "RCLONE_CONFIG_BENCH_PROVIDER": "Other",
            "RCLONE_CONFIG_BENCH_ENDPOINT": server.url,
            "RCLONE_CONFIG_BENCH_ENV_AUTH": "true",
        }
        self.commands: dict[str, Callable[[Task, str, str], list[str]]] = {
            OURS: satchel,
            BARE: satchel_without_checksum,
            "rclone": rclone,
        }
        for peer in PYTHON_PEERS:
            child = [str(python), str(CHILD), peer]
            self.commands[peer] = partial(written_for_python, child)

    def make_data(self) -> None:
        """Seeded files, and as objects what is to be downloaded: stored by satchel."""
        numbers = random.Random(4)
        with self.large.open("wb") as file:
            for _ in range(self.settings.size):
                file.write(numbers.randbytes(BLOCK))
        self.small.mkdir()
        for i in range(self.settings.files):
            (self.small / f"{i:06d}.bin").write_bytes(numbers.randbytes(4096))
        for upload, source, target in (
            (TASKS[0], str(self.large), f"s3://{BUCKET}/kept/large"),
            (TASKS[2], f"{self.small}/", f"s3://{BUCKET}/kept/small/"),
        ):
            paired.run(*satchel(upload, source, target), **self.env)

    @contextmanager
    def folder(self, task: Task) -> Iterator[Path]:
        """An empty local folder for what is downloaded."""
        parent = paired.WORK if task.on_disk else self.scratch
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="down-", dir=parent) as made:
            yield Path(made)

    def run(self, task: Task, contender: str, check: bool) -> Figures:
        """Moves everything once, to an empty place."""
        name = "large" if task.large else "small"
        kept = f"{BUCKET}/kept/{name}"
        with self.folder(task) as folder:
            if task.upload:
                source, stored = getattr(self, name), self.server.stored(BUCKET, "new")
                places = [str(source), f"s3://{BUCKET}/new/{name}"]
                result = stored / name
            else:
                source, stored, result = self.server.stored(kept), folder, folder / name
                places = [f"s3://{kept}", str(result)]
                if not task.large:
                    result.mkdir()
            if not task.large:
                places = [f"{place}/" for place in places]
            command = self.commands[contender](task, *places)
            figures = paired.metered(command, self.scratch, **self.env)
            if check:
                paired.must_be_same(getattr(self, name), result, contender)
            if task.upload:
                shutil.rmtree(stored)
        return figures

    def measure(self, task: Task) -> Row:
        """All rounds of one row."""
        row = Row(task.name)
        names = [OURS, *([BARE] if task.name == "large-up" else []), *PEERS]
        for number, contender, load in paired.in_turn(names, self.settings):
            figures = self.run(task, contender, check=number == 0)
            row.runs.setdefault(contender, []).append(figures)
            if contender == OURS:
                row.loads.append(load)
        return row


def main() -> int:
    """Measures, prints, writes."""
    parser = paired.options(__doc__.partition("\n")[0], rounds=5)
    names = [task.name for task in TASKS]
    parser.add_argument("--only", action="append", choices=names, help="only this row, repeatable")
    parser.add_argument("--size", type=int, default=1024, help="MiB of the large object (1024)")
    parser.add_argument("--files", type=int, default=10_000, help="small files, 4 KiB each (10000)")
    settings = parser.parse_args()
    if shutil.which("rclone") is None:
        sys.exit("rclone is missing: apt-get install --no-install-recommends rclone")
    paired.build("satchel-cli", "metered")
    python = paired.peers()
    versions = paired.versions(python, *PYTHON_PEERS)
    versions["rclone"] = paired.run("rclone", "version").split()[1]
    versions["satchel"] = paired.run(COMMAND, "--version").split()[-1]
    print(f"{paired.machine()}\n{versions}")
    print("\n".join(f"{name:20} {' '.join(words)}" for name, words in SETTINGS.items()))
    rows = []
    with paired.server() as server:
        bench = Bench(server, python, settings)
        bench.make_data()
        for task in TASKS:
            if task.name in (settings.only or names):
                rows.append(bench.measure(task))
                paired.print_row(rows[-1], GOALS[task.name])
    sizes = {"large_mib": settings.size, "small_files": settings.files}
    path = settings.json or paired.WORK / "copy.json"
    paired.write_json(path, rows, versions=versions, settings=SETTINGS, sizes=sizes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
