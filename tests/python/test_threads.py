"""Threads, processes, and the end of the interpreter."""

from __future__ import annotations

import multiprocessing
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import satchel
from satchel import ConflictError, Database, ExistsError, Record


def test_one_handle_in_many_threads_counts_exactly(db: Database) -> None:
    db.create(Record({"id": "counter", "n": 0}))

    def increment(_: int) -> int:
        conflicts = 0
        while True:
            record = db.read("counter")
            assert record is not None
            record["n"] += 1
            try:
                assert db.update("counter", record, expected_version=record.version)
                return conflicts
            except ConflictError:
                conflicts += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(40)))
    last = db.read("counter")
    assert last is not None
    assert (last["n"], last.version) == (40, 41)


def test_one_of_many_creates_wins(db: Database) -> None:
    def create(i: int) -> bool:
        try:
            db.create(Record({"id": "one", "who": i}))
            return True
        except ExistsError:
            return False

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(16)))
    assert won.count(True) == 1
    record = db.read("one")
    assert record is not None and record["who"] == won.index(True)


def test_other_threads_run_during_a_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        options = {"endpoint_url": url, "access_key_id": "a", "secret_access_key": "b"}
        db = satchel.open("s3://bkt/", max_retries=0, request_timeout=1, **options)
        thread = threading.Thread(target=lambda: pytest.raises(TimeoutError, db.exists, "x"))
        thread.start()
        connection, _ = deaf.accept()  # the call is under way, and this thread runs
        assert connection.recv(4) == b"HEAD"
        assert thread.is_alive()
        db.close()  # the call under way keeps what it needs
        thread.join()
        connection.close()


def count_in_child(db: Database) -> int:
    db.create(Record({"id": "child"}))
    return db.count()


def test_a_handle_travels_to_a_spawned_process(tmp_path: Path) -> None:
    db = satchel.open(f"file://{tmp_path}/db", create_bucket=True)
    db.create(Record({"id": "parent"}))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(count_in_child, (db,)) == 2
    db.refresh()
    assert db.list_all() == ["child", "parent"]


SCRIPTS = {
    "open handles": """
        db = satchel.MemoryDatabase()
        db.create(satchel.Record({"id": "a"}))
        search = db.stream_read()
        next(search)
        satchel.put("mem://x/y", b"z")
        satchel.get("mem://x/y")
    """,
    "daemon threads in calls": """
        import threading
        db = satchel.open("file://" + sys.argv[1] + "/db", create_bucket=True)
        started = threading.Barrier(5)
        def work(i):
            started.wait()
            while True:
                try:
                    db.upsert(f"r{i}", satchel.Record({"n": i}))
                except satchel.Error as error:
                    if "closed" in str(error):
                        return
                    raise
        for i in range(4):
            threading.Thread(target=work, args=(i,), daemon=True).start()
        started.wait()
    """,
    "a failed open": """
        try:
            satchel.open("ftp://x")
        except satchel.UnsupportedError:
            pass
    """,
    "used at exit": """
        import atexit
        db = satchel.MemoryDatabase()
        def late():
            try:
                db.count()
            except satchel.Error as error:
                assert "closed" in str(error)
        atexit.register(late)
    """,
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_interpreter_ends_cleanly(script: str, tmp_path: Path) -> None:
    lines = (line.removeprefix(" " * 8) for line in script.splitlines())
    program = "import sys\nimport satchel\n" + "\n".join(lines)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_log_lines_go_to_standard_error() -> None:
    program = (
        "import satchel\nsatchel.log_to_stderr('debug')\n"
        "satchel.put('mem://x/y', b'')\nsatchel.log_to_stderr('off')\n"
        "satchel.put('mem://x/z', b'')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "x/y" in done.stderr or "satchel debug" in done.stderr
    assert "x/z" not in done.stderr
