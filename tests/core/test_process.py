"""Command lines split into words, against Python's shlex, with which botocore does it.

The executable ``words_dump`` (tests/core/words_dump.c) prints ours.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
from pathlib import Path

import pytest

COMMANDS = [
    "",
    " \t\r\n",
    "/usr/bin/tool --profile dev",
    "'/path with blanks/tool' \"second word\"",
    "a'b'\"c\"d '' \"\"",
    '"a\\"b\\\\c\\d\\$\\`"',
    "'a\\'b",
    "a\\ b\\\tc\\\nd",
    "\\",
    "a\\",
    "'",
    '"\\"',
    "# no comment",
    "a#b #c",
    "$HOME `x` $(y) a;b >c |d * ~ {e,f}",
    "\v\f\xa0\u2003",
    "é 'ü ß' \"日本\"",
]
PARTS = [" ", "\t", "\r", "\n", "'", '"', "\\", "a", "b", "é", "#", "$", "|", "\v", "\xa0"]


def theirs(command: str) -> list[str] | None:
    """None where it is refused; a command without words is refused when it is to be run."""
    try:
        return shlex.split(command) or None
    except ValueError:
        return None


def ours(commands: list[str]) -> list[list[str] | None]:
    folder = os.environ.get("SATCHEL_TEST_BUILD")
    if not folder:
        pytest.skip("SATCHEL_TEST_BUILD is not set: it names the build folder with words_dump")
    path = Path(folder) / "tests" / "core" / "words_dump"
    assert path.is_file(), f"{path} is not built"
    text = "".join(f"{command}\0" for command in commands)
    done = subprocess.run([path], input=text.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]


def test_the_words_are_those_of_shlex() -> None:
    assert ours(COMMANDS) == [theirs(command) for command in COMMANDS]


def test_words_of_random_commands_are_those_of_shlex() -> None:
    dice = random.Random(4)
    commands = ["".join(dice.choices(PARTS, k=dice.randrange(14))) for _ in range(5000)]
    wanted = [theirs(command) for command in commands]
    assert 1000 < sum(words is None for words in wanted) < 4000
    for command, a, b in zip(commands, ours(commands), wanted, strict=True):
        assert a == b, command
