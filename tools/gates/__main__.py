"""Runs the gates: one line each, then what they object to; exits 1 when one fails."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from gates import build, includes, public, python, shape, words
from gates.tree import Finding, Tree

ROOT = Path(__file__).resolve().parents[2]
Gate = Callable[[], Iterable[Finding]]


def quick_gates(tree: Tree) -> Iterator[tuple[str, Gate]]:
    """The gates that read text and compile nothing."""
    for gate in (
        includes.include_edges,
        words.banned_names,
        words.heap_calls,
        words.stdio_output,
        words.kernel_calls,
        words.marks,
        shape.function_limits,
        shape.nesting,
        shape.file_limits,
        shape.goto_labels,
        shape.purpose_lines,
        shape.test_files,
        public.doc_comments,
        public.symbol_list,
        build.c_format,
        python.ruff_check,
        python.ruff_format,
        python.mypy_strict,
    ):
        yield gate.__name__, partial(gate, tree)


def slow_gates(tree: Tree, folder: Path) -> Iterator[tuple[str, Gate]]:
    """The gates that build, or look at what was built."""
    library = folder / "release" / "libsatchel.so"
    yield "gcc_warnings", partial(build.gcc_warnings, tree, folder)
    yield "clang_warnings", partial(build.clang_warnings, tree, folder)
    yield "clang_tidy", lambda: build.clang_tidy(tree, folder, build.tidy_tool())
    yield "symbols", partial(public.symbols, tree, library.resolve())
    yield "library_size", partial(public.library_size, library)
    yield "stubtest", partial(python.stubtest, tree, folder)


def run_gate(name: str, gate: Gate) -> bool:
    """Runs one gate and prints its line; whether it passed."""
    start = time.monotonic()
    try:
        findings = sorted(set(gate()))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        findings = [Finding("", 0, f"could not run: {error}")]
    failed = [finding for finding in findings if not finding.warning]
    verdict = "FAIL" if failed else "ok"
    print(f"{verdict:4} {name:18} {time.monotonic() - start:6.1f} s", flush=True)
    for finding in findings:
        print(f"       {'note: ' if finding.warning else ''}{finding}", flush=True)
    return not failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/check", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the gates that compile nothing")
    parser.add_argument("--list", action="store_true", help="print the gates' names and end")
    parser.add_argument("gate", nargs="*", help="run only these gates")
    options = parser.parse_args()
    python.path_with_venv()
    tree = Tree(ROOT)
    gates = dict(quick_gates(tree))
    if not options.quick:
        gates.update(slow_gates(tree, ROOT / "build"))
    unknown = set(options.gate) - gates.keys()
    if unknown:
        parser.error(f"no such gate: {', '.join(sorted(unknown))} (--list names them)")
    if options.list:
        print("\n".join(gates))
        return 0
    chosen = options.gate or list(gates)
    failed = [name for name in chosen if not run_gate(name, gates[name])]
    print(f"gates: {len(chosen) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
