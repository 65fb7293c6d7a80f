"""Mutation testing: changes one line in the files that matter and asks whether a test objects.

A mutant is drawn by a seed, built in a copy of the tree below build/mutate/ and run against the
tests that cover its file. One that does not compile is replaced by another draw. Survivors are
listed with their change; fewer than 9 in 10 caught exits 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import suite
from gates.tree import Source, Tree

FOLDER = suite.BUILD / "mutate"
COPY = FOLDER / "tree"
OBJECTS = FOLDER / "build"

# The files that matter -> the tests that must notice a change in them.
COVERED_BY = {
    "src/backends/s3*.c": r"^(backends|server)/",
    "src/backends/file*.c": r"^(backends|torture)/",
    "src/core/engine.c": r"^core/test_(engine|attempt|lane|worker|http)|^backends/",
    "src/core/attempt.c": r"^core/test_(engine|attempt|lane|worker|http)|^backends/",
    "src/core/lane.c": r"^core/test_(engine|attempt|lane|worker|http)|^backends/",
    "src/local/index*.c": r"^(local|record)/",
    "src/query/compile*.c": r"^(query|local|record)/",
    "src/record/*.c": r"^(record|api)/",
}

# What is looked for in a line of code -> what takes its place.
SWAPS: tuple[tuple[str, str, str], ...] = (
    (r" < ", " <= ", "comparison"),
    (r" <= ", " < ", "comparison"),
    (r" > ", " >= ", "comparison"),
    (r" >= ", " > ", "comparison"),
    (r" == ", " != ", "comparison"),
    (r" != ", " == ", "comparison"),
    (r" && ", " || ", "connective"),
    (r" \|\| ", " && ", "connective"),
    (r" \+ ", " - ", "arithmetic"),
    (r" - ", " + ", "arithmetic"),
    (r" \+ 1\b", "", "off by one"),
    (r" - 1\b", "", "off by one"),
    (r"\breturn true;", "return false;", "result"),
    (r"\breturn false;", "return true;", "result"),
    (r"\breturn SATCHEL_OK;", "return SATCHEL_IO;", "result"),
    (r"\breturn -1;", "return 0;", "result"),
    (r"\bif \((.*)\)(?= \{$|$)", r"if (!(\1))", "negated condition"),
    (r"^( +)(?:[a-z_][\w.>-]* (?:\+|-|\|)?= [^;]+|[a-z_]\w*\(.*\));$", r"\1;", "dropped statement"),
)


@dataclass(frozen=True, order=True)
class Mutant:
    """One changed line of one file."""

    path: str
    line: int
    before: str
    after: str
    kind: str

    def __str__(self) -> str:
        change = f"- {self.before.strip()}\n           + {self.after.strip()}"
        return f"{self.path}:{self.line}  {self.kind}\n           {change}"


def changes(line: str, code: str) -> Iterator[tuple[str, str]]:
    """Each changed form of a line, with its kind; `code` is the line without its prose.

    A place is found in the code and changed in the line itself, so literals keep their text.
    """
    for pattern, replacement, kind in SWAPS:
        for place in re.finditer(pattern, code):
            found = re.compile(pattern).match(line, place.start())
            if found:
                yield line[: found.start()] + found.expand(replacement) + line[found.end() :], kind


def mutants(source: Source) -> Iterator[Mutant]:
    """Every mutant of a file: changes within braces, none in comments, literals, directives."""
    depth = 0
    rows = zip(source.text.split("\n"), source.code.split("\n"), strict=True)
    for number, (line, code) in enumerate(rows, 1):
        if depth > 0 and not code.lstrip().startswith("#"):
            for after, kind in changes(line, code):
                yield Mutant(source.path, number, line, after, kind)
        depth += code.count("{") - code.count("}")


def draw(tree: Tree, seed: int) -> Iterator[tuple[Mutant, str]]:
    """Mutants without end of kind, none twice, with the tests that cover each; by seed alone."""
    chance = random.Random(seed)
    pools = []
    for glob, tests in COVERED_BY.items():
        for path in sorted(tree.root.glob(glob)):
            source = tree.get(path.relative_to(tree.root).as_posix())
            found = sorted(set(mutants(source))) if source else []
            chance.shuffle(found)
            if found:
                pools.append((found, tests))
    while pools:
        pool, tests = pools[chance.randrange(len(pools))]
        yield pool.pop(), tests
        pools = [entry for entry in pools if entry[0]]


# --- build and run --------------------------------------------------------------------------------


def prepare(tree: Tree) -> None:
    """Copies the tree and configures it: sanitized, and a mere warning stops no mutant."""
    shutil.rmtree(COPY, ignore_errors=True)
    for source in tree.files(""):
        target = COPY / source.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(suite.ROOT / source.path, target)
    command = ["cmake", "-S", str(COPY), "-B", str(OBJECTS), "-G", "Ninja"]
    command += ["-DCMAKE_BUILD_TYPE=Debug", "-DSAT_SANITIZE=address", "-DSAT_WERROR=OFF"]
    command += ["-DSAT_BUILD_CLI=OFF", "-DSAT_BUILD_EXAMPLES=OFF"]
    suite.must("mutate-configure", command, **suite.compiler_settings())


def compiles() -> bool:
    command = ["cmake", "--build", str(OBJECTS), "-j", str(suite.JOBS)]
    return suite.run("mutate-build", command)[0] == 0


def tests_pass(tests: str) -> bool:
    command = ["ctest", "--test-dir", str(OBJECTS), "-j", str(suite.JOBS), "-R", tests]
    command += ["-LE", "heavy", "--stop-on-failure", "--timeout", "60", "--no-tests=error"]
    return suite.run("mutate-ctest", command, **suite.SANITIZERS)[0] == 0


def verdict(mutant: Mutant, tests: str) -> str:
    """One of "caught", "survived" and "does not compile"; the copy is as it was afterwards."""
    path = COPY / mutant.path
    original = path.read_text(encoding="utf-8")
    lines = original.split("\n")
    lines[mutant.line - 1] = mutant.after
    try:
        path.write_text("\n".join(lines), encoding="utf-8")
        if not compiles():
            return "does not compile"
        return "survived" if tests_pass(tests) else "caught"
    finally:
        path.write_text(original, encoding="utf-8")


def campaign(tree: Tree, seed: int, count: int) -> dict[str, list[str]]:
    """Judges `count` mutants; the texts of the caught and of the survivors."""
    prepare(tree)
    if not compiles():
        raise suite.StageError(
            "the unchanged tree does not build: build/test-logs/mutate-build.log"
        )
    for tests in sorted(set(COVERED_BY.values())):
        if not tests_pass(tests):
            raise suite.StageError(f"tests {tests} fail, or are none, on the unchanged tree")
    results: dict[str, list[str]] = {"caught": [], "survived": []}
    for mutant, tests in draw(tree, seed):
        found = verdict(mutant, tests)
        if found in results:
            results[found].append(str(mutant))
            print(f"{found:9}  {mutant}", flush=True)
        if sum(map(len, results.values())) == count:
            break
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/mutate", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--list", action="store_true", help="print the mutants and end")
    options = parser.parse_args()
    tree = Tree(suite.ROOT)
    if options.list:
        for mutant, _ in itertools.islice(draw(tree, options.seed), options.count):
            print(mutant)
        return 0
    suite.LOGS.mkdir(parents=True, exist_ok=True)
    try:
        with suite.servers(FOLDER / "servers"):
            results = campaign(tree, options.seed, options.count)
    except (suite.StageError, subprocess.SubprocessError) as error:
        print(f"mutate: {error}", file=sys.stderr)
        return 1
    caught, total = len(results["caught"]), sum(map(len, results.values()))
    report = {"seed": options.seed, **results}
    (FOLDER / "result.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    print("".join(f"survivor   {text}\n" for text in results["survived"]), end="")
    print(f"mutants: {caught} of {total} caught (seed {options.seed})")
    return 0 if total > 0 and caught * 10 >= total * 9 else 1


if __name__ == "__main__":
    sys.exit(main())
