"""What `cmake --install` leaves: programs elsewhere build on it, and run; so does the command."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "async.c"
SAID = "stored, read and deleted 200 objects, 32 at a time\n"

CMAKE_PROJECT = """cmake_minimum_required(VERSION 3.20)
project(elsewhere LANGUAGES C)
find_package(satchel {version} REQUIRED {components})
add_executable(program program.c)
target_compile_options(program PRIVATE {flags})
target_link_options(program PRIVATE {flags})
target_link_libraries(program PRIVATE {target})
"""

CXX_PROGRAM = """#include <satchel/satchel.h>
#include <cstdio>

int main()
{
    satchel_error err = satchel_error();
    satchel_queue *queue = 0;
    int code = satchel_queue_new(0, &queue, &err);
    std::puts(satchel_version());
    satchel_queue_free(queue);
    return code;
}
"""


def run(command: Sequence[str | Path], **extra: str) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def build() -> Path:
    folder = os.environ.get("SATCHEL_TEST_BUILD")
    if not folder:
        pytest.skip("SATCHEL_TEST_BUILD is not set: it names the build folder to install from")
    return Path(folder)


def cached(build: Path, key: str) -> str:
    """A setting of the build."""
    found = re.search(rf"^{key}:\w+=(.*)$", (build / "CMakeCache.txt").read_text("utf-8"), re.M)
    return found[1] if found else ""


@pytest.fixture(scope="session")
def flags(build: Path) -> list[str]:
    """What a program needs to go with a library that is built with sanitizers."""
    sanitizer = {"address": "address,undefined", "thread": "thread"}.get(
        cached(build, "SAT_SANITIZE")
    )
    return [f"-fsanitize={sanitizer}"] if sanitizer else []


@pytest.fixture(scope="session")
def prefix(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed tree, moved since: it must not remember where it was put."""
    folder = tmp_path_factory.mktemp("install")
    run(["cmake", "--install", build, "--prefix", folder / "staged"])
    return (folder / "staged").rename(folder / "prefix")


@pytest.fixture(scope="session")
def pkg_config(prefix: Path) -> Callable[..., list[str]]:
    """Asks pkg-config where it sees the installed tree; the words of its answer."""
    path = next(prefix.rglob("satchel.pc")).parent

    def ask(*words: str) -> list[str]:
        return shlex.split(run(["pkg-config", *words], PKG_CONFIG_PATH=str(path)))

    return ask


