"""Progress of jobs: what callbacks are told, and the bar."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

BAR_WIDTH = 40


@dataclass(frozen=True)
class Progress:
    """Where a job stands.

    Attributes:
        done: objects or records finished well.
        failed: those that failed.
        skipped: those left alone as asked.
        total: how many there are as far as is known.
        bytes_done: bytes moved, of the objects under way too.
        bytes_total: bytes to move as far as is known.
        seconds: since the start.
        total_is_final: False while sources are still being listed.
    """

    done: int
    failed: int
    skipped: int
    total: int
    bytes_done: int
    bytes_total: int
    seconds: float
    total_is_final: bool


ProgressCallback = Callable[[Progress], object]
ProgressOption = ProgressCallback | bool | None
RawProgress = tuple[int, int, int, int, int, int, int, bool]


def progress_of(raw: RawProgress) -> Progress:
    """What the module tells."""
    return Progress(*raw[:6], raw[6] / 1e9, raw[7])


def size_text(count: float) -> str:
    """Bytes for people: 1.8 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


class Bar:
    """A bar on one line of a terminal.

    Args:
        title: its first word: "UPLOAD".
        out: where it goes; standard error when None.
    """

    def __init__(self, title: str, out: TextIO | None = None) -> None:
        self.title = title
        self.out = out or sys.stderr

    def line(self, state: Progress) -> str:
        """The line for a state."""
        part = state.bytes_done / state.bytes_total if state.bytes_total else 1.0
        filled = round(BAR_WIDTH * min(part, 1.0))
        rate = state.bytes_done / state.seconds if state.seconds > 0 else 0.0
        left = max(state.bytes_total - state.bytes_done, 0)
        eta = f"{left / rate:.0f}s" if rate > 0 else "?"
        bar = "█" * filled + " " * (BAR_WIDTH - filled)
        sizes = f"{size_text(state.bytes_done)}/{size_text(state.bytes_total)}"
        return f"{self.title}: [{bar}] {sizes} ({size_text(rate)}/s, ETA: {eta})"

    def __call__(self, state: Progress) -> None:
        """Draws the line over the last one."""
        print(f"\r{self.line(state)}\033[K", end="", file=self.out, flush=True)

    def end(self) -> None:
        """Leaves the line."""
        print(file=self.out)
