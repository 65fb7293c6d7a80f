"""ls, stat, cat, put, rm, mb: single objects and listings."""

from __future__ import annotations

import hashlib
import random
import subprocess
from pathlib import Path

import pytest
from cli_support import Bucket, Cli


@pytest.fixture
def filled(cli: Cli, tree: Path, store: str) -> str:
    """A store that holds the tree."""
    cli.ok("cp", "-q", f"{tree}/", store)
    return store


def test_ls_one_level(cli: Cli, filled: str) -> None:
    expected = ["app-01.log", "app-02.log", "report (1).txt", "sub/"]
    assert cli.ok("ls", filled).out.splitlines() == expected
    assert cli.ok("ls", f"{filled}sub").out.splitlines() == ["Grüße.txt", "deep/", "empty"]
    assert cli.ok("ls", f"{filled}app-01.log").out == "app-01.log\n"


def test_ls_recursive_and_long(cli: Cli, filled: str) -> None:
    names = cli.ok("ls", "-r", filled).out.splitlines()
    assert "sub/deep/data.bin" in names
    assert len(names) == 6
    rows = cli.ok("ls", "-l", filled).out.splitlines()
    size, date, name = rows[1].split()
    assert (size, name) == ("4000", "app-02.log")
    assert date.endswith("Z")
    assert rows[3].split() == ["-", "-", "sub/"]


def test_ls_json(cli: Cli, filled: str) -> None:
    result = cli.ok("ls", "--json", filled)
    rows = {row["name"]: row for row in result.events("ls")}
    assert rows["app-02.log"]["bytes"] == 4000
    assert rows["app-02.log"]["src"] == f"{filled}app-02.log"
    assert [row["name"] for row in result.events("ls-prefix")] == ["sub/"]
    assert result.summary["done"] == 4


def test_ls_of_what_is_not_there(cli: Cli, filled: str) -> None:
    for missing in ("nothing", "nothing/"):
        result = cli("ls", filled + missing)
        assert result.status == 3
        assert "nothing" in result.err


def test_ls_of_an_empty_folder_is_no_error(cli: Cli) -> None:
    (cli.home / "empty").mkdir()
    assert cli.ok("ls", "empty").out == ""


def test_ls_buckets(cli: Cli, bucket: Bucket) -> None:
    assert bucket.name in cli.ok("ls", "s3://").out.splitlines()
    assert cli.ok("ls", bucket.uri).out == ""


def test_stat(cli: Cli, filled: str) -> None:
    text = cli.ok("stat", f"{filled}app-02.log").out
    assert "size: 4000\n" in text
    row = cli.ok("stat", "--json", f"{filled}app-02.log").events("stat")[0]
    assert row["bytes"] == 4000
    assert row["etag"]
    assert cli("stat", f"{filled}nothing").status == 3


def test_stat_shows_metadata_that_boto3_wrote(cli: Cli, bucket: Bucket) -> None:
    bucket.put("k", b"x", Metadata={"colour": "blue"}, ContentType="text/plain")
    text = cli.ok("stat", f"{bucket.uri}/k").out
    assert "metadata: colour=blue\n" in text
    assert "type: text/plain\n" in text
    row = cli.ok("stat", "--json", f"{bucket.uri}/k").events("stat")[0]
    assert row["metadata"] == {"colour": "blue"}


def test_cat_small_empty_and_larger_than_a_piece(cli: Cli, store: str) -> None:
    contents = {"small": b"one\n", "empty": b"", "large": bytes(range(251)) * 80_000}
    for name, content in contents.items():
        (cli.home / name).write_bytes(content)
        cli.ok("cp", "-q", name, store)
        process = cli.start("cat", store + name, stdout=subprocess.PIPE)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert hashlib.sha256(out).digest() == hashlib.sha256(content).digest()


