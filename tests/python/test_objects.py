"""Objects by URI, and copying many, the same on memory, files and S3."""

from __future__ import annotations

import hashlib
import io
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import satchel
from satchel import CopyResult, Error, ExistsError, Progress, PutOptions
from satchel.progress import Bar, size_text


def test_put_get_stat_exists_delete(base_uri: str) -> None:
    uri = f"{base_uri}folder/a b&=+%.txt"
    assert not satchel.exists(uri)
    satchel.put(uri, b"hello", PutOptions(content_type="text/plain", metadata={"who": "me"}))
    assert satchel.get(uri) == b"hello"
    info = satchel.stat(uri)
    assert (info.uri, info.size, info.content_type) == (uri, 5, "text/plain")
    assert info.metadata["who"] == "me"
    assert info.etag
    assert info.mtime is not None
    assert abs(datetime.now(timezone.utc) - info.mtime) < timedelta(minutes=1)
    assert satchel.delete(uri) == 1
    assert not satchel.exists(uri)
    with pytest.raises(FileNotFoundError):
        satchel.stat(uri)
    assert satchel.delete(uri) == 1  # gone is what was asked for


def test_conditions(base_uri: str) -> None:
    uri = f"{base_uri}x"
    satchel.put(uri, b"1", PutOptions(if_absent=True))
    with pytest.raises(ExistsError):
        satchel.put(uri, b"2", PutOptions(if_absent=True))
    etag = satchel.stat(uri).etag
    satchel.put(uri, b"3", PutOptions(if_match=etag))
    with pytest.raises(satchel.ConflictError):
        satchel.put(uri, b"4", PutOptions(if_match=etag))
    assert satchel.get(uri) == b"3"


def test_list(base_uri: str) -> None:
    for name in ("a.txt", "b.log", "sub/c.txt", "sub/deep/d.txt"):
        satchel.put(base_uri + name, b"")
    all_of_them = [base_uri + n for n in ("a.txt", "b.log", "sub/c.txt", "sub/deep/d.txt")]
    assert satchel.list(base_uri) == all_of_them
    assert satchel.list(base_uri, recursive=False) == [*all_of_them[:2], f"{base_uri}sub/"]
    assert satchel.list(base_uri, pattern="*.txt") == [all_of_them[0], *all_of_them[2:]]
    assert satchel.list(f"{base_uri}sub/", pattern="c*") == [all_of_them[2]]
    assert satchel.list(f"{base_uri}sub/deep/d.txt") == all_of_them[3:]


def test_recursive_delete(base_uri: str) -> None:
    for i in range(3):
        satchel.put(f"{base_uri}gone/{i}", b"")
    satchel.put(f"{base_uri}kept", b"")
    assert satchel.delete(f"{base_uri}gone/", recursive=True) == 3
    assert satchel.list(base_uri) == [f"{base_uri}kept"]


def test_a_folder_of_files_needs_no_slash(tmp_path: Path) -> None:
    satchel.put(f"file://{tmp_path}/in/x", b"")
    satchel.put(f"file://{tmp_path}/inside", b"")
    assert satchel.list(f"file://{tmp_path}/in") == [f"file://{tmp_path}/in/x"]


@pytest.mark.parametrize("uri", ["/no/scheme", "ftp://x/y", "s3:///key", "file://host/x"])
def test_a_bad_uri_is_refused(uri: str) -> None:
    with pytest.raises((ValueError, NotImplementedError), match="URI|unsupported|want "):
        satchel.get(uri)


# --- upload and download --------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files, an empty one and nested ones among them."""
    root = tmp_path / "tree"
    contents = {"a.log": 1000, "b.log": 0, "c.csv": 70_000, "in/d.log": 5, "in/er/é.bin": 300_000}
    for name, size in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    return root


