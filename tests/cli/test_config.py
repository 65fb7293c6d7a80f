"""`satchel config`, --config and --database: what is in force, and where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_support import Bucket, Cli

ARCHIVE = """\
region: eu-west-1
databases:
  - name: archive
    class: dataknobs_data.backends.s3.S3Database
    bucket: ${S3_BUCKET}
    prefix: ${S3_PREFIX:data/}
    max_workers: ${S3_MAX_WORKERS:10}
    secret_access_key: ${S3_SECRET:canary-canary}
"""


@pytest.fixture
def file(cli: Cli) -> Path:
    path = cli.home / "config.yaml"
    path.write_text(ARCHIVE)
    return path


def settings(cli: Cli, *words: str | Path, **extra: str) -> dict[str, Any]:
    """Key -> event of `config --json`."""
    return {row["key"]: row for row in cli.ok("config", "--json", *words, **extra).events("config")}


def told(cli: Cli, *words: str | Path, **extra: str) -> dict[str, list[str]]:
    """Key -> value and origin, as printed."""
    lines = cli.ok("config", *words, **extra).out.splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines}


def test_each_value_tells_where_it_comes_from(cli: Cli, file: Path) -> None:
    words = ["--config", "config.yaml", "--database", "archive", "--set", "lanes=2"]
    env = {"S3_BUCKET": "bkt", "AWS_ENDPOINT_URL": "http://h:1", "SATCHEL_CACHE_TTL": "7"}
    rows = told(cli, *words, **env)
    assert rows["uri"] == ["s3://bkt/data/", "file"]
    assert rows["region"] == ["eu-west-1", "config.yaml:1"]
    assert rows["max_workers"] == ["10", "config.yaml:7"]
    assert rows["endpoint_url"] == ["http://h:1", "AWS_ENDPOINT_URL"]
    assert rows["cache_ttl"] == ["7", "SATCHEL_CACHE_TTL"]
    assert rows["lanes"] == ["2", "set"]
    assert rows["max_retries"] == ["3", "default"]
    assert rows["ca_file"] == ['""', "default"]


def test_json_says_the_same(cli: Cli, file: Path) -> None:
    rows = settings(cli, "--config", file, "--database", "archive", S3_BUCKET="bkt")
    assert rows["uri"]["value"] == "s3://bkt/data/"
    found = {key: rows["region"][key] for key in ("value", "origin", "where")}
    assert found == {"value": "eu-west-1", "origin": "file", "where": f"{file}:1"}
    assert rows["lanes"] | {"origin": "default", "where": ""} == rows["lanes"]


def test_every_option_is_told_once(cli: Cli) -> None:
    result = cli.ok("config", "--json")
    keys = [row["key"] for row in result.events("config")]
    listed = [line.split("=")[0].strip() for line in cli.ok("help", "options").out.splitlines()[1:]]
    assert keys == listed
    assert result.summary["done"] == len(keys)


def test_secrets_are_hidden(cli: Cli, file: Path) -> None:
    words = ["config", "--config", file, "--database", "archive"]
    for form in ([], ["--json"]):
        result = cli.ok(*words, *form, S3_BUCKET="bkt", AWS_SESSION_TOKEN="canary-canary-token")
        assert "canary" not in result.out + result.err
        assert "***" in result.out


def test_the_environment_names_the_file(cli: Cli, file: Path) -> None:
    assert told(cli, SATCHEL_CONFIG="config.yaml")["region"] == ["eu-west-1", "config.yaml:1"]
    (cli.home / "other.json").write_text('{"region": "other"}')
    rows = told(cli, "--config", "other.json", SATCHEL_CONFIG="config.yaml")
    assert rows["region"] == ["other", "other.json:1"]
    assert told(cli, SATCHEL_CONFIG="")["region"] == ["us-east-1", "default"]


def test_a_file_is_between_the_command_line_and_the_environment(cli: Cli, file: Path) -> None:
    rows = told(cli, "--config", file, AWS_REGION="env")
    assert rows["region"][0] == "eu-west-1"
    assert told(cli, "--config", file, "--region", "line")["region"] == ["line", "set"]


@pytest.mark.parametrize(
    ("text", "words", "status", "message"),
    [
        ("regoin: x", [], 2, "c.yaml: line 1, column 1: unknown option 'regoin' (did you mean"),
        ("a: 1\n\tb: 2", [], 2, "c.yaml: line 2, column 1: "),
        ("lanes: many", [], 2, "c.yaml: line 1, column 1: option 'lanes' must be a whole number"),
        ("lanes: ${NOT_SET_HERE}", [], 2, "environment variable NOT_SET_HERE is not set"),
        ("a: &x 1\nb: *x", [], 2, "line 1, column 4: anchors (&) and aliases (*)"),
        ("", ["--database", "a"], 2, "c.yaml: no database 'a' in it"),
        ("x" * 1100000, [], 8, "c.yaml"),
    ],
)
def test_bad_files_are_named_with_line_and_column(
    cli: Cli, text: str, words: list[str], status: int, message: str
) -> None:
    (cli.home / "c.yaml").write_text(text)
    for command in (["config"], ["ls", "s3://b/"]):
        result = cli(*command, "--config", "c.yaml", *words)
        assert result.status == status
        assert message in result.err
        assert result.out == ""


def test_a_missing_file_is_an_error(cli: Cli) -> None:
    result = cli("config", "--config", "none.yaml")
    assert result.status == 3
    assert "cannot read 'none.yaml'" in result.err


def test_a_database_needs_a_file(cli: Cli) -> None:
    result = cli("config", "--database", "a")
    assert result.status == 2
    assert "give --config FILE" in result.err


def test_commands_work_with_what_a_file_says(cli: Cli, bucket: Bucket) -> None:
    env = dict(cli.extra)
    cli.extra.clear()
    bucket.put("a.txt", b"text")
    (cli.home / "s3.yaml").write_text(
        f"endpoint_url: ${{URL}}\nregion: {env['AWS_REGION']}\n"
        "access_key_id: ${KEY}\nsecret_access_key: ${SECRET}\n"
    )
    found = cli.ok(
        "cat",
        f"{bucket.uri}/a.txt",
        "--config",
        "s3.yaml",
        URL=env["AWS_ENDPOINT_URL"],
        KEY=env["AWS_ACCESS_KEY_ID"],
        SECRET=env["AWS_SECRET_ACCESS_KEY"],
    )
    assert found.out == "text"
    cli.extra |= env
