"""Downloads of keys that want out of the destination, or that no file system can hold."""

from __future__ import annotations

import os
import random
import re
import string
import unicodedata
import uuid
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from cli_support import Bucket, Cli
from object_server import object_server

COUNT = 500
NAME_MAX = 255
PATH_MAX = 4096
LOCK = ".satchel.lock"
OURS = re.compile(r"\.satchel-[0-9a-f]{16}\.part|\.satchel\.lock")
MARK = f"escaped-{uuid.uuid4().hex}"  # in every name that could land anywhere


def hostile_keys(outside: Path) -> list[str]:
    """500 keys: every kind of hostility by itself, and random mixtures of their parts."""
    long = "x" * 300
    temp = ".satchel-0123456789abcdef.part"
    keys = [f"{'../' * depth}{MARK}-{depth}" for depth in range(1, 21)]
    keys += [f"a/{'../' * depth}{MARK}-a{depth}" for depth in range(1, 21)]
    keys += ["..", ".", "a/..", "a/.", "./a", "a/./b", "../", "a/../b/../c", "....//x", ".../x"]
    keys += [f"{outside}/abs", f"/{outside}/abs", f"/{MARK}", f"/tmp/{MARK}", "/", "//", "///x"]
    keys += ["a//b", "b//", "c/", "d//e//f", "/leading", "trailing/x/"]
    keys += [long, f"a/{long}", f"{long}/a", "é" * 128, "y" * NAME_MAX, "z" * (NAME_MAX + 1)]
    keys += ["/".join(["deep"] * 200), "/".join(["p" * 250] * 17), "/".join(["q" * 250] * 4)]
    keys += [temp, f"a/{temp}", f"{temp}/x", ".satchel.lock", "a/.satchel.lock", ".satchel.lockx"]
    keys += ["Case.txt", "case.txt", "CASE.TXT", "Ordner/x", "ordner/x", "ORDNER/x"]
    keys += [unicodedata.normalize(form, "Grüße-ﬁ.txt") for form in ("NFC", "NFD", "NFKC", "NFKD")]
    keys += [f"control-{chr(code)}-x" for code in [*range(1, 32), 127, 0x85, 0x9B]]
    keys += ["\x1b[2J\x1b[H", "\x1b]0;title\x07", "\r", "\n", "a\nb/c\nd", "‮gpj.exe", "﻿x"]
    keys += ["..\\x", "..%2fx", "%2e%2e/x", "‥/x", "．．/x", "C:\\x", "con", "nul.txt", "~", "~/x"]
    keys += ["-rf", "--help", "$HOME", "`id`", "a;b", "*", "?", "[a]", "{a,b}", "a b ", " "]
    keys += ["clash", "clash/x", "both/x/y", "both/x"]
    parts = ["..", ".", "", "a", "é", "\x07", temp, long, "ok", "sub", "x y", "\u202e", "..."]
    chosen = dict.fromkeys(keys)
    dice = random.Random(1)
    while len(chosen) < COUNT:
        drawn = [dice.choice(parts) for _ in range(dice.randint(2, 5))]
        tail = "".join(dice.choices(string.ascii_lowercase, k=6))
        chosen["/".join([*drawn, f"{MARK}-{tail}"])] = None
    return list(chosen)


def is_refused(key: str) -> bool:
    """Whether no file of that name may come into being: judged from the text alone."""
    parts = key.split("/")
    sizes = [len(part.encode()) for part in parts]
    return (
        any(part in ("", ".", "..") or OURS.fullmatch(part) for part in parts)
        or max(sizes) > NAME_MAX
        or sum(sizes) + len(sizes) > PATH_MAX - 100
    )


def clashes(keys: list[str]) -> set[str]:
    """Keys of which one would be the folder of the other: a file system holds one of both."""
    fit = {key for key in keys if not is_refused(key)}
    parents = {
        "/".join(key.split("/")[:n]): key for key in fit for n in range(1, key.count("/") + 1)
    }
    inner = {key for key in fit for parent in parents.keys() & fit if key.startswith(f"{parent}/")}
    return inner | (parents.keys() & fit)


def snapshot(folder: Path, but: Path) -> dict[str, bytes | str | None]:
    """Everything below a folder, without what is below `but`."""
    found: dict[str, bytes | str | None] = {}
    for base, folders, files in os.walk(folder):
        if Path(base) == but:
            folders.clear()
            continue
        for name in [*folders, *files]:
            path = Path(base, name)
            if path.is_symlink():
                found[str(path)] = str(path.readlink())
            else:
                found[str(path)] = path.read_bytes() if path.is_file() else None
    return found


def files_below(folder: Path) -> dict[str, bytes]:
    """Content by name, without the locks of the file store."""
    paths = (
        Path(base, name) for base, _, names in os.walk(folder) for name in names if name != LOCK
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "old").write_bytes(b"old")
    return folder


