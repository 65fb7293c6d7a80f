"""Fixtures: a clean environment, the S3 server of tools/test, and one database on each store."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import satchel

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "support"))
LOG_SECONDS = 10


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No AWS settings of the machine, and an index cache of the test's own."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@dataclass
class S3:
    """The server under test, seen by boto3 and by its access log."""

    url: str
    key: str
    secret: str
    region: str
    log: Path | None
    buckets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.boto = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name=self.region,
            config=Config(s3={"addressing_style": "path"}),
        )

    @property
    def options(self) -> dict[str, str]:
        """What satchel needs to reach it."""
        return {
            "endpoint_url": self.url,
            "access_key_id": self.key,
            "secret_access_key": self.secret,
            "region": self.region,
        }

    def bucket(self, name: str | None = None) -> str:
        """Makes a bucket, or empties the one of that name; it is removed after the test."""
        name = name or f"py-{uuid.uuid4().hex[:16]}"
        self.empty(name)
        try:
            self.boto.create_bucket(Bucket=name)
        except ClientError as error:
            assert "BucketAlready" in error.response["Error"]["Code"]
        self.buckets.append(name)
        return name

    def keys(self, bucket: str) -> list[str]:
        pages = self.boto.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def empty(self, bucket: str) -> None:
        try:
            for key in self.keys(bucket):
                self.boto.delete_object(Bucket=bucket, Key=key)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchBucket"

    def remove_buckets(self) -> None:
        for bucket in self.buckets:
            self.empty(bucket)
            self.boto.delete_bucket(Bucket=bucket)

    def log_lines(self, bucket: str) -> int:
        """The lines of the access log about a bucket, after all of them were written.

        A request with a name of its own marks the place: once it is in the log, so are those
        before it.
        """
        assert self.log is not None
        mark = uuid.uuid4().hex
        with pytest.raises(ClientError):
            self.boto.head_object(Bucket="log-marks", Key=mark)
        deadline = time.monotonic() + LOG_SECONDS
        while mark not in (text := self.log.read_text(encoding="utf-8")):
            assert time.monotonic() < deadline, "the access log does not grow"
        return sum(bucket in line for line in text.splitlines())


@pytest.fixture
def s3() -> Iterator[S3]:
    """The server that tools/test started; its buckets are removed afterwards."""
    url = os.environ.get("SATCHEL_TEST_S3_URL")
    if url is None:
        pytest.skip("SATCHEL_TEST_S3_URL is not set: no S3 server to test with")
    log = os.environ.get("SATCHEL_TEST_S3_LOG")
    server = S3(
        url,
        os.environ["SATCHEL_TEST_S3_KEY"],
        os.environ["SATCHEL_TEST_S3_SECRET"],
        os.environ.get("SATCHEL_TEST_S3_REGION", "us-east-1"),
        Path(log) if log else None,
    )
    yield server
    server.remove_buckets()


@pytest.fixture
def s3_environment(s3: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The server, reached through AWS_* variables: no endpoint, no key in the code."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret)
    return s3


@pytest.fixture(params=["memory", "file", "s3"])
def open_db(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., satchel.Database]]:
    """Opens databases, all of one place, on each kind of store."""
    factory = satchel.DatabaseFactory()
    opened: list[satchel.Database] = []
    config: dict[str, Any]
    if request.param == "s3":
        server: S3 = request.getfixturevalue("s3")
        config = {"bucket": server.bucket(), "prefix": "app/records", **server.options}
    elif request.param == "file":
        config = {"path": tmp_path / "records", "create_bucket": True, "durability": "none"}
    else:
        config = {"name": uuid.uuid4().hex}

    def make(**options: Any) -> satchel.Database:
        opened.append(factory.create(request.param, **config, **options))
        return opened[-1]

    yield make
    for db in opened:
        db.close()


@pytest.fixture
def db(open_db: Callable[..., satchel.Database]) -> satchel.Database:
    """An empty database on each kind of store."""
    return open_db()


@pytest.fixture
def memory() -> Iterator[satchel.Database]:
    """An empty database in memory, for what does not depend on the store."""
    with satchel.MemoryDatabase() as made:
        yield made


@pytest.fixture(params=["memory", "file", "s3"])
def base_uri(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A URI that ends with "/", below which there is nothing, on each kind of store."""
    if request.param == "memory":
        uri = f"mem://{uuid.uuid4().hex}/data/"
        satchel.exists(f"{uri}x")  # a handle that stays open keeps the store
        return uri
    if request.param == "file":
        (tmp_path / "store").mkdir()
        return f"file://{tmp_path}/store/"
    server: S3 = request.getfixturevalue("s3_environment")
    return f"s3://{server.bucket()}/data/"
