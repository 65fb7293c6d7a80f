"""The figures of the house as a table: functions, files, comments, tests, coverage, size."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from statistics import median

import suite
from gates import public, python, shape
from gates.tree import Source, Tree, c_comments

COVERAGE_MIN = 85.0
PAGE = suite.ROOT / "docs" / "figures.md"
INTRODUCTION = """# Figures of the house

Written by `tools/figures --write`; the limits behind them are gates of `tools/check`.
The product is `include/`, `src/` and `bindings/`; tests are C and Python below `tests/`.

"""


def percentile(values: Sequence[int], share: float) -> int:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


def lines_of(source: Source) -> int:
    return source.text.count("\n")


def comment_lines(source: Source) -> int:
    return sum(1 for line in c_comments(source.text).split("\n") if line.strip())


def code_rows(tree: Tree) -> list[tuple[str, str]]:
    """What can be read off the source alone."""
    product = list(tree.c_files("include/", "src/", "bindings/"))
    with_python = product + list(tree.files(".py", ".pyi", under=["bindings/"]))
    tests = list(tree.files(".c", ".h", ".py", under=["tests/"]))
    functions = [function for source in product for function in shape.functions(source)]
    lengths = [function.length for function in functions]
    branches = [function.cyclomatic_complexity for function in functions]
    sizes = [lines_of(source) for source in product]
    total, tested = sum(map(lines_of, with_python)), sum(map(lines_of, tests))
    commented = sum(map(comment_lines, product)) / max(1, sum(sizes))
    return [
        ("functions in C and C++", str(len(functions))),
        ("lines of a function: median / 95th / longest", _three(lengths)),
        ("complexity of a function: median / 95th / highest", _three(branches)),
        ("files in C and C++", str(len(product))),
        ("lines of a file: median / 95th / longest", _three(sizes)),
        ("lines that carry a comment", f"{commented:.0%}"),
        ("lines of the product / of its tests", f"{total} / {tested}"),
        ("test lines per source line", f"{tested / max(1, total):.2f}"),
    ]


def _three(values: Sequence[int]) -> str:
    if not values:
        return "-"
    return f"{median(values):.0f} / {percentile(values, 0.95)} / {max(values)}"


def measure_coverage() -> tuple[float, list[tuple[str, float]]]:
    """Runs ctest and the Python tests of the command on an instrumented build.

    Returns the percentage of lines of src that ran, and the files below the minimum.
    """
    suite.configure("coverage")
    for data in (suite.BUILD / "coverage").rglob("*.gcda"):
        data.unlink()
    suite.build("coverage")
    with suite.servers(suite.BUILD / "servers"):
        tally = suite.ctest("coverage", "-LE", "heavy")
        _, folders = suite.test_folders()
        folders = [folder for folder in folders if folder != "tests/tools"]
        if folders:
            tally.add(suite.pytest("coverage", [], folders, **suite.command_settings("coverage")))
    if tally.failed:
        raise suite.StageError(f"{tally.failed} tests failed on the instrumented build")
    report = suite.BUILD / "coverage.json"
    command = ["gcovr", "--root", ".", "--filter", "src/", "--json-summary", str(report)]
    suite.must("gcovr", [*command, str(suite.BUILD / "coverage")])
    summary = json.loads(report.read_text(encoding="utf-8"))
    files = [(entry["filename"], entry["line_percent"]) for entry in summary["files"]]
    return summary["line_percent"], sorted(row for row in files if row[1] < COVERAGE_MIN)


def size_rows() -> list[tuple[str, str]]:
    suite.configure("release")
    suite.build("release")
    size = public.stripped_size(suite.BUILD / "release" / "libsatchel.so")
    return [("libsatchel.so, release, stripped", f"{size} bytes (limit {public.SIZE_MAX})")]


def mutation_rows() -> list[tuple[str, str]]:
    """What the last run of tools/mutate found, if there was one."""
    result = suite.BUILD / "mutate" / "result.json"
    if not result.exists():
        return []
    report = json.loads(result.read_text(encoding="utf-8"))
    caught, survived = len(report["caught"]), len(report["survived"])
    return [("mutants caught", f"{caught} of {caught + survived} (seed {report['seed']})")]


def table(rows: Sequence[tuple[str, str]]) -> str:
    rows = [("figure", "value"), ("---", "---"), *rows]
    return "".join(f"| {name} | {value} |\n" for name, value in rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/figures", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/figures.md as well")
    parser.add_argument("--quick", action="store_true", help="only what needs no build")
    options = parser.parse_args()
    python.path_with_venv()
    suite.LOGS.mkdir(parents=True, exist_ok=True)
    rows = code_rows(Tree(suite.ROOT))
    covered, low = COVERAGE_MIN, list[tuple[str, float]]()
    try:
        if not options.quick:
            covered, low = measure_coverage()
            rows += [("lines of src run by the tests", f"{covered:.1f} %"), *size_rows()]
    except suite.StageError as error:
        print(f"figures: {error}", file=sys.stderr)
        return 1
    text = table(rows + mutation_rows())
    print(text, end="")
    for path, percent in low:
        print(f"below {COVERAGE_MIN:.0f} %: {path} {percent:.1f} %")
    if options.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(INTRODUCTION + text, encoding="utf-8")
    return 0 if covered >= COVERAGE_MIN else 1


if __name__ == "__main__":
    sys.exit(main())
