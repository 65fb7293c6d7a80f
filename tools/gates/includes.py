"""Who may include whom: the table of the architecture page as data, and the check of each edge."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from gates.tree import LAYERS, Finding, Source, Tree, c_without_comments, line_of

PUBLIC = "include"

# Layer -> the layers it sees besides include/.
SEES: dict[str, frozenset[str]] = {
    "core": frozenset({"core"}),
    "backends": frozenset({"backends", "core"}),
    "query": frozenset({"query", "core"}),
    "local": frozenset({"local", "core", "query"}),
    "record": frozenset({"record", "core", "query", "local"}),
    "transfer": frozenset({"transfer", "core", "query", "local"}),
    "api": frozenset(LAYERS),
    "cli": frozenset({"cli"}),
}

# The base of core knows nothing above itself.
BASE = frozenset({"alloc", "buf", "vec", "str", "error", "clock", "fork", "lock"})

# A test of a layer sees what the layer sees; record and transfer run on real backends. The fault
# hooks are in core. Every other folder of tests is end-to-end: public headers only. A benchmark may
# measure a piece of core by itself.
TEST_SEES: dict[str, frozenset[str]] = {
    **SEES,
    "local": SEES["local"],
    "record": SEES["record"] | {"backends"},
    "transfer": SEES["transfer"] | {"backends"},
    "torture": frozenset({"core"}),
    "fuzz": frozenset(LAYERS),
    "support": frozenset({"core", "backends"}),
}

# Third-party header -> its one home; a home ending in "/" is a folder.
HOMES: dict[str, tuple[str, ...]] = {
    "curl/": ("src/core/http.c",),
    "jansson.h": ("src/core/json.c",),
    "libxml/": ("src/core/xml.c",),
    "pcre2.h": ("src/core/regex.c",),
    "openssl/": ("src/core/digest.c", "src/core/http.c"),
    "yaml.h": ("src/core/yaml.c",),
    "ini.h": ("src/core/ini.c",),
    "isa-l": ("src/core/crc.c",),
    "zstd.h": ("src/core/zst.c",),
    "sqlite3.h": ("src/local/",),
    "liburing.h": ("src/backends/direct.c",),
    "nanobind/": ("bindings/python/",),
    "Python.h": ("bindings/python/",),
    "cmocka.h": ("tests/",),
}

SYSTEM_FOLDERS = ("sys/", "linux/", "netinet/", "arpa/", "net/", "asm/", "bits/")
SYSTEM_NAMES = """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp
    signal stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath
    threads time uchar wchar wctype
    cpuid dirent dlfcn endian byteswap err fcntl features fnmatch ftw getopt glob grp langinfo
    libgen link netdb poll pthread pwd sched search semaphore spawn strings sysexits syslog
    termios unistd utime utmpx"""
SYSTEM = frozenset(SYSTEM_NAMES.split())

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?P<open>[<"])(?P<name>[^>"\n]+)[>"]', re.M)


def _is_system(name: str) -> bool:
    stem, _, suffix = name.rpartition(".")
    if not stem:  # <vector>, of C++
        return "/" not in name
    return name.startswith(SYSTEM_FOLDERS) or (
        suffix == "h" and (stem in SYSTEM or stem.endswith("intrin"))
    )


def _third_party(source: Source, name: str) -> str | None:
    """What is wrong with including a header that is neither ours nor the system's."""
    for prefix, homes in HOMES.items():
        if not name.startswith(prefix):
            continue
        if source.path.startswith("tests/") or source.path.startswith(homes):
            return None
        return f"<{name}> may be included only by {' and '.join(homes)}"
    return f"<{name}> is not known: give it one home in the table of third-party headers"


def _resolve(tree: Tree, source: Source, name: str) -> str | None:
    folders = [source.folder, "src", PUBLIC]
    if not source.path.startswith("src/"):
        folders.append("tests")
    for folder in folders:
        path = posixpath.normpath(posixpath.join(folder, name))
        if path in tree:
            return path
    return None


def _seen_by(source: Source) -> frozenset[str]:
    """The layers whose headers a file may include, besides the public ones."""
    parts = source.path.split("/")
    if parts[0] == "src":
        return SEES.get(parts[1], frozenset())
    if parts[0] == "tests":
        return TEST_SEES.get(parts[1], frozenset())
    return frozenset({"core"}) if parts[0] == "bench" else frozenset()


def _own_header(source: Source, path: str) -> str | None:
    """What is wrong with including a header of this tree."""
    parts = path.split("/")
    if parts[0] == PUBLIC:
        return None
    if parts[0] != "src":
        same = parts[0] == source.path.split("/")[0]
        return None if same else f"{path} belongs to {parts[0]}/"
    layer = parts[1]
    seen = _seen_by(source)
    if layer not in seen:
        allowed = ", ".join(["include", *sorted(seen)])
        return f"{path} is out of sight: this file may include {allowed}"
    above_base = layer == "core" and source.layer == "core" and _stem(path) not in BASE
    if above_base and _stem(source.path) in BASE:
        return f"{path} is above the base of core, which includes nothing above itself"
    return None


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]


def _objection(tree: Tree, source: Source, name: str, quoted: bool) -> str | None:
    if name.startswith("satchel/"):
        known = f"{PUBLIC}/{name}" in tree
        return None if known else f"<{name}> is not a public header"
    if not quoted:
        if source.path.startswith(PUBLIC + "/") and not _is_system(name):
            return f"<{name}> in a public header: only the language's own headers may be there"
        return None if _is_system(name) else _third_party(source, name)
    if ".." in name.split("/"):
        return f'"{name}" climbs out of its folder: name it from src/'
    path = _resolve(tree, source, name)
    if path is None:
        return f'"{name}" is not in this tree'
    return _own_header(source, path)


def include_edges(tree: Tree) -> Iterator[Finding]:
    """Every #include is an edge of the table; each third-party header has one home."""
    for source in tree.c_files():
        text = c_without_comments(source.text)
        for match in _INCLUDE.finditer(text):
            wrong = _objection(tree, source, match["name"], match["open"] == '"')
            if wrong:
                yield Finding(source.path, line_of(text, match.start("open")), wrong)
