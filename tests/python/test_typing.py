"""A type checker sees the installed package as its users do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import satchel

PROGRAM = """\
import satchel

database = satchel.S3Database.from_config({"uri": "mem://typing"})
id = database.create(satchel.Record({"n": 1}))
reveal_type(id)
reveal_type(database.read(id))
with memoryview(satchel.get("mem://typing/x")) as view:
    reveal_type(view[0])
database.create(1)
"""


def test_a_program_is_checked_against_the_package(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
    environment["MYPYPATH"] = str(Path(satchel.__file__).parent.parent)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", program.name]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    said = [line.split(": ", 2)[2] for line in done.stdout.splitlines()]
    assert done.stderr == ""
    assert said[:3] == [
        'Revealed type is "builtins.str"',
        'Revealed type is "satchel.records.Record | None"',
        'Revealed type is "builtins.int"',
    ]
    assert len(said) == 4 and said[3].startswith('Argument 1 to "create"')
