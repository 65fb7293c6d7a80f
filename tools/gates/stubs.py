"""Runs mypy's stubtest on the compiled module, in terms that stubtest knows.

The classes and functions of a module made by nanobind have types of nanobind's own, which stubtest
takes for neither. nanobind's stub generator writes what such a module has as Python source, read
from the module itself: that source is what stands in for it here.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from mypy.stubtest import main
from nanobind.stubgen import StubGen

NAME = "satchel._core"


def as_python(module: ModuleType) -> ModuleType:
    """A module of plain classes and functions with the names and signatures of `module`."""
    generator = StubGen(module)
    generator.put(module)
    source = "from __future__ import annotations\n" + generator.get()
    stand_in = ModuleType(module.__name__, module.__doc__)
    exec(compile(source, f"<{module.__name__} as Python>", "exec"), stand_in.__dict__)
    return stand_in


def run() -> int:
    compiled = importlib.import_module(NAME)
    stand_in = as_python(compiled)
    sys.modules[NAME] = stand_in
    sys.argv[1:] = [NAME]
    return main()


if __name__ == "__main__":
    sys.exit(run())
