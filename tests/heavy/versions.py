"""Sources overwritten in mid-upload, objects in mid-download: one version or MODIFIED, never a mix.

versions.py SATCHEL. A proxy tells when; boto3 and plain reads judge.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from content import KIB, MIB, Content
from proxy import Plan, Request, proxied
from shell import Shell, client_of, main

CONFLICT = 7  # the exit status that MODIFIED has
RANGES = 64
RANGE = 16 * KIB
PART = 5 * MIB


class Once:
    """Calls `action` at the first call only; tells whether it did."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action = action
        self.done = False

    def __call__(self) -> None:
        if not self.done:
            self.done = True
            self.action()


# --- objects that are overwritten


def download(shell: Shell, boundary: int, old: Content, new: bytes) -> str:
    """Overwrites the object as range number `boundary` is asked for; what came of it."""
    shell.client.put_object(Bucket=shell.bucket, Key="object", Body=bytes(old))
    other = client_of(shell.url)
    overwrite = Once(lambda: other.put_object(Bucket=shell.bucket, Key="object", Body=new))
    seen = 0

    def rule(request: Request) -> Plan | None:
        nonlocal seen
        if request.kind != "range":
            return None
        seen += 1
        return Plan(before=overwrite) if seen == boundary + 1 else None

    out = shell.folder / "out"
    limits = [f"multipart_threshold={RANGE}", f"range_size={RANGE}"]
    with proxied(shell.url, rule) as proxy:
        ended = shell.run("cp", shell.uri("object"), out, *settings(limits), url=proxy.url)
    assert overwrite.done, f"{seen} ranges"
    assert [path.name for path in shell.folder.glob(".satchel-*")] == []
    if ended.status == CONFLICT:
        assert "changed" in ended.err, ended
        assert not out.exists()
        return "modified"
    assert ended.status == 0, ended
    got = out.read_bytes()
    out.unlink()
    assert got in (bytes(old), new), f"a mix of two versions, boundary {boundary}"
    return "old" if got == bytes(old) else "new"


def settings(pairs: list[str]) -> list[str]:
    return [word for pair in pairs for word in ("--set", pair)]


def check_downloads(shell: Shell) -> None:
    old = Content(RANGES * RANGE, seed=1)
    same_size = bytes(Content(old.size, seed=2))
    larger = bytes(Content(old.size + 1, seed=3))
    ends: Counter[str] = Counter()
    for boundary in range(RANGES):
        ends[download(shell, boundary, old, same_size if boundary % 2 else larger)] += 1
    print(f"downloads, overwritten at each of {RANGES} range boundaries: {dict(ends)}", flush=True)
    assert ends["modified"] > RANGES // 2


# --- sources that are overwritten


def in_place(path: Path, content: bytes) -> None:
    """Every byte, in the same inode and of the same length."""
    with path.open("r+b") as file:
        file.write(content)


def rename_over(path: Path, content: bytes) -> None:
    fresh = path.with_name("fresh")
    fresh.write_bytes(content)
    fresh.replace(path)


def tail_in_place(path: Path, content: bytes) -> None:
    """The last half only."""
    half = len(content) // 2
    with path.open("r+b") as file:
        file.seek(half)
        file.write(content[half:])


def upload(
    shell: Shell, change: Callable[[Path, bytes], None], point: int, old: bytes, new: bytes
) -> str:
    """Changes the source once `point` bytes of it have passed; what came of it."""
    source = shell.folder / "source"
    source.write_bytes(old)
    # A time well before: else it is read once more for its youth, and that hides the rest.
    os.utime(source, (1_600_000_000, 1_600_000_000))
    shell.client.delete_object(Bucket=shell.bucket, Key="up")
    happen = Once(lambda: change(source, new))
    passed = 0

    def rule(request: Request) -> Plan | None:
        if request.kind == "finish" and point >= len(old):
            return Plan(before=happen)
        if request.method != "PUT":
            return None
        return Plan(on_byte=lambda _: count(request))

    def count(request: Request) -> None:
        nonlocal passed
        if passed >= point:
            happen()
        passed += min(256 * KIB, request.length)

    limits = [f"part_size={PART}", "multipart_threshold=5MiB"]
    with proxied(shell.url, rule) as proxy:
        ended = shell.run("cp", source, shell.uri("up"), *settings(limits), url=proxy.url)
    got = shell.get("up")
    left = shell.open_uploads()
    assert left == [], f"{left}: {ended}, {proxy.kinds()}"
    assert got is None or got in (old, new), f"a mix of two versions, {change.__name__} at {point}"
    if ended.status == CONFLICT:
        assert "changed" in ended.err, ended
        return "modified"
    assert ended.status == 0, ended
    assert got is not None
    return "old" if got == old else "new"


def check_uploads(shell: Shell) -> None:
    for size in (20 * MIB + 1, 3 * MIB):
        old, new = bytes(Content(size, seed=1)), bytes(Content(size, seed=2))
        points = [size * i // 16 for i in range(16)]
        if size > 5 * MIB:
            points.append(size)  # all parts are there: in front of their being put together
        for change in (in_place, rename_over, tail_in_place):
            ends = Counter(upload(shell, change, point, old, new) for point in points)
            what = f"{change.__name__} at {len(points)} points"
            print(f"uploads of {size} bytes, {what}: {dict(ends)}", flush=True)
            if change is rename_over:
                assert ends == {"old": len(points)}, "the open file is what is sent"


def check(shell: Shell) -> None:
    check_downloads(shell)
    check_uploads(shell)


if __name__ == "__main__":
    sys.exit(main(check))
