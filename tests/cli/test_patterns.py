"""Sources as patterns, over 200 files of odd names, against what fnmatch and re say of them."""

from __future__ import annotations

import fnmatch
import itertools
import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_support import Cli, digests, s3_env, temporary_bucket

COUNT = 200
Names = list[str]

STEMS = [
    "report (1)",
    "report (2)",
    "a+b",
    "a b",
    "  lead",
    "brackets[1]",
    "brackets1",
    "{x,y}",
    "x",
    "Grüße",
    unicodedata.normalize("NFD", "Grüße"),
    "日本",
    "line\nbreak",
    "tab\there",
    "-dash",
    "--r",
    "star*",
    "ques?",
    "quo'te",
    'dou"ble',
    "do$$ar",
    "app-0001",
    "app-12345",
    "app-9876",
    "file_7",
    "file_x",
    "back\\slash",
    "pipe|or",
    "caret^",
    "data",
    "dataset",
    "~tilde",
    "#hash",
    "%41",
    "&amp",
]
SUFFIXES = ["", ".log", ".json", ".csv", ".tar.gz", ".log.1", ".LOG", ".", "$", ".pdf"]
FOLDERS = ["", "sub/", "sub/deep/", "New folder (2)/", "v1.2/", "a+b.d/", "-opt/", "ü/"]


def make_names() -> Names:
    """200 names, always the same, with the seeds' own among them."""
    names = [f"{FOLDERS[0]}{stem}{SUFFIXES[i % 10]}" for i, stem in enumerate(STEMS)]
    names += [
        "x",
        "a+b",
        "report (1).pdf",
        "app-0001.log",
        "app-12345.log",
        "file_7.csv",
        "x.json",
        "data.csv",
    ]
    names += ["line\nbreak.json", "sub/x.json", "sub/deep/app-1234.log", "New folder (2)/x.log"]
    drawn = list(itertools.product(FOLDERS, STEMS, SUFFIXES))
    random.Random(2).shuffle(drawn)
    chosen = dict.fromkeys(names)
    for folder, stem, suffix in drawn:
        if len(chosen) == COUNT:
            break
        chosen[f"{folder}{stem}{suffix}"] = None
    return sorted(chosen)


NAMES = make_names()

# pattern -> the folder in front of what a regular expression matches
GLOBS = [
    "*",
    "*.log",
    "app-????.log",
    "app-[0-9]*.log",
    "[!a-z]*",
    "*[[]*",
    "report ([12]).*",
    "data.*",
    "*/*.json",
    "*/*/*",
    "sub/*",
    "New folder (2)/*",
    "v1.2/*",
    "*.{log,json}",
    "{app,file}*.csv",
    "*\n*",
    "-*",
    "*ü*",
    "a+b*",
    "?",
    "*.",
    "*$",
    "**",
    "**/*.json",
    "sub/**",
    "{sub,ü}/*.log",
]
REGEXES = {
    r".*\.json$": "",
    r"app-[0-9]{4}\.log": "",
    r"file_\d+\.csv$": "",
    r".*": "",
    r"[^.]+": "",
    r"(report|data).*": "",
    r"\W.*": "",
    r"(?i).*\.log": "",
    r"sub/.*\.json$": "sub/",
    r"v1.2/[a-z]+\..*": "v1.2/",
    r".*/.*\.log": "",
    r"\w+/deep/.*": "",
    r"report \(\d\)\..+": "",
    r".*\n.*": "",
    r"[-~#%&].*": "",
    r".*\$$": "",
    r"(sub|ü)/.*": "",
    r"^a.b$": "",
}
# Behind a class, ".*" is what globs say of a suffix.
AUTO_REGEXES = [one for one in REGEXES if one != "[-~#%&].*"]


def glob_choices(pattern: str) -> Names:
    """The pattern without braces: one text for each choice."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if not found:
        return [pattern]
    head, tail = pattern[: found.start()], pattern[found.end() :]
    return [one for word in found[1].split(",") for one in glob_choices(head + word + tail)]


def glob_parts_match(names: Names, patterns: Names) -> bool:
    """Python's fnmatch part by part; a part "**" stands for any number of parts."""
    if not patterns:
        return not names
    if patterns[0] == "**":
        rest = patterns[1:] or ["*"]
        return any(glob_parts_match(names[at:], rest) for at in range(len(names)))
    return bool(names) and (
        fnmatch.fnmatchcase(names[0], patterns[0]) and glob_parts_match(names[1:], patterns[1:])
    )


def by_glob(pattern: str) -> set[str]:
    texts = [one.split("/") for one in glob_choices(pattern)]
    return {name for name in NAMES if any(glob_parts_match(name.split("/"), one) for one in texts)}


def by_regex(pattern: str, recursive: bool = False) -> set[str]:
    """re.fullmatch of what follows the literal folder, as deep as the pattern, or at any depth."""
    folder = REGEXES[pattern]
    compiled = re.compile(pattern.removeprefix(folder), re.S)
    depth = pattern.count("/")
    found = set()
    for name in NAMES:
        if not name.startswith(folder) or (not recursive and name.count("/") > depth):
            continue
        parts = name.removeprefix(folder).split("/")
        heads = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        if any(compiled.fullmatch(head) for head in (heads if recursive else heads[-1:])):
            found.add(name)
    return found


@pytest.fixture
def local(cli: Cli) -> str:
    """The tree in a folder; each content is the file's own name."""
    for name in NAMES:
        path = cli.home / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return "tree/"


