"""Migration: verified, resumable by its options, also with databases that are not ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import satchel
from satchel import Database, ExistsError, FileDatabase, MemoryDatabase, Progress, Query, Record


@pytest.fixture
def old(memory: Database) -> Database:
    memory.create_batch([Record({"n": i, "b": b"x"}, {"by": "me"}, id=f"{i}") for i in range(5)])
    return memory


def test_everything_is_copied(old: Database, db: Database) -> None:
    result = satchel.migrate(old, db)
    assert (result.records, result.skipped, result.failed) == (5, 0, [])
    assert old.count() == 5
    copied = db.read("3")
    assert copied is not None
    assert (copied["n"], copied["b"], copied.metadata["by"]) == (3, b"x", "me")


def test_the_source_is_emptied_of_what_was_moved(old: Database, db: Database) -> None:
    seen: list[Progress] = []
    query = Query().filter("n", "<", 3)
    result = satchel.migrate(old, db, where=query, delete_source=True, progress=seen.append)
    assert result.records == 3
    assert (old.list_all(), db.list_all()) == (["3", "4"], ["0", "1", "2"])
    assert seen[-1].done == 3


def test_uris_are_opened_and_closed(tmp_path: Path) -> None:
    source = FileDatabase({"path": tmp_path / "a", "create_bucket": True})
    source.create(Record({"id": "x", "n": 1}))
    (tmp_path / "b").mkdir()
    assert satchel.migrate(f"file://{tmp_path}/a", f"file://{tmp_path}/b").records == 1
    assert (tmp_path / "b" / "x.json").exists()


def test_a_taken_id(old: Database) -> None:
    target = MemoryDatabase()
    target.create(Record({"id": "0", "n": "mine"}))
    with pytest.raises(ExistsError):
        satchel.migrate(old, target, delete_source=True)
    assert old.list_all() == ["0"]  # the others were moved
    result = satchel.migrate(old, target, on_error="return")
    assert (result.records, result.failed[0][0]) == (0, "0")
    assert satchel.migrate(old, target, on_conflict="skip").skipped == 1
    assert satchel.migrate(old, target, on_conflict="upsert").records == 1
    replaced = target.read("0")
    assert replaced is not None and replaced["n"] == 0


class Foreign:
    """A database that is not ours: only the methods a migration needs."""

    def __init__(self, records: list[Record]) -> None:
        self.records = {str(record.id): record for record in records}
        self.spoil = False

    def search(self, query: Any) -> list[Record]:
        return [record for record in self.records.values() if query.matches(record)]

    def create(self, record: Record) -> str:
        stored = record.copy()
        if self.spoil:
            stored["n"] = "spoilt"
        self.records[str(record.id)] = stored
        return str(record.id)

    def read(self, id: str) -> Record | None:
        return self.records.get(id)

    def delete(self, id: str) -> bool:
        return self.records.pop(id, None) is not None


def test_from_a_foreign_database() -> None:
    source, target = Foreign([Record({"n": i}, id=f"{i}") for i in range(3)]), MemoryDatabase()
    result = satchel.migrate(source, target, where=Query().filter("n", ">", 0), delete_source=True)
    assert result.records == 2
    assert (list(source.records), target.list_all()) == (["0"], ["1", "2"])


def test_a_copy_that_reads_back_differently_is_not_deleted(old: Database) -> None:
    target = Foreign([])
    target.spoil = True
    with pytest.raises(satchel.IntegrityError, match="reads back differently"):
        satchel.migrate(old, target, delete_source=True)
    assert old.count() == 5


def test_transform_changes_and_leaves_out(old: Database) -> None:
    def double(record: Record) -> Record | None:
        changed = record.copy()
        changed["n"] = 2 * record["n"]
        return changed if record["n"] > 2 else None

    target = MemoryDatabase()
    result = satchel.migrate(old, target, transform=double)
    assert (result.records, result.skipped) == (2, 3)
    assert [record["n"] for record in target.all()] == [6, 8]


def test_bad_arguments(old: Database) -> None:
    with pytest.raises(ValueError, match="on_conflict is one of"):
        satchel.migrate(old, old, on_conflict="maybe")
    with pytest.raises(ValueError, match="int is no database"):
        satchel.migrate(old, 5)
