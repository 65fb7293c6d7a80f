"""Large objects at the sizes where their handling changes: threshold, part and range, one byte off.

Also tests/python/test_sizes.py. What the store holds is judged by boto3 and tests/support.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_support import Bucket, Cli, digests, leftovers
from content import MIB, Content, crc64_bitwise, crc64_joined

THRESHOLD = 6 * MIB
PART = 5 * MIB
EDGES = (THRESHOLD, 2 * PART, 3 * PART)
SIZES = (0, 1, *(edge + step for edge in EDGES for step in (-1, 0, 1)))
PARTS = ("--set", f"multipart_threshold={THRESHOLD}", "--set", f"part_size={PART}")
RANGES = ("--set", f"multipart_threshold={THRESHOLD}", "--set", f"range_size={PART}")


def test_the_judge_knows_the_checksum() -> None:
    """CRC-64/NVME's check value, in one piece and joined."""
    check = 0xAE8B14860A799888
    assert crc64_bitwise(b"123456789") == check
    assert crc64_joined(crc64_bitwise(b"1234"), crc64_bitwise(b"56789"), 5) == check


@pytest.fixture
def files(cli: Cli) -> dict[str, Content]:
    """A folder "data" with a file of each size."""
    made = {f"{size:08}": Content(size, seed=size) for size in SIZES}
    (cli.home / "data").mkdir()
    for name, content in made.items():
        (cli.home / "data" / name).write_bytes(bytes(content))
    return made


def test_uploads_are_exact_at_every_edge(
    cli: Cli, bucket: Bucket, files: dict[str, Content]
) -> None:
    summary = cli.ok("upload", "data/", f"{bucket.uri}/up/", *PARTS, "--json").summary
    assert summary["bytes"] == sum(SIZES)
    for name, content in files.items():
        head = bucket.client.head_object(
            Bucket=bucket.name, Key=f"up/{name}", ChecksumMode="ENABLED"
        )
        assert head["ContentLength"] == content.size
        assert head["ETag"] == f'"{content.etag(THRESHOLD, PART)}"'
        assert (head["ChecksumType"], head["ChecksumCRC64NVME"]) == ("FULL_OBJECT", content.crc64)
        assert bucket.get(f"up/{name}") == bytes(content)
    assert bucket.open_uploads() == []


def test_downloads_are_exact_at_every_edge(
    cli: Cli, bucket: Bucket, files: dict[str, Content]
) -> None:
    for name, content in files.items():
        bucket.put(f"down/{name}", bytes(content))
    summary = cli.ok("download", f"{bucket.uri}/down/", "out/", *RANGES, "--json").summary
    assert summary["bytes"] == sum(SIZES)
    assert digests(cli.home / "out") == {name: files[name].sha256 for name in sorted(files)}
    assert leftovers(cli.home) == []


def test_what_others_sent_in_parts_comes_down_exact(
    cli: Cli, bucket: Bucket, tmp_path: Path
) -> None:
    """Its ETag is no MD5 of the whole, and it may have no checksum at all."""
    content = Content(2 * PART + 1)
    begun = bucket.client.create_multipart_upload(Bucket=bucket.name, Key="theirs")
    place = {"Bucket": bucket.name, "Key": "theirs", "UploadId": begun["UploadId"]}
    body, parts = bytes(content), []
    for number, start in enumerate(range(0, content.size, PART), start=1):
        part = bucket.client.upload_part(
            **place, PartNumber=number, Body=body[start : start + PART]
        )
        parts.append({"ETag": part["ETag"], "PartNumber": number})
    bucket.client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    cli.ok("cp", f"{bucket.uri}/theirs", "out", *RANGES)
    assert (cli.home / "out").read_bytes() == body
