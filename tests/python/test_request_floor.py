"""How many requests each operation costs: the door's count and the server's access log agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import satchel
from satchel import Query, Record, S3Database

MANY = 1000


class Meter:
    """A database whose requests are counted twice."""

    def __init__(self, server: Any) -> None:
        if server.log is None:
            pytest.skip("SATCHEL_TEST_S3_LOG is not set: no access log to compare with")
        self.server = server
        self.bucket = server.bucket()
        self.db = self.open()
        self.warm(self.db)

    def open(self, **options: Any) -> S3Database:
        config = {"bucket": self.bucket, **self.server.options, **options}
        return S3Database.from_config(config)

    @staticmethod
    def warm(db: satchel.Database) -> None:
        """Each kind of conditional write is probed once, outside the floor."""
        record = Record({"id": "warm"})
        db.create(record)
        db.update("warm", record, expected_version=record.version)
        db.delete("warm", expected_version=record.version)

    @contextmanager
    def costs(self, requests: int, db: satchel.Database | None = None) -> Iterator[None]:
        """The block makes this many requests, by both counts."""
        used = db or self.db
        lines, total = self.server.log_lines(self.bucket), used.stats()["total"]
        yield
        assert used.stats()["total"] - total == requests
        assert self.server.log_lines(self.bucket) - lines == requests


@pytest.fixture
def meter(s3: Any) -> Meter:
    return Meter(s3)


def test_the_conditional_probe_is_five_requests_once(s3: Any, meter: Meter, tmp_path: Path) -> None:
    db = meter.open(cache_dir=str(tmp_path))
    lines = s3.log_lines(meter.bucket)
    meter.warm(db)
    first = db.stats()["total"]
    assert s3.log_lines(meter.bucket) - lines == first == 3 + 5
    meter.warm(db)
    assert db.stats()["total"] - first == 3
    db.close()
    # The answer is kept beside the index, so another handle does not ask again.
    later = meter.open(cache_dir=str(tmp_path))
    meter.warm(later)
    assert later.stats()["total"] == 3


def test_single_records_cost_one_request(meter: Meter) -> None:
    db = meter.db
    with meter.costs(1):
        db.create(Record({"id": "a", "n": 1}))
    with meter.costs(1):
        assert db.read("a") is not None
    with meter.costs(1):
        assert db.update("a", Record({"n": 2}))
    with meter.costs(1):
        assert db.exists("a")
    with meter.costs(1):
        found = db.search(Query().filter("id", "=", "a"))
        assert [record["n"] for record in found] == [2]
    with meter.costs(1):
        db.upsert("a", Record({"n": 3}))
    with meter.costs(1):
        assert db.delete("a")


def test_searching_by_id_makes_no_listing(meter: Meter) -> None:
    before = meter.db.stats()["list"]
    meter.db.search(Query().filter("id", "=", "nobody"))
    assert meter.db.stats()["list"] == before


@pytest.fixture
def thousand(meter: Meter) -> Meter:
    records = [Record({"n": i, "even": i % 2 == 0}, id=f"r{i:04}") for i in range(MANY)]
    with meter.costs(MANY):
        meter.db.create_batch(records)
    return meter


def test_a_thousand_unchanged_records(thousand: Meter) -> None:
    db = thousand.db
    query = Query().filter("even", "=", True).sort("n", "DESC").limit(3)
    assert db.count() == MANY
    with thousand.costs(0):
        assert db.count() == MANY
        assert [record["n"] for record in db.search(query)] == [998, 996, 994]
        assert db.count(query) == 3
    fresh = thousand.open(cache_ttl=0)
    with thousand.costs(1, fresh):
        assert fresh.count() == MANY
    with thousand.costs(1, fresh):
        assert len(fresh.search(Query().filter("even", "=", True))) == MANY // 2
    assert fresh.stats()["get"] == 0
    with thousand.costs(1):
        db.refresh()


def test_ten_foreign_changes(thousand: Meter) -> None:
    db = thousand.db
    db.count()
    for i in range(10):
        body = json.dumps({"fields": {"n": -1 - i}}).encode()
        key = f"records/r{i:04}.json"
        thousand.server.boto.put_object(Bucket=thousand.bucket, Key=key, Body=body)
    with thousand.costs(1 + 10):
        db.refresh()
    with thousand.costs(0):
        assert db.count(Query().filter("n", "<", 0)) == 10


def test_a_thousand_deletes_are_one_request(thousand: Meter) -> None:
    with thousand.costs(1):
        assert thousand.db.delete_batch([f"r{i:04}" for i in range(MANY)]) == [True] * MANY
    assert thousand.server.keys(thousand.bucket) == []


def test_a_thousand_reads(thousand: Meter) -> None:
    with thousand.costs(MANY):
        assert None not in thousand.db.read_batch([f"r{i:04}" for i in range(MANY)])
