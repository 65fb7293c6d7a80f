"""The command line itself: help, wrong words, settings, what becomes of standard output."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cli_support import Cli


def test_version_and_help_go_to_stdout(cli: Cli) -> None:
    assert cli.ok("--version").out.startswith("satchel 0.")
    for words in (["help"], ["--help"], ["-h"], ["rec", "--help"], ["help", "rec"]):
        text = cli.ok(*words)
        assert text.err == ""
        assert "rec query DB [WHERE]" in text.out
    assert "--if-exists overwrite|skip|error" in cli.ok("help", "cp").out
    assert cli.ok("rec", "get", "-h").out == cli.ok("help", "rec", "get").out


def test_help_lists_every_option_of_the_library(cli: Cli) -> None:
    text = cli.ok("help", "options").out
    assert "request_timeout=duration" in text
    secret = next(line for line in text.splitlines() if "secret_access_key" in line)
    assert "secret: environment, --config or =@FILE only" in secret


def test_no_command_is_a_usage_error(cli: Cli) -> None:
    assert cli().status == 2
    assert cli("rec").status == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["dowload", "a", "b"], "unknown command 'dowload': did you mean 'download'?"),
        (["rec", "qery", "a"], "unknown command 'rec qery': did you mean 'query'?"),
        (["sync", "a", "b"], "unknown command 'sync' (known: cp, upload, download, ls"),
        (["cp", "--recursiv", "a", "b"], "unknown option '--recursiv': did you mean --recursive?"),
        (["cp", "-x", "a", "b"], "unknown option '-x'"),
        (["ls", "--verify", "a"], "'ls' has no option --verify (see 'satchel help ls')"),
        (["upload", "a"], "'upload' takes SRC... DEST, not 1 operand"),
        (["ls", "a", "b"], "'ls' takes URI, not 2 operands"),
        (["cp", "--jobs", "x", "a", "b"], "--jobs needs a number, not 'x'"),
        (["cp", "-j-1", "a", "b"], "--jobs needs a number, not '-1'"),
        (["cp", "a", "b", "--jobs"], "--jobs needs a value: N"),
        (["cp", "--verify=1", "a", "b"], "--verify takes no value"),
        (["cp", "--if-exists=maybe", "a", "b"], "'maybe' is not one of overwrite|skip|error"),
        (["ls", "--set", "region", "a"], "--set 'region': want KEY=VALUE"),
        (["ls", "--set", "regoin=x", "s3://b"], "unknown option 'regoin' (did you mean 'region'?)"),
        (["help", "nothing"], "no help on 'nothing'"),
        (["rec", "rm", "d", "a", "b", "--expected", "1"], "--expected is for a single ID"),
        (["rec", "put", "d", "f", "--expected", "1"], "--expected needs the ID"),
        (["rec", "put", "d", "i", "f", "--expected", "1", "--create"], "exclude each other"),
        (["rec", "migrate", "a", "b", "--delete-source", "--no-verify"], "no --no-verify"),
    ],
)
def test_wrong_words_are_named(cli: Cli, words: list[str], text: str) -> None:
    result = cli(*words)
    assert result.status == 2
    assert result.out == ""
    assert text in result.err
    assert result.err.startswith("satchel: ")
    told = cli(*words, "--json") if "--jobs" not in words[-1] else cli("--json", *words)
    assert told.status == 2
    assert told.summary["error"]["code"] == "INVALID"


def test_json_and_an_export_do_not_share_stdout(cli: Cli) -> None:
    result = cli("rec", "export", "d", "-", "--json")
    assert result.status == 2
    assert "would both write to standard output" in result.err


def test_words_come_in_any_order(cli: Cli, tree: Path) -> None:
    cli.ok("-q", "cp", tree / "app-01.log", "--if-exists", "error", "--", "-odd-")
    assert (cli.home / "-odd-").read_bytes() == b"one\n"
    cli.ok("cp", "-rj4", "data/sub/", "copy/")
    assert (cli.home / "copy/deep/data.bin").exists()


def test_secrets_do_not_come_on_the_command_line(cli: Cli) -> None:
    result = cli("ls", "s3://b", "--set", "secret_access_key=hunter2")
    assert result.status == 2
    assert "SATCHEL_SECRET_ACCESS_KEY" in result.err
    assert "hunter2" not in result.err


def test_a_setting_may_be_read_from_a_file(cli: Cli, bucket: object, store: str) -> None:
    secret = cli.extra.pop("AWS_SECRET_ACCESS_KEY", "none")
    (cli.home / "key").write_text(secret + "\n")
    cli.ok("ls", "--set", "secret_access_key=@key", store.removesuffix("here/"))
    missing = cli("ls", "--set", "secret_access_key=@nokey", store)
    assert missing.status == 3
    assert "nokey" in missing.err


def test_a_bad_environment_is_named(cli: Cli) -> None:
    result = cli("ls", "s3://b", SATCHEL_REQUEST_TIMEOUT="soon")
    assert result.status == 2
    assert "SATCHEL_REQUEST_TIMEOUT" in result.err


def test_verbose_logs_to_stderr_only(cli: Cli, tree: Path) -> None:
    result = cli.ok("-v", "cp", tree / "app-01.log", "out/")
    assert result.out == ""
    assert "ok: " in result.err


def test_a_reader_who_went_away_ends_it_quietly(cli: Cli, tree: Path) -> None:
    process = cli.start(
        "cat", tree / "sub/deep/data.bin", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert err == b""
    assert process.returncode == 141


def test_a_full_stdout_is_an_error(cli: Cli, tree: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = cli.start("ls", tree, stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"No space left" in err
