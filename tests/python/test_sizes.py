"""Large objects from Python, at the sizes where their handling changes; see tests/cli."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from content import MIB, Content

import satchel

THRESHOLD = 6 * MIB
PART = 5 * MIB
EDGES = (THRESHOLD, 2 * PART)
SIZES = (0, 1, *(edge + step for edge in EDGES for step in (-1, 0, 1)))
LIMITS = {"multipart_threshold": THRESHOLD, "part_size": PART, "range_size": PART}


def test_up_and_down_at_every_edge(s3_environment: Any, tmp_path: Path) -> None:
    bucket = s3_environment.bucket()
    contents = {f"{size:08}": Content(size, seed=size) for size in SIZES}
    (tmp_path / "in").mkdir()
    for name, content in contents.items():
        (tmp_path / "in" / name).write_bytes(bytes(content))
    up = satchel.upload(f"{tmp_path}/in/", f"s3://{bucket}/a/", **LIMITS)
    assert (up.files, up.bytes) == (len(SIZES), sum(SIZES))
    down = satchel.download(f"s3://{bucket}/a/", tmp_path / "out", **LIMITS)
    assert (down.files, down.bytes) == (len(SIZES), sum(SIZES))
    for name, content in contents.items():
        head = s3_environment.boto.head_object(
            Bucket=bucket, Key=f"a/{name}", ChecksumMode="ENABLED"
        )
        assert head["ETag"] == f'"{content.etag(THRESHOLD, PART)}"'
        assert (head["ChecksumType"], head["ChecksumCRC64NVME"]) == ("FULL_OBJECT", content.crc64)
        assert (tmp_path / "out" / name).read_bytes() == bytes(content)
    assert "Uploads" not in s3_environment.boto.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("size", [0, 1, THRESHOLD, THRESHOLD + 1, 2 * PART, 2 * PART + 1])
def test_bytes_at_every_edge(s3_environment: Any, size: int) -> None:
    bucket = s3_environment.bucket()
    content = Content(size, seed=1)
    satchel.put(f"s3://{bucket}/k", bytes(content), **LIMITS)
    head = s3_environment.boto.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ETag"] == f'"{content.etag(THRESHOLD, PART)}"'
    assert head["ChecksumCRC64NVME"] == content.crc64
    assert satchel.get(f"s3://{bucket}/k", **LIMITS) == bytes(content)
