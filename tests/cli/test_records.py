"""rec: records from the shell, judged by jq's model of them (plain JSON) and boto3."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli_support import Bucket, Cli, leftovers

PEOPLE = [
    {"id": "anna", "name": "Anna", "age": 30, "city": "Oslo"},
    {"id": "bert", "name": "Bert", "age": 41, "city": "Rome"},
    {"id": "cleo", "name": "Cléo", "age": 25, "city": "Oslo", "tags": ["a", "b"]},
    {"id": "dora", "name": "Dora", "age": 30},
]


@pytest.fixture
def people(cli: Cli, store: str) -> str:
    """A database of four."""
    text = "".join(json.dumps(person) + "\n" for person in PEOPLE)
    cli.ok("rec", "import", store, "-", "--id-field", "id", "-q", stdin=text)
    return store


def record(**fields: Any) -> str:
    return json.dumps({"fields": fields, "metadata": {"by": "test"}})


def ids(cli: Cli, *words: str) -> list[str]:
    return [row["id"] for row in cli.ok("rec", "query", *words).lines]


def test_put_get_rm(cli: Cli, store: str) -> None:
    assert cli.ok("rec", "put", store, "a/1", "-", stdin=record(x=1)).out == "a/1\n"
    got = json.loads(cli.ok("rec", "get", store, "a/1").out)
    assert (got["id"], got["version"], got["fields"]) == ("a/1", 1, {"x": 1})
    assert got["metadata"]["by"] == "test"
    assert "deleted 1 record" in cli.ok("rec", "rm", store, "a/1").err
    gone = cli("rec", "get", store, "a/1", "--json")
    assert gone.status == 3
    assert gone.summary["error"]["code"] == "NOT_FOUND"
    assert "a/1" in gone.err


def test_what_is_stored_is_plain_json(cli: Cli, bucket: Bucket) -> None:
    cli.ok("rec", "put", f"{bucket.uri}/r/", "a", "-", stdin=record(x="Grüße"))
    body = json.loads(bucket.get("r/a.json"))
    assert body["fields"] == {"x": "Grüße"}


def test_put_without_id_takes_the_records_own(cli: Cli, store: str) -> None:
    (cli.home / "r.json").write_text('{"id": "mine", "fields": {"x": 1}}')
    assert cli.ok("rec", "put", store, "r.json").out == "mine\n"
    fresh = cli.ok("rec", "put", store, "-", stdin='{"fields": {"x": 1}}').out.strip()
    assert re.fullmatch(r"[0-9a-f-]{36}", fresh)


def test_create_refuses_a_taken_id(cli: Cli, store: str) -> None:
    cli.ok("rec", "put", "--create", store, "a", "-", stdin=record(x=1))
    taken = cli("rec", "put", "--create", store, "a", "-", "--json", stdin=record(x=2))
    assert taken.status == 7
    assert taken.summary["error"]["code"] == "EXISTS"
    assert json.loads(cli.ok("rec", "get", store, "a").out)["fields"] == {"x": 1}


def test_expected_is_compare_and_swap(cli: Cli, store: str) -> None:
    cli.ok("rec", "put", store, "a", "-", stdin=record(x=1))
    token = cli.ok("rec", "get", store, "a", "--json").events("get")[0]["token"]
    written = cli.ok(
        "rec", "put", store, "a", "-", "--expected", token, "--json", stdin=record(x=2)
    )
    assert written.events("put")[0]["version"] == 2
    for stale in (token, "1"):
        lost = cli("rec", "put", store, "a", "-", "--expected", stale, stdin=record(x=3))
        assert lost.status == 7
        assert cli("rec", "rm", store, "a", "--expected", stale).status == 7
    cli.ok("rec", "put", store, "a", "-", "--expected", "2", stdin=record(x=4))
    assert json.loads(cli.ok("rec", "get", store, "a").out)["version"] == 3


def test_rm_many_and_exact(cli: Cli, people: str) -> None:
    result = cli.ok("rec", "rm", people, "anna", "bert", "--json")
    assert [event["src"] for event in result.events("rm")] == ["anna", "bert"]
    assert ids(cli, people) == ["cleo", "dora"]
    assert cli("rec", "rm", people, "anna", "--exact").status == 3
    assert cli("rec", "rm", people, "anna", "cleo", "--exact").status == 1


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["anna", "bert", "cleo", "dora"]),
        (["age = 30"], ["anna", "dora"]),
        (["age >= 30 AND NOT city = 'Rome'"], ["anna", "dora"]),
        (["city IN ('Oslo', 'Rome') ORDER BY age DESC LIMIT 2"], ["bert", "anna"]),
        (["name LIKE 'CLÉ%'"], ["cleo"]),
        (["city NOT EXISTS OR tags CONTAINS 'a'"], ["cleo", "dora"]),
        (["metadata.created_at > '2020-01-01T00:00:00Z'", "--limit", "1"], ["anna"]),
        (["--sort", "age:desc,name", "--offset", "1"], ["anna", "dora", "cleo"]),
        (["city = 'Oslo'", "--sort", "age"], ["cleo", "anna"]),
        (["--sort", "age:desc", "--limit", "1", "--fields", "name"], ["bert"]),
    ],
)
def test_query(cli: Cli, people: str, words: list[str], found: list[str]) -> None:
    assert ids(cli, people, *words) == found


def test_query_fields(cli: Cli, people: str) -> None:
    rows = cli.ok("rec", "query", people, "--fields", "name,age", "--limit", "1").lines
    assert rows[0]["fields"] == {"name": "Anna", "age": 30}
    refused = cli("rec", "query", people, "age = 1", "--fields", "name")
    assert refused.status == 2
    assert "--json-query" in refused.err


def test_query_in_json(cli: Cli, people: str) -> None:
    query = {
        "filters": [{"field": "age", "operator": "between", "value": [26, 41]}],
        "sort": [{"field": "name", "order": "desc"}],
        "fields": ["name"],
    }
    text = json.dumps(query)
    result = cli.ok("rec", "query", people, "--json-query", "-", stdin=text)
    assert [row["fields"] for row in result.lines] == [
        {"name": "Dora"},
        {"name": "Bert"},
        {"name": "Anna"},
    ]
    (cli.home / "q.json").write_text(text)
    assert cli.ok("rec", "count", people, "--json-query", "q.json").out == "3\n"
    assert cli("rec", "query", people, "age = 1", "--json-query", "q.json").status == 2


def test_query_json_events_hold_the_record(cli: Cli, people: str) -> None:
    result = cli.ok("rec", "query", people, "city = 'Rome'", "--json")
    event = result.events("query")[0]
    assert event["src"] == "bert"
    assert event["record"]["fields"]["age"] == 41
    assert event["token"].startswith("1:")
    assert result.summary["done"] == 1


def test_count(cli: Cli, people: str) -> None:
    assert cli.ok("rec", "count", people).out == "4\n"
    assert cli.ok("rec", "count", people, "age = 30").out == "2\n"
    assert cli.ok("rec", "count", people, "--json").events("count")[0]["count"] == 4


def test_stats_are_the_requests_made(cli: Cli, people: str) -> None:
    assert "get=1 total=1" in cli.ok("rec", "get", people, "anna", "--stats").err
    cli.ok("rec", "count", people)
    assert "total=0" in cli.ok("rec", "count", people, "--stats").err


def test_a_missing_folder_is_made_only_when_asked(cli: Cli) -> None:
    cli.ok("rec", "put", "-c", "new/db", "a", "-", stdin=record(x=1))
    assert (cli.home / "new/db/a.json").exists()


def test_import_at_a_pointer(cli: Cli, store: str) -> None:
    (cli.home / "d.json").write_text(json.dumps({"list": {"people": PEOPLE}}))
    words = ["rec", "import", store, "d.json", "--at", "/list/people", "--id-field", "name"]
    result = cli.ok(*words, "--json")
    assert result.summary["done"] == 4
    assert {event["op"] for event in result.lines[:-1]} == {"import"}
    assert ids(cli, store) == ["Anna", "Bert", "Cléo", "Dora"]


def test_import_on_conflict(cli: Cli, people: str) -> None:
    (cli.home / "more.ndjson").write_text(
        json.dumps({"id": "anna", "age": 99}) + "\n" + json.dumps({"id": "emil", "age": 1}) + "\n"
    )
    words = ["rec", "import", people, "more.ndjson", "--id-field", "id", "--json"]
    failed = cli(*words)
    assert failed.status == 1
    assert "more.ndjson: " in failed.err
    assert "--on-conflict skip" in failed.err
    skipped = cli.ok(*words, "--on-conflict", "skip").summary
    assert (skipped["done"], skipped["skipped"]) == (0, 2)
    assert cli.ok("rec", "count", people, "age = 99").out == "0\n"
    assert cli.ok(*words, "--on-conflict", "upsert").summary["done"] == 2
    assert cli.ok("rec", "count", people, "age = 99").out == "1\n"


@pytest.mark.parametrize("name", ["out.ndjson", "out.json", "out.csv"])
def test_export_to_a_file(cli: Cli, people: str, name: str) -> None:
    cli.ok("rec", "export", people, name, "--where", "age = 30")
    text = (cli.home / name).read_text()
    if name.endswith(".csv"):
        rows = list(csv.DictReader(text.splitlines()))
    elif name.endswith(".json"):
        rows = json.loads(text)
    else:
        rows = [json.loads(line) for line in text.splitlines()]
    assert [row["name"] for row in rows] == ["Anna", "Dora"]
    assert leftovers(cli.home) == []


def test_export_and_import_of_whole_records(cli: Cli, people: str) -> None:
    text = cli.ok("rec", "export", people, "-", "--whole").out
    assert len(text.splitlines()) == 4
    cli.ok("rec", "import", "-c", "copy", "-", "--whole", stdin=text)
    for person in PEOPLE:
        got = json.loads(cli.ok("rec", "get", "copy", str(person["id"])).out)
        assert got["fields"] == person


def test_migrate(cli: Cli, people: str, tmp_path: Path) -> None:
    target = f"file://{tmp_path}/target/"
    result = cli.ok("rec", "migrate", people, target, "--where", "age = 30", "-c", "--json")
    assert result.summary["done"] == 2
    assert ids(cli, target) == ["anna", "dora"]
    assert cli.ok("rec", "count", people).out == "4\n"
    taken = cli("rec", "migrate", people, target, "--json")
    assert taken.status == 1
    assert taken.summary["failed"] == 2
    moved = cli.ok("rec", "migrate", people, target, "--on-conflict", "upsert", "--delete-source")
    assert moved.status == 0
    assert cli.ok("rec", "count", people).out == "0\n"
    for path in sorted((tmp_path / "target").glob("*.json")):
        assert json.loads(path.read_text())["id"] == path.stem