def hashes(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def test_a_tree_goes_up_and_comes_back(base_uri: str, tree: Path, tmp_path: Path) -> None:
    up = satchel.upload(f"{tree}/", base_uri)
    assert (up.files, up.bytes, up.failed) == (5, 371_005, [])
    assert len(satchel.list(base_uri)) == 5
    down = satchel.download(base_uri, tmp_path / "back", recursive=True)
    assert (down.files, down.bytes) == (5, 371_005)
    assert hashes(tmp_path / "back") == hashes(tree)


def test_globs_pick_files(base_uri: str, tree: Path, tmp_path: Path) -> None:
    result = satchel.upload([f"{tree}/*.log", tree / "c.csv"], base_uri)
    assert result.files == 3
    assert satchel.list(base_uri) == [base_uri + name for name in ("a.log", "b.log", "c.csv")]
    satchel.download(f"{base_uri}*.log", tmp_path / "logs")
    assert sorted(hashes(tmp_path / "logs")) == ["a.log", "b.log"]


def test_regular_expressions_pick_files(base_uri: str, tree: Path, tmp_path: Path) -> None:
    satchel.upload(rf"{tree}/.*\.log$", base_uri)
    assert satchel.list(base_uri) == [base_uri + name for name in ("a.log", "b.log", "in/d.log")]
    satchel.download(rf"{base_uri}[ab]\.log", tmp_path / "flat", recursive=False)
    assert sorted(hashes(tmp_path / "flat")) == ["a.log", "b.log"]


@pytest.mark.parametrize("uri", ["az://container/data/", "direct:///nvme/cache/"])
def test_schemes_of_later_versions_say_so(tree: Path, uri: str) -> None:
    with pytest.raises(satchel.UnsupportedError, match="known"):
        satchel.upload(f"{tree}/*.csv", uri)


def test_nothing_matched_is_not_found(base_uri: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="nope"):
        satchel.upload(f"{tmp_path}/empty/nope*.log", base_uri)
    with pytest.raises(FileNotFoundError, match="nothing"):
        satchel.download(f"{base_uri}nothing/", tmp_path / "x")
    with pytest.raises(FileNotFoundError):  # also when failures are asked for as a result
        satchel.download(f"{base_uri}nothing/", tmp_path / "x", on_error="return")


def test_a_file_that_fails_does_not_stop_the_others(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "a.log").mkdir(parents=True)  # in the way
    (tmp_path / "out" / "a.log" / "x").touch()
    where = f"file://{tmp_path}/out/"
    with pytest.raises(Error):
        satchel.upload(f"{tree}/*.log", where)
    assert (tmp_path / "out" / "b.log").exists()
    result = satchel.upload(f"{tree}/*.log", where, on_error="return")
    assert (result.files, len(result.failed)) == (1, 1)
    source, _, error = result.failed[0]
    assert source is not None and source.endswith("a.log")
    assert isinstance(error, Error)


def test_progress_is_told_and_ends_with_everything(tree: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    satchel.upload(f"{tree}/", f"file://{tmp_path}/out/", progress=seen.append, create_bucket=True)
    last = seen[-1]
    assert (last.done, last.bytes_done, last.bytes_total) == (5, 371_005, 371_005)
    assert last.total_is_final


def test_an_exception_of_the_callback_cancels_and_comes_out(tree: Path, tmp_path: Path) -> None:
    def stop(state: Progress) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        satchel.upload(f"{tree}/", f"file://{tmp_path}/out/", progress=stop, create_bucket=True)


def test_the_bar(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    satchel.upload(f"{tree}/", f"file://{tmp_path}/out/", progress=True, create_bucket=True)
    shown = capsys.readouterr().err
    assert "UPLOAD: [" in shown and "362.3 KiB/362.3 KiB" in shown
    assert shown.endswith("\n")


def test_the_line_of_the_bar() -> None:
    state = Progress(1, 0, 0, 2, 3 * 1024, 4 * 1024, 2.0, True)
    line = Bar("DOWNLOAD", io.StringIO()).line(state)
    assert line == f"DOWNLOAD: [{'█' * 30}{' ' * 10}] 3.0 KiB/4.0 KiB (1.5 KiB/s, ETA: 1s)"
    nothing = Bar("X").line(Progress(0, 0, 0, 0, 0, 0, 0.0, False))
    assert "0 B/0 B (0 B/s, ETA: ?)" in nothing
    assert [size_text(2.0**n) for n in (0, 10, 20, 30, 40)] == [
        "1 B",
        "1.0 KiB",
        "1.0 MiB",
        "1.0 GiB",
        "1.0 TiB",
    ]


def test_a_missing_bucket_is_made_only_when_asked(s3_environment: object, tree: Path) -> None:
    name = f"py-made-{os.getpid()}"
    with pytest.raises(FileNotFoundError, match=name):
        satchel.upload(tree / "a.log", f"s3://{name}/")
    result = satchel.upload(tree / "a.log", f"s3://{name}/", create_bucket=True)
    getattr(s3_environment, "buckets", []).append(name)
    assert isinstance(result, CopyResult) and result.files == 1


def test_the_environment_is_looked_at_again(
    s3_environment: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_environment.bucket()
    satchel.put(f"s3://{bucket}/k", b"1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(PermissionError):
        satchel.get(f"s3://{bucket}/k")


def test_https_with_a_private_authority(s3: object) -> None:
    url, ca = os.environ.get("SATCHEL_TEST_S3_TLS_URL"), os.environ.get("SATCHEL_TEST_CA")
    if not url or not ca:
        pytest.skip("SATCHEL_TEST_S3_TLS_URL is not set: no https server to test with")
    options = {**getattr(s3, "options", {}), "endpoint_url": url, "ca_file": ca}
    bucket = f"py-tls-{os.getpid()}"
    with satchel.open(f"s3://{bucket}/", create_bucket=True, **options) as db:
        db.create(satchel.Record({"id": "a", "n": 1}))
        assert db.read("a")["n"] == 1
        db.clear()
    with pytest.raises(Error, match="certificate|verif"):
        satchel.get(f"s3://{bucket}/a.json", **{**options, "ca_file": "", "max_retries": 0})
