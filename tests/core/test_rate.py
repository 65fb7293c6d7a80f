"""The limit of retry_mode=adaptive, reply by reply against botocore's own.

The executable ``rate_dump`` (tests/core/rate_dump.c) prints ours.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import CapacityNotAvailableError
from botocore.retries.adaptive import ClientRateLimiter, RateClocker
from botocore.retries.bucket import TokenBucket
from botocore.retries.throttling import CubicCalculator

NS = 10**9
CLOSE = 1e-6
Step = tuple[int, str]  # nanoseconds, and what happens then


class FakeClock:
    """Time as the test says."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def current_time(self) -> float:
        return self.now_ns / NS


class Detector:
    """Throttled is what the test calls so."""

    def is_throttling_error(self, throttled: bool, **kwargs: Any) -> bool:
        return throttled


class Theirs:
    """botocore's limiter, put together as its register_retry_handler() does."""

    def __init__(self, start_ns: int) -> None:
        self.clock = FakeClock(start_ns)
        self.bucket = TokenBucket(max_rate=1, clock=self.clock)
        self.on = False
        self.limiter = ClientRateLimiter(
            rate_adjustor=CubicCalculator(0, self.clock.current_time()),
            rate_clocker=RateClocker(self.clock),
            token_bucket=self.bucket,
            throttling_detector=Detector(),
            clock=self.clock,
        )

    def wait(self) -> float:
        """Seconds that a request has to wait; 0 = it took its token."""
        if not self.on:
            return 0.0
        try:
            self.bucket.acquire(block=False)
        except CapacityNotAvailableError:
            return float(1 - self.bucket.available_capacity) / float(self.bucket.max_rate)
        return 0.0

    def step(self, now_ns: int, what: str) -> float:
        self.clock.now_ns = now_ns
        if what == "take":
            return self.wait()
        self.limiter.on_receiving_response(throttled=what == "throttled")
        self.on = self.on or what == "throttled"
        return float(self.bucket.max_rate) if self.on else 0.0


def seconds(ns: int) -> str:
    return f"{ns // NS}.{ns % NS:09d}"


def ours(start_ns: int, steps: list[Step]) -> list[float]:
    folder = os.environ.get("SATCHEL_TEST_BUILD")
    if not folder:
        pytest.skip("SATCHEL_TEST_BUILD is not set: it names the build folder with rate_dump")
    path = Path(folder) / "tests" / "core" / "rate_dump"
    assert path.is_file(), f"{path} is not built"
    text = "".join(f"{seconds(ns)} {what}\n" for ns, what in steps)
    done = subprocess.run(
        [path, seconds(start_ns)], input=text, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]


def random_steps(dice: random.Random, start_ns: int) -> Iterator[Step]:
    """Requests and their replies in phases, each with a pace and a temper of its own."""
    now = start_ns
    for _ in range(dice.randrange(3, 12)):
        per_s = 10 ** dice.uniform(-1, 3)
        throttled = dice.choice([0, 0, 0.01, 0.1, 0.5, 1])
        now += dice.choice([0, 0, NS // 2, dice.randrange(120 * NS)])
        for _ in range(dice.randrange(10, 90)):
            now += dice.choice([0, round(dice.expovariate(per_s) * NS), round(NS / per_s)])
            if dice.random() < 0.4:
                yield now, "take"
            yield now, "throttled" if dice.random() < throttled else "ok"


@pytest.mark.parametrize("seed", range(50))
def test_the_limit_is_botocores_after_every_reply(seed: int) -> None:
    dice = random.Random(seed)
    start_ns = dice.randrange(100_000 * NS)
    steps = list(random_steps(dice, start_ns))
    theirs = Theirs(start_ns)
    wanted = [theirs.step(ns, what) for ns, what in steps]
    found = ours(start_ns, steps)
    for (ns, what), a, b in zip(steps, found, wanted, strict=True):
        assert a == pytest.approx(b, rel=CLOSE, abs=1e-8 if what == "take" else 0), seconds(ns)


def test_the_sequences_reach_what_matters() -> None:
    """Limits at the floor and far above it, tokens granted and refused."""
    limits: list[float] = []
    waits: list[float] = []
    for seed in range(50):
        dice = random.Random(seed)
        theirs = Theirs(start_ns := dice.randrange(100_000 * NS))
        for ns, what in random_steps(dice, start_ns):
            (waits if what == "take" else limits).append(theirs.step(ns, what))
    assert sum(limit == 0.5 for limit in limits) > 100
    assert sum(limit > 50 for limit in limits) > 100
    assert sum(wait > 0 for wait in waits) > 100
    assert sum(wait == 0 for wait in waits) > 100
