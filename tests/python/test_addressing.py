"""Where a bucket's name goes: host, path and signature of requests, against botocore's."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from recorder import Asked, Recorder, recorder

import satchel

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "a/secret+key"}
LETTERS = "abcXYZ019-._~ /%+&=?#@:;,!*'()$\"<>[]{}|^`\\éß€漢😀"


def random_keys(count: int) -> list[str]:
    source = random.Random(4)
    return ["".join(source.choices(LETTERS, k=source.randrange(1, 40))) for _ in range(count)]


class Boto:
    """A client whose requests go nowhere."""

    def __init__(self, endpoint: str | None, style: str, region: str) -> None:
        self.client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=KEYS["access_key_id"],
            aws_secret_access_key=KEYS["secret_access_key"],
            config=Config(
                s3={"addressing_style": style, "us_east_1_regional_endpoint": "regional"},
                retries={"total_max_attempts": 1},
            ),
        )
        self.client.meta.events.register("before-send.s3", self.keep)
        self.url = ""

    def keep(self, request: Any, **_: Any) -> AWSResponse:
        self.url = request.url

        class Raw:
            def stream(self) -> list[bytes]:
                return []

        return AWSResponse(request.url, 404, {}, Raw())

    def ask(self, operation: str, **parameters: str) -> tuple[str, str]:
        """Host and path with query of the operation's request."""
        with pytest.raises(ClientError):
            getattr(self.client, operation)(**parameters)
        parts = urlsplit(self.url)
        return parts.netloc, parts.path + (f"?{parts.query}" if parts.query else "")


def signature(asked: Asked, url: str, region: str) -> str:
    """What botocore signs our request with."""
    auth = S3SigV4Auth(Credentials(KEYS["access_key_id"], KEYS["secret_access_key"]), "s3", region)
    names = asked.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    request = AWSRequest(asked.method, url, headers={name: asked.headers[name] for name in names})
    request.context["timestamp"] = asked.headers["x-amz-date"]
    request.context["payload_signing_enabled"] = True
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return str(auth.signature(text, request))


@pytest.mark.parametrize("bucket", ["bucket", "dotted.bucket"])
@pytest.mark.parametrize("style", ["auto", "path", "virtual"])
def test_requests_to_an_endpoint_are_botocores(style: str, bucket: str) -> None:
    with recorder() as server:
        endpoint = f"http://localhost:{server.port}"
        boto = Boto(endpoint, style, "eu-west-1")
        for key in random_keys(20):
            options = {**KEYS, "endpoint_url": endpoint, "addressing_style": style}
            assert not satchel.exists(f"s3://{bucket}/{key}", region="eu-west-1", **options)
            asked = server.asked[-1]
            host, path = boto.ask("head_object", Bucket=bucket, Key=key)
            assert (asked.headers["host"], asked.target) == (host, path), key
            assert host.startswith(f"{bucket}.") == (style == "virtual")
            ours = asked.headers["authorization"].split("Signature=")[1]
            assert ours == signature(asked, f"http://{host}{path}", "eu-west-1"), key


def proxied(server: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
@pytest.mark.parametrize("bucket", ["bucket", "dotted.bucket"])
@pytest.mark.parametrize("style", ["auto", "path", "virtual"])
def test_amazons_own_hosts_are_botocores(
    style: str, bucket: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorder() as server:
        proxied(server, monkeypatch)
        boto = Boto(None, style, region)
        with pytest.raises(satchel.NetworkError):
            satchel.exists(
                f"s3://{bucket}/k", region=region, addressing_style=style, max_retries=1, **KEYS
            )
        host, _ = boto.ask("head_object", Bucket=bucket, Key="k")
        assert (server.asked[-1].method, server.asked[-1].target) == ("CONNECT", f"{host}:443")


def test_a_listing_goes_to_the_buckets_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with recorder() as server:
        proxied(server, monkeypatch)
        endpoint = "http://s3.eu-west-1.amazonaws.com"
        boto = Boto(endpoint, "virtual", "eu-west-1")
        options = {"addressing_style": "virtual", "endpoint_url": endpoint, **KEYS}
        with pytest.raises(satchel.NotFoundError):
            list(satchel.list("s3://bucket/p/", region="eu-west-1", **options))
        host, path = boto.ask("list_objects_v2", Bucket="bucket", Prefix="p/")
        ours = urlsplit(server.asked[-1].target)
        assert (ours.netloc, ours.path) == (host, urlsplit(path).path)
        assert server.asked[-1].headers["host"] == "bucket.s3.eu-west-1.amazonaws.com"
