"""One phase of bench/records.py in a process of its own: prints what each step cost.

The program is the same for satchel and dataknobs-data but for the import. What a step gave is
written to a file once all steps are timed.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Figures = dict[str, float]


def timed(work: Callable[[], Any], times: int = 1) -> tuple[Any, Figures]:
    """What the last of some calls gave, and the wall and CPU seconds of one."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(times):
        result = work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result, {"wall": wall / times, "cpu": cpu / times}


def plain(records: Iterable[Any], names: Iterable[str]) -> list[list[Any]]:
    """Records as lists of values, whose record class does not matter."""
    return [[record.get_value(name) for name in names] for record in records]


def run_phase(spec: dict[str, Any], records: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """One phase on a record database."""
    if spec["contender"] == "satchel":
        from satchel import Query, Record
        from satchel.backends.s3 import S3Database
    else:
        from dataknobs_data import Query, Record
        from dataknobs_data.backends.s3 import SyncS3Database as S3Database
    db = S3Database.from_config(
        {
            "bucket": spec["bucket"],
            "prefix": spec["prefix"],
            "endpoint_url": os.environ["AWS_ENDPOINT_URL"],
            "access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
            "secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        }
    )
    db.connect()
    names, ids = list(records[0]), [record["id"] for record in records]
    results: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    if spec["phase"] == "write":
        new = [Record(record, metadata={"source": "bench"}) for record in records]
        results["create_batch"], figures["create_batch"] = timed(lambda: db.create_batch(new))
        found, figures["read_batch"] = timed(lambda: db.read_batch(ids))
        results["read_batch"] = plain(found, names)
    elif spec["phase"] == "search":
        first = Query().filter("city", "=", "Oslo").sort_by("id")
        again = Query().filter("age", ">", 40).sort_by("score", "desc").limit(10)
        found, figures["first_search"] = timed(lambda: db.search(first))
        results["first_search"] = plain(found, names)
        found, figures["repeated_search"] = timed(lambda: db.search(again), spec["repeat"])
        results["repeated_search"] = plain(found, names)
    else:
        results["delete_batch"], figures["delete_batch"] = timed(lambda: db.delete_batch(ids))
    db.close()
    return results, figures


def run_objects(spec: dict[str, Any], records: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The same bytes as plain objects by s3dlio."""
    import s3dlio

    base = f"s3://{spec['bucket']}/{spec['prefix']}"
    items = [(f"{base}{record['id']}.json", json.dumps(record).encode()) for record in records]
    uris = [uri for uri, _ in items]
    results: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    _, figures["create_batch"] = timed(lambda: s3dlio.put_many(items, max_in_flight=10))
    found, figures["read_batch"] = timed(lambda: s3dlio.get_many(uris, max_in_flight=10))
    stored = {uri: json.loads(bytes(data)) for uri, data in found}
    if [stored[uri] for uri in uris] != records:
        sys.exit("s3dlio: the objects are not what was stored")
    return results, figures


def main() -> None:
    """Runs the phase that the first argument tells."""
    spec = json.loads(sys.argv[1])
    records = json.loads(Path(spec["records"]).read_text(encoding="utf-8"))
    phase = run_objects if spec["contender"] == "s3dlio" else run_phase
    results, figures = phase(spec, records)
    Path(spec["result"]).write_text(json.dumps(results), encoding="utf-8")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
