"""1 GiB from a server to another, http to https and back: range by range, in bounded memory.

relay.py WORKER. Judged by boto3 and the kernel's count of resident memory.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from content import MIB, Content
from shell import SKIPPED, Shell, client_of, main

SIZE = 1024 * MIB + 1
PART = 8 * MIB
PEAK = 96 * MIB
METADATA = {"origin": "instrument-7"}


def head(client: Any, bucket: str) -> Any:
    return client.head_object(Bucket=bucket, Key="to/x", ChecksumMode="ENABLED")


def check_object(client: Any, bucket: str, content: Content) -> None:
    there = head(client, bucket)
    assert there["ContentLength"] == SIZE
    assert (there["ContentType"], there["Metadata"]) == ("text/x-log", METADATA)
    assert there["ChecksumCRC64NVME"] == content.crc64
    assert there["ETag"] == f'"{content.etag(0, PART)}"'
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


def relay(shell: Shell, source: tuple[str, str], target: tuple[str, str]) -> None:
    """Each side is an endpoint and a URI."""
    words = [source[0], source[1], str(SIZE), target[0], target[1], os.environ["SATCHEL_TEST_CA"]]
    ended = shell.ok(*words)
    print(f"{source[0]} -> {target[0]}: resident <= {ended.peak / MIB:.1f} MiB", flush=True)
    assert ended.peak <= PEAK


def check(shell: Shell) -> None:
    shell.flags = ()
    content = Content(SIZE, seed=6)
    path = shell.folder / "source"
    with path.open("wb") as out:
        out.writelines(content.blocks())
    tls_url, ca_file = os.environ["SATCHEL_TEST_S3_TLS_URL"], os.environ["SATCHEL_TEST_CA"]
    tls = client_of(tls_url, verify=ca_file)
    far = f"{shell.bucket}-far"
    extra = {"ContentType": "text/x-log", "Metadata": METADATA}
    shell.client.upload_file(str(path), shell.bucket, "from", ExtraArgs=extra)
    path.unlink()
    tls.create_bucket(Bucket=far)
    try:
        relay(shell, (shell.url, shell.uri("from")), (tls_url, f"s3://{far}/to/"))
        check_object(tls, far, content)
        shell.client.delete_object(Bucket=shell.bucket, Key="from")
        relay(shell, (tls_url, f"s3://{far}/to/x"), (shell.url, shell.uri("to/")))
        check_object(shell.client, shell.bucket, content)
    finally:
        tls.delete_object(Bucket=far, Key="to/x")
        tls.delete_bucket(Bucket=far)


if __name__ == "__main__":
    if "SATCHEL_TEST_S3_TLS_URL" not in os.environ:
        print("skipped: no https server in the environment (tools/servers.sh starts one)")
        sys.exit(SKIPPED)
    sys.exit(main(check))
