"""The record database: the same methods on every store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Literal, TypeVar

from satchel import _core
from satchel._handles import open_db
from satchel.codec import Row, decode, encode
from satchel.config import ConfigFile, Option, options_text
from satchel.errors import BatchError, ExistsError, InvalidError, NotFoundError
from satchel.query import Queryable, parse_query
from satchel.records import Record, VersionToken, check_record
from satchel.streaming import StreamConfig, StreamResult

OnError = Literal["raise", "return"]
OnConflict = Literal["error", "skip", "upsert"]
PAGE = 1000  # records taken from a search at once

D = TypeVar("D", bound="Database")


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """InvalidError unless the value is one of the known ones."""
    if value not in known:
        raise InvalidError(f"{name} is one of {', '.join(known)}, not {value!r}")


class Database:
    """A database of records, one object each, below a URI.

    Handles are safe to use from several threads. They pickle as their URI and options, and open
    again where they are unpickled.

    Args:
        uri: where the records are: `s3://bucket/prefix/`, `file:///folder`, `mem://name`.
        options: configuration by key, `region`, `endpoint_url`, `cache_ttl` (seconds)...
        file: a configuration file that the options go over.

    Raises:
        InvalidError: the URI, an unknown option or a bad value.
        UnsupportedError: a scheme or an option this version does not have.

    >>> with Database("mem://docs-database/") as db:
    ...     id = db.create(Record({"id": "u1", "name": "Alice"}))
    ...     db.read(id).get_value("name")
    'Alice'
    """

    def __init__(
        self,
        uri: str,
        options: Mapping[str, Option] | None = None,
        file: ConfigFile | None = None,
    ) -> None:
        self._uri = uri
        self._options = options_text(options or {})
        self._file = file
        self._db = open_db(uri, self._options, file)

    # --- life -------------------------------------------------------------------------------------

    @property
    def uri(self) -> str:
        """Where the records are."""
        return self._uri

    def connect(self) -> None:
        """Opens the database again after close(); there is no need to call it before."""
        if self._db.closed:
            self._db = open_db(self._uri, self._options, self._file)

    def close(self) -> None:
        """Closes the database, once the calls of other threads have ended."""
        self._db.close()

    def disconnect(self) -> None:
        """The same as close()."""
        self.close()

    def __enter__(self: D) -> D:
        """The database itself; the block's end closes it."""
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the database."""
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as configuration.

        Secrets that were given as options are part of it; a file is read again.
        """
        return _reopen, (type(self), self._uri, self._options, self._file)

    def __repr__(self) -> str:
        """Its class and URI."""
        return f"<{type(self).__name__} {self._uri}>"

    # --- one record -------------------------------------------------------------------------------

    def create(self, record: Record) -> str:
        """Stores a new record.

        Args:
            record: what to store; it is not changed, but for `record.version`.

        Returns:
            The id: the one the record was given, else its field `id`, else its metadata `id`, else
            its field `record_id`, else a new UUID.

        Raises:
            DuplicateRecordError: the id is taken; nothing was overwritten.
            InvalidError: a bad id, or a value that cannot be stored.
            UnknownOutcomeError: the answer was lost and could not be found out.
        """
        row = self._db.create(None, encode(check_record(record)), False)
        return self._written(record, row)

    def read(self, id: str) -> Record | None:
        """The record of that id, or None when there is none; one request.

        Raises:
            CorruptError: what is stored is no record.
        """
        try:
            return decode(self._db.read(_id(id)))
        except NotFoundError:
            return None

    def update(self, id: str, record: Record, *, expected_version: int | None = None) -> bool:
        """Replaces a record.

        Args:
            id: which one.
            record: its new content; it is not changed, but for `record.version`.
            expected_version: the `version` of the record this one was made from: the update takes
                place only while that is the stored one. None: the last writer wins.

        Returns:
            False when there is no such record.

        Raises:
            ConflictError: another version is there.
        """
        text = encode(check_record(record))
        try:
            row = self._db.update(_id(id), text, _token(expected_version))
        except NotFoundError:
            return False
        self._written(record, row)
        return True

    def upsert(self, id_or_record: str | Record, record: Record | None = None) -> str:
        """Creates or replaces a record: `upsert(record)` or `upsert(id, record)`; gives its id."""
        if isinstance(id_or_record, Record):
            id, record = None, id_or_record
        else:
            id = _id(id_or_record)
        row = self._db.create(id, encode(check_record(record)), True)
        return self._written(check_record(record), row)

    def delete(
        self, id: str, *, expected_version: int | None = None, exact: bool | None = None
    ) -> bool:
        """Deletes a record.

        Args:
            id: which one.
            expected_version: as for update().
            exact: find out, by one more request, whether it was there. None: on local stores,
                where that costs nothing.

        Returns:
            Whether it was there: exact, or as far as the local index knows.

        Raises:
            ConflictError: another version is there.
        """
        if exact is None:
            exact = not self._uri.startswith("s3:")
        return self._db.delete(_id(id), _token(expected_version), exact)

    def exists(self, id: str) -> bool:
        """Whether there is a record of that id; one request."""
        return self._db.exists(_id(id))

    def get_version(self, id: str) -> VersionToken | None:
        """The version of the stored record, for `expected_version`; None when there is none."""
        record = self.read(id)
        return None if record is None else record.version

    # --- batches ----------------------------------------------------------------------------------

    def create_batch(self, records: Iterable[Record], *, on_error: OnError = "raise") -> list[Any]:
        """Stores new records in parallel; one that fails does not stop the others.

        Args:
            records: what to store.
            on_error: "return": the errors stand in the result.

        Returns:
            Their ids, in input order.

        Raises:
            BatchError: some failed; `results` has the ids of the others.
        """
        return self._write_batch(self._db.create_batch, records, on_error)

    def upsert_batch(self, records: Iterable[Record], *, on_error: OnError = "raise") -> list[Any]:
        """Creates or replaces records; arguments and result as for create_batch()."""
        return self._write_batch(self._db.upsert_batch, records, on_error)

    def read_batch(self, ids: Iterable[str], *, on_error: OnError = "raise") -> list[Any]:
        """The records of these ids in input order, None where there is none."""
        wanted = [_id(id) for id in ids]
        rows = self._db.read_batch(wanted, [], [])
        results = [row if isinstance(row, Exception) else decode(row) for row in rows]
        return _batch("reads", [_absent(row, None) for row in results], on_error)

    def update_batch(
        self, updates: Iterable[tuple[str, Record]], *, on_error: OnError = "raise"
    ) -> list[Any]:
        """Replaces records.

        Args:
            updates: pairs of an id and its new content.
            on_error: as for create_batch().

        Returns:
            For each pair whether there was such a record, in input order.
        """
        pairs = [(_id(id), check_record(record)) for id, record in updates]
        texts = [encode(record) for _, record in pairs]
        rows = self._db.update_batch([id for id, _ in pairs], texts, [])
        results: list[Any] = []
        for (_, record), row in zip(pairs, rows, strict=True):
            failed = isinstance(row, Exception)
            results.append(_absent(row, False) if failed else bool(self._written(record, row)))
        return _batch("updates", results, on_error)

    def delete_batch(self, ids: Iterable[str], *, on_error: OnError = "raise") -> list[Any]:
        """Deletes records, on S3 a thousand by one request.

        Returns:
            For each id True when the record is gone; False where the index knows that there was
            none.
        """
        rows = self._db.delete_batch([_id(id) for id in ids], [], [])
        results = [row if isinstance(row, Exception) else row != 0 for row in rows]
        return _batch("deletes", results, on_error)

    batch_create = create_batch
    batch_read = read_batch
    batch_update = update_batch
    batch_upsert = upsert_batch
    batch_delete = delete_batch

    # --- searching --------------------------------------------------------------------------------

    def search(self, query: Queryable | None = None) -> list[Record]:
        """The records that a query finds, in its order.

        Args:
            query: a Query, ComplexQuery or QueryBuilder, its JSON form, or a WHERE expression;
                None finds all, by id.

        Raises:
            InvalidError: the query is not valid.
            CorruptError: a record cannot be read; its key is in the text.
        """
        return list(self.stream_read(query))

    def stream_read(
        self, query: Queryable | None = None, config: StreamConfig | None = None
    ) -> Iterator[Record]:
        """The records that a query finds, one after the other, `batch_size` of them in memory."""
        size = config.batch_size if config is not None else PAGE
        found = self._db.search(parse_query(query))
        return _records(found, size)

    def count(self, query: Queryable | None = None) -> int:
        """How many records a query finds; None counts all."""
        return self._db.count(parse_query(query))

    def all(self) -> list[Record]:
        """Every record, by id."""
        return self.search()

    def list_all(self) -> list[str]:
        """The id of every record, in order."""
        found = self._db.search(_core.Query.parse_json('{"fields":[]}'))
        return [row[0] for row in _rows(found, PAGE)]

    def clear(self) -> int:
        """Deletes every record; how many there were."""
        return self._db.clear()

    def refresh(self) -> None:
        """Brings the local index up to date now, whatever its age."""
        self._db.refresh()

    def explain(self, query: Queryable | None = None) -> dict[str, Any]:
        """How a query would be answered: {"plan", "sql", "rows", "fresh", "requests"}."""
        plan: dict[str, Any] = json.loads(self._db.explain(parse_query(query)))
        return plan

    def stats(self) -> dict[str, int]:
        """Requests this handle made so far, by kind, and their "total"."""
        return self._db.stats()

    def stream_write(
        self,
        records: Iterable[Record],
        config: StreamConfig | None = None,
        *,
        on_conflict: OnConflict = "error",
    ) -> StreamResult:
        """Stores records as they come, `batch_size` of them in memory.

        Args:
            records: where they come from.
            config: batch size, and what to do about a record that fails.
            on_conflict: the id is taken: "error", "skip" (leave what is there), "upsert".
        """
        check_choice("on_conflict", on_conflict, ("error", "skip", "upsert"))
        config = config or StreamConfig()
        result = StreamResult()
        start = time.monotonic()
        source = iter(records)
        write = self.upsert_batch if on_conflict == "upsert" else self.create_batch
        going_on = True
        while going_on and (batch := list(islice(source, config.batch_size))):
            outcome = write(batch, on_error="return")
            skip = on_conflict == "skip"
            going_on = _note(result, batch, outcome, config.on_error, skip)
        result.duration = time.monotonic() - start
        return result

    # --- inside -----------------------------------------------------------------------------------

    def _written(self, record: Record, row: Row) -> str:
        id, _, version, token = row
        record.version = VersionToken(version, token or "")
        return id

    def _write_batch(
        self,
        call: Callable[[Sequence[str | None], list[bytes], list[str | None]], list[Any]],
        records: Iterable[Record],
        on_error: OnError,
    ) -> list[Any]:
        given = [check_record(record) for record in records]
        results: list[Any] = [None] * len(given)
        texts: list[bytes] = []
        places: list[int] = []
        for place, record in enumerate(given):
            try:
                texts.append(encode(record))
                places.append(place)
            except InvalidError as error:
                results[place] = error  # of this record; the others are written
        rows = call([None] * len(texts), texts, [])
        for place, row in zip(places, rows, strict=True):
            failed = isinstance(row, Exception)
            results[place] = row if failed else self._written(given[place], row)
        return _batch("writes", results, on_error)


