"""Objects by URI: get, put, list, stat, exists, delete; upload and download of many."""

from __future__ import annotations

import builtins
import fnmatch
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from satchel import _core
from satchel._core import Buffer
from satchel._handles import shared_store
from satchel.config import Option, options_text
from satchel.database import OnError, check_choice
from satchel.errors import Error, InvalidError, NotFoundError
from satchel.jobs import run_job
from satchel.progress import ProgressOption

PAGE = 1000  # keys asked for and deleted at once

Source = str | os.PathLike[str]


@dataclass(frozen=True)
class ObjectInfo:
    """What is known of an object.

    Attributes:
        uri: its full name.
        size: bytes.
        mtime: last change, in UTC; None where not known.
        etag: opaque; changes with the content.
        content_type: None where not known.
        metadata: the user's metadata, names in lower case.
    """

    uri: str
    size: int
    mtime: datetime | None
    etag: str
    content_type: str | None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CopyResult:
    """What upload and download did.

    Attributes:
        files: objects copied.
        bytes: their size.
        failed: (source, destination, error) of those that were not, at most 1,000.
        skipped: objects left alone.
        seconds: how long it took.
    """

    files: int
    bytes: int
    failed: builtins.list[tuple[str | None, str | None, Error]]
    skipped: int = 0
    seconds: float = 0.0


def _split(uri: str) -> tuple[str, str]:
    """The URI of a store and the key in it: the bucket for s3, the folder for files."""
    scheme, mark, rest = uri.partition("://")
    if not mark:
        raise InvalidError(f"{uri!r} is no URI (s3://bucket/key, file:///path, mem://name/key)")
    if scheme.lower() in ("file", "direct"):
        folder, slash, name = rest.rpartition("/")
        return f"{scheme}://{folder}{slash}", name
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}/", key


def _store(uri: str, options: Mapping[str, Option]) -> tuple[_core.Store, str, str]:
    """The open store of a URI, its own URI, and the key."""
    base, key = _split(uri)
    return shared_store(base, options_text(options)), base, key


def get(uri: str, **options: Option) -> Buffer:
    """Reads a whole object, verified against its checksum.

    Args:
        uri: `s3://bucket/key`, `file:///path`, `mem://name/key`.
        options: configuration: `region`, `endpoint_url`, ...

    Returns:
        A Buffer: bytes that are not copied until you ask for `bytes(buffer)`.

    Raises:
        NotFoundError: there is no such object.
        LimitError: it is larger than the option `max_memory`.

    >>> put("mem://docs-get/hello.txt", b"hello")
    >>> get("mem://docs-get/hello.txt").decode()
    'hello'
    """
    store, _, key = _store(uri, options)
    return store.get(key)


@dataclass(frozen=True)
class PutOptions:
    """How put() stores an object.

    Attributes:
        if_absent: only when no object is there; else ExistsError.
        if_match: only over the object of this ETag; else ConflictError.
        content_type: None for the store's default.
        metadata: of the user, names in lower case.
        tags: object tags.
    """

    if_absent: bool = False
    if_match: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def put(uri: str, data: Any, how: PutOptions | None = None, **options: Option) -> None:
    """Stores bytes as one object: all of it is there afterwards, or nothing changed.

    Args:
        uri: where.
        data: any C-contiguous buffer: bytes, bytearray, memoryview, array, numpy; not copied.
        how: conditions, content type, metadata, tags.
        options: configuration.

    Raises:
        ExistsError, ConflictError: the condition does not hold.
        TypeError: data is no buffer; encode a str first.
    """
    store, _, key = _store(uri, options)
    how = how or PutOptions()
    store.put(
        key,
        data,
        if_absent=how.if_absent,
        if_match=how.if_match,
        content_type=how.content_type,
        metadata=dict(how.metadata),
        tags=dict(how.tags),
    )


def stat(uri: str, **options: Option) -> ObjectInfo:
    """What is known of an object, by one request.

    Raises:
        NotFoundError: there is no such object.

    >>> put("mem://docs-stat/five", b"12345")
    >>> stat("mem://docs-stat/five").size
    5
    """
    store, _, key = _store(uri, options)
    size, mtime_ns, etag, content_type, metadata = store.stat(key)
    mtime = datetime.fromtimestamp(mtime_ns / 1e9, timezone.utc) if mtime_ns else None
    return ObjectInfo(uri, size, mtime, etag, content_type, metadata)


def exists(uri: str, **options: Option) -> bool:
    """Whether there is an object of that name, by one request.

    >>> exists("mem://docs-exists/nothing")
    False
    """
    store, _, key = _store(uri, options)
    try:
        store.stat(key)
    except NotFoundError:
        return False
    return True


def _listing(uri: str, recursive: bool, options: Mapping[str, Option]) -> tuple[str, Iterator[str]]:
    """The URI of the store and the keys below a URI."""
    scheme, _, path = uri.partition("://")
    if scheme.lower() == "file" and not uri.endswith("/") and Path(path).is_dir():
        uri += "/"
    store, base, prefix = _store(uri, options)
    return base, _keys(store, prefix, recursive)


def _keys(store: _core.Store, prefix: str, recursive: bool) -> Iterator[str]:
    listing = store.list(prefix, recursive)
    while rows := listing.next(PAGE):
        yield from (row[0] for row in rows)