def test_cat_never_mixes_two_versions(cli: Cli, store: str) -> None:
    (cli.home / "old").write_bytes(b"old " * 5_000_000)
    (cli.home / "new").write_bytes(b"new " * 5_000_000)
    cli.ok("cp", "-q", "old", f"{store}k")
    process = cli.start("cat", f"{store}k", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    first = process.stdout.read(4)  # the rest of the first piece waits in the pipe
    cli.ok("cp", "-q", "new", f"{store}k")
    rest, err = process.communicate(timeout=60)
    assert process.returncode == 7
    assert b"was changed while it was read" in err
    assert b"new" not in first + rest


def test_cat_of_no_object(cli: Cli, filled: str) -> None:
    assert cli("cat", f"{filled}nothing").status == 3
    # On S3 a key may end with '/'; a folder is never an object.
    assert cli("cat", filled).status == (3 if filled.startswith("s3") else 2)


def test_rm_names_and_counts(cli: Cli, filled: str) -> None:
    result = cli.ok("rm", f"{filled}app-01.log", f"{filled}report (1).txt")
    assert "deleted 2 objects" in result.err
    assert cli.ok("ls", filled).out.splitlines() == ["app-02.log", "sub/"]


def test_rm_of_what_is_not_there(cli: Cli, filled: str) -> None:
    assert cli("rm", f"{filled}nothing").status == 3
    mixed = cli("rm", "--json", f"{filled}nothing", f"{filled}app-01.log")
    assert mixed.status == 1
    assert mixed.summary["error"]["code"] == "NOT_FOUND"


def test_rm_of_a_prefix_needs_recursive(cli: Cli, filled: str) -> None:
    result = cli("rm", f"{filled}sub/")
    assert result.status == 2
    assert "-r" in result.err
    assert len(cli.ok("ls", "-r", filled).out.splitlines()) == 6


def test_rm_recursive_takes_the_folder_and_no_neighbour(cli: Cli, filled: str) -> None:
    (cli.home / "n").write_text("n")
    cli.ok("cp", "-q", "n", f"{filled}subway")
    planned = cli.ok("rm", "-r", "-n", f"{filled}sub")
    assert planned.out.count("\n") == 3
    result = cli.ok("rm", "-r", f"{filled}sub")
    assert "deleted 3 objects" in result.err
    names = cli.ok("ls", "-r", filled).out.splitlines()
    assert names == ["app-01.log", "app-02.log", "report (1).txt", "subway"]
    assert cli("rm", "-r", f"{filled}nothing").status == 3


def test_rm_recursive_of_more_than_one_request(cli: Cli, bucket: Bucket) -> None:
    folder = cli.home / "many"
    folder.mkdir()
    for i in range(1005):
        (folder / f"{i:04}").write_text("x")
    cli.ok("cp", "-q", "many/", f"{bucket.uri}/many/")
    assert len(bucket.names()) == 1005
    assert "deleted 1005 objects" in cli.ok("rm", "-r", f"{bucket.uri}/many/").err
    assert bucket.names() == []


def test_mb(cli: Cli, bucket: Bucket) -> None:
    uri = f"{bucket.uri}-mb"
    cli.ok("mb", uri)
    assert cli("mb", uri).status == 7
    assert cli("mb", f"{uri}/key").status == 2
    bucket.client.delete_bucket(Bucket=f"{bucket.name}-mb")
    cli.ok("mb", "folder")
    assert (cli.home / "folder").is_dir()
    assert cli("mb", "folder").status == 7


def put_stream(cli: Cli, uri: str, content: bytes) -> int:
    process = cli.start("put", "-q", "-", uri, stdin=subprocess.PIPE)
    process.communicate(content, timeout=120)
    return process.returncode


def test_a_stream_becomes_an_object(cli: Cli, bucket: Bucket, tmp_path: Path) -> None:
    content = random.Random(7).randbytes(20_000_000)
    assert put_stream(cli, f"{bucket.uri}/stream.bin", content) == 0
    assert bucket.get("stream.bin") == content
    head = bucket.client.head_object(Bucket=bucket.name, Key="stream.bin", ChecksumMode="ENABLED")
    assert head["ETag"].endswith('-3"')
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert put_stream(cli, f"file://{tmp_path}/stream.bin", content) == 0
    assert (tmp_path / "stream.bin").read_bytes() == content
    assert put_stream(cli, f"{bucket.uri}/empty", b"") == 0
    assert bucket.get("empty") == b""


def test_put_names_what_is_wrong(cli: Cli, bucket: Bucket) -> None:
    missing = cli("put", "none.bin", f"{bucket.uri}/x")
    assert (missing.status, "none.bin" in missing.err) == (3, True)
    assert cli("put", "-", bucket.uri).status == 2
    assert bucket.names() == []
