"""An object of 5 GiB and a bit, up, copied on the server and down again, through 64 MiB of memory.

large.py SATCHEL. Judged by boto3, SHA-256 and the kernel's count of resident memory.
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

from content import MIB, Content
from shell import Shell, main

SIZE = 5 * 1024 * MIB + 12345  # more than one COPY takes: the server-side copy goes in parts
PART = 8 * MIB
MEMORY = "64MiB"
PEAK = 96 * MIB


def write(path: Path, content: Content) -> None:
    with path.open("wb") as out:
        out.writelines(content.blocks())


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def timed(shell: Shell, *words: str | Path) -> None:
    """A call that succeeds within the memory."""
    begun = time.monotonic()
    ended = shell.ok("cp", *words, "--max-memory", MEMORY)
    seconds = time.monotonic() - begun
    peak = f"resident <= {ended.peak / MIB:.1f} MiB"
    print(f"{words[0]} -> {words[1]}: {seconds:.1f} s, {peak}", flush=True)
    assert ended.peak <= PEAK


def check_object(shell: Shell, key: str, content: Content, etag: str | None) -> None:
    head = shell.client.head_object(Bucket=shell.bucket, Key=key, ChecksumMode="ENABLED")
    assert head["ContentLength"] == SIZE
    assert head["ChecksumCRC64NVME"] == content.crc64
    assert etag is None or head["ETag"] == f'"{etag}"'


def check(shell: Shell) -> None:
    content = Content(SIZE, seed=5)
    source, back = shell.folder / "large", shell.folder / "back"
    write(source, content)
    timed(shell, source, shell.uri("large"))
    source.unlink()
    check_object(shell, "large", content, content.etag(0, PART))
    timed(shell, shell.uri("large"), shell.uri("copy"))
    shell.client.delete_object(Bucket=shell.bucket, Key="large")
    check_object(shell, "copy", content, None)
    timed(shell, shell.uri("copy"), back)
    assert back.stat().st_size == SIZE
    assert sha256(back) == content.sha256
    assert shell.open_uploads() == []


if __name__ == "__main__":
    sys.exit(main(check))
