"""Every gate objects to a small bad file and is silent on a good one."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from gates import build, includes, nesting, public, python, shape, words
from gates.tree import Finding, Tree

Gate = Callable[[Tree], Iterable[Finding]]
ROOT = Path(__file__).resolve().parents[2]


def make_tree(root: Path, files: dict[str, str]) -> Tree:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return Tree(root)


def failures(gate: Gate, root: Path, files: dict[str, str]) -> list[str]:
    return [str(f) for f in gate(make_tree(root, files)) if not f.warning]


HEADERS = {
    "include/satchel/types.h": "",
    "src/core/alloc.h": "",
    "src/core/engine.h": "",
    "src/backends/mem.h": "",
    "src/query/key.h": "",
    "src/record/db.h": "",
    "src/transfer/job.h": "",
    "tests/support/test.h": "",
}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("src/core/a.c", '#include "backends/mem.h"'),
        ("src/core/buf.c", '#include "engine.h"'),
        ("src/backends/a.c", '#include "query/key.h"'),
        ("src/query/a.c", '#include "record/db.h"'),
        ("src/record/a.c", '#include "backends/mem.h"'),
        ("src/record/a.c", '#include "transfer/job.h"'),
        ("src/transfer/a.c", '  #  include "record/db.h"'),
        ("src/cli/a.c", '#include "core/alloc.h"'),
        ("src/cli/a.c", '#include "../core/alloc.h"'),
        ("bindings/python/a.cpp", '#include "core/alloc.h"'),
        ("examples/a.c", '#include "core/alloc.h"'),
        ("bench/a.c", '#include "query/key.h"'),
        ("tests/cli/a.c", '#include "core/alloc.h"'),
        ("tests/core/a.c", '#include "record/db.h"'),
        ("src/core/a.c", '#include "nothing.h"'),
        ("src/core/a.c", "#include <satchel/nothing.h>"),
        ("src/core/a.c", "#include <curl/curl.h>"),
        ("src/core/http.c", "#include <sqlite3.h>"),
        ("src/record/a.c", "#include <sqlite3.h>"),
        ("src/core/a.c", "#include <boost/any.h>"),
        ("src/core/a.c", '#include "tests/support/test.h"'),
        ("include/satchel/a.h", "#include <jansson.h>"),
        ("include/satchel/a.h", '#include "core/alloc.h"'),
    ],
)
def test_include_off_the_table_is_caught(tmp_path: Path, path: str, line: str) -> None:
    found = failures(includes.include_edges, tmp_path, {**HEADERS, path: f"/* x */\n{line}\n"})
    assert len(found) == 1
    assert found[0].startswith(f"{path}:2: ")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("src/core/buf.c", '#include "alloc.h"'),
        ("src/core/http.c", "#include <curl/curl.h>"),
        ("src/local/sql.c", "#include <sqlite3.h>"),
        ("src/record/db.c", '#include "query/key.h"'),
        ("bench/a.c", '#include "core/alloc.h"'),
        ("src/api/store.c", '#include "transfer/job.h"'),
        ("src/cli/main.c", "#include <satchel/types.h>"),
        ("tests/core/test_buf.c", '#include "core/alloc.h"'),
        ("tests/record/test_db.c", '#include "backends/mem.h"'),
        ("tests/cli/x.c", '#include "support/test.h"'),
        ("tests/core/test_json.c", "#include <jansson.h>"),
        ("src/core/os.c", "#include <sys/stat.h>"),
        ("src/core/crc.c", "#include <wmmintrin.h>"),
        ("bindings/python/a.cpp", "#include <nanobind/nanobind.h>"),
        ("bindings/python/a.cpp", "#include <vector>"),
        ("src/core/a.c", '/* #include "backends/mem.h" */'),
    ],
)
def test_include_on_the_table_passes(tmp_path: Path, path: str, line: str) -> None:
    assert failures(includes.include_edges, tmp_path, {**HEADERS, path: line}) == []


@pytest.mark.parametrize(
    ("gate", "path", "line"),
    [
        (words.banned_names, "src/core/a.c", "strcpy(a, b);"),
        (words.banned_names, "tests/core/a.c", 'sprintf(a, "%d", 1);'),
        (words.banned_names, "src/cli/a.c", "x = atoi(word);"),
        (words.banned_names, "src/core/a.c", "strerror(errno);"),
        (words.banned_names, "src/core/a.c", "localtime(&now);"),
        (words.heap_calls, "src/core/a.c", "p = malloc(3);"),
        (words.heap_calls, "src/core/a.c", "list_each(list, free);"),
        (words.heap_calls, "src/record/a.c", "strdup (name);"),
        (words.stdio_output, "src/core/a.c", 'printf("x");'),
        (words.stdio_output, "src/api/a.c", "write_to(stderr);"),
        (words.kernel_calls, "src/core/a.c", "fd = open(path, 0);"),
        (words.kernel_calls, "src/backends/file.c", "if (rename(a, b) != 0)"),
        (words.kernel_calls, "src/local/a.c", "fcntl(fd, F_OFD_SETLK, &lock);"),
        (words.marks, "src/core/a.c", "x = 1; /* NOLINT */"),
        (words.marks, "src/core/a.c", "// TODO: later"),
        (words.marks, "src/core/a.c", "/* FIXME */"),
        (words.marks, "src/core/a.c", "/* clang-format off */"),
        (words.marks, "src/core/a.c", "/* #lizard forgives */"),
        (words.marks, "src/core/a.c", '#pragma GCC diagnostic ignored "-Wshadow"'),
        (words.marks, "src/core/a.c", '__attribute__((no_sanitize("undefined")))'),
        (words.marks, "bindings/a.py", "import x  # noqa"),
        (words.marks, "bindings/a.py", "x = y  # type: ignore[arg-type]"),
        (words.marks, "tools/a", "x=1 # TODO"),
    ],
)
def test_word_is_caught(tmp_path: Path, gate: Gate, path: str, line: str) -> None:
    found = failures(gate, tmp_path, {path: f"\n{line}\n"})
    assert len(found) == 1
    assert found[0].startswith(f"{path}:2: ")


@pytest.mark.parametrize(
    ("gate", "path", "line"),
    [
        (words.banned_names, "src/core/a.c", '/* strcpy(a, b) */ x = "sprintf(";'),
        (words.banned_names, "src/core/a.c", "gmtime_r(&now, &parts); slot->atoi(x);"),
        (words.banned_names, "tests/core/a.c", 'setenv("A", "b", 1);'),
        (words.heap_calls, "src/core/alloc.c", "p = malloc(3);"),
        (words.heap_calls, "src/core/a.c", "sat_free(p); table.free(p); void (*free)(void *);"),
        (words.stdio_output, "src/cli/a.c", 'printf("x");'),
        (words.stdio_output, "src/core/a.c", "snprintf(text, size, format);"),
        (words.kernel_calls, "src/core/os.c", "fd = open(path, 0);"),
        (
            words.kernel_calls,
            "src/core/a.c",
            "sat_os_open(p); be->open(c); x = {.open = open_mem};",
        ),
        (words.kernel_calls, "src/core/a.c", "find(text, open, close);"),
        (words.marks, "src/core/a.c", 'name = "TODO NOLINT";'),
        (words.marks, "tools/a.py", 'MARK = "noqa"'),
    ],
)
def test_word_where_it_may_stand_passes(tmp_path: Path, gate: Gate, path: str, line: str) -> None:
    assert failures(gate, tmp_path, {path: line}) == []


def function(body: str, parameters: str = "void") -> str:
    return f"/* A file for this test. */\nint f({parameters})\n{{\n{body}\n}}\n"


@pytest.mark.parametrize(
    ("body", "parameters", "what"),
    [
        ("    x();\n" * 100, "void", "lines"),
        ("    if (a) b();\n" * 20, "void", "complexity"),
        ("    x();", "int a, int b, int c, int d, int e, int f, int g", "parameters"),
    ],
)
def test_oversized_function_is_caught(
    tmp_path: Path, body: str, parameters: str, what: str
) -> None:
    found = failures(shape.function_limits, tmp_path, {"src/core/a.c": function(body, parameters)})
    assert len(found) == 1
    assert what in found[0]


def test_function_at_the_limits_passes(tmp_path: Path) -> None:
    branches = "    if (a) b();\n" * 18 + "    switch (x) { case 1: case 2: case 3: break; }\n"
    body = branches + "    x();\n" * 77 + "    y();"
    files = {"src/core/a.c": function(body, "int a, int b, int c, int d, int e, int f")}
    found = list(shape.function_limits(make_tree(tmp_path, files)))
    assert [str(f) for f in found if not f.warning] == []
    assert [f.text for f in found] == ["f: lines 100 > 60", "f: complexity 20 > 15"]


@pytest.mark.parametrize(
    ("body", "depth"),
    [
        ("x();", 0),
        ("if (a) b(); if (c) d(); if (e) f();", 1),
        ("if (a) b(); else if (c) d(); else if (e) f(); else g();", 1),
        ("if (a) b(); else { if (c) d(); }", 2),
        ("for (i = 0; i < n; i++) while (x) do { if (a) b(); } while (c); z();", 4),
        ("switch (a) { case 1: if (b) return; break; default: x(); }", 2),
        ("{ { struct s v = {.a = {1, 2}}; x(v); } }", 0),
        ("if (a) goto out; out: if (b) c();", 1),
        ("for (;;) { if (a) { for (;;) { if (b) { while (c) d(); } } } }", 5),
    ],
)
def test_nesting_is_measured(body: str, depth: int) -> None:
    assert nesting.c_depth(f"static int f(void (*x)(int), int y)\n{{ {body} }}") == depth


def test_deep_nesting_is_caught(tmp_path: Path) -> None:
    body = "for (;;) for (;;) if (a) while (b) if (c) d();"
    deep = "def f(a):\n" + "".join("    " * n + "if a:\n" for n in range(1, 6)) + " " * 24 + "a()\n"
    files = {"src/core/a.c": function(body), "tools/a.py": deep}
    assert failures(shape.nesting, tmp_path, files) == [
        "src/core/a.c:2: f: nesting 5 > 4",
        "tools/a.py:1: f: nesting 5 > 4",
    ]


def test_long_file_is_caught(tmp_path: Path) -> None:
    files = {"src/core/a.c": "\n" * 1001, "src/core/b.c": "\n" * 1000}
    assert failures(shape.file_limits, tmp_path, files) == ["src/core/a.c: lines 1001 > 1000"]


def test_second_label_is_caught(tmp_path: Path) -> None:
    two = "if (a) goto out;\n if (b) goto fail;\nout:\n    x();\nfail:\n    y();"
    one = "if (a) goto out;\nswitch (b) { case A: c(); default: d(); }\nout:\n    e(a ? b : c);"
    files = {"src/core/a.c": function(two), "src/core/b.c": function(one)}
    found = failures(shape.goto_labels, tmp_path, files)
    assert found == ["src/core/a.c:2: f: labels fail, out; one is all"]


def test_missing_purpose_line_is_caught(tmp_path: Path) -> None:
    good = {
        "src/core/a.c": "/* Says why it exists. */\n",
        "src/core/b.c": "/*\n * So does this.\n */",
    }
    bad = {"src/core/c.c": "#include <stdio.h>\n", "src/core/d.c": "/* d.c */\n"}
    found = failures(shape.purpose_lines, tmp_path, {**good, **bad})
    assert [line.split(":")[0] for line in found] == ["src/core/c.c", "src/core/d.c"]


def test_missing_or_unbuilt_test_file_is_caught(tmp_path: Path) -> None:
    files = {
        "src/core/a.c": "",
        "src/core/b.c": "",
        "src/core/c.c": "",
        "src/api/d.c": "",
        "tests/core/test_a.c": "",
        "tests/core/test_b.c": "",
        "tests/core/CMakeLists.txt": "sat_test(core test_a)\n",
    }
    found = failures(shape.test_files, tmp_path, files)
    assert len(found) == 2
    assert found[0] == "src/core/c.c: has no tests/core/test_c.c"
    assert found[1].startswith("tests/core/test_b.c: is not built")


PUBLIC_HEADER = """
#define SATCHEL_API __attribute__((visibility("default")))
/** Does it. */
SATCHEL_API int satchel_good(void);
SATCHEL_API const char *satchel_bare(int code);
/** Has a foreign name. */
SATCHEL_API int other_name(void);
"""


def test_undocumented_public_function_is_caught(tmp_path: Path) -> None:
    found = failures(public.doc_comments, tmp_path, {"include/satchel/a.h": PUBLIC_HEADER})
    assert [line.split(": ")[1] for line in found] == ["satchel_bare", "other_name"]


DECLARED = ["other_name", "satchel_bare", "satchel_good"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (DECLARED, []),
        (DECLARED[1:], ["other_name is declared here and not in src/api/symbols.txt"]),
        ([*DECLARED, "satchel_old"], ["satchel_old: no public header declares it"]),
        (DECLARED[::-1], ["is not sorted, or names a symbol twice"]),
    ],
)
def test_symbol_list_and_headers_must_agree(
    tmp_path: Path, names: list[str], found: list[str]
) -> None:
    files = {"include/satchel/a.h": PUBLIC_HEADER, public.SYMBOLS: "\n".join(names) + "\n"}
    tree = make_tree(tmp_path, files)
    assert [finding.text for finding in public.symbol_list(tree)] == found


def test_exports_and_symbol_list_must_agree(tmp_path: Path) -> None:
    code = "int satchel_good(void){return 0;} int sat_inner(void){return 0;}\n"
    tree = make_tree(tmp_path, {public.SYMBOLS: "satchel_bare\nsatchel_good\n", "a.c": code})
    library = tmp_path / "liba.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "a.c"], check=True)
    assert [str(finding) for finding in public.symbols(tree, library)] == [
        "liba.so: exports sat_inner, which is not in src/api/symbols.txt",
        "src/api/symbols.txt:1: satchel_bare: the library does not export it",
    ]


def test_heavy_library_is_caught(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("const char satchel_x[400000] = {1};\n", encoding="utf-8")
    library = tmp_path / "liba.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "a.c"], check=True)
    assert [finding.warning for finding in public.library_size(library)] == [False]


CMAKE = """cmake_minimum_required(VERSION 3.20)
project(x LANGUAGES C)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
add_compile_options(-Wall -Werror)
add_library(x STATIC src/core/a.c)
"""


@pytest.mark.parametrize("gate", [build.gcc_warnings, build.clang_warnings])
def test_compiler_warning_is_caught(
    tmp_path: Path, gate: Callable[[Tree, Path], Iterable[Finding]]
) -> None:
    code = "int f(void)\n{\n    int unused;\n    return 0;\n}\n"
    tree = make_tree(tmp_path, {"CMakeLists.txt": CMAKE, "src/core/a.c": code})
    found = [str(finding) for finding in gate(tree, tmp_path / "build")]
    assert len(found) == 1
    assert found[0].startswith("src/core/a.c:3: ")


@pytest.mark.parametrize(
    "code",
    [
        "int f(int a);\nint f(int a)\n{\n    if (a)\n        ;\n    return 0;\n}\n",
        "int __f(void);\nint __f(void)\n{\n    return 0;\n}\n",
    ],
)
def test_tidy_complaint_is_caught_again_and_again(tmp_path: Path, code: str) -> None:
    settings = (ROOT / ".clang-tidy").read_text(encoding="utf-8")
    files = {"CMakeLists.txt": CMAKE, "src/core/a.c": code, ".clang-tidy": settings}
    tree = make_tree(tmp_path, files)
    folder = tmp_path / "build"
    assert list(build.clang_warnings(tree, folder)) == []
    for _ in range(2):
        assert list(build.clang_tidy(tree, folder, build.tidy_tool())) != []


def test_clean_file_is_tidied_once(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text('#!/bin/sh\necho ran >>"$0.log"\n', encoding="utf-8")
    tool.chmod(0o755)
    code = "int f(void);\nint f(void)\n{\n    return 0;\n}\n"
    tree = make_tree(tmp_path, {"CMakeLists.txt": CMAKE, "src/core/a.c": code, ".clang-tidy": ""})
    folder = tmp_path / "build"
    assert list(build.clang_warnings(tree, folder)) == []
    for _ in range(2):
        assert list(build.clang_tidy(tree, folder, str(tool))) == []
    assert (tmp_path / "tool.log").read_text(encoding="utf-8") == "ran\n"


def test_unformatted_c_is_caught(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".clang-format", tmp_path)
    files = {"src/core/a.c": "int  f( void ){return 0;}\n", "src/core/b.c": "int x;\n"}
    assert failures(build.c_format, tmp_path, files) == [
        "src/core/a.c:1: is not formatted: run tools/format"
    ]


@pytest.mark.parametrize(
    ("gate", "code", "word"),
    [
        (python.ruff_check, "import os\n", "F401"),
        (python.ruff_format, "x = {  'a':1 }\n", "not formatted"),
        (python.mypy_strict, "def f(a):\n    return a\n", "no-untyped-def"),
    ],
)
def test_bad_python_is_caught(tmp_path: Path, gate: Gate, code: str, word: str) -> None:
    shutil.copy(ROOT / "ruff.toml", tmp_path)
    found = failures(gate, tmp_path, {f"{python.PACKAGE}/__init__.py": f'"""Doc."""\n\n{code}'})
    assert any(word in line for line in found)


def test_undocumented_package_function_is_caught(tmp_path: Path) -> None:
    shutil.copy(ROOT / "ruff.toml", tmp_path)
    code = '"""Doc."""\n\n\ndef public() -> None:\n    pass\n'
    files = {f"{python.PACKAGE}/__init__.py": code, "tools/a.py": code}
    found = failures(python.ruff_check, tmp_path, files)
    assert len(found) == 1
    assert "D103" in found[0]


MODULE = """#include <Python.h>
static PyObject *f(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    Py_RETURN_NONE;
}
static PyMethodDef methods[] = {{"f", f, METH_NOARGS, "f()\\n--\\n\\n"}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", NULL, -1, methods, 0, 0, 0, 0};
PyMODINIT_FUNC PyInit__core(void)
{
    return PyModule_Create(&module);
}
"""


@pytest.mark.parametrize(
    ("stub", "wrong"),
    [("f()", ""), ("g()", "satchel._core.g"), ("f(x: int)", "satchel._core.f")],
)
def test_stub_that_lies_is_caught(tmp_path: Path, stub: str, wrong: str) -> None:
    package = "build/python/satchel"
    files = {
        f"{python.PACKAGE}/__init__.py": "",
        f"{package}/__init__.py": "",
        f"{package}/py.typed": "",
        f"{package}/_core.pyi": f"def {stub} -> None: ...\n",
        "x.c": MODULE,
    }
    tree = make_tree(tmp_path, files)
    for name in ("tools/lib.sh", "tools/pyenv.sh", "requirements-dev.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    include = sysconfig.get_path("include")
    target = tmp_path / package / "_core.so"
    command = ["gcc", "-shared", "-fPIC", f"-I{include}", "-o", target, tmp_path / "x.c"]
    subprocess.run(command, check=True)
    found = list(python.stubtest(tree, tmp_path / "build"))
    assert bool(found) is bool(wrong)
    assert not wrong or wrong in found[0].text
