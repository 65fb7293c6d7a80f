"""tools/test counts what its runners say and fails when they fail."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import suite


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    monkeypatch.setattr(suite, "BUILD", tmp_path / "build")
    monkeypatch.setattr(suite, "LOGS", tmp_path / "logs")
    (tmp_path / "logs").mkdir()
    (tmp_path / "build").mkdir()


CMAKE = """cmake_minimum_required(VERSION 3.20)
project(x NONE)
enable_testing()
foreach(name true false skip)
    add_test(NAME ${name} COMMAND sh ${CMAKE_SOURCE_DIR}/${name}.sh)
endforeach()
set_tests_properties(skip PROPERTIES SKIP_RETURN_CODE 77)
set_tests_properties(true PROPERTIES LABELS "quick;tsan")
add_test(NAME program COMMAND ${CMAKE_BINARY_DIR}/program)
set_tests_properties(program PROPERTIES LABELS tsan TIMEOUT 5)
"""


@pytest.fixture
def ctest_build(tmp_path: Path) -> str:
    (tmp_path / "CMakeLists.txt").write_text(CMAKE, encoding="utf-8")
    for name, status in {"true": 0, "false": 1, "skip": 77}.items():
        (tmp_path / f"{name}.sh").write_text(f"exit {status}\n", encoding="utf-8")
    command = ["cmake", "-S", tmp_path, "-B", tmp_path / "build" / "x", "-G", "Ninja"]
    subprocess.run(command, check=True, capture_output=True)
    return "x"


def counts(tally: suite.Tally) -> tuple[int, int, int]:
    return tally.passed, tally.failed, tally.skipped


def test_ctest_is_counted(ctest_build: str) -> None:
    assert counts(suite.ctest(ctest_build, "-E", "program")) == (1, 1, 1)
    assert counts(suite.ctest(ctest_build, "-R", "^true$")) == (1, 0, 0)
    with pytest.raises(suite.StageError, match="no test was selected"):
        suite.ctest(ctest_build, "-R", "no such test")


def test_programs_of_a_label_are_found_before_they_are_built(ctest_build: str) -> None:
    assert suite.targets_labelled(ctest_build, "tsan") == ["program"]
    assert suite.targets_labelled(ctest_build, "heavy") == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def test_a(): pass\ndef test_b(): pass\n", (2, 0, 0)),
        ("def test_a(): assert False\ndef test_b(): pass\n", (1, 1, 0)),
        ("import pytest\ndef test_a(): pytest.skip('why')\n", (0, 0, 1)),
        ("import no_such_module\n", (0, 1, 0)),
        ("", (0, 1, 0)),
    ],
)
def test_pytest_is_counted(tmp_path: Path, code: str, expected: tuple[int, int, int]) -> None:
    (tmp_path / "test_x.py").write_text(code, encoding="utf-8")
    assert counts(suite.pytest("x", [], [str(tmp_path)])) == expected


def test_folders_that_import_the_package_are_told_apart(tmp_path: Path) -> None:
    files = {
        "tests/cli/test_a.py": "import os\n",
        "tests/python/test_b.py": "from helpers import open_it\n",
        "tests/python/helpers.py": "import satchel\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert suite.test_folders() == (["tests/python"], ["tests/cli"])


def test_failing_stage_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> suite.Tally:
        suite.must("broken", ["sh", "-c", "echo what went wrong; exit 3"])
        return suite.Tally(passed=1)

    monkeypatch.setitem(suite.STAGES, "asan", broken)
    assert counts(suite.run_stage("asan")) == (0, 1, 0)
