"""The stages of tools/test: builds, servers, ctest, pytest, gates; quiet where all is well."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
LOGS = BUILD / "test-logs"
BINDINGS = ROOT / "bindings" / "python"
JOBS = os.cpu_count() or 1
SHOWN = 150  # last lines of a failed command's log that are printed

SANITIZERS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


@dataclass
class Tally:
    """What ran: counts, and the closing lines of the runners."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    closing: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.closing += other.closing


class StageError(Exception):
    """A stage could not be run to its end."""


def run(name: str, command: Sequence[str | Path], **extra: str) -> tuple[int, str]:
    """Runs a command into build/test-logs/NAME.log; its status and output."""
    log = LOGS / f"{name}.log"
    with log.open("w", encoding="utf-8") as out:
        status = subprocess.run(
            [str(word) for word in command],
            cwd=ROOT,
            env={**os.environ, **extra},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        ).returncode
    return status, log.read_text(encoding="utf-8", errors="replace")


def show_tail(output: str) -> None:
    """The end of a failed command's output, less the steps of a build that went well."""
    lines = [line for line in output.splitlines() if not re.match(r"\[\d+/\d+\] ", line)]
    print("\n".join("    " + line for line in lines[-SHOWN:]), flush=True)


def must(name: str, command: Sequence[str | Path], **extra: str) -> str:
    """Like run(), for a command without which the stage cannot go on."""
    status, output = run(name, command, **extra)
    if status != 0:
        show_tail(output)
        raise StageError(f"{name} failed: build/test-logs/{name}.log")
    return output


# --- builds and ctest -----------------------------------------------------------------------------


def compiler_settings() -> dict[str, str]:
    """The compilers, and ccache where there is one."""
    settings = {"CC": "gcc", "CXX": "g++"}
    if shutil.which("ccache"):
        settings |= {f"CMAKE_{lang}_COMPILER_LAUNCHER": "ccache" for lang in ("C", "CXX")}
    return settings


def configure(preset: str) -> None:
    # A build folder may have been made without its tests before, by tools/demo.
    command = ["cmake", "--preset", preset, "-DSAT_BUILD_TESTS=ON"]
    must(f"{preset}-configure", command, **compiler_settings())


def build(preset: str, targets: Sequence[str] = ()) -> None:
    command = ["cmake", "--build", str(BUILD / preset), "-j", str(JOBS)]
    must(f"{preset}-build", [*command, *(["--target", *targets] if targets else [])])


def targets_labelled(preset: str, label: str) -> list[str]:
    """The programs that the tests with a label run; ctest itself names only what is built."""
    programs: dict[str, str] = {}
    labels: dict[str, list[str]] = {}
    for path in (BUILD / preset).rglob("CTestTestfile.cmake"):
        text = path.read_text(encoding="utf-8")
        programs |= dict(re.findall(r'^add_test\((\S+) "([^"]+)"', text, re.M))
        for name, properties in re.findall(r"^set_tests_properties\((\S+) (.*)\)$", text, re.M):
            found = re.search(r'\bLABELS "([^"]*)"', properties)
            labels[name] = found[1].split(";") if found else []
    paths = {Path(programs[name]) for name, words in labels.items() if label in words}
    return sorted(path.name for path in paths if path.is_relative_to(BUILD))


def without_aslr() -> list[str]:
    """A prefix for programs under the thread sanitizer, which wants a plain address space."""
    prefix = ["setarch", platform.machine(), "-R"]
    if shutil.which("setarch") and subprocess.run([*prefix, "true"]).returncode == 0:
        return prefix
    return []


def ctest(preset: str, *selection: str, prefix: Sequence[str] = ()) -> Tally:
    command = ["ctest", "--test-dir", str(BUILD / preset), "-j", str(JOBS), "--output-on-failure"]
    status, output = run(f"{preset}-ctest", [*prefix, *command, *selection], **SANITIZERS)
    summary = re.search(r"^.*tests passed, (\d+) tests? failed out of (\d+).*$", output, re.M)
    if summary is None:
        raise StageError(f"ctest {preset} {shlex.join(selection)}: no test was selected")
    failed, total = int(summary[1]), int(summary[2])
    skipped = len(re.findall(r"\*\*\*Skipped", output))
    if status != 0:
        show_tail(output)
    failed = max(failed, int(status != 0))
    return Tally(total - failed - skipped, failed, skipped, [summary[0]])


# --- the stages -----------------------------------------------------------------------------------


def stage_asan() -> Tally:
    """Every C test, on an address- and undefined-sanitized build."""
    configure("asan")
    build("asan")
    return ctest("asan", "-LE", "heavy")


def stage_tsan() -> Tally:
    """The C tests labelled tsan, on a thread-sanitized build."""
    configure("tsan")
    targets = targets_labelled("tsan", "tsan")
    if not targets:
        raise StageError("no test is labelled tsan")
    build("tsan", targets)
    return ctest("tsan", "-L", "tsan", prefix=without_aslr())


def stage_heavy() -> Tally:
    """The C tests labelled heavy, on a release build."""
    configure("release")
    build("release")
    return ctest("release", "-L", "heavy")


