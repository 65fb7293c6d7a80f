"""The examples in the docstrings and in docs/python.md run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import satchel

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(module.name for module in pkgutil.walk_packages(satchel.__path__, "satchel.")) + [
    "satchel"
]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "satchel._core"])
def test_docstrings(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_the_package_has_examples_at_all() -> None:
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(name) for name in NAMES if name != "satchel._core"]
    examples = sum(len(test.examples) for module in modules for test in finder.find(module))
    assert examples > 30


def test_every_public_name_is_there() -> None:
    assert sorted(satchel.__all__) == sorted(set(satchel.__all__))
    for name in satchel.__all__:
        assert hasattr(satchel, name)
    assert re.fullmatch(r"\d+\.\d+\.\d+", satchel.__version__)


def test_the_page_runs_as_it_stands(
    s3_environment: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_environment.bucket("my-bucket")
    monkeypatch.chdir(tmp_path)
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(name)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert len(blocks) >= 5
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), namespace)
