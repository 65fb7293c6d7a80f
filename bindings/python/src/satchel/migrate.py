"""Moving records from one database to another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

from satchel import _core
from satchel.codec import encode
from satchel.database import Database, OnConflict, OnError, check_choice
from satchel.errors import Error, ExistsError, IntegrityError, InvalidError
from satchel.jobs import Failure, run_job
from satchel.progress import Bar, Progress, ProgressOption
from satchel.query import Query, Queryable, parse_query
from satchel.records import Record

_ON_CONFLICT = ("error", "skip", "upsert")


class RecordSource(Protocol):
    """What a foreign database needs to be a source or a destination."""

    def search(self, query: Any) -> Iterable[Any]:
        """The records that a query finds."""

    def create(self, record: Any) -> str:
        """Stores a new record."""

    def read(self, id: str) -> Any:
        """A record, or None."""

    def delete(self, id: str) -> bool:
        """Deletes a record."""


Place = Database | RecordSource | str


@dataclass
class MigrateResult:
    """What a migration did.

    Attributes:
        records: copied and, unless told otherwise, read back and compared.
        skipped: left alone, their ids were taken.
        failed: (source id, destination id, error) of the others, at most 1,000.
        seconds: how long it took.
    """

    records: int = 0
    skipped: int = 0
    failed: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    error: Error | None = None


@dataclass(frozen=True)
class _Plan:
    """What was asked for."""

    where: Queryable | None
    delete_source: bool
    verify: bool
    on_conflict: OnConflict
    transform: Callable[[Record], Record | None] | None
    progress: ProgressOption

    def run(self, source: Any, destination: Any) -> MigrateResult:
        ours = isinstance(source, Database) and isinstance(destination, Database)
        if ours and self.transform is None:
            return self.by_library(source, destination)
        return _Copier(self, source, destination).run()

    def by_library(self, source: Database, destination: Database) -> MigrateResult:
        flags = {
            "delete_source": int(self.delete_source),
            "no_verify": int(not self.verify),
            "on_conflict": _ON_CONFLICT.index(self.on_conflict),
        }
        job = _core.Job.migrate(source._db, destination._db, parse_query(self.where), flags)
        state, failed, error = run_job(job, "MIGRATE", self.progress)
        return MigrateResult(state.done, state.skipped, failed, state.seconds, error)


class _Copier:
    """Record by record, for databases that are not ours and for transformations."""

    def __init__(self, plan: _Plan, source: Any, destination: Any) -> None:
        self.plan = plan
        self.source = source
        self.destination = destination
        self.result = MigrateResult()

    def run(self) -> MigrateResult:
        start = time.monotonic()
        bar = Bar("MIGRATE") if self.plan.progress is True else None
        callback = bar or (self.plan.progress if callable(self.plan.progress) else None)
        found = list(self.source.search(self.plan.where or Query()))
        for original in found:
            self.move(original)
            self.result.seconds = time.monotonic() - start
            if callback is not None:
                callback(self.state(len(found)))
        if bar is not None:
            bar.end()
        return self.result

    def state(self, total: int) -> Progress:
        done, skipped, failed = self.result.records, self.result.skipped, len(self.result.failed)
        return Progress(done, failed, skipped, total, 0, 0, self.result.seconds, True)

    def move(self, original: Any) -> None:
        id = str(original.metadata.get("id", original.id))
        try:
            record = self.plan.transform(original) if self.plan.transform else original
            if record is None:
                self.result.skipped += 1
                return
            self.copy(id, record)
        except ExistsError as error:
            if self.plan.on_conflict != "skip":
                self.note(id, error)
            else:
                self.result.skipped += 1
        except Error as error:
            self.note(id, error)

    def note(self, id: str, error: Error) -> None:
        self.result.error = self.result.error or error
        self.result.failed.append((id, None, error))

    def copy(self, id: str, record: Any) -> None:
        replace = self.plan.on_conflict == "upsert"
        made = (self.destination.upsert if replace else self.destination.create)(record)
        if self.plan.verify and not _same(record, self.destination.read(made)):
            raise IntegrityError(f"record {made!r} reads back differently")
        self.result.records += 1
        if self.plan.delete_source:
            self.source.delete(id)


def _values(record: Any) -> dict[str, Any]:
    return {name: field.value for name, field in record.fields.items()}


def _same(record: Any, back: Any) -> bool:
    """Whether fields and the user's metadata came through."""
    if back is None:
        return False
    own = {"id", "created_at", "updated_at"}
    kept = {key: value for key, value in record.metadata.items() if key not in own}
    stored = {key: value for key, value in back.metadata.items() if key not in own}
    plain = [
        encode(Record(_values(one), metadata)) for one, metadata in ((record, kept), (back, stored))
    ]
    return plain[0] == plain[1]


def migrate(
    source: Place,
    destination: Place,
    *,
    where: Queryable | None = None,
    transform: Callable[[Record], Record | None] | None = None,
    delete_source: bool = False,
    verify: bool = True,
    on_conflict: OnConflict = "error",
    progress: ProgressOption = None,
    on_error: OnError = "raise",
) -> MigrateResult:
    """Copies records, reads each back and compares it, and only then deletes it from the source.

    Args:
        source: a database, its URI, or another object with search, read and delete.
        destination: a database, its URI, or another object with create and read.
        where: which records; None for all.
        transform: is given each record and returns the one to store, or None to leave it out.
        delete_source: delete each record from the source once it is verified.
        verify: read back what was written.
        on_conflict: the id is taken: "error", "skip" (leave what is there), "upsert" (replace it).
        progress: a callable that is given a Progress, or True for a bar.
        on_error: "return": no exception when some records failed; they are in the result.

    Returns:
        A MigrateResult: `.records`, `.skipped`, `.failed`.

    Raises:
        Error: of the first record that failed; the others were copied.

    >>> with Database("mem://docs-old/") as old, Database("mem://docs-new/") as new:
    ...     ids = old.create_batch([Record({"id": "a"}), Record({"id": "b"})])
    ...     migrate(old, new, delete_source=True).records, old.count(), new.count()
    (2, 0, 2)
    """
    check_choice("on_conflict", on_conflict, _ON_CONFLICT)
    check_choice("on_error", on_error, ("raise", "return"))
    plan = _Plan(where, delete_source, verify, on_conflict, transform, progress)
    with ExitStack() as stack:
        opened = [_opened(stack, place) for place in (source, destination)]
        result = plan.run(*opened)
    if result.error is not None and on_error == "raise":
        raise result.error
    return result


def _opened(stack: ExitStack, place: Place) -> Any:
    if isinstance(place, str):
        return stack.enter_context(Database(place))
    if isinstance(place, Database) or hasattr(place, "search"):
        return place
    raise InvalidError(f"a {type(place).__name__} is no database")