@pytest.fixture
def planned(cli: Cli) -> Callable[..., set[str]]:
    """What a copy would take, by a dry run."""

    def ask(base: str, pattern: str, *words: str) -> set[str]:
        result = cli("cp", "-n", "--json", *words, f"{base}{pattern}", "out/")
        told = [one for one in result.events("copy") if one["status"] == "planned"]
        assert result.status == (0 if told else 3), result.err
        return {event["src"].removeprefix(base) for event in told}

    return ask


@pytest.fixture(scope="module")
def stored() -> Iterator[str]:
    """The tree in a bucket, put there by boto3."""
    with temporary_bucket() as bucket:
        for name in NAMES:
            bucket.put(f"tree/{name}", name.encode())
        yield f"{bucket.uri}/tree/"


@pytest.fixture(params=["local", "file", "s3"])
def base(request: pytest.FixtureRequest, cli: Cli, local: str) -> str:
    """The tree's place, with its final '/'."""
    if request.param == "s3":
        cli.extra |= s3_env()
        return str(request.getfixturevalue("stored"))
    return f"file://{cli.home}/{local}" if request.param == "file" else local


def test_the_tree_is_what_it_is_said_to_be() -> None:
    assert len(NAMES) == COUNT
    for part in ("report (1).pdf", "a+b", "[1]", "\n", "Grüße", " "):
        assert any(part in name for name in NAMES)
    assert any(name.startswith("-") for name in NAMES)
    assert sum(bool(by_glob(one)) for one in GLOBS) == len(GLOBS)
    assert sum(bool(by_regex(one)) for one in REGEXES) == len(REGEXES)


def test_globs(base: str, planned: Callable[..., set[str]]) -> None:
    for pattern in GLOBS:
        assert planned(base, pattern, "--pattern", "glob") == by_glob(pattern), pattern


def test_regular_expressions(base: str, planned: Callable[..., set[str]]) -> None:
    for pattern in REGEXES:
        assert planned(base, pattern, "--regex") == by_regex(pattern), pattern


def test_regular_expressions_at_any_depth(base: str, planned: Callable[..., set[str]]) -> None:
    for pattern in REGEXES:
        assert planned(base, pattern, "--regex", "-r") == by_regex(pattern, True), pattern


def test_auto_finds_out_which(base: str, planned: Callable[..., set[str]]) -> None:
    for pattern in GLOBS:
        assert planned(base, pattern) == by_glob(pattern), pattern
    for pattern in AUTO_REGEXES:
        assert planned(base, pattern) == by_regex(pattern), pattern


def test_what_exists_is_literal(cli: Cli, base: str) -> None:
    """All 200 names as 200 sources, whatever characters they have, into folders of their own."""
    by_folder: dict[str, Names] = {}
    for name in NAMES:
        folder, _, _ = name.rpartition("/")
        by_folder.setdefault(folder, []).append(name)
    for folder, names in by_folder.items():
        cli.ok("cp", "-q", *[f"{base}{name}" for name in names], f"out/{folder}/")
    assert digests(cli.home / "out") == digests(cli.home / "tree")


@pytest.mark.parametrize("pattern", ["*.json", r".*\.json$", "report (1).pdf", "a+b"])
def test_the_right_files_arrive(cli: Cli, base: str, pattern: str) -> None:
    wanted = (
        by_regex(pattern)
        if pattern in REGEXES
        else by_glob(pattern)
        if "*" in pattern
        else {pattern}
    )
    cli.ok("download", f"{base}{pattern}", "out")
    arrived = {name: (cli.home / "out" / name).read_text() for name in digests(cli.home / "out")}
    assert arrived == {name: name for name in wanted}


def test_leading_dashes_in_the_current_folder(cli: Cli, local: str, tmp_path: Path) -> None:
    cli.home = cli.home / local
    dashes = sorted(name for name in NAMES if name.startswith("-") and "/" not in name)
    assert len(dashes) > 1
    assert cli("cp", *dashes, tmp_path / "out").status == 2
    cli.ok("cp", "--", *dashes, f"{tmp_path}/out/")
    assert sorted(digests(tmp_path / "out")) == dashes
    cli.ok("cp", "--", "-*", f"{tmp_path}/again/")
    assert sorted(digests(tmp_path / "again")) == dashes


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("*.log", "taken as a glob"),
        (r".*\.log$", "taken as a regular expression"),
        ("star*", "taken literally"),
    ],
)
def test_verbose_says_how_a_source_was_taken(
    cli: Cli, local: str, pattern: str, words: str
) -> None:
    (cli.home / "tree/star*").write_text("star*")
    assert words in cli.ok("cp", "-v", f"{local}{pattern}", "out/").err


@pytest.mark.parametrize("words", [["--regex"], ["--pattern", "regex"], []])
def test_a_bad_regular_expression_is_told(cli: Cli, local: str, words: list[str]) -> None:
    result = cli("cp", *words, rf"{local}(x|\d", "out/")
    assert result.status == 2
    assert "bad regex" in result.err
    assert r"'(x|\d'" in result.err


def test_nothing_found_says_how_the_source_was_taken(cli: Cli, base: str) -> None:
    for pattern, word in (("nothing-*", "glob"), (r"nothing-\d", "regular expression")):
        result = cli("cp", f"{base}{pattern}", "out/")
        assert result.status == 3
        assert f"taken as a {word}" in result.err
    assert cli("cp", f"{base}nothing (1)", "out/").status == 3
