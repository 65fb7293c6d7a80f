"""A bucket in another region than the one that was named: the first reply says so, and that is all.

Behind the proxy is a real server, which checks for which region a request was signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from proxy import Plan, Proxy, Request, Rule, proxied

import satchel

WRONG = "eu-west-1"
BODY = b"in the right place"
MIB = 1024 * 1024

OPERATIONS: dict[str, Callable[..., Any]] = {
    "put": lambda uri, **options: satchel.put(uri, BODY, **options),
    "get": satchel.get,
    "exists": satchel.exists,
    "list": lambda uri, **options: [*satchel.list(uri.removesuffix("a"), **options)],
    "delete": satchel.delete,
}


def region_of(request: Request) -> str:
    """What a request was signed for."""
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/s3/", request.headers["authorization"])
    assert scope is not None
    return scope[1]


def regions(proxy: Proxy) -> list[str]:
    return [region_of(request) for request in proxy.requests]


def answer(status: str, head: str, body: str, method: str) -> Plan:
    """In place of the server's; HEAD has no body."""
    text = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n"
    return Plan(answer=(text + ("" if method == "HEAD" else body)).encode())


def redirect(region: str, method: str) -> Plan:
    """As S3 answers for another region's bucket at an endpoint that knows it."""
    body = "<Error><Code>PermanentRedirect</Code><Endpoint>b.s3.example</Endpoint></Error>"
    return answer("301 Moved Permanently", f"x-amz-bucket-region: {region}\r\n", body, method)


def temporary(region: str, method: str) -> Plan:
    """As S3 answers while names of new buckets are not known everywhere."""
    body = "<Error><Code>TemporaryRedirect</Code></Error>"
    return answer("307 Temporary Redirect", f"x-amz-bucket-region: {region}\r\n", body, method)


def malformed(region: str, method: str) -> Plan:
    """As S3 answers a signature for another region; the header is for HEAD."""
    body = f"<Error><Code>AuthorizationHeaderMalformed</Code><Region>{region}</Region></Error>"
    head = f"x-amz-bucket-region: {region}\r\n" if method == "HEAD" else ""
    return answer("400 Bad Request", head, body, method)


def unless_signed_for(region: str, told: Callable[[str, str], Plan]) -> Rule:
    """Passes on what is signed for a region, and tells the others."""
    return lambda request: None if region_of(request) == region else told(region, request.method)


def wrong(s3: Any, proxy: Proxy, **more: Any) -> dict[str, Any]:
    """Options that lead to the proxy with a region that is not the bucket's."""
    return {**s3.options, "endpoint_url": proxy.url, "region": WRONG, **more}


@pytest.mark.parametrize("told", [redirect, temporary, malformed])
@pytest.mark.parametrize("first", OPERATIONS)
def test_one_request_finds_out_and_all_others_go_right(
    s3: Any, first: str, told: Callable[[str, str], Plan]
) -> None:
    bucket = s3.bucket()
    s3.boto.put_object(Bucket=bucket, Key="a", Body=BODY)
    with proxied(s3.url, unless_signed_for(s3.region, told)) as proxy:
        options = wrong(s3, proxy)
        OPERATIONS[first](f"s3://{bucket}/a", **options)
        assert regions(proxy) == [WRONG, s3.region]
        satchel.put(f"s3://{bucket}/a", BODY, **options)
        assert satchel.get(f"s3://{bucket}/a", **options) == BODY
        assert set(regions(proxy)[1:]) == {s3.region}
    assert s3.keys(bucket) == ["a"]


@pytest.mark.parametrize("first", ["put", "get", "list", "delete"])
def test_the_server_itself_names_its_region(s3: Any, first: str) -> None:
    bucket = s3.bucket()
    s3.boto.put_object(Bucket=bucket, Key="a", Body=BODY)
    with proxied(s3.url) as proxy:
        OPERATIONS[first](f"s3://{bucket}/a", **wrong(s3, proxy))
        assert regions(proxy) == [WRONG, s3.region]