def install_bindings() -> None:
    """The package with its sanitized module, into build/python."""
    options = ["cmake.build-type=Debug", "cmake.define.SAT_SANITIZE=address"]
    options.append(f"build-dir={BUILD / 'python-build'}")
    shutil.rmtree(BUILD / "python", ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps"]
    command += ["--target", str(BUILD / "python")]
    command += [word for option in options for word in ("--config-settings", option)]
    must("bindings", [*command, str(BINDINGS)], **compiler_settings())


def test_folders() -> tuple[list[str], list[str]]:
    """Folders of Python tests: those that import satchel, and the others."""
    importing: set[str] = set()
    others: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = path.parent
        texts = (module.read_text(encoding="utf-8") for module in folder.glob("*.py"))
        uses = any(re.search(r"^\s*(?:import|from) satchel\b", text, re.M) for text in texts)
        (importing if uses else others).add(str(folder.relative_to(ROOT)))
    return sorted(importing), sorted(others)


def pytest(name: str, prefix: Sequence[str], folders: Sequence[str], **extra: str) -> Tally:
    command = ["python", "-m", "pytest", "-q", "-ra", "--timeout=300", *folders]
    cache = f"cache_dir={BUILD / 'pytest'}"
    status, output = run(f"pytest-{name}", [*prefix, *command, "-o", cache], **extra)
    closing = output.rstrip().rsplit("\n", 1)[-1]
    found = re.findall(r"(\d+) (passed|failed|errors?|skipped)", closing)
    counts = {word: int(number) for number, word in found}
    failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    if status != 0:
        show_tail(output)
    else:
        print("".join(f"    {line}\n" for line in re.findall(r"^SKIPPED.*", output, re.M)), end="")
    failed = max(failed, int(status != 0))
    return Tally(counts.get("passed", 0), failed, counts.get("skipped", 0), [closing])


def command_settings(preset: str) -> dict[str, str]:
    """Tells the tests of the command which build they are for."""
    settings = {"SATCHEL_TEST_BUILD": str(BUILD / preset)}
    for path in (BUILD / preset).rglob("satchel"):
        if path.is_file() and os.access(path, os.X_OK):
            settings["SATCHEL_TEST_CLI"] = str(path)
    return settings


def stage_python() -> Tally:
    """Every test written in Python: tools, command, bindings, end to end."""
    configure("asan")
    build("asan")
    extra = SANITIZERS | command_settings("asan")
    importing, others = test_folders()
    tally = pytest("plain", [], others, **extra) if others else Tally()
    install_bindings()
    if importing:
        tally.add(pytest("bindings", [str(ROOT / "tools" / "pyenv.sh")], importing, **extra))
    return tally


def stage_check() -> Tally:
    """The gates of tools/check."""
    status, output = run("check", [ROOT / "tools" / "check"])
    closing = output.rstrip().rsplit("\n", 1)[-1]
    counts = re.fullmatch(r"gates: (\d+) passed, (\d+) failed", closing)
    if status != 0 or counts is None:
        show_tail(output)
    if counts is None:
        raise StageError("tools/check did not come to its end")
    return Tally(int(counts[1]), int(counts[2]), 0, [closing])


STAGES: dict[str, Callable[[], Tally]] = {
    "asan": stage_asan,
    "tsan": stage_tsan,
    "heavy": stage_heavy,
    "python": stage_python,
    "check": stage_check,
}


# --- servers and the run --------------------------------------------------------------------------


@contextmanager
def servers(base: Path) -> Iterator[None]:
    """An http and an https S3 server, named in the environment while the block runs."""
    script = ROOT / "tools" / "servers.sh"
    folders = {"http": [], "https": ["--tls"]}
    try:
        for name, options in folders.items():
            subprocess.run([script, "stop", base / name], check=True)
            shutil.rmtree(base / name, ignore_errors=True)
            must(f"server-{name}", [script, "start", "versitygw", base / name, *options])
            for line in (base / name / "env").read_text(encoding="utf-8").splitlines():
                key, _, value = line.removeprefix("export ").partition("=")
                os.environ[key] = shlex.split(value)[0]
        yield
    finally:
        for name in folders:
            subprocess.run([script, "stop", base / name], check=False)


def run_stage(name: str) -> Tally:
    start = time.monotonic()
    try:
        tally = STAGES[name]()
    except StageError as error:
        print(f"    {error}", flush=True)
        tally = Tally(failed=1, closing=[f"{name}: {error}"])
    seconds = time.monotonic() - start
    counts = f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped"
    print(f"{name:8} {seconds:7.1f} s   {counts}", flush=True)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__)
    parser.add_argument("--only", action="append", choices=STAGES, metavar="STAGE")
    parser.add_argument("--list", action="store_true", help="print the stages and end")
    options = parser.parse_args()
    if options.list:
        for name, stage in STAGES.items():
            print(f"{name:8} {stage.__doc__}")
        return 0
    LOGS.mkdir(parents=True, exist_ok=True)
    total = Tally()
    start = time.monotonic()
    try:
        with servers(BUILD / "servers"):
            for name in options.only or STAGES:
                total.add(run_stage(name))
    except StageError as error:
        total.add(Tally(failed=1, closing=[str(error)]))
    print("\n".join([*total.closing, f"all of it took {time.monotonic() - start:.0f} s"]))
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"{total.passed} passed, {total.failed} failed{skipped}")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