def judge(cli: Cli, source: str, objects: dict[str, bytes], destination: str) -> None:
    """Downloads and compares each key's fate, the folder, and all that lies around it."""
    folder = cli.home / "inside" / "dest"
    around = cli.home.parent
    folder.parent.mkdir()
    before = snapshot(around, folder)
    result = cli("download", "--json", source, destination)
    told = result.events("copy")
    fate = {event["src"].removeprefix(source): event["status"] for event in told}
    assert len(told) == len(fate) == len(objects)
    assert snapshot(around, folder) == {**before, str(folder): None}
    assert not any(Path(root, MARK).exists() for root in ("/", "/tmp"))
    refused = {key for key in objects if is_refused(key)}
    clash = clashes(list(objects))
    failed = {key for key, status in fate.items() if status == "failed"}
    assert failed - clash == refused
    for event in told:
        assert (event["error"] is None) == (event["status"] != "failed")
    landed = {key for key, status in fate.items() if status == "ok"}
    assert files_below(folder) == {key: objects[key] for key in landed}
    assert landed >= set(objects) - refused - clash
    assert result.status == (1 if failed else 0)
    print(f"{len(objects)} keys: {len(landed)} files inside, {len(failed)} refused, 0 B outside")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_500_hostile_keys(cli: Cli, outside: Path, scheme: str) -> None:
    keys = hostile_keys(outside)
    assert len(keys) == COUNT
    objects = {key: f"content of {index}".encode() for index, key in enumerate(keys)}
    with object_server(objects) as server:
        cli.extra |= server.env
        judge(cli, "s3://bucket/", objects, f"{scheme}{cli.home}/inside/dest/")


def test_what_a_server_takes_of_them(cli: Cli, bucket: Bucket, outside: Path) -> None:
    refused = 0
    for key in hostile_keys(outside):
        if any(unicodedata.category(char) == "Cc" for char in key):
            continue  # versitygw stores these but lists them as U+FFFD
        if max(len(part.encode()) for part in key.split("/")) > NAME_MAX:
            continue  # it refuses these, and keeps the folders it made for them
        try:
            bucket.put(f"set/{key}", b"content")
        except ClientError:  # it has its own idea of keys; the look-alike serves them all
            refused += 1
    names = [name.removeprefix("set/") for name in bucket.names("set/")]
    assert len(names) > COUNT / 4
    print(f"the server refused {refused} and lists {len(names)}")
    objects = {name: bucket.get(f"set/{name}") for name in names}
    judge(cli, f"{bucket.uri}/set/", objects, "inside/dest/")


def test_messages_have_no_control_characters(cli: Cli, outside: Path) -> None:
    keys = [key for key in hostile_keys(outside) if not key.isprintable()]
    objects = {f"{key}/../x": b"x" for key in keys}
    with object_server(objects) as server:
        cli.extra |= server.env
        result = cli("download", "-v", "s3://bucket/", "dest/")
    assert result.status != 0
    assert result.out == ""
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", result.err)
    assert all(line.startswith(("satchel: ", "DOWNLOAD: ")) for line in result.err.splitlines())


def test_a_name_with_nul_is_told(cli: Cli, outside: Path) -> None:
    with object_server({"a": b"a", "x/nul\0/../../y": b"x", "z": b"z"}) as server:
        cli.extra |= server.env
        result = cli("download", "s3://bucket/", "dest/")
    assert result.status == 6
    assert "a name has a NUL" in result.err
    assert not (cli.home / "dest").exists()
    assert sorted(path.name for path in outside.iterdir()) == ["old"]


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_link_swapped_in_during_the_download(cli: Cli, outside: Path, scheme: str) -> None:
    """The folder that files go to becomes a link when half of them are there."""
    objects = {f"sub/deep/{index:03}": b"x" * 1000 for index in range(100)}
    dest = cli.home / "dest"

    def swap(key: str) -> None:
        if key == "sub/deep/050":
            (dest / "sub").rename(cli.home / "moved")
            (dest / "sub").symlink_to(outside)
            (outside / "deep").mkdir()

    with object_server(objects) as server:
        server.on_get = swap
        cli.extra |= server.env
        result = cli("download", "-j1", "--json", "s3://bucket/", f"{scheme}{dest}/")
    assert {path.name for path in outside.rglob("*")} == {"old", "deep"}
    fate = {event["src"][-3:]: event["status"] for event in result.events("copy")}
    assert [fate[f"{index:03}"] for index in range(50)] == ["ok"] * 50
    assert [fate[f"{index:03}"] for index in range(51, 100)] == ["failed"] * 49
    assert result.status == 1
    assert len(list((cli.home / "moved/deep").iterdir())) in (50, 51)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_links_that_were_there_before(cli: Cli, outside: Path, scheme: str) -> None:
    """A link to a folder is not followed; a link of a file's name gives way to the file."""
    dest = cli.home / "dest"
    dest.mkdir()
    (dest / "folder").symlink_to(outside)
    (dest / "old").symlink_to(outside / "old")
    (dest / "none").symlink_to(outside / "none")
    objects = {"folder/x": b"new", "old": b"new", "none": b"new"}
    with object_server(objects) as server:
        cli.extra |= server.env
        result = cli("download", "--json", "s3://bucket/", f"{scheme}{dest}/")
    fate = {event["src"]: event["status"] for event in result.events("copy")}
    assert fate["s3://bucket/folder/x"] == "failed"
    assert (outside / "old").read_bytes() == b"old"
    assert [path.name for path in outside.iterdir()] == ["old"]
    for name in ("old", "none"):
        if fate[f"s3://bucket/{name}"] == "ok":
            assert not (dest / name).is_symlink()
            assert (dest / name).read_bytes() == b"new"
