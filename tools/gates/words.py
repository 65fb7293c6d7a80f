"""Words that may not stand in code: banned functions, calls off their home, excused rules."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator

from gates.tree import C_SUFFIXES, Finding, Source, Tree, c_comments

STRING_CALLS = "strcpy strcat stpcpy sprintf vsprintf atoi atol atoll atof strtok gets"
SHARED_STATE_CALLS = "strerror localtime gmtime ctime asctime setenv unsetenv putenv clearenv"
HEAP_CALLS = """malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf
    aligned_alloc posix_memalign memalign valloc getline getdelim open_memstream"""
STDIO_CALLS = "printf fprintf vprintf vfprintf dprintf puts putchar fputs fputc putc fwrite perror"
FILE_CALLS = """open openat open64 creat close close_range read write readv writev pread pwrite
    preadv pwritev preadv2 pwritev2 lseek fsync fdatasync syncfs sync_file_range truncate ftruncate
    fallocate posix_fallocate posix_fadvise copy_file_range sendfile splice
    stat fstat lstat fstatat statx statfs fstatfs statvfs fstatvfs access faccessat realpath
    readlink readlinkat rename renameat renameat2 remove unlink unlinkat link linkat symlink
    symlinkat mkdir mkdirat rmdir mkstemp mkostemp mkdtemp tmpfile opendir fdopendir readdir
    closedir scandir ftw nftw chmod fchmod fchmodat chown fchown lchown utime utimes futimens
    utimensat flock lockf fcntl getxattr fgetxattr lgetxattr setxattr fsetxattr lsetxattr
    listxattr flistxattr removexattr fremovexattr name_to_handle_at
    fopen fdopen freopen fclose fread fgets fgetc fseek fseeko ftell fflush mmap"""

HEAP_HOME = "src/core/alloc.c"
FILE_HOME = "src/core/os.c"


def _calls(names: str) -> re.Pattern[str]:
    """A call of one of the functions; a member of that name is none."""
    return re.compile(rf"(?<![\w.])(?<!->)(?P<name>{'|'.join(names.split())})\s*\(")


def _uses(names: str) -> re.Pattern[str]:
    """A call of one of the functions, or the function handed on as a value."""
    value = rf"[(,=]\s*&?(?P<value>{'|'.join(names.split())})\s*[,);]"
    return re.compile(f"{_calls(names).pattern}|{value}")


def _stdio() -> re.Pattern[str]:
    return re.compile(rf"{_calls(STDIO_CALLS).pattern}|\b(?P<value>stdout|stderr)\b")


def _find(source: Source, pattern: re.Pattern[str], advice: str) -> Iterator[Finding]:
    for match in pattern.finditer(source.code):
        group = match.lastgroup or "name"
        yield source.at(match.start(group), f"{match[group]}: {advice}")


def banned_names(tree: Tree) -> Iterator[Finding]:
    """No unbounded string call anywhere; in src none of process-wide state."""
    strings, shared = _calls(STRING_CALLS), _calls(SHARED_STATE_CALLS)
    for source in tree.c_files():
        yield from _find(source, strings, "banned, it has no bound or hides its errors")
        if source.path.startswith(("src/", "bindings/")):
            yield from _find(source, shared, "banned, it reads or writes state of the process")


def heap_calls(tree: Tree) -> Iterator[Finding]:
    """The library allocates through core/alloc.h, where the n-th-allocation fault sits."""
    pattern = _uses(HEAP_CALLS)
    for source in tree.library():
        if source.path != HEAP_HOME:
            yield from _find(source, pattern, f"allocate through core/alloc.h (home: {HEAP_HOME})")


def stdio_output(tree: Tree) -> Iterator[Finding]:
    """A library never writes to its host's terminal."""
    pattern = _stdio()
    for source in tree.library():
        yield from _find(source, pattern, "the library writes nothing to stdio")


def kernel_calls(tree: Tree) -> Iterator[Finding]:
    """Kernel calls on files are in core/os.c, where the n-th-call fault and the recorder sit."""
    pattern = _calls(FILE_CALLS)
    for source in tree.library():
        if source.path != FILE_HOME:
            yield from _find(source, pattern, f"go through core/os.h (home: {FILE_HOME})")


# --- excused rules and unfinished work ------------------------------------------------------------

COMMENT_MARKS = re.compile(
    r"NOLINT|#?\s*lizard\s+forgive|clang-format\s+off|\bnoqa\b|\btype:\s*ignore|pylint:\s*disable"
    r"|mypy:\s*ignore|fmt:\s*(?:off|skip)|pragma:\s*no\s*cover|[GL]COVR?_EXCL|NOSONAR"
)
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
CODE_MARKS = re.compile(
    r"#\s*pragma\s+(?:GCC|clang)\s+(?:diagnostic\s+(?:ignored|push)|system_header)|\b_Pragma\b"
    r"|\bno_sanitize\w*"
)


def _python_comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _hash_comments(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        match = re.search(r"(?:^|\s)#.*", line)
        if match:
            yield number, match[0]


def _comments(source: Source) -> Iterator[tuple[int, str]]:
    if source.name.endswith((".py", ".pyi")):
        yield from _python_comments(source.text)
    elif source.name.endswith(C_SUFFIXES):
        yield from enumerate(c_comments(source.text).split("\n"), 1)
    else:
        yield from _hash_comments(source.text)


def _commented(tree: Tree) -> Iterator[Source]:
    yield from tree.files(*C_SUFFIXES, ".py", ".pyi", ".sh", ".cmake", ".toml", "CMakeLists.txt")
    yield from (source for source in tree.files("", under=["tools/"]) if "." not in source.name)


def marks(tree: Tree) -> Iterator[Finding]:
    """No rule is excused in line, and no work is left as a note."""
    for source in _commented(tree):
        for line, comment in _comments(source):
            for pattern, what in ((COMMENT_MARKS, "excuses a rule"), (UNFINISHED, "is unfinished")):
                match = pattern.search(comment)
                if match:
                    yield Finding(source.path, line, f"'{match[0]}' {what}; there are no excuses")
    for source in tree.c_files():
        for match in CODE_MARKS.finditer(source.code):
            yield source.at(match.start(), f"'{match[0]}' excuses a rule; there are no excuses")