def _reopen(kind: type[D], uri: str, options: dict[str, str], file: ConfigFile | None) -> D:
    made = kind.__new__(kind)
    Database.__init__(made, uri, options, file)
    return made


def _id(value: object) -> str:
    if isinstance(value, str):
        return value
    raise InvalidError(f"an id is a str, not {type(value).__name__}")


def _token(expected: int | None) -> str | None:
    if expected is None or isinstance(expected, VersionToken):
        return None if expected is None else expected.token
    return str(expected)


def _absent(result: Any, instead: Any) -> Any:
    return instead if isinstance(result, NotFoundError) else result


def _batch(what: str, results: list[Any], on_error: OnError) -> list[Any]:
    check_choice("on_error", on_error, ("raise", "return"))
    if on_error == "raise" and any(isinstance(one, Exception) for one in results):
        raise BatchError.of(what, results)
    return results


def _rows(found: _core.Search, size: int) -> Iterator[Row]:
    while rows := found.next(size):
        yield from rows


def _records(found: _core.Search, size: int) -> Iterator[Record]:
    for row in _rows(found, size):
        yield decode(row)


def _note(
    result: StreamResult,
    batch: list[Record],
    outcome: list[Any],
    on_error: Callable[[Exception, Record], bool] | None,
    skip: bool,
) -> bool:
    """Adds a batch to the result; whether to go on."""
    going_on = True
    first = result.total_processed
    result.total_processed += len(batch)
    result.total_batches += 1
    for i, (record, one) in enumerate(zip(batch, outcome, strict=True)):
        if not isinstance(one, Exception):
            result.successful += 1
        elif skip and isinstance(one, ExistsError):
            result.skipped += 1
        else:
            result.add_error(record.id, one, first + i)
            going_on = going_on and (on_error is None or on_error(one, record))
    return going_on