def test_a_large_object_finds_its_way(s3: Any, tmp_path: Path) -> None:
    bucket = s3.bucket()
    path = tmp_path / "large"
    path.write_bytes(b"0123456789abcdef" * (20 * MIB // 16))
    with proxied(s3.url) as proxy:
        options = wrong(s3, proxy, multipart_threshold="5MiB", part_size="5MiB")
        satchel.upload(path, f"s3://{bucket}/large", **options)
        assert proxy.kinds()[:2] == ["begin", "begin"]
        assert proxy.kinds().count("part") == 4
        assert regions(proxy)[1:] == [s3.region] * (len(proxy.requests) - 1)
        assert satchel.get(f"s3://{bucket}/large", **options) == path.read_bytes()
    body = s3.boto.get_object(Bucket=bucket, Key="large")["Body"].read()
    assert body == path.read_bytes()
    assert "Uploads" not in s3.boto.list_multipart_uploads(Bucket=bucket)


def test_a_reply_to_head_that_names_no_region_is_an_error(s3: Any) -> None:
    """HEAD has no body, and versitygw says it in no header; S3 does."""
    bucket = s3.bucket()
    with proxied(s3.url) as proxy:
        with pytest.raises(satchel.InvalidError, match="HTTP 400"):
            satchel.exists(f"s3://{bucket}/a", **wrong(s3, proxy))
        assert regions(proxy) == [WRONG]


@pytest.mark.parametrize("told", [redirect, malformed])
def test_what_is_under_way_at_once_is_told_and_no_more(
    s3: Any, told: Callable[[str, str], Plan]
) -> None:
    bucket = s3.bucket()
    with proxied(s3.url, unless_signed_for(s3.region, told)) as proxy:
        options = wrong(s3, proxy, lanes=1, max_connections=8)
        with satchel.DatabaseFactory().create("s3", bucket=bucket, prefix="r", **options) as db:
            db.create_batch([satchel.Record({"id": f"{n}", "n": n}) for n in range(200)])
            assert db.stats()["total"] == len(proxy.requests)
        assert 1 <= regions(proxy).count(WRONG) <= 8
    assert len(s3.keys(bucket)) == 200


@pytest.mark.parametrize("told", [redirect, malformed])
def test_a_server_that_sends_in_circles_is_not_followed_for_long(
    s3: Any, told: Callable[[str, str], Plan]
) -> None:
    def elsewhere(request: Request) -> Plan:
        return told(f"eu-north-{request.number}", request.method)

    with proxied(s3.url, elsewhere) as proxy:
        options = wrong(s3, proxy)
        with pytest.raises(satchel.InvalidError, match="is in region 'eu-north-1', not in 'eu-nor"):
            satchel.get("s3://bucket/a", **options)
        assert regions(proxy) == [WRONG, "eu-north-0"]
        for _ in range(5):
            with pytest.raises(satchel.InvalidError, match="set region=eu-north-"):
                satchel.get("s3://bucket/a", **options)
        assert len(set(regions(proxy))) == 1 + 3
        assert len(proxy.requests) == 2 + 2 + 2 + 1 + 1 + 1


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "evil.example/x", ""])
def test_another_partition_is_not_gone_to(s3: Any, region: str) -> None:
    with proxied(s3.url, lambda request: redirect(region, request.method)) as proxy:
        with pytest.raises(satchel.InvalidError):
            satchel.get("s3://bucket/a", **wrong(s3, proxy))
        assert regions(proxy) == [WRONG]


def test_without_repetitions_it_is_an_error_that_says_what_to_do(s3: Any) -> None:
    with proxied(s3.url) as proxy:
        text = f"is in region '{s3.region}', not in '{WRONG}': set region={s3.region}"
        with pytest.raises(satchel.InvalidError, match=text):
            satchel.get("s3://bucket/a", **wrong(s3, proxy, retry_mode="off"))
        assert regions(proxy) == [WRONG]
