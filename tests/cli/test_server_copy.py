"""Copies from bucket to bucket: what stays on the server, what goes through us, what is kept."""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_support import Bucket, Cli
from content import MIB, Content

SECONDS = 10
TAGS = {"team": "blue", "kind": "raw data"}
METADATA = {"origin": "instrument-7", "note": "a b c"}
RELAYED = ("--if-exists", "error")  # asks for a condition that a COPY does not have
LIMITS = ("--set", f"multipart_threshold={5 * MIB}", "--set", f"part_size={5 * MIB}")


@pytest.fixture
def other(bucket: Bucket) -> Iterator[Bucket]:
    """A second bucket on the same server."""
    made = Bucket(f"{bucket.name}-2", bucket.client)
    bucket.client.create_bucket(Bucket=made.name)
    yield made
    for key in made.names():
        bucket.client.delete_object(Bucket=made.name, Key=key)
    bucket.client.delete_bucket(Bucket=made.name)


def put(bucket: Bucket, key: str, content: Content) -> None:
    bucket.put(
        key,
        bytes(content),
        ContentType="text/x-log",
        Metadata=METADATA,
        Tagging="team=blue&kind=raw%20data",
        ChecksumAlgorithm="CRC32",
    )


def head(bucket: Bucket, key: str) -> Any:
    return bucket.client.head_object(Bucket=bucket.name, Key=key, ChecksumMode="ENABLED")


def tags(bucket: Bucket, key: str) -> dict[str, str]:
    found = bucket.client.get_object_tagging(Bucket=bucket.name, Key=key)["TagSet"]
    return {row["Key"]: row["Value"] for row in found}


def requests(bucket: Bucket) -> Counter[str]:
    """Satchel's requests to a bucket by kind, as the server's own log has them."""
    log = Path(os.environ.get("SATCHEL_TEST_S3_LOG", ""))
    if not log.is_file():
        pytest.skip("SATCHEL_TEST_S3_LOG is not set: the server's log is not known")
    mark = uuid.uuid4().hex
    with pytest.raises(bucket.client.exceptions.ClientError):
        bucket.client.head_object(Bucket=bucket.name, Key=mark)
    deadline = time.monotonic() + SECONDS
    while mark not in (text := log.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline, "the access log does not grow"
    lines = [line for line in text.splitlines() if f" {bucket.name} " in line]
    own = [line for line in lines if " satchel/" in line]
    return Counter(line.split("] ", 1)[1].split(" ")[3] for line in own)


@pytest.mark.parametrize("size", [0, 1, 6 * MIB + 1])
def test_a_copy_stays_on_the_server(cli: Cli, bucket: Bucket, other: Bucket, size: int) -> None:
    content = Content(size, seed=size)
    put(bucket, "a/one.log", content)
    cli.ok("cp", f"{bucket.uri}/a/one.log", f"{other.uri}/b/two.log")
    assert other.get("b/two.log") == bytes(content)
    kept = head(other, "b/two.log")
    assert (kept["ContentType"], kept["Metadata"]) == ("text/x-log", METADATA)
    assert tags(other, "b/two.log") == TAGS
    assert requests(other)["s3_CopyObject"] == 1
    assert [kind for kind in requests(bucket) if "GetObject" in kind] == []
    assert [kind for kind in requests(other) if "Put" in kind or "Part" in kind] == []


def test_a_whole_prefix_stays_on_the_server(cli: Cli, bucket: Bucket, other: Bucket) -> None:
    for i in range(20):
        bucket.put(f"a/{i:02}", bytes([i]) * i)
    cli.ok("cp", f"{bucket.uri}/a/", f"{other.uri}/b/")
    assert {name: other.get(name) for name in other.names()} == {
        f"b/{i:02}": bytes([i]) * i for i in range(20)
    }
    assert requests(other)["s3_CopyObject"] == 20
    assert requests(bucket)["s3_GetObject"] == 0


@pytest.mark.parametrize("size", [0, 1, 6 * MIB, 17 * MIB, 25 * MIB + 1])
def test_what_goes_through_us_is_exact(cli: Cli, bucket: Bucket, other: Bucket, size: int) -> None:
    """Held in memory whole, or part by part from 16 MiB on."""
    content = Content(size, seed=size)
    put(bucket, "one", content)
    cli.ok("cp", *RELAYED, *LIMITS, f"{bucket.uri}/one", f"{other.uri}/two")
    assert other.get("two") == bytes(content)
    kept = head(other, "two")
    assert (kept["ContentType"], kept["Metadata"]) == ("text/x-log", METADATA)
    assert kept["ChecksumCRC64NVME"] == content.crc64
    parts = -(-size // (5 * MIB)) if size > 5 * MIB else 0
    assert requests(other)["s3_UploadPart"] == parts
    assert requests(bucket)["s3_GetObject"] == (parts if size > 16 * MIB else 1)
    assert other.open_uploads() == []
