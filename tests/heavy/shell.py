"""What the heavy tests of the command share: the server, a bucket, and running satchel on it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SKIPPED = 77  # what ctest takes for a skip
SECONDS = 600


@dataclass
class Ended:
    """A finished call."""

    status: int
    err: str
    peak: int  # resident bytes at most; never less than this interpreter's, which it began as


@dataclass
class Shell:
    """The command, a folder to work in, and a bucket that boto3 sees too."""

    program: str
    folder: Path
    bucket: str
    client: Any
    url: str
    flags: tuple[str, ...] = ("-q",)  # of every call

    def env(self, url: str | None = None) -> dict[str, str]:
        """An environment of its own; `url` in place of the server's."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "AWS_ENDPOINT_URL": url or self.url,
            "AWS_ACCESS_KEY_ID": os.environ["SATCHEL_TEST_S3_KEY"],
            "AWS_SECRET_ACCESS_KEY": os.environ["SATCHEL_TEST_S3_SECRET"],
            "AWS_REGION": os.environ["SATCHEL_TEST_S3_REGION"],
        }

    def start(self, *words: str | Path, url: str | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self.program, *map(str, words), *self.flags],
            env=self.env(url),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str | Path, url: str | None = None) -> Ended:
        return end(self.start(*words, url=url))

    def ok(self, *words: str | Path, url: str | None = None) -> Ended:
        ended = self.run(*words, url=url)
        assert ended.status == 0, ended
        return ended

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def get(self, key: str) -> bytes | None:
        """What boto3 reads; None when there is no such object."""
        try:
            return bytes(self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except self.client.exceptions.NoSuchKey:
            return None

    def open_uploads(self) -> list[str]:
        """Multipart uploads that were neither finished nor aborted."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket)
        return [row["Key"] for page in pages for row in page.get("Uploads", [])]

    def remove(self) -> None:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        for row in [row for page in pages for row in page.get("Contents", [])]:
            self.client.delete_object(Bucket=self.bucket, Key=row["Key"])
        for row in self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []):
            place = {"Bucket": self.bucket, "Key": row["Key"], "UploadId": row["UploadId"]}
            self.client.abort_multipart_upload(**place)
        self.client.delete_bucket(Bucket=self.bucket)


def end(process: subprocess.Popen[bytes]) -> Ended:
    """Waits for a process; its peak of memory is the kernel's own count."""
    assert process.stderr is not None
    err = process.stderr.read().decode(errors="replace")
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(process.returncode, err, usage.ru_maxrss * 1024)


def client_of(url: str, **options: Any) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=os.environ["SATCHEL_TEST_S3_KEY"],
        aws_secret_access_key=os.environ["SATCHEL_TEST_S3_SECRET"],
        region_name=os.environ["SATCHEL_TEST_S3_REGION"],
        config=Config(max_pool_connections=50),
        **options,
    )


def main(check: Callable[[Shell], None]) -> int:
    """Runs a check: the command's path is the program's only argument."""
    url = os.environ.get("SATCHEL_TEST_S3_URL")
    if url is None:
        print("skipped: no S3 server in the environment (tools/servers.sh starts one)")
        return SKIPPED
    with tempfile.TemporaryDirectory() as name:
        bucket = f"heavy-{uuid.uuid4().hex[:12]}"
        shell = Shell(sys.argv[1], Path(name), bucket, client_of(url), url)
        shell.client.create_bucket(Bucket=bucket)
        try:
            check(shell)
        finally:
            shell.remove()
    return 0
