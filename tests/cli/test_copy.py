"""cp, upload, download: the forms users were promised, on folders and on S3."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from cli_support import Bucket, Cli, digests, leftovers
from proxy import Plan, Request, proxied


def test_quick_test_drive(cli: Cli, store: str) -> None:
    (cli.home / "test.txt").write_text("Hello!\n")
    cli.ok("upload", "test.txt", f"{store}test-drive/")
    cli.ok("download", f"{store}test-drive/", "./downloaded/")
    assert digests(cli.home / "downloaded") == digests_of(cli.home / "test.txt")


def digests_of(path: Path) -> dict[str, str]:
    return {name: sum_ for name, sum_ in digests(path.parent).items() if name == path.name}


@pytest.mark.parametrize("quoted", [True, False])
def test_globs_quoted_or_not(cli: Cli, tree: Path, store: str, quoted: bool) -> None:
    matched = sorted(tree.glob("*.log"))
    sources = [f"{tree}/*.log"] if quoted else [str(path) for path in matched]
    cli.ok("upload", *sources, f"{store}logs/")
    listed = cli.ok("ls", f"{store}logs/").out.splitlines()
    assert listed == ["app-01.log", "app-02.log"]


def test_patterns_of_the_seed(cli: Cli, tree: Path, store: str) -> None:
    cli.ok("upload", f"{tree}/app-??.log", f"{store}a/")
    assert cli.ok("ls", f"{store}a/").out == "app-01.log\napp-02.log\n"
    cli.ok("upload", f"{tree}/sub/*", f"{store}b/", "-r")
    assert "Grüße.txt" in cli.ok("ls", f"{store}b/").out


def test_an_existing_name_is_literal(cli: Cli, tree: Path, store: str) -> None:
    cli.ok("upload", f"{tree}/report (1).txt", store)
    assert cli.ok("cat", f"{store}report (1).txt").out == "literal\n"
    starred = cli.home / "a*b"
    starred.write_text("star")
    (cli.home / "axb").write_text("x")
    cli.ok("upload", "a*b", store)
    assert "axb" not in cli.ok("ls", store).out
    assert cli("cp", "--pattern", "literal", "a*", "out/").status == 3
    cli.ok("cp", "--pattern", "glob", "a*b", "out/")
    assert sorted(path.name for path in (cli.home / "out").iterdir()) == ["a*b", "axb"]


def test_folders_with_a_slash_are_recursive(cli: Cli, tree: Path, store: str) -> None:
    cli.ok("upload", f"{tree}/", f"{store}whole/")
    cli.ok("download", f"{store}whole/", "back")
    assert digests(cli.home / "back") == digests(tree)
    assert leftovers(cli.home) == []


def test_download_recursive(cli: Cli, tree: Path, store: str) -> None:
    cli.ok("upload", "-r", f"{tree}/", f"{store}set/")
    cli.ok("download", "--recursive", f"{store}set/", "./local/")
    assert digests(cli.home / "local") == digests(tree)


def test_a_folder_without_slash_needs_recursive(cli: Cli, tree: Path, store: str) -> None:
    refused = cli("upload", tree, store)
    assert refused.status == 2
    assert "-r" in refused.err


def test_s3_to_s3_and_boto3_sees_it(cli: Cli, tree: Path, bucket: Bucket) -> None:
    cli.ok("upload", f"{tree}/", f"{bucket.uri}/one/")
    cli.ok("cp", f"{bucket.uri}/one/", f"{bucket.uri}/two/")
    for path in (path for path in tree.rglob("*") if path.is_file()):
        assert bucket.get(f"two/{path.relative_to(tree).as_posix()}") == path.read_bytes()


def test_verify_reads_back(cli: Cli, tree: Path, store: str) -> None:
    cli.ok("cp", "--verify", f"{tree}/", store)
    cli.ok("cp", "--verify", store, "again/")
    assert digests(cli.home / "again") == digests(tree)


def test_json_tells_each_object_and_a_summary(cli: Cli, tree: Path, store: str) -> None:
    result = cli.ok("upload", "--json", f"{tree}/", store)
    events = result.events("copy")
    assert len(events) == 6
    for event in events:
        assert set(event) == {"op", "src", "dst", "bytes", "ms", "status", "error"}
        assert event["status"] == "ok"
        assert event["error"] is None
        assert event["dst"].startswith(store)
        assert event["bytes"] == Path(cli.home / event["src"]).stat().st_size
    assert result.err == ""
    total = sum(event["bytes"] for event in events)
    summary = result.summary
    assert (summary["done"], summary["bytes"], summary["status"]) == (6, total, "ok")


def test_json_is_valid_whatever_the_name(cli: Cli) -> None:
    folder = cli.home / "odd"
    folder.mkdir()
    (folder / 'quo"te\\ \x01\x7f tab\t.txt').write_text("x")
    Path(os.fsdecode(os.fsencode(folder) + b"/latin-\xe9.txt")).write_text("y")
    result = cli("cp", "--json", f"{folder}/", "out/")
    texts = [json.dumps(event, ensure_ascii=False) for event in result.lines]
    assert len(texts) == 3
    for text in texts:
        text.encode()  # no lone surrogates
    assert any("quo" in event["src"] for event in result.lines[:-1])


def test_dry_run_moves_nothing(cli: Cli, tree: Path, store: str) -> None:
    result = cli.ok("cp", "-n", f"{tree}/*.log", store)
    assert len(result.out.splitlines()) == 2
    assert "app-01.log -> " in result.out
    planned = cli.ok("cp", "-n", "--json", f"{tree}/*.log", store)
    assert {event["status"] for event in planned.events("copy")} == {"planned"}
    assert "app-01.log" not in cli("ls", store).out


@pytest.mark.parametrize("policy", ["overwrite", "skip", "error"])
def test_if_exists(cli: Cli, tree: Path, store: str, policy: str) -> None:
    cli.ok("cp", tree / "app-01.log", store)
    (tree / "app-01.log").write_text("changed\n")
    result = cli("cp", "--json", "--if-exists", policy, f"{tree}/app-0*.log", store)
    content = cli.ok("cat", f"{store}app-01.log").out
    summary = result.summary
    assert content == ("changed\n" if policy == "overwrite" else "one\n")
    assert summary["skipped"] == (policy == "skip")
    assert summary["failed"] == (policy == "error")
    assert result.status == (1 if policy == "error" else 0)
    if policy == "error":
        assert summary["status"] == "partial"
        failed = next(event for event in result.events("copy") if event["status"] == "failed")
        assert failed["error"]["code"] == "EXISTS"


def test_the_cause_is_the_status_when_nothing_succeeded(cli: Cli, tree: Path, store: str) -> None:
    cli.ok("cp", f"{tree}/*.log", store)
    assert cli("cp", "--if-exists", "error", f"{tree}/*.log", store).status == 7
    assert cli("cp", "nothing-here", store).status == 3
    assert cli("cp", "nothing-here", tree / "app-01.log", store).status == 1


def test_failures_are_listed_at_the_end(cli: Cli, tree: Path, store: str) -> None:
    cli.ok("cp", f"{tree}/*.log", store)
    result = cli("cp", "--if-exists", "error", f"{tree}/", store)
    assert result.status == 1
    told = result.err.splitlines()
    at = next(i for i, line in enumerate(told) if "2 of 6 files failed" in line)
    assert all("EXISTS" in line for line in told[at + 1 : at + 3])
    assert "2 failed" in result.err


def test_two_sources_on_one_name_are_refused(cli: Cli, tree: Path, store: str) -> None:
    other = cli.home / "other"
    other.mkdir()
    (other / "app-01.log").write_text("other\n")
    result = cli("cp", tree / "app-01.log", other / "app-01.log", f"{store}x/")
    assert result.status != 0
    assert "app-01.log" in result.err
    assert cli("cat", f"{store}x/app-01.log").status == 3


def test_create_bucket_only_when_asked(cli: Cli, tree: Path, bucket: Bucket) -> None:
    name = f"{bucket.name}-new"
    refused = cli("upload", tree / "app-01.log", f"s3://{name}/")
    assert refused.status == 3
    assert "-c" in refused.err
    cli.ok("upload", "-c", tree / "app-01.log", f"s3://{name}/")
    body = bucket.client.get_object(Bucket=name, Key="app-01.log")["Body"].read()
    assert body == b"one\n"
    bucket.client.delete_object(Bucket=name, Key="app-01.log")
    bucket.client.delete_bucket(Bucket=name)


def test_options_of_the_store(cli: Cli, tree: Path, bucket: Bucket) -> None:
    url = cli.extra.pop("AWS_ENDPOINT_URL")
    region = cli.extra.pop("AWS_REGION")
    flags = ["--endpoint-url", url, "--region", region]
    cli.ok("cp", *flags, tree / "app-01.log", f"{bucket.uri}/")
    assert bucket.names() == ["app-01.log"]
    unsigned = cli("cat", *flags, "--no-sign-request", f"{bucket.uri}/app-01.log")
    assert unsigned.status == 4


def test_https_with_a_private_ca(cli: Cli, tree: Path) -> None:
    url = os.environ.get("SATCHEL_TEST_S3_TLS_URL")
    if not url:
        pytest.skip("SATCHEL_TEST_S3_TLS_URL is not set: no https server (tools/test starts one)")
    cli.extra |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": os.environ["SATCHEL_TEST_S3_KEY"],
        "AWS_SECRET_ACCESS_KEY": os.environ["SATCHEL_TEST_S3_SECRET"],
    }
    trusted = ["--ca-file", os.environ["SATCHEL_TEST_CA"]]
    bucket = f"s3://cli-tls-{os.getpid()}"
    cli.ok("upload", "-c", *trusted, tree / "app-02.log", f"{bucket}/")
    assert cli.ok("cat", *trusted, f"{bucket}/app-02.log").out == "two\n" * 1000
    distrusted = cli("cat", f"{bucket}/app-02.log", "--set", "max_retries=0")
    assert distrusted.status == 5
    cli.ok("rm", *trusted, f"{bucket}/app-02.log")


def test_j_1_is_one_at_a_time(cli: Cli, bucket: Bucket) -> None:
    """Small and larger files go different ways, and share the bound."""
    tree = cli.home / "mixed"
    tree.mkdir()
    for number in range(6):
        size = 200_000 if number % 2 == 0 else 100
        (tree / f"f{number}").write_bytes(b"x" * size)
    under_way: list[int] = []
    most = [0]
    lock = threading.Lock()
    another = threading.Event()

    def hold() -> None:
        with lock:
            under_way.append(1)
            most[0] = max(most[0], len(under_way))
            if len(under_way) > 1:
                another.set()
        another.wait(0.3)  # time in which another would come
        with lock:
            under_way.pop()

    def rule(request: Request) -> Plan | None:
        return Plan(before=hold) if request.method == "PUT" else None

    with proxied(os.environ["SATCHEL_TEST_S3_URL"], rule) as proxy:
        cli.ok("upload", "-r", "-j", "1", f"{tree}/", f"{bucket.uri}/", "--endpoint-url", proxy.url)
    assert most[0] == 1
    assert len(bucket.names()) == 6
