"""Programs that end amid a hundred transfers: at once, and with status 0.

exit.py WORKER file|s3|s3s
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cas import SKIPPED, Store, open_store

TURNS = 20
LONGEST_S = 2.0


def leave(worker: str, store: Store, way: str) -> float:
    """Seconds from the program's last word to its end."""
    with subprocess.Popen(
        [worker, store.uri, way],
        env={**os.environ, **store.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "leaving\n"
        start = time.monotonic()
        _, errors = process.communicate(timeout=60)
        took = time.monotonic() - start
    assert (process.returncode, errors) == (0, ""), f"{way}: {process.returncode} {errors}"
    assert took <= LONGEST_S, f"{way}: {took} s"
    return took


def main() -> int:
    worker, kind = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        store = open_store(kind, Path(name))
        if store is None:
            print(f"skipped: no {kind} server in the environment (tools/servers.sh starts one)")
            return SKIPPED
        for way in ("return", "exit", "shutdown"):
            worst = max(leave(worker, store, way) for _ in range(TURNS))
            print(f"{way}: {TURNS} ends amid transfers, {worst:.2f} s at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())
