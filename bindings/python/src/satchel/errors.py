"""Errors: one class for each code of the library, each also the builtin a caller expects.

Every error of satchel is a `satchel.Error`. Its `code` says what to do about it; the class lets an
`except` clause say the same:

    >>> import satchel
    >>> try:
    ...     satchel.get("file:///nope/nothing.txt")
    ... except FileNotFoundError as error:
    ...     print(error.code)
    NOT_FOUND
"""

from __future__ import annotations

import builtins
import errno
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Error(Exception):
    """Something satchel was asked for failed.

    Attributes:
        code: the library's name for it, "NOT_FOUND".
        os_errno: errno of the system call that failed, or 0.
        http_status: HTTP status of the last reply, or 0.
        attempts: requests made for the operation, 0 where none was made.
        request_id: the service's id of the request, or "".
        endpoint: scheme, host and port that were asked, or "" for local stores.
    """

    default_code: ClassVar[str] = "INVALID"
    default_errno: ClassVar[int] = 0

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        given = details or {}
        self.code: str = code or self.default_code
        self.os_errno: int = given.get("os_errno", 0)
        self.http_status: int = given.get("http_status", 0)
        self.attempts: int = given.get("attempts", 0)
        self.request_id: str = given.get("request_id", "")
        self.endpoint: str = given.get("endpoint", "")
        if isinstance(self, OSError):
            _set_errno(self, self.os_errno or self.default_errno)

    def __str__(self) -> str:
        """The message alone, also where the class is an OSError."""
        return str(self.args[0]) if self.args else ""


def _set_errno(error: OSError, number: int) -> None:
    error.errno = number or None


class InvalidError(Error, ValueError):
    """An argument, a configuration key or a value is not valid."""

    default_code = "INVALID"


class UnsupportedError(Error, NotImplementedError):
    """This backend, or this version of satchel, cannot do it."""

    default_code = "UNSUPPORTED"


class NotFoundError(Error, FileNotFoundError):
    """There is no such object, record, bucket or path."""

    default_code = "NOT_FOUND"
    default_errno = errno.ENOENT


class ExistsError(Error, FileExistsError):
    """It is there already and was not overwritten."""

    default_code = "EXISTS"
    default_errno = errno.EEXIST


class ConflictError(Error):
    """Another writer changed it first: a lost compare-and-swap."""

    default_code = "CONFLICT"


class DeniedError(Error, PermissionError):
    """Permission or credentials were refused."""

    default_code = "DENIED"
    default_errno = errno.EACCES


class ThrottledError(Error, ConnectionError):
    """The service throttled the request beyond the retries."""

    default_code = "THROTTLED"


class TimeoutError(Error, builtins.TimeoutError):
    """The deadline passed."""

    default_code = "TIMEOUT"
    default_errno = errno.ETIMEDOUT


class NetworkError(Error, ConnectionError):
    """No connection, or the service was not available beyond the retries."""

    default_code = "NETWORK"


class IntegrityError(Error):
    """Bytes differ from their checksum or length."""

    default_code = "INTEGRITY"


class LimitError(Error):
    """A limit of the store or of the configuration was met."""

    default_code = "LIMIT"


class ModifiedError(Error):
    """The source changed while it was being read."""

    default_code = "MODIFIED"


class ArchivedError(Error):
    """The object is archived and must be restored first."""

    default_code = "ARCHIVED"


class BusyError(Error):
    """A local resource is busy."""

    default_code = "BUSY"


class UnknownOutcomeError(Error):
    """A write was sent and its outcome could not be learned."""

    default_code = "UNKNOWN_OUTCOME"


class CorruptError(Error):
    """Stored content is not in the expected form."""

    default_code = "CORRUPT"


class OutOfMemoryError(Error, MemoryError):
    """No memory was left."""

    default_code = "NOMEM"


class InputOutputError(Error, OSError):
    """A local file or folder could not be read or written."""

    default_code = "IO"
    default_errno = errno.EIO


class CancelledError(Error):
    """It was cancelled."""

    default_code = "CANCELLED"


class BudgetError(Error):
    """A budget set by the caller would be exceeded."""

    default_code = "BUDGET"


DuplicateRecordError = ExistsError


class BatchError(Error):
    """Some items of a batch failed; the others were done.

    Attributes:
        results: for each item, in input order, what the call returns for it, or its error.
        exceptions: the errors alone.
    """

    def __init__(self, message: str, results: Sequence[Any]) -> None:
        self.results: list[Any] = list(results)
        self.exceptions = tuple(one for one in self.results if isinstance(one, Exception))
        first = next((one for one in self.exceptions if isinstance(one, Error)), None)
        super().__init__(message, code=first.code if first else None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles with the results."""
        return type(self), (self.args[0], self.results)

    @classmethod
    def of(cls, what: str, results: Sequence[Any]) -> BatchError:
        """The error for results of which at least one is an exception."""
        failed = [one for one in results if isinstance(one, Exception)]
        return cls(f"{len(failed)} of {len(results)} {what} failed; first: {failed[0]}", results)


BY_CODE: dict[str, type[Error]] = {
    kind.default_code: kind for kind in Error.__subclasses__() if not issubclass(kind, BatchError)
}


def from_core(code: str, text: str, details: Mapping[str, Any]) -> Error:
    """The exception for an error of the library; called by the compiled module."""
    return BY_CODE.get(code, Error)(text, code=code, details=details)
