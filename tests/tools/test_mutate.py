"""Mutants: what is changed, what is left alone, and that a seed decides."""

from __future__ import annotations

import itertools
from pathlib import Path

import mutate
from gates.tree import Tree

CODE = """/* A file < for this test. */
#define LESS(a, b) ((a) < (b))
static int limit = 3 + 1;

int f(int a)
{
    const char *text = "a < b && c";
    if (a < 3 && text)
        return 0; /* a == b */
    sat_log("x == y");
    return a - 1;
}
"""


def tree_with(root: Path, code: str) -> Tree:
    path = root / "src" / "record" / "a.c"
    path.parent.mkdir(parents=True)
    path.write_text(code, encoding="utf-8")
    return Tree(root)


def test_code_is_changed_and_prose_is_not(tmp_path: Path) -> None:
    source = tree_with(tmp_path, CODE).get("src/record/a.c")
    assert source is not None
    assert {(m.line, m.after.strip()) for m in mutate.mutants(source)} == {
        (8, "if (a <= 3 && text)"),
        (8, "if (a < 3 || text)"),
        (8, "if (!(a < 3 && text))"),
        (10, ";"),
        (11, "return a + 1;"),
        (11, "return a;"),
    }


def test_seed_decides_and_no_mutant_comes_twice(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, CODE)
    first = [str(mutant) for mutant, _ in mutate.draw(tree, 7)]
    again = [str(mutant) for mutant, _ in mutate.draw(tree, 7)]
    other = [str(mutant) for mutant, _ in mutate.draw(tree, 8)]
    assert first == again
    assert sorted(first) == sorted(other)
    assert first != other
    assert len(set(first)) == len(first) == 6


def test_each_mutant_names_the_tests_of_its_file(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, CODE)
    assert {tests for _, tests in itertools.islice(mutate.draw(tree, 1), 3)} == {
        mutate.COVERED_BY["src/record/*.c"]
    }