def list(
    uri: str, recursive: bool = True, pattern: str | None = None, **options: Option
) -> builtins.list[str]:
    """The URIs of the objects whose names begin with a URI, in order.

    Args:
        uri: a bucket, a prefix, or a folder of files.
        recursive: with all below; else one level, where names that go on behind a "/" are folded
            into one that ends with it.
        pattern: a glob over the part of the name behind `uri`: `*.json`; its `*` goes over "/".
        options: configuration.

    >>> for name in ("a.txt", "b.log", "sub/c.txt"):
    ...     put(f"mem://docs-list/{name}", b"")
    >>> list("mem://docs-list/", pattern="*.txt")
    ['mem://docs-list/a.txt', 'mem://docs-list/sub/c.txt']
    """
    base, keys = _listing(uri, recursive, options)
    found = [f"{base}{key}" for key in keys]
    if pattern is None:
        return found
    start = len(uri)
    return [one for one in found if fnmatch.fnmatchcase(one[start:].lstrip("/"), pattern)]


def delete(uri: str, recursive: bool = False, **options: Option) -> int:
    """Deletes an object, or all whose names begin with a URI; what is not there is no error.

    Args:
        uri: the object; with `recursive` a prefix or folder.
        recursive: everything below it.
        options: configuration.

    Returns:
        How many objects the store was asked to delete.

    Raises:
        Error: of the first object that could not be deleted, once all were tried.

    >>> put("mem://docs-delete/x", b"")
    >>> delete("mem://docs-delete/", recursive=True)
    1
    """
    store, _, key = _store(uri, options)
    if not recursive:
        store.delete(key)
        return 1
    base, found = _listing(uri, True, options)
    keys = builtins.list(found)
    store = shared_store(base, options_text(options))
    failures: builtins.list[Exception] = []
    for start in range(0, len(keys), PAGE):
        outcome = store.delete_many(keys[start : start + PAGE])
        failures += [one for one in outcome if one is not None]
    if failures:
        raise failures[0]
    return len(keys)


# --- many -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Copy:
    """A copy that was asked for."""

    title: str
    sources: builtins.list[str]
    destination: str
    flags: dict[str, int]
    progress: ProgressOption
    on_error: OnError

    def run(self, options: Mapping[str, Option]) -> CopyResult:
        check_choice("on_error", self.on_error, ("raise", "return"))
        config = _core.Config(options_text(options))
        job = _core.Job.copy(self.sources, self.destination, config, self.flags)
        state, failed, error = run_job(job, self.title, self.progress)
        result = CopyResult(state.done, state.bytes_done, failed, state.skipped, state.seconds)
        absent = all(isinstance(one, NotFoundError) for _, _, one in failed)
        nothing = absent and not result.files and not result.skipped
        if error is not None and (self.on_error == "raise" or nothing):
            raise error
        return result


def _texts(sources: Source | Iterable[Source]) -> builtins.list[str]:
    given = (sources,) if isinstance(sources, (str, os.PathLike)) else sources
    return [os.fspath(source) for source in given]


def upload(
    patterns: Source | Iterable[Source],
    dest: str,
    *,
    max_in_flight: int = 32,
    create_bucket: bool = False,
    recursive: bool = True,
    progress: ProgressOption = None,
    on_error: OnError = "raise",
    **options: Option,
) -> CopyResult:
    """Copies local files to a store.

    Args:
        patterns: paths, globs (`/data/*.log`, `**`) or regular expressions (`/data/.*\\.json$`),
            one or several. A folder that ends with "/" stands for all below it, and keeps its
            inner structure.
        dest: a URI; with "/" at its end, or of several files, it is a folder.
        max_in_flight: objects at once.
        create_bucket: make a bucket or folder that is missing.
        recursive: folders with all below them; regular expressions at any depth.
        progress: a callable that is given a Progress, or True for a bar.
        on_error: "return": no exception when some files failed; they are in the result.
        options: configuration of both sides.

    Returns:
        A CopyResult: `.files`, `.bytes`, `.failed`.

    Raises:
        NotFoundError: nothing matched, or there is no such bucket.
        Error: of the first file that failed; the others were copied.
    """
    flags = {
        "max_in_flight": max_in_flight,
        "create_bucket": int(create_bucket),
        "recursive": int(recursive),
    }
    copy = _Copy("UPLOAD", _texts(patterns), dest, flags, progress, on_error)
    return copy.run(options)


def download(
    uri: str | Iterable[str],
    dir: Source,
    *,
    max_in_flight: int = 32,
    recursive: bool = True,
    progress: ProgressOption = None,
    on_error: OnError = "raise",
    **options: Option,
) -> CopyResult:
    """Copies objects of a store into a local folder, which is made when it is missing.

    Args:
        uri: an object, a glob, a regular expression, or a prefix that ends with "/" with all below
            it; one or several.
        dir: the folder. Each file appears only complete and verified.
        max_in_flight: objects at once.
        recursive: prefixes with all below them; regular expressions at any depth.
        progress: as for upload().
        on_error: as for upload().
        options: configuration of both sides.

    Returns:
        A CopyResult: `.files`, `.bytes`, `.failed`.

    Raises:
        NotFoundError: nothing matched, or there is no such bucket.
        Error: of the first object that failed; the others were copied.
    """
    flags = {
        "max_in_flight": max_in_flight,
        "create_bucket": 1,
        "recursive": int(recursive),
        "to_folder": 1,
    }
    copy = _Copy("DOWNLOAD", _texts(uri), os.fspath(dir), flags, progress, on_error)
    return copy.run(options)
