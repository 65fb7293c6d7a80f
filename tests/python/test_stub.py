"""The hand-written stub has what the compiled module has: names, parameters, kinds."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import satchel
from satchel import _core

STUB = Path(satchel.__file__).with_name("_core.pyi")
HIDDEN = {"__buffer__", "__repr__"}  # of the buffer protocol; of object


def signature(function: ast.FunctionDef) -> tuple[list[str], bool, list[str]]:
    """Parameter names, whether it takes **kwargs, decorators."""
    arguments = function.args
    positional = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args)]
    marks = [ast.unparse(decorator) for decorator in function.decorator_list]
    operator = function.name.startswith("__") and function.name != "__init__"
    names = positional[:1] if operator else positional  # nanobind gives those of operators no name
    return names, arguments.kwarg is not None, marks


def shapes(text: str) -> dict[str, list[tuple[list[str], bool, list[str]]]]:
    """Every function and method, by its dotted name."""
    found: dict[str, list[tuple[list[str], bool, list[str]]]] = {}
    for node in ast.parse(text).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for one in inner:
            if isinstance(one, ast.FunctionDef) and one.name not in HIDDEN:
                found.setdefault(prefix + one.name, []).append(signature(one))
    return found


def test_the_stub_is_the_modules() -> None:
    stubgen = pytest.importorskip("nanobind.stubgen", reason="nanobind is not installed")
    generator = stubgen.StubGen(_core)
    generator.put(_core)
    assert shapes(STUB.read_text(encoding="utf-8")) == shapes(generator.get())


def test_the_package_is_marked_as_typed() -> None:
    assert STUB.with_name("py.typed").exists()
