#!/bin/sh
# The C block of the README is examples/quickstart.c, which is built and run, less its first line.
set -eu
cd "$(dirname "$0")/.."
sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d' >"${TMPDIR:-/tmp}/readme.$$"
trap 'rm -f "${TMPDIR:-/tmp}/readme.$$"' EXIT
sed 1d examples/quickstart.c | diff -u "${TMPDIR:-/tmp}/readme.$$" -
