#!/usr/bin/env bash
# Runs a command where Python finds the package that tools/test installed into build/python.
#   tools/pyenv.sh python -c 'import satchel'
# A module built with the address sanitizer needs its runtime loaded first; leaks are not counted,
# for the interpreter leaves its own behind.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

venv=$(need_venv)
settings=("PATH=$venv/bin:$PATH" "PYTHONPATH=$ROOT/build/python${PYTHONPATH:+:$PYTHONPATH}")
if grep -qs __asan_init "$ROOT"/build/python/satchel/*.so; then
    preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)"
    settings+=("LD_PRELOAD=$preload" "ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0")
fi
exec env "${settings[@]}" "$@"
