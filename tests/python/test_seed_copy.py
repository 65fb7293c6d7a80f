"""Upload, download and test drive of the copy engine's founding document, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import satchel


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("app-01.log", "app-02.log", "backup_1.tar.gz", "t.csv"):
        (folder / name).write_bytes(name.encode() * 100)
    return folder


@pytest.mark.parametrize("pattern", ["*.log", "app-??.log", "app-0[12].log", "app-{01,02}.log"])
def test_upload_by_pattern_and_download(
    base_uri: str, data: Path, tmp_path: Path, pattern: str
) -> None:
    up = satchel.upload([str(data / pattern)], f"{base_uri}logs/")
    assert up.files == 2
    down = satchel.download(f"{base_uri}logs/", str(tmp_path / "local") + "/", recursive=True)
    assert down.files == 2
    for name in ("app-01.log", "app-02.log"):
        assert (tmp_path / "local" / name).read_bytes() == (data / name).read_bytes()


def test_the_whole_folder_and_a_second_store(base_uri: str, data: Path, tmp_path: Path) -> None:
    satchel.upload([str(data / "*")], base_uri)
    backup = f"file://{tmp_path}/backup/data/"
    satchel.download(base_uri, tmp_path / "temp")
    result = satchel.upload([str(tmp_path / "temp" / "*")], backup, create_bucket=True)
    assert result.files == 4
    assert sorted(path.name for path in (tmp_path / "backup" / "data").iterdir()) == [
        "app-01.log",
        "app-02.log",
        "backup_1.tar.gz",
        "t.csv",
    ]


def test_the_test_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("test.txt").write_text("Hello s3dlio!\n")
    satchel.upload("test.txt", f"file://{tmp_path}/s3dlio-test/", create_bucket=True)
    satchel.download(f"file://{tmp_path}/s3dlio-test/", "./downloaded/")
    assert Path("downloaded/test.txt").read_text() == "Hello s3dlio!\n"


def test_schemes_of_later_versions_say_so(data: Path) -> None:
    for uri in ("az://container/data/", "direct:///nvme/cache/"):
        with pytest.raises(satchel.UnsupportedError, match="known"):
            satchel.upload([str(data / "*.csv")], uri)


def test_an_unknown_scheme_is_unsupported(data: Path) -> None:
    with pytest.raises(satchel.Error, match="unsupported"):
        satchel.upload([str(data / "*")], "ftp://host/data/")


def test_a_plain_listing_of_both_kinds(base_uri: str, data: Path, s3: Any) -> None:
    satchel.upload(str(data) + "/", base_uri)
    assert len(satchel.list(base_uri)) == 4
