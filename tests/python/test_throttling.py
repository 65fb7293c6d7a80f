"""retry_mode=adaptive against a service that throttles: the work is done, with fewer refusals."""

from __future__ import annotations

import threading
import time
from typing import Any

from proxy import Plan, Request, proxied

import satchel

PER_SECOND = 100
AT_ONCE = 10
RECORDS = 200
SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)


class Throttle:
    """A rule for the proxy: what is more than PER_SECOND is refused."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tokens = float(AT_ONCE)
        self.filled = time.monotonic()
        self.throttled = 0

    def __call__(self, request: Request) -> Plan | None:
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.tokens + (now - self.filled) * PER_SECOND, AT_ONCE)
            self.filled = now
            if self.tokens >= 1:
                self.tokens -= 1
                return None
            self.throttled += 1
        head = f"HTTP/1.1 503 Slow Down\r\nContent-Length: {len(SLOW_DOWN)}\r\n\r\n"
        return Plan(answer=head.encode() + SLOW_DOWN)


def throttled_replies(s3: Any, bucket: str, ids: list[str], **options: Any) -> int:
    """How many there are until all records are read; what failed is read again."""
    throttle = Throttle()
    with proxied(s3.url, throttle) as proxy:
        options = {**s3.options, "endpoint_url": proxy.url, **options}
        with satchel.DatabaseFactory().create("s3", bucket=bucket, prefix="r", **options) as db:
            left = ids
            while left:
                found = db.read_batch(left, on_error="return")
                ours = dict(zip(left, found, strict=True))
                left = [id for id, one in ours.items() if isinstance(one, satchel.ThrottledError)]
                assert all(one.id == id for id, one in ours.items() if id not in left)
            assert len(proxy.requests) == len(ids) + throttle.throttled
    return throttle.throttled


def test_an_adaptive_database_is_throttled_less(s3: Any) -> None:
    bucket = s3.bucket()
    ids = [f"{n}" for n in range(RECORDS)]
    with satchel.DatabaseFactory().create("s3", bucket=bucket, prefix="r", **s3.options) as db:
        db.create_batch([satchel.Record({"id": id}) for id in ids])
    standard = throttled_replies(s3, bucket, ids, retry_mode="standard")
    adaptive = throttled_replies(s3, bucket, ids, retry_mode="adaptive")
    assert 0 < adaptive < standard / 2
