"""Reading and writing many records with bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from satchel.errors import InvalidError
from satchel.records import Record


@dataclass
class StreamConfig:
    """How a stream goes.

    Attributes:
        batch_size: records in memory at once.
        on_error: called with (exception, record) for each record that was not written; a false
            answer ends the stream. Without it the stream goes on.
    """

    batch_size: int = 1000
    on_error: Callable[[Exception, Record], bool] | None = None

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if self.batch_size <= 0:
            raise InvalidError(f"batch_size must be at least 1, not {self.batch_size}")


@dataclass
class StreamResult:
    """What became of the records of a stream.

    Attributes:
        total_processed: records taken from the source.
        successful: records written.
        failed: records not written.
        skipped: records left as they were, with on_conflict="skip".
        errors: {"record_id", "index", "error", "type"} for each that failed.
        failed_indices: their places in the source.
        total_batches: batches written.
        duration: seconds.
    """

    total_processed: int = 0
    successful: int = 0
    failed: int = 0
    skipped: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    failed_indices: list[int] = field(default_factory=list)
    total_batches: int = 0
    duration: float = 0.0

    @property
    def success_rate(self) -> float:
        """Written records in percent of all; 0.0 without any."""
        return 100.0 * self.successful / self.total_processed if self.total_processed else 0.0

    def add_error(self, record_id: str | None, error: Exception, index: int) -> None:
        """Notes a record that was not written."""
        self.failed += 1
        self.failed_indices.append(index)
        kind = type(error).__name__
        self.errors.append(
            {"record_id": record_id, "index": index, "error": str(error), "type": kind}
        )
