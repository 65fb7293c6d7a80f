"""Log lines of the library."""

from __future__ import annotations

from satchel import _core
from satchel.errors import InvalidError

LEVELS = ("off", "error", "warning", "info", "debug", "trace")


def log_to_stderr(level: str = "warning") -> None:
    """Writes log lines to standard error; secrets in them are replaced by `***`.

    Args:
        level: "off" (the state at the start), "error", "warning", "info", "debug" (a line for each
            request) or "trace"; lines above it come too.
    """
    if level not in LEVELS:
        raise InvalidError(f"level is one of {', '.join(LEVELS)}, not {level!r}")
    _core.log_to_stderr(LEVELS.index(level))
