"""Batches, conditions, versions: what a service does with records.

python examples/records.py FOLDER         (or s3://bucket/prefix/ with the usual AWS_* variables)
"""

import sys
from datetime import datetime, timezone
from pathlib import Path

import satchel
from satchel import ConflictError, Filter, Query, Record


def deposit(db: satchel.Database, id: str, amount: int) -> int:
    """Adds to a balance so that no other writer's change is lost; the new balance."""
    while True:
        account = db.read(id)
        if account is None:
            raise KeyError(id)
        account["balance"] += amount
        try:
            db.update(id, account, expected_version=account.version)
        except ConflictError:
            continue  # somebody was faster: read again
        return int(account["balance"])


def main(place: str) -> None:
    """Fills a database, asks it, changes it and leaves it empty."""
    uri = place if "://" in place else f"file://{Path(place).absolute()}/"
    with satchel.open(uri, create_bucket=True) as db:
        now = datetime.now(timezone.utc)
        cities = ("Oslo", "Rome", "Bergen")
        accounts = [
            Record({"id": f"a{i}", "city": cities[i % 3], "balance": 10 * i, "opened": now})
            for i in range(9)
        ]
        print("created", len(db.create_batch(accounts)))

        norway = Query().or_(Filter("city", "=", "Oslo"), Filter("city", "starts_with", "Berg"))
        richest = norway.filter("balance", ">", 20).sort("balance", "DESC").limit(2)
        print("richest", [(found.id, found.city) for found in db.search(richest)])
        print("balance", deposit(db, "a1", 5))
        print("requests", db.stats()["total"], "plan", db.explain(richest)["plan"])
        print("deleted", db.clear())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "mem://accounts/")
