"""Running a job of the library with its progress."""

from __future__ import annotations

from satchel import _core
from satchel.errors import Error
from satchel.progress import Bar, Progress, ProgressOption, RawProgress, progress_of

Failure = tuple[str | None, str | None, Error]


def run_job(
    job: _core.Job, title: str, progress: ProgressOption
) -> tuple[Progress, list[Failure], Error | None]:
    """Runs a job to its end.

    Args:
        job: made, not yet run.
        title: first word of the bar.
        progress: a callable that is given a Progress about 5 times a second and at the end; an
            exception it raises cancels the job. True draws a bar on standard error.

    Returns:
        Where it stands, what failed, and the error of the first failure (None: all is well).
    """
    bar = Bar(title) if progress is True else None
    callback = bar or (progress if callable(progress) else None)

    def tell(raw: RawProgress) -> None:
        if callback is not None:
            callback(progress_of(raw))

    try:
        error = job.run(None if callback is None else tell)
    finally:
        if bar is not None:
            bar.end()
    return progress_of(job.progress()), job.failures(), error
