"""What the benchmarks share: a build, a server, peers, paired rounds, medians, the report.

A round runs every contender once, each in a process of its own; which goes first changes from
round to round. A round is only begun while the machine is quiet.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"
WORK = ROOT / "build" / "bench"
MEMORY = Path("/dev/shm")
LOAD_PAUSE = 5  # seconds between two looks at the load

Figures = dict[str, float]


def options(description: str, rounds: int) -> argparse.ArgumentParser:
    """The command line that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"runs of each ({rounds})")
    parser.add_argument(
        "--max-load",
        type=float,
        default=4.0,
        help="a round begins when the load average is at most this (4)",
    )
    parser.add_argument(
        "--patience", type=int, default=600, help="seconds to wait for that load (600)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all runs are written")
    return parser


# --- what is measured -----------------------------------------------------------------------------


def run(*command: str | Path, **settings: str) -> str:
    """Runs a command to its end; its output. Ends the program when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{shlex.join(map(str, command))}: exit status {done.returncode}")
    return done.stdout


def build(*targets: str) -> None:
    """The release build of what is measured."""
    run("cmake", "--preset", "release", "-S", ROOT, "-DSAT_BUILD_TESTS=ON")
    run("cmake", "--build", BUILD, "--target", *targets)


def peers() -> Path:
    """The Python of an environment with what requirements.txt names, made when it changed."""
    wanted = (ROOT / "bench" / "requirements.txt").read_text(encoding="utf-8")
    venv = WORK / "venv"
    made_for = venv / "made-for.txt"
    if not made_for.exists() or made_for.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(venv, ignore_errors=True)
        run(sys.executable, "-m", "venv", venv)
        run(venv / "bin" / "pip", "install", "-q", "-r", ROOT / "bench" / "requirements.txt")
        made_for.write_text(wanted, encoding="utf-8")
    return venv / "bin" / "python"


def install_satchel(python: Path) -> None:
    """This checkout's package, a release build, into the environment of the peers."""
    command = [python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall"]
    options = [f"build-dir={WORK / 'python'}", "cmake.build-type=Release"]
    settings = [word for option in options for word in ("--config-settings", option)]
    run(*command, *settings, ROOT / "bindings" / "python")


def versions(python: Path, *packages: str) -> dict[str, str]:
    """The installed versions of Python packages."""
    code = "import importlib.metadata as m, sys; print([m.version(p) for p in sys.argv[1:]])"
    found = run(python, "-c", code, *packages).strip().strip("[]").replace("'", "").split(", ")
    return {"python": platform.python_version(), **dict(zip(packages, found, strict=True))}


# --- where it is measured -------------------------------------------------------------------------


@dataclass
class Server:
    """An S3 server of the benchmark's own, its data in memory."""

    folder: Path
    env: dict[str, str]

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.env["AWS_ENDPOINT_URL"]

    def stored(self, bucket: str, key: str = "") -> Path:
        """The file or folder in which the server keeps an object or prefix."""
        return self.folder / "data" / bucket / key


@contextmanager
def server() -> Iterator[Server]:
    """A versitygw that lives as long as the block; AWS_ settings of the caller do not count."""
    script = ROOT / "tools" / "servers.sh"
    with tempfile.TemporaryDirectory(prefix="satchel-bench-", dir=MEMORY) as made:
        folder = Path(made)
        for name in [name for name in os.environ if name.startswith(("AWS_", "SATCHEL_"))]:
            del os.environ[name]
        try:
            run(script, "start", "versitygw", folder)
            told = dict(
                line.removeprefix("export ").split("=", 1)
                for line in (folder / "env").read_text(encoding="utf-8").splitlines()
            )
            env = {
                "AWS_ENDPOINT_URL": told["SATCHEL_TEST_S3_URL"],
                "AWS_ACCESS_KEY_ID": told["SATCHEL_TEST_S3_KEY"],
                "AWS_SECRET_ACCESS_KEY": told["SATCHEL_TEST_S3_SECRET"],
                "AWS_REGION": told["SATCHEL_TEST_S3_REGION"],
            }
            yield Server(folder, env)
        finally:
            run(script, "stop", folder)


def machine() -> dict[str, object]:
    """What the figures are worth depends on this."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release()}


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


def wait_for_quiet(most: float, patience: int) -> float:
    """The load once it is at most `most`; ends the program when that takes longer than patience."""
    until = time.monotonic() + patience
    if load() > most:
        print(f"load average {load():.1f}: waiting until it is {most}", flush=True)
    while load() > most:
        if time.monotonic() > until:
            sys.exit(f"load average {load():.1f} is above {most}: no figure taken here would count")
        time.sleep(LOAD_PAUSE)
    return load()


# --- runs -----------------------------------------------------------------------------------------


def metered(command: Sequence[str | Path], scratch: Path, **env: str) -> Figures:
    """Runs a command in a process of its own. CPU and wall in seconds, rss in bytes.

    The figures are those of the whole process, unless its last line is a JSON object: a program
    that has to start an interpreter first times the work itself.
    """
    report = scratch / "metered.json"
    output = run(BUILD / "bench" / "metered", report, *command, **env)
    figures: Figures = json.loads(report.read_text(encoding="utf-8"))
    if figures.pop("status") != 0:
        sys.exit(f"{shlex.join(map(str, command))} failed:\n{output}")
    last = output.rstrip().rsplit("\n", 1)[-1]
    return {**figures, **json.loads(last)} if last.startswith("{") else figures


@dataclass(frozen=True)
class Goal:
    """What one of ours is to reach in a row.

    Against the best of some peers: `most` bounds ours / theirs, `times` is how often ours must go
    into theirs. Without peers `most` bounds the figure itself.
    """

    ours: str
    figure: str
    most: float = 0
    times: float = 0
    against: Sequence[str] = ()


@dataclass
class Row:
    """One workload: all runs of each contender, and the load at which each round began."""

    name: str
    runs: dict[str, list[Figures]] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)

    def values(self, contender: str, figure: str) -> list[float]:
        """All runs of one figure."""
        return [figures[figure] for figures in self.runs[contender]]

    def median(self, contender: str, figure: str) -> float:
        """The median of one figure."""
        return statistics.median(self.values(contender, figure))

    def verdict(self, goal: Goal) -> str:
        """How far a goal is reached, in one line."""
        ours = self.median(goal.ours, goal.figure)
        if not goal.against:
            reached = "reached" if ours <= goal.most else "NOT reached"
            return f"{goal.ours} {goal.figure} {ours:.4g}, wanted <= {goal.most:.4g}: {reached}"
        best = min(goal.against, key=lambda name: self.median(name, goal.figure))
        theirs = self.median(best, goal.figure)
        if goal.times:
            ratio, reached = theirs / ours, theirs >= goal.times * ours
            text = f"{best} / {goal.ours} = {ratio:.2f}, wanted >= {goal.times:g}"
        else:
            ratio, reached = ours / theirs, ours <= goal.most * theirs
            text = f"{goal.ours} / {best} = {ratio:.2f}, wanted <= {goal.most:g}"
        tie = overlap(self.values(goal.ours, goal.figure), self.values(best, goal.figure))
        note = " (the ranges overlap: a tie)" if tie else ""
        return f"{goal.figure}: {text}: {'reached' if reached else 'NOT reached'}{note}"


def in_turn(names: Sequence[str], settings: argparse.Namespace) -> Iterator[tuple[int, str, float]]:
    """Round by round each name once, with the number of the round and the load it began at."""
    for number in range(settings.rounds):
        began_at = wait_for_quiet(settings.max_load, settings.patience)
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            yield number, name, began_at


# --- checks ---------------------------------------------------------------------------------------


def sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def must_be_same(source: Path, result: Path, who: str) -> None:
    """Ends the program unless a file or folder arrived byte for byte, and nothing else did."""
    if source.is_file():
        same = sha256(source) == sha256(result)
    else:
        wanted = {path.name: path.read_bytes() for path in source.iterdir()}
        same = wanted == {path.name: path.read_bytes() for path in result.iterdir()}
    if not same:
        sys.exit(f"{who}: {result} is not what {source} holds")


# --- the report -----------------------------------------------------------------------------------


def print_row(row: Row, goals: Iterable[Goal]) -> None:
    """The row's figures and how far its goals are reached."""
    print(
        f"\n{row.name}: {len(row.loads)} rounds, load at their start {spread(row.loads, digits=1)}"
    )
    print(f"  {'':22} {'client CPU s':24} {'wall s':24} peak RSS MiB")
    for name, runs in row.runs.items():
        cells = [spread([figures[figure] for figures in runs]) for figure in ("cpu", "wall")]
        rss = [figures["rss"] / 2**20 for figures in runs if "rss" in figures]
        print(f"  {name:22} {cells[0]:24} {cells[1]:24} {spread(rss, digits=1) if rss else '-'}")
    for goal in goals:
        print(f"  {row.verdict(goal)}")


def spread(values: Sequence[float], digits: int = 4) -> str:
    """Median with [min-max]."""
    middle = statistics.median(values)
    return f"{middle:.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


def overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two ranges overlap: then neither is the lower one."""
    return min(a) <= max(b) and min(b) <= max(a)


def write_json(path: Path, rows: Iterable[Row], **found: object) -> None:
    """All that was seen, for later comparison."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found["rows"] = {row.name: {"loads": row.loads, "runs": row.runs} for row in rows}
    head = {"machine": machine(), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    path.write_text(json.dumps({**head, **found}, indent=1) + "\n", encoding="utf-8")
    print(f"all runs: {path}")
