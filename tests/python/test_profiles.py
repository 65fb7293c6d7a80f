"""Profiles of the shared files: the keys, tokens and regions that botocore finds in the same."""

from __future__ import annotations

import configparser
import json
import os
import random
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import BotoCoreError
from recorder import Recorder, recorder

import satchel

DEFAULT_REGION = "us-east-1"  # ours, where botocore has none


class Case(NamedTuple):
    """Two files and how they are used."""

    name: str
    credentials: str | None
    config: str | None
    env: dict[str, str] = {}
    profile: str | None = None


def keys(name: str, token: str = "") -> str:
    """Entries of a profile."""
    text = f"aws_access_key_id = {name}\naws_secret_access_key = secret/+of {name}\n"
    return text + (f"aws_session_token = {token}\n" if token else "")


ENV_KEYS = {"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "env-secret"}
TOKEN = "tok/+=" * 300

CASES = [
    Case("credentials default", f"[default]\n{keys('C')}", None),
    Case("config default", None, f"[default]\n{keys('F')}region = eu-west-1\n"),
    Case("both: credentials", f"[default]\n{keys('C')}", f"[default]\n{keys('F')}region = r-1\n"),
    Case("region of credentials", f"[default]\n{keys('C')}region=r-2\n", "[default]\nregion=r-1\n"),
    Case("profile x in config", None, f"[profile x]\n{keys('X')}region = r-3\n", profile="x"),
    Case("x in config is none", f"[x]\n{keys('C')}", f"[x]\n{keys('F')}region = no\n", profile="x"),
    Case("profile x in credentials is none", f"[profile x]\n{keys('C')}", None, profile="x"),
    Case("quoted", None, f'[profile "a b"]\n{keys("Q")}region = r-4\n', profile="a b"),
    Case("[profile default]", None, f"[profile default]\n{keys('P')}region = r-5\n"),
    Case("missing", f"[default]\n{keys('C')}", None, profile="nope"),
    Case("missing by env", f"[default]\n{keys('C')}", None, {"AWS_PROFILE": "nope"}),
    Case("missing default by name", f"[x]\n{keys('C')}", None, profile="default"),
    Case("AWS_PROFILE", f"[dev]\n{keys('D')}[default]\n{keys('C')}", None, {"AWS_PROFILE": "dev"}),
    Case("env keys first", f"[default]\n{keys('C')}", "[default]\nregion = r-6\n", ENV_KEYS),
    Case("env keys, AWS_PROFILE", f"[d]\n{keys('D')}", None, {**ENV_KEYS, "AWS_PROFILE": "d"}),
    Case("named: no env keys", f"[d]\n{keys('D')}", None, ENV_KEYS, "d"),
    Case(
        "named beats AWS_PROFILE",
        f"[a]\n{keys('A')}[b]\n{keys('B')}",
        None,
        {"AWS_PROFILE": "b"},
        "a",
    ),
    Case(
        "env region",
        f"[default]\n{keys('C')}",
        "[default]\nregion=no\n",
        {"AWS_DEFAULT_REGION": "e-1"},
    ),
    Case("long token", f"[default]\n{keys('C', TOKEN)}", None),
    Case("old token", f"[default]\n{keys('C', 'new')}aws_security_token = old\n", None),
    Case("token in config", None, f"[default]\n{keys('C', 'tok')}"),
    Case(
        "comments",
        f"# a\n; b\n[default]\n  # c\n{keys('C')}; d\n",
        "[default]\n# x\nregion = r-7\n",
    ),
    Case(
        "blanks",
        "\n\n[default]\n\naws_access_key_id=C\n\naws_secret_access_key   =  s s  \n",
        None,
    ),
    Case("indented", "[default]\n  aws_access_key_id = C\n  aws_secret_access_key = s\n", None),
    Case("colon", "[default]\naws_access_key_id: C\naws_secret_access_key: s:=s\n", None),
    Case(
        "semicolon in secret",
        "[default]\naws_access_key_id=C\naws_secret_access_key=a ;b #c\n",
        None,
    ),
    Case("upper case", "[default]\nAWS_ACCESS_KEY_ID=C\nAws_Secret_Access_Key=s\n", None),
    Case(
        "nested",
        f"[default]\n{keys('C')}",
        "[default]\ns3 =\n  region = no\n  x = 1\nregion = r-8\n",
    ),
    Case("nested between", None, f"[default]\ns3 =\n    a = b\n{keys('C')}region = r-9\n"),
    Case("crlf", "[default]\r\naws_access_key_id = C\r\naws_secret_access_key = s\r\n", None),
    Case(
        "long name", f"[{'n' * 90}]\n{keys('N')}[{'n' * 91}]\n{keys('M')}", None, profile="n" * 91
    ),
    Case("names alike", f"[ab]\n{keys('AB')}[a]\n{keys('A')}[A]\n{keys('UP')}", None, profile="a"),
    Case("other sections", f"[preview]\nx = y\n[default]\n{keys('C')}", "[sso-session s]\na = b\n"),
    Case("no secret", "[default]\naws_access_key_id = C\n", None),
    Case(
        "secret elsewhere",
        "[default]\naws_access_key_id=C\n",
        "[default]\naws_secret_access_key=s\n",
    ),
    Case("id elsewhere", "[default]\naws_secret_access_key=s\n", f"[default]\n{keys('F')}"),
    Case("no keys", "[default]\nregion = r-1\n", None),
    Case("empty files", "", ""),
    Case("no files", None, None),
    Case("junk", f"[default]\n{keys('C')}junk\n", None),
    Case("junk in an unused section", f"[default]\n{keys('C')}[x]\njunk\n", None),
    Case("no section", keys("C"), None),
    Case("twice", f"[default]\n{keys('C')}[default]\nregion = x\n", None),
    Case("key twice", f"[default]\n{keys('C')}{keys('D')}", None),
    Case("bad config, good credentials", f"[default]\n{keys('C')}", "junk\n"),
]


class Found(NamedTuple):
    """Who signs, and for where; all None where that ends in an error."""

    key: str | None = None
    token: str | None = None
    region: str | None = None


def write(folder: Path, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files where the variables say; a file of None is not there."""
    for variable, name, text in (
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", case.credentials),
        ("AWS_CONFIG_FILE", "config", case.config),
    ):
        path = folder / name
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_bytes(text.encode())
        monkeypatch.setenv(variable, str(path))
    for name, value in case.env.items():
        monkeypatch.setenv(name, value)


DUPLICATE = Found("a duplicate")
DUPLICATES = (configparser.DuplicateOptionError, configparser.DuplicateSectionError)


def botos(case: Case) -> Found:
    """What boto3 finds. It refuses duplicates in other profiles, too: ours are not read."""
    try:
        session = boto3.Session(profile_name=case.profile)
        found = session.get_credentials()
        if found is None:
            return Found()
        return Found(found.access_key, found.token, session.region_name or DEFAULT_REGION)
    except BotoCoreError as error:
        why = error.kwargs.get("error")
        return DUPLICATE if isinstance(why, DUPLICATES) else Found()


def ours(case: Case, server: Recorder) -> Found:
    """What a request of ours shows."""
    options: dict[str, Any] = {"endpoint_url": f"http://127.0.0.1:{server.port}"}
    if case.profile is not None:
        options["profile"] = case.profile
    server.asked.clear()
    try:
        satchel.exists("s3://bucket/key", **options)
    except satchel.Error:
        assert not server.asked
        return Found()
    headers = server.asked[-1].headers
    scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/s3/", headers["authorization"])
    assert scope is not None
    return Found(scope[1], headers.get("x-amz-security-token"), scope[2])


@pytest.fixture(autouse=True)
def no_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """No question of botocore to the instance it might run on."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_files_give_what_botocore_finds(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, case, monkeypatch)
    with recorder() as server:
        theirs = botos(case)
        assert ours(case, server) == (Found() if theirs == DUPLICATE else theirs)


# ---- credential_process

# Prints keys named after its arguments; or what its first says, when that is a kind of failure.
TOOL = """#!/bin/sh
case $1 in
fail) echo "nobody is logged in" >&2; exit 3 ;;
print) printf %s "$2"; exit ;;
esac
name=
for word; do name="$name[$word]"; done
printf '{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "s", "SessionToken": "t"}' "$name"
"""


def run(words: str) -> str:
    """An entry of a profile; TOOL becomes the path of the program."""
    return f"credential_process = {words}\n"


def default(words: str, more: str = "") -> str:
    """A default profile with a program."""
    return f"[default]\n{run(words)}{more}"


def printed(**members: Any) -> str:
    """A default profile whose program prints an object of these members."""
    return default(f"TOOL print {shlex.quote(json.dumps(members))}")


PAIR = {"AccessKeyId": "K", "SecretAccessKey": "hush"}

PROCESSES = [
    Case("config", None, default("TOOL a b")),
    Case("credentials", default("TOOL a"), None),
    Case("profile", None, f"[profile x]\n{run('TOOL x')}{default('TOOL no')}", profile="x"),
    Case("both files", default("TOOL c"), default("TOOL f")),
    Case("keys of credentials first", f"[default]\n{keys('C')}", default("TOOL f")),
    Case("keys beside it first", default("TOOL c", keys("C")), None),
    Case("keys of config last", None, default("TOOL c", keys("F"))),
    Case("keys of config last of all", default("TOOL c"), f"[default]\n{keys('F')}"),
    Case("env keys first", None, default("TOOL f"), ENV_KEYS),
    Case("named: no env keys", None, f"[profile d]\n{run('TOOL d')}", ENV_KEYS, "d"),
    Case("region", None, default("TOOL a", "region = r-1\n")),
    Case("single quotes", None, default("TOOL 'a  b' 'c$d' ''")),
    Case("double quotes", None, default('TOOL "a  b" "c$d" "x;y"')),
    Case("joined", None, default("TOOL a'b c'd\"e f\"")),
    Case("backslashes", None, default(r"TOOL a\ b \c \'")),
    Case("no shell", None, default("TOOL $HOME * ~ ; x | y && z > w # v")),
    Case("quoted program", None, default("'TOOL' a")),
    Case("by name", None, default("a-tool-of-this-test a")),
    Case("many blanks", None, default("   TOOL  \t a   ")),
    Case("unfinished quote", None, default("TOOL 'a", keys("F"))),
    Case("unfinished escape", None, default("TOOL a\\", keys("F"))),
    Case("missing program", None, default("/nope/tool", keys("F"))),
    Case("no program", None, default("/dev/null", keys("F"))),
    Case("failing", None, default("TOOL fail", keys("F"))),
    Case("failing in credentials", default("TOOL fail"), default("TOOL f")),
    Case("nothing printed", None, default("TOOL print ''")),
    Case("no JSON", None, default("TOOL print 'K s'")),
    Case("keys alone", None, printed(Version=1, **PAIR)),
    Case("no version", None, printed(**PAIR)),
    Case("version 2", None, printed(Version=2, **PAIR)),
    Case("version as text", None, printed(Version="1", **PAIR)),
    Case("no id", None, printed(Version=1, SecretAccessKey="hush")),
    Case("no secret", None, printed(Version=1, AccessKeyId="K")),
    Case("a token", None, printed(Version=1, SessionToken="tok", **PAIR)),
    Case("no token", None, printed(Version=1, SessionToken=None, **PAIR)),
    Case("more", None, printed(Version=1, AccountId="1", X=[{}], **PAIR)),
    *(
        Case(f"expiration {end}", None, printed(Version=1, Expiration=end, **PAIR))
        for end in (
            "2099-01-01T00:00:00Z",
            "2099-01-01T00:00:00.123456+02:00",
            None,
            "2001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "",
            "some day",
            4070908800,
        )
    ),
]


def with_tool(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """The case with the program in a folder, which is on the PATH."""
    tool = folder / "a-tool-of-this-test"
    tool.write_text(TOOL)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    credentials, config = (
        None if text is None else text.replace("TOOL", str(tool))
        for text in (case.credentials, case.config)
    )
    return case._replace(credentials=credentials, config=config)


def what_botos_program_gives(case: Case) -> Found:
    """boto3 lets through what its parsers of commands, JSON and times raise."""
    try:
        return botos(case)
    except (ValueError, TypeError, IndexError, RuntimeError, OSError):
        return Found()


@pytest.mark.parametrize("case", PROCESSES, ids=lambda case: case.name)
def test_a_program_gives_what_botocore_gets_of_it(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = with_tool(case, tmp_path, monkeypatch)
    write(tmp_path, case, monkeypatch)
    with recorder() as server:
        assert ours(case, server) == what_botos_program_gives(case)


@pytest.mark.parametrize(
    ("words", "key"),
    [("TOOL x", "[x]"), ("TOOL 'a  b' c", "[a  b][c]"), ("'TOOL' x '' $HOME", "[x][][$HOME]")],
)
def test_the_words_reach_the_program(
    words: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = with_tool(Case("", None, default(words)), tmp_path, monkeypatch)
    write(tmp_path, case, monkeypatch)
    with recorder() as server:
        assert ours(case, server) == Found(key, "t", DEFAULT_REGION)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("TOOL fail", "it ended with status 3: nobody is logged in"),
        ("TOOL print hush", "what it prints is of no use: it is no JSON"),
        ("/nope/tool --token hush", "no such program: '/nope/tool'"),
        ("TOOL print 'hush", "a quotation in the command does not end"),
    ],
)
def test_a_failing_program_is_told_with_its_place(
    words: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = with_tool(Case("", None, f"[profile x]\n{run(words)}"), tmp_path, monkeypatch)
    write(tmp_path, case, monkeypatch)
    with pytest.raises(satchel.DeniedError) as told:
        satchel.exists("s3://bucket/key", profile="x", endpoint_url="http://127.0.0.1:1")
    text = str(told.value)
    assert f"config line 2: credential_process of profile 'x': {wanted}" in text
    assert "hush" not in text


def test_a_program_is_run_once_for_all_that_wait(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many threads, one run; what it printed is accepted by the server."""
    keys_of_server = {"AccessKeyId": s3.key, "SecretAccessKey": s3.secret}
    text = json.dumps({"Version": 1, **keys_of_server})
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\necho run >>{tmp_path}/runs\nprintf %s {shlex.quote(text)}\n")
    tool.chmod(0o755)
    place = f"endpoint_url = {s3.url}\nregion = {s3.region}\n"
    write(tmp_path, Case("", None, f"[profile x]\n{run(str(tool))}{place}"), monkeypatch)
    options = {"bucket": s3.bucket(), "prefix": "r", "profile": "x"}
    with satchel.DatabaseFactory().create("s3", **options) as db:
        db.create_batch([satchel.Record({"n": n}) for n in range(50)])
    assert (tmp_path / "runs").read_text() == "run\n"
    assert len(s3.keys(options["bucket"])) == 50


# ---- signatures


def test_signatures_of_profile_keys_are_accepted(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = f"aws_access_key_id = {s3.key}\naws_secret_access_key = {s3.secret}\n"
    place = f"[profile dev]\nendpoint_url = {s3.url}\nregion = {s3.region}\n"
    write(tmp_path, Case("", f"[dev]\n{entries}", place, {"AWS_PROFILE": "dev"}), monkeypatch)
    bucket = s3.bucket()
    satchel.put(f"s3://{bucket}/a", b"by profile")
    assert s3.boto.get_object(Bucket=bucket, Key="a")["Body"].read() == b"by profile"
    with satchel.DatabaseFactory().create("s3", bucket=bucket, prefix="r") as db:
        record = satchel.Record({"n": 1})
        assert db.read(db.create(record)) is not None


HEADS = ["[default]", "[d]", "[profile d]", "[profile  'd']", "[e] x"]
ENTRIES = [
    ["aws_access_key_id = A%d", "aws_access_key_id : B%d", "\taws_access_key_id = T%d"],
    ["aws_secret_access_key = s ; %d", "aws_secret_access_key=s%d"],
    ["aws_session_token = t%d", "AWS_SESSION_TOKEN = u%d", "aws_security_token=o%d"],
    ["region = r-%d", "  region = r-%d", "region=", "REGION : r-%d"],
    ["s3 =\n  region = n%d", "other%d = 1", "# c", "  ; c", "", "   continued%d"],
]


def random_files(seed: int) -> tuple[str, str]:
    """Two files of what matters, in any order and spelling; now and then they are wrong."""
    source = random.Random(seed)
    texts = []
    for _ in range(2):
        lines = []
        for head in source.sample(HEADS, k=source.randrange(1, 4)):
            lines.append(head)
            groups = source.sample(ENTRIES, k=source.randrange(2, 6))
            lines += [source.choice(group) for group in groups]
        texts.append("\n".join(line.replace("%d", str(i)) for i, line in enumerate(lines)))
    return texts[0], texts[1]


def test_random_files_give_what_botocore_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = 0
    with recorder() as server:
        for seed in range(300):
            credentials, config = random_files(seed)
            profile = [None, "d", "default"][seed % 3]
            folder = tmp_path / str(seed)
            folder.mkdir()
            case = Case("", credentials, config, profile=profile)
            write(folder, case, monkeypatch)
            theirs = botos(case)
            sendable = not any("\n" in str(part) or isinstance(part, dict) for part in theirs)
            if theirs == DUPLICATE or not sendable:
                continue
            found += theirs.key is not None
            assert ours(case, server) == theirs, (seed, credentials, config)
    assert found > 60


def test_a_missing_profile_names_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AWS_CONFIG_FILE")
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    wanted = "profile 'dev' is neither in ~/.aws/credentials nor in ~/.aws/config"
    with pytest.raises(satchel.InvalidError, match=re.escape(wanted)):
        satchel.exists("s3://bucket/key", profile="dev")
    assert "AWS_PROFILE" not in os.environ
