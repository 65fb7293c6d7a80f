"""Errors: a class for each code, the builtins they are, what they carry."""

from __future__ import annotations

import errno
import pickle
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import satchel
from satchel import BatchError, Error, NotFoundError, Record, _core, errors
from satchel.errors import from_core


@pytest.fixture
def deaf_server() -> Iterator[str]:
    """An endpoint that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def s3_options(endpoint: str) -> dict[str, object]:
    return {
        "endpoint_url": endpoint,
        "access_key_id": "key",
        "secret_access_key": "verysecretvalue",
        "max_retries": 0,
        "request_timeout": 1,
    }


def test_every_code_of_the_library_has_a_class() -> None:
    names = {name for name, _, _ in _core.codes()} - {"OK"}
    assert set(errors.BY_CODE) == names
    for name, kind in errors.BY_CODE.items():
        made = from_core(name, "text", {"attempts": 2})
        assert type(made) is kind
        assert (made.code, str(made), made.attempts) == (name, "text", 2)
        assert getattr(satchel, kind.__name__) is kind


@pytest.mark.parametrize(
    ("code", "builtin", "number"),
    [
        ("NOT_FOUND", FileNotFoundError, errno.ENOENT),
        ("EXISTS", FileExistsError, errno.EEXIST),
        ("DENIED", PermissionError, errno.EACCES),
        ("TIMEOUT", TimeoutError, errno.ETIMEDOUT),
        ("NETWORK", ConnectionError, None),
        ("INVALID", ValueError, None),
        ("UNSUPPORTED", NotImplementedError, None),
        ("NOMEM", MemoryError, None),
        ("IO", OSError, errno.EIO),
    ],
)
def test_errors_are_the_builtins_a_caller_expects(
    code: str, builtin: type[Exception], number: int | None
) -> None:
    made = from_core(code, "text", {})
    assert isinstance(made, Error) and isinstance(made, builtin)
    assert getattr(made, "errno", None) == number


def test_errors_pickle_with_what_they_carry() -> None:
    details = {"os_errno": 2, "http_status": 404, "attempts": 1, "request_id": "r", "endpoint": "e"}
    made = from_core("NOT_FOUND", "gone", details)
    back = pickle.loads(pickle.dumps(made))
    assert type(back) is NotFoundError
    assert back.__dict__ == made.__dict__
    batch = pickle.loads(pickle.dumps(BatchError.of("reads", ["a", made])))
    assert batch.results[0] == "a"
    assert batch.exceptions[0].request_id == "r"


def test_a_missing_file_says_where(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"not found: file://{tmp_path}/nope"):
        satchel.get(f"file://{tmp_path}/nope")


def test_a_corrupt_record_is_named_never_left_out(tmp_path: Path) -> None:
    db = satchel.FileDatabase({"path": tmp_path})
    db.create(Record({"id": "good"}))
    (tmp_path / "bad.json").write_text('{"fields": ')
    with pytest.raises(satchel.CorruptError, match="bad.json"):
        db.read("bad")
    with pytest.raises(satchel.CorruptError, match="bad.json"):
        db.search(satchel.Query().filter("x", "=", 1))
    with pytest.raises(BatchError, match="bad.json") as caught:
        db.read_batch(["good", "bad"])
    assert caught.value.results[0]["id"] == "good"
    assert caught.value.code == "CORRUPT"


def test_a_server_that_never_answers_is_a_timeout(deaf_server: str) -> None:
    start = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        satchel.stat("s3://bucket/key", **s3_options(deaf_server))
    assert time.monotonic() - start < 2
    assert isinstance(caught.value, satchel.TimeoutError)
    assert caught.value.endpoint == deaf_server
    assert caught.value.attempts == 1
    assert "verysecretvalue" not in str(caught.value)


def test_a_refused_connection_is_a_connection_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionError) as caught:
        satchel.get("s3://bucket/key", **s3_options(f"http://127.0.0.1:{port}"))
    assert isinstance(caught.value, satchel.NetworkError)


def test_s3_errors_carry_the_reply(s3: object) -> None:
    options = getattr(s3, "options", {})
    with pytest.raises(PermissionError) as caught:
        satchel.get("s3://any/key", **{**options, "secret_access_key": "wrong"})
    assert (caught.value.http_status, caught.value.code) == (403, "DENIED")
    with pytest.raises(FileNotFoundError, match="bucket 'no-such-bucket' not found") as missing:
        satchel.put("s3://no-such-bucket/key", b"", **options)
    assert missing.value.http_status == 404
    assert missing.value.attempts == 1