def needed(program: Path) -> list[str]:
    """The shared libraries that a program names."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run(["readelf", "-d", program]))


def check_program(program: Path, store: Path, shared: bool, **extra: str) -> None:
    assert ("libsatchel.so.0" in needed(program)) == shared
    assert run([program, f"file://{store}"], SATCHEL_DURABILITY="none", **extra) == SAID


@pytest.mark.parametrize("package", ["satchel", "satchel-static"])
def test_program_built_with_pkg_config(
    build: Path,
    flags: list[str],
    prefix: Path,
    pkg_config: Callable[..., list[str]],
    tmp_path: Path,
    package: str,
) -> None:
    program = tmp_path / "program"
    words = pkg_config("--cflags", "--libs", package)
    strict = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror", *flags]
    run([cached(build, "CMAKE_C_COMPILER"), *strict, "-o", program, EXAMPLE, *words])
    library = next(prefix.rglob("libsatchel.so.0")).parent
    extra = {"LD_LIBRARY_PATH": str(library)} if package == "satchel" else {}
    check_program(program, tmp_path / "store", package == "satchel", **extra)


def configure(prefix: Path, folder: Path, **project: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    text = CMAKE_PROJECT.format(**project)
    (folder / "CMakeLists.txt").write_text(text, encoding="utf-8")
    (folder / "program.c").write_bytes(EXAMPLE.read_bytes())
    command = ["cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build"]
    command.append(f"-DCMAKE_PREFIX_PATH={prefix}")
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("target", "components"),
    [("satchel::satchel", ""), ("satchel::satchel_static", "COMPONENTS static")],
)
def test_program_built_with_cmake(
    flags: list[str], prefix: Path, tmp_path: Path, target: str, components: str
) -> None:
    folder = tmp_path / "elsewhere"
    project = {"version": "0.1", "target": target, "components": components}
    done = configure(prefix, folder, flags=" ".join(flags), **project)
    assert done.returncode == 0, done.stderr
    run(["cmake", "--build", folder / "build"])
    program = folder / "build" / "program"
    check_program(program, tmp_path / "store", target == "satchel::satchel")


@pytest.mark.parametrize(
    ("version", "components"), [("0.2", ""), ("1.0", ""), ("0.1", "COMPONENTS nothing")]
)
def test_what_is_not_there_is_not_found(
    prefix: Path, tmp_path: Path, version: str, components: str
) -> None:
    folder = tmp_path / "elsewhere"
    project = {"version": version, "components": components, "target": "satchel::satchel"}
    done = configure(prefix, folder, flags="", **project)
    assert done.returncode != 0
    assert "satchel" in done.stderr


def test_program_in_cxx(
    build: Path,
    flags: list[str],
    prefix: Path,
    pkg_config: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    source, program = tmp_path / "program.cc", tmp_path / "program"
    source.write_text(CXX_PROGRAM, encoding="utf-8")
    strict = ["-std=c++98", "-pedantic", "-Wall", "-Werror", *flags]
    words = pkg_config("--cflags", "--libs", "satchel")
    run([cached(build, "CMAKE_CXX_COMPILER"), *strict, "-o", program, source, *words])
    library = next(prefix.rglob("libsatchel.so.0")).parent
    version = run([program], LD_LIBRARY_PATH=str(library))
    assert version.split() == pkg_config("--modversion", "satchel")


def test_shared_library_has_its_names(prefix: Path) -> None:
    names = {path.name: path for path in prefix.rglob("libsatchel.*")}
    assert set(names) == {
        "libsatchel.a",
        "libsatchel.so",
        "libsatchel.so.0",
        "libsatchel.so.0.1.0",
    }
    assert names["libsatchel.so"].resolve() == names["libsatchel.so.0.1.0"]
    dynamic = run(["readelf", "-d", names["libsatchel.so"]])
    assert re.findall(r"\(SONAME\).*\[(.*)\]", dynamic) == ["libsatchel.so.0"]
    assert "RUNPATH" not in dynamic


def test_exported_symbols_are_those_of_the_list(prefix: Path) -> None:
    library = next(prefix.rglob("libsatchel.so"))
    rows = [row.split() for row in run(["nm", "-DP", "--defined-only", library]).splitlines()]
    symbols = sorted(row[0] for row in rows if row[1] != "A")
    listed = (ROOT / "src" / "api" / "symbols.txt").read_text("utf-8").splitlines()
    assert symbols == [f"{name}@@SATCHEL_0" for name in listed]


def test_every_public_header_is_there(prefix: Path) -> None:
    headers = {path.name for path in (ROOT / "include" / "satchel").glob("*.h")}
    assert {path.name for path in (prefix / "include" / "satchel").iterdir()} == headers


def test_nothing_names_the_build_or_the_prefix(build: Path, prefix: Path) -> None:
    texts = [*prefix.rglob("*.pc"), *prefix.rglob("*.cmake")]
    assert len(texts) >= 6
    for path in texts:
        text = path.read_text(encoding="utf-8")
        for place in (ROOT, build, prefix.parent):
            assert str(place) not in text, path


def test_command_has_both_names(prefix: Path) -> None:
    folder = prefix / "bin"
    assert {path.name for path in folder.iterdir()} == {"satchel", "s3-cli"}
    assert (folder / "s3-cli").readlink() == Path("satchel")
    version = run([folder / "satchel", "--version"])
    assert run([folder / "s3-cli", "--version"]) == version
