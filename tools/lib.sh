# Shared by the scripts of tools/: where things are kept and which Python runs them. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/satchel-tools

say() { printf '%s\n' "$*" >&2; }

die() {
    say "${0##*/}: $*"
    exit 1
}

# python_new_enough PYTHON: at least 3.10.
python_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

# The system's Python where it is new enough (its headers come from apt), else the first on PATH.
find_python() {
    local candidate
    for candidate in /usr/bin/python3 python3; do
        if python_new_enough "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    die "no Python >= 3.10 found: run tools/setup"
}

# The folder of the Python environment for requirements-dev.txt as it is now.
venv_dir() {
    local python hash
    python=$(find_python) || return 1
    hash=$({ "$python" --version; command -v "$python"; cat "$ROOT/requirements-dev.txt"; } |
        sha256sum | cut -c1-12)
    printf '%s/venv-%s\n' "$CACHE" "$hash"
}

# The environment's folder, made when it is not there.
need_venv() {
    local dir
    dir=$(venv_dir) || return 1
    if [ ! -e "$dir/.complete" ]; then
        make_venv "$dir" || return 1
    fi
    printf '%s\n' "$dir"
}

make_venv() {
    local dir=$1 log
    log=$(mktemp)
    mkdir -p "$CACHE"
    (
        flock 9
        [ -e "$dir/.complete" ] && exit 0
        say "installing the Python tools of requirements-dev.txt"
        rm -rf "$dir"
        "$(find_python)" -m venv "$dir" &&
            "$dir/bin/python" -m pip install -q -r "$ROOT/requirements-dev.txt" &&
            touch "$dir/.complete"
    ) 9>"$CACHE/venv.lock" >"$log" 2>&1
    local status=$?
    [ $status -eq 0 ] || cat "$log" >&2
    rm -f "$log"
    return $status
}
