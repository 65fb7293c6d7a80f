"""How deep control structures nest: a small statement parser for C, the syntax tree for Python.

The body of a function is depth 0; each if, for, while, do, switch, try and with adds one; an
`else if` stays at the depth of its `if`, and a plain block adds none.
"""

from __future__ import annotations

import ast
import re

_TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|::|[^\s\w]")
_OPEN = {"(": ")", "[": "]", "{": "}"}
_HEADED = {"if", "for", "while", "switch", "catch"}

_PYTHON_BLOCKS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.Match,
)


class _Statements:
    """Walks the tokens of a function's body, noting the greatest depth."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.deepest = 0

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ""

    def skip_group(self) -> None:
        """Past a bracketed group that starts here."""
        depth = 0
        while self.at < len(self.tokens):
            depth += (self.peek() in _OPEN) - (self.peek() in _OPEN.values())
            self.at += 1
            if depth == 0:
                return

    def skip_past(self, end: str) -> None:
        """Past the next `end` that is in no bracket."""
        while self.at < len(self.tokens) and self.peek() not in (end, "}"):
            if self.peek() in _OPEN:
                self.skip_group()
            else:
                self.at += 1
        if self.peek() == end:
            self.at += 1

    def statement(self, depth: int) -> None:
        self.deepest = max(self.deepest, depth)
        word = self.peek()
        if word == "{":
            self.block(depth)
        elif word in _HEADED:
            self.headed(word, depth)
        elif word in ("do", "try"):
            self.at += 1
            self.statement(depth + 1)
        elif word in ("case", "default"):
            self.skip_past(":")
        elif re.match(r"[A-Za-z_]", word) and self.peek(1) == ":":
            self.at += 2
        else:
            self.skip_past(";")

    def block(self, depth: int) -> None:
        self.at += 1
        while self.at < len(self.tokens) and self.peek() != "}":
            self.statement(depth)
        self.at += 1

    def headed(self, word: str, depth: int) -> None:
        self.at += 1
        if self.peek() == "constexpr":
            self.at += 1
        self.skip_group()
        if word == "while" and self.peek() == ";":  # the end of do ... while, or an empty loop
            self.at += 1
            return
        self.statement(depth + 1)
        if word == "if" and self.peek() == "else":
            self.at += 1
            self.statement(depth if self.peek() == "if" else depth + 1)


def c_depth(function_code: str) -> int:
    """Depth of one C function, given its text without comments and literals."""
    lines = (line for line in function_code.split("\n") if not line.lstrip().startswith("#"))
    walk = _Statements(_TOKEN.findall("\n".join(lines)))
    while walk.at < len(walk.tokens) and walk.peek() != "{":
        if walk.peek() == "(":
            walk.skip_group()
        else:
            walk.at += 1
    walk.block(0)
    return walk.deepest


def _python_depth(node: ast.AST, depth: int) -> int:
    deepest = depth
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.FunctionDef):
                continue
            else_if = name == "orelse" and isinstance(node, ast.If) and isinstance(child, ast.If)
            deeper = isinstance(child, _PYTHON_BLOCKS) and not else_if
            deepest = max(deepest, _python_depth(child, depth + deeper))
    return deepest


def python_depths(text: str) -> list[tuple[str, int, int]]:
    """Name, line and depth of each function of a Python file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (node.name, node.lineno, _python_depth(node, 0))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, functions)
    ]
