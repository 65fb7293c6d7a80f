"""The progress bar, on a real terminal (a pty) of several widths, and its plain form."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cli_support import Cli
from held_server import HeldServer, held_server
from object_server import object_server

FULL = re.compile(
    r"UPLOAD: \[(?P<bar>[^\]]*)\] (?P<sizes>[\d.]+ [kMG]?B/[\d.]+ [kMG]?B\+?)"
    r" \((?P<rate>[\d.]+ (?:[KMG]i)?B/s), ETA: (?P<eta>--|\d+s)\) (?P<files>\d+/\d+\+?) files"
)


@pytest.fixture
def server() -> Iterator[HeldServer]:
    with held_server() as running:
        yield running


@pytest.fixture
def files(cli: Cli, server: HeldServer) -> list[str]:
    """Two files of a megabyte; the server keeps the answer for the second back."""
    cli.extra |= {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    for name in ("free", "held"):
        (cli.home / name).write_bytes(b"x" * 1_000_000)
    return ["upload", "-j1", "free", "held", "s3://bucket/"]


class Terminal:
    """A call whose stderr is a terminal."""

    def __init__(self, cli: Cli, words: list[str], width: int) -> None:
        self.master, slave = pty.openpty()
        self.resize(width)
        self.process = cli.start(*words, stderr=slave, stdout=subprocess.PIPE)
        os.close(slave)
        self.text = b""

    def resize(self, width: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

    def fresh_frame(self) -> str:
        """The first frame that was surely begun from now on: the one behind the next."""
        start = len(self.text)
        self.read_until(lambda _: self.text.count(b"\r", start) > 2)
        return self.text[start:].split(b"\r")[2].decode()

    def read_until(self, done: Callable[[str], bool]) -> None:
        """Reads on until the text fulfils `done`, or to the end."""
        while not done(self.text.decode(errors="ignore")):
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # the other side is closed
                return
            if not piece:
                return
            self.text += piece

    def finish(self) -> int:
        self.read_until(lambda _: False)
        os.close(self.master)
        self.process.communicate(timeout=60)
        return self.process.returncode

    @property
    def frames(self) -> list[str]:
        """What was drawn, line over line."""
        parts = re.split(r"[\r\n]+", self.text.decode())
        return [part.rstrip() for part in parts if part.strip()]


def upload_on_terminal(cli: Cli, words: list[str], width: int, server: HeldServer) -> Terminal:
    """Runs an upload of which a frame at half the way was seen, to its end."""
    terminal = Terminal(cli, words, width)
    terminal.read_until(lambda text: re.search(r"\b1/2|[1-9]\d*%|1\.\d MB/2", text) is not None)
    server.release.set()
    assert terminal.finish() == 0
    return terminal


def test_the_bar_of_the_specification(cli: Cli, files: list[str], server: HeldServer) -> None:
    terminal = upload_on_terminal(cli, files, 120, server)
    last = FULL.fullmatch(terminal.frames[-1])
    assert last is not None, terminal.frames[-1]
    assert set(last["bar"]) == {"█"}
    assert len(last["bar"]) == 40
    assert (last["sizes"], last["eta"], last["files"]) == ("2.0 MB/2.0 MB", "0s", "2/2")
    half = next(FULL.fullmatch(frame) for frame in terminal.frames if "1/2 files" in frame)
    assert half is not None
    assert len(half["bar"]) == 40
    assert terminal.text.endswith(b"\r\n")
    assert terminal.text.count(b"\n") == 1


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_the_bar_fits(
    cli: Cli, files: list[str], server: HeldServer, width: int, locale: str
) -> None:
    cli.extra["LC_ALL"] = locale
    terminal = upload_on_terminal(cli, files, width, server)
    assert len(terminal.frames) > 1
    for frame in terminal.frames:
        assert len(frame) < width
    last = terminal.frames[-1]
    assert last.isascii() == (locale == "C" or width == 20)
    if width == 20:
        assert last == "UPLOAD: 100%"
    elif width == 40:
        assert re.fullmatch(r"UPLOAD: \[[█#]{5}\] 2\.0 MB/2\.0 MB 2/2 files", last)
    else:
        assert FULL.fullmatch(last)
    assert (b"#" in terminal.text) == (locale == "C" and width > 20)


def test_half_of_an_object_is_half_of_the_bar(cli: Cli) -> None:
    """Also when it is the only one: bytes count as they come."""
    body = b"x" * 8_000_000
    resume = threading.Event()

    def wait(_: str) -> None:
        resume.wait(60)

    with object_server({"big": body}) as server:
        server.on_half = wait
        cli.extra |= server.env
        terminal = Terminal(cli, ["download", "s3://bucket/big", "out/"], 100)
        terminal.read_until(lambda text: "4.0 MB/8.0 MB" in text)
        resume.set()
        assert terminal.finish() == 0
    half = next(frame for frame in terminal.frames if "4.0 MB/8.0 MB" in frame)
    assert re.match(r"DOWNLOAD: \[(█+) +\] ", half)
    assert half.count("█") == pytest.approx(len(half.split("[")[1].split("]")[0]) / 2, abs=1)
    assert "8.0 MB/8.0 MB" in terminal.frames[-1]
    assert (cli.home / "out/big").read_bytes() == body


def sweep(cli: Cli, words: list[str], widths: range) -> dict[int, str]:
    """What is shown at each width of a terminal that changes it while the call goes on."""
    terminal = Terminal(cli, words, 200)
    terminal.read_until(lambda text: "1/2 files" in text)
    shown = {}
    for width in widths:
        terminal.resize(width)
        shown[width] = terminal.fresh_frame()
    terminal.process.terminate()
    terminal.finish()
    return shown


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_every_width_of_a_terminal(
    cli: Cli, files: list[str], server: HeldServer, locale: str
) -> None:
    """20 to 200 columns, changed under way: no frame ever reaches the last column."""
    cli.extra["LC_ALL"] = locale
    step = 20
    with ThreadPoolExecutor(step) as pool:
        runs = [pool.submit(sweep, cli, files, range(20 + i, 201, step)) for i in range(step)]
        server.held.wait(60)
        shown = {width: frame for run in runs for width, frame in run.result().items()}
    assert sorted(shown) == list(range(20, 201))
    for width, frame in shown.items():
        assert len(frame.rstrip()) < width
        assert frame.isascii() == (locale == "C" or "[" not in frame)
        assert ("[" in frame) == (width >= 30)
        assert ("files" in frame) == (width >= 40)
        assert ("ETA" in frame) or width < 69


@pytest.mark.parametrize(
    ("locale", "utf8"),
    [
        ({"LC_ALL": "", "LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, True),
        ({"LC_ALL": "", "LC_CTYPE": "", "LANG": "de_DE.utf8"}, True),
        ({"LC_ALL": "POSIX", "LC_CTYPE": "en_US.UTF-8"}, False),
    ],
)
def test_the_locale_decides_the_alphabet(
    cli: Cli, tree: Path, locale: dict[str, str], utf8: bool
) -> None:
    cli.extra |= locale
    terminal = Terminal(cli, ["cp", f"{tree}/", "out/"], 100)
    assert terminal.finish() == 0
    assert ("█" in terminal.text.decode()) == utf8


def test_no_escape_sequences_at_all(cli: Cli, files: list[str], server: HeldServer) -> None:
    cli.extra["NO_COLOR"] = "1"
    terminal = upload_on_terminal(cli, files, 80, server)
    assert b"\x1b" not in terminal.text


@pytest.mark.parametrize("settings", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_dumb_terminal_gets_plain_lines(cli: Cli, tree: Path, settings: dict[str, str]) -> None:
    cli.extra |= settings
    terminal = Terminal(cli, ["cp", f"{tree}/", "out/"], 80)
    assert terminal.finish() == 0
    assert re.fullmatch(rb"COPY: 1\.1 MB/1\.1 MB \(.*, ETA: 0s\) 6/6 files\r\n", terminal.text)


def test_messages_take_the_bar_off_the_line(cli: Cli, files: list[str], server: HeldServer) -> None:
    terminal = Terminal(cli, [*files[:2], "free", "missing", *files[3:]], 100)
    terminal.read_until(lambda text: "1/" in text and "failed" in text)
    server.release.set()
    assert terminal.finish() == 1
    screen = [line.rsplit("\r", 1)[-1] for line in terminal.text.decode().split("\r\n")]
    assert any(line.startswith("satchel: ") and "missing" in line for line in screen)
    assert "1 failed" in terminal.text.decode()


def test_without_a_terminal_a_line_now_and_then(
    cli: Cli, files: list[str], server: HeldServer
) -> None:
    process = cli.start(*files, "--progress-every", "1", stderr=subprocess.PIPE)
    assert process.stderr is not None
    first = process.stderr.readline().decode()
    server.release.set()
    rest = process.stderr.read().decode().splitlines()
    assert process.wait(60) == 0
    assert re.fullmatch(r"UPLOAD: .*/2\.0 MB \(.*\) 1/2 files\n", first)
    assert re.fullmatch(r"UPLOAD: 2\.0 MB/2\.0 MB \(.*, ETA: 0s\) 2/2 files", rest[-1])


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--progress", "none"], ""),
        (["-q"], ""),
        (["--json"], ""),
        (["--progress", "plain", "-q"], "COPY: 1.1 MB"),
        (["--progress", "bar"], "\rCOPY: ["),
    ],
)
def test_progress_as_asked_for(cli: Cli, tree: Path, words: list[str], shown: str) -> None:
    result = cli.ok("cp", *words, f"{tree}/", "out/")
    assert result.err.startswith(shown)
    assert bool(result.err) == bool(shown)
