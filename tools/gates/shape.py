"""The size and shape of functions and files: limits that fail and lower ones that warn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import lizard

from gates.nesting import c_depth, python_depths
from gates.tree import C_SUFFIXES, LAYERS, Finding, Source, Tree


@dataclass(frozen=True)
class Limit:
    """More than `most` fails; more than `warn` is printed."""

    what: str
    most: int
    warn: int

    def check(self, source: Source, line: int, subject: str, value: int) -> Iterator[Finding]:
        if value > self.warn:
            over = self.most if value > self.most else self.warn
            text = f"{subject}{self.what} {value} > {over}"
            yield Finding(source.path, line, text, warning=value <= self.most)


LENGTH = Limit("lines", 100, 60)
COMPLEXITY = Limit("complexity", 20, 15)
PARAMETERS = Limit("parameters", 6, 6)
NESTING = Limit("nesting", 4, 4)
FILE_LINES = Limit("lines", 1000, 600)

# "modified" counts a switch once.
_ANALYZER = lizard.FileAnalyzer(lizard.get_extensions(["modified"]))

_LABEL = re.compile(r"(?:(?<=[;{}])|(?<=\)))\s*(?P<name>[A-Za-z_]\w*)\s*:(?!:)")
_WITH_TESTS = ("core", "backends", "query", "local", "record", "transfer")


def functions(source: Source) -> list[lizard.FunctionInfo]:
    """The functions of a file as lizard sees them."""
    return _ANALYZER.analyze_source_code(source.path, source.text).function_list


def body_of(source: Source, function: lizard.FunctionInfo) -> str:
    """The code of one function, head and body, without comments and literals."""
    lines = source.code.split("\n")
    return "\n".join(lines[function.start_line - 1 : function.end_line])


def function_limits(tree: Tree) -> Iterator[Finding]:
    """Length and complexity of each function; parameters where they are passed by place."""
    for source in tree.files(*C_SUFFIXES, ".py"):
        for function in functions(source):
            subject, line = f"{function.name}: ", function.start_line
            yield from LENGTH.check(source, line, subject, function.length)
            yield from COMPLEXITY.check(source, line, subject, function.cyclomatic_complexity)
            if not source.path.endswith(".py"):
                yield from PARAMETERS.check(source, line, subject, function.parameter_count)


def nesting(tree: Tree) -> Iterator[Finding]:
    """Depth of nested control structures in each function."""
    for source in tree.c_files():
        for function in functions(source):
            depth = c_depth(body_of(source, function))
            yield from NESTING.check(source, function.start_line, f"{function.name}: ", depth)
    for source in tree.files(".py"):
        for name, line, depth in python_depths(source.text):
            yield from NESTING.check(source, line, f"{name}: ", depth)


def file_limits(tree: Tree) -> Iterator[Finding]:
    """Lines of each file."""
    for source in tree.files(*C_SUFFIXES, ".py", ".pyi", ".sh"):
        yield from FILE_LINES.check(source, 0, "", source.text.count("\n"))


def goto_labels(tree: Tree) -> Iterator[Finding]:
    """At most one goto label a function."""
    for source in tree.files(".c", ".cc", ".cpp"):
        for function in functions(source):
            body = body_of(source, function)
            targets = set(re.findall(r"\bgoto\s+(\w+)\s*;", body))
            labels = {m["name"] for m in _LABEL.finditer(body)} & (targets | {"out"})
            if len(labels | targets) > 1:
                text = f"{function.name}: labels {', '.join(sorted(labels | targets))}; one is all"
                yield Finding(source.path, function.start_line, text)


def purpose_lines(tree: Tree) -> Iterator[Finding]:
    """Each .c opens with a comment that says why the file exists."""
    for source in tree.files(".c", ".cc", ".cpp"):
        match = re.match(r"/\*(?P<text>.*?)\*/", source.text, re.DOTALL)
        if not match or len(re.findall(r"\w+", match["text"])) < 3:
            yield Finding(source.path, 1, "no purpose comment in its first line")


def test_files(tree: Tree) -> Iterator[Finding]:
    """src/core/buf.c has tests/core/test_buf.c, and so on for each layer below api."""
    for source in tree.files(".c", under=[f"src/{layer}/" for layer in _WITH_TESTS]):
        test = f"tests/{source.layer}/test_{source.name}"
        if test not in tree:
            yield Finding(source.path, 0, f"has no {test}")
    for source in tree.files(".c", under=[f"tests/{layer}/" for layer in LAYERS]):
        cmake = tree.get(f"{source.folder}/CMakeLists.txt")
        stem = source.name.removesuffix(".c")
        if stem.startswith("test_") and not (cmake and re.search(rf"\b{stem}\b", cmake.text)):
            yield Finding(source.path, 0, "is not built: name it in the folder's CMakeLists.txt")
