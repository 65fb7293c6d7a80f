"""YAML and JSON as the library reads them, against PyYAML's own parser and Python's json.

The executable ``setting_dump`` (tests/core/setting_dump.c) prints a document as JSON.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml


class JsonLikeLoader(yaml.SafeLoader):
    """PyYAML, written in Python, with the types that the library knows: those of JSON, and `~`."""

    yaml_implicit_resolvers: dict[str, Any] = {}


for tag, pattern in {
    "null": r"null|~|",
    "bool": r"true|false",
    "int": r"-?(?:0|[1-9][0-9]*)",
    "float": r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?",
}.items():
    regex = re.compile(rf"^(?:{pattern})$")
    JsonLikeLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", regex, None)

DOCUMENTS = [
    "",
    "# only a comment\n",
    "---\na: 1\n...\n",
    "plain",
    "a: 1\nb: -2\nc: 0\nd: 1.5\ne: 2.5e3\nf: -0.0\n",
    "a: true\nb: false\nc: null\nd: ~\ne:\nf: ''\n",
    "a: 'it''s'\nb: \"tab\\t nl\\n \\x41 \\u00e9 \\U0001F600 \\/ \\\\\"\n",
    "a: '1'\nb: \"true\"\nc: 'null'\n",
    "- a\n- [b, c, [d, {e: f}]]\n- {g: h, i: [1, 2]}\n-\n- - x\n  - y\n",
    "databases:\n  - name: a\n    tags: [x, y]\n  - name: b\n    deep: {er: {still: [1]}}\n",
    "text: |\n  two\n   lines\n\n  more\n",
    "text: >\n  folded\n  lines\n\n  para\n",
    "keep: |+\n  x\n\nstrip: |-\n  x\n\nindent: |2\n    x\n",
    "long: this is\n  one value\n  in three lines\n",
    'quoted: "this is\n  one value,\n\n  too\\\n  !"\n',
    "url: http://host:9000/path?x=1#frag\nwindows: C:\\dir\n",
    "a: b # comment\nb: 'b # none'\nc: b#none\n",
    "? a\n: 1\n? 'b c'\n: 2\n",
    "é: ü\n日本: 語\n'key with: colon': x\n2: one\ntrue: yes it is\n",
    "a: []\nb: {}\nc: [ ]\nd: { }\n",
    "a: [1,\n  2,\n  3,]\nb: {x: 1,\n  y: 2,}\n",
    '{"a": [1, 2.5, "x", null, true], "b": {"c": {}}}',
    "a:\n- 1\n- 2\nb:\n  - 3\n",
    "\ufeffa: 1\n",
    "a: 1\r\nb: 2\r\n",
    "%YAML 1.1\n---\na: 1\n",
    "b: 1 2\nc: ':'\nd: a:b\ne: '#'\n",
    "a: 9223372036854775807\nb: -9223372036854775808\n",
    "a: 'x'   \nb:    y   \n\n\n\nc: z\n",
]

# What YAML 1.1 makes numbers, booleans and times of is text here.
TEXT_HERE = [
    "yes",
    "no",
    "on",
    "off",
    "Yes",
    "NO",
    "True",
    "FALSE",
    "Null",
    "NULL",
    "0x1F",
    "0o17",
    "017",
    "1_000",
    "12:30:45",
    "+5",
    ".5",
    "5.",
    ".inf",
    ".nan",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "1e",
    "0b1",
    "eu-west-1",
    "nullable",
    "truest",
    "99999999999999999999",
]

JSON = [
    "null",
    "true",
    '""',
    "[]",
    "{}",
    " [1, -2, 3.25, 1e3, -0, 1E-2, 123456789012] ",
    '{"a": {"b": [{"c": null}, false]}, "": 1, "é\\u00e9": "\\ud83d\\ude00 \\/ \\b\\f\\n\\r\\t"}',
    '{"long": "' + "x" * 5000 + '"}',
    "[" * 60 + "]" * 60,
]


def run(form: str, text: str | bytes, **env: str) -> subprocess.CompletedProcess[bytes]:
    folder = os.environ.get("SATCHEL_TEST_BUILD")
    if not folder:
        pytest.skip("SATCHEL_TEST_BUILD is not set: it names the build folder with setting_dump")
    path = Path(folder) / "tests" / "core" / "setting_dump"
    assert path.is_file(), f"{path} is not built"
    data = text if isinstance(text, bytes) else text.encode()
    kept = {key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}
    return subprocess.run(
        [path, form], input=data, capture_output=True, timeout=60, check=False, env=kept | env
    )


def read(form: str, text: str, **env: str) -> Any:
    done = run(form, text, **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def with_text_keys(value: Any) -> Any:
    """Keys are text whatever they look like."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else json.dumps(key): with_text_keys(item)
            for key, item in value.items()
        }
    return [with_text_keys(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("text", DOCUMENTS)
def test_yaml_is_what_pyyaml_reads(text: str) -> None:
    wanted = with_text_keys(yaml.load(text, JsonLikeLoader))
    found = read("yaml", text)
    assert found == wanted
    assert json.dumps(found) == json.dumps(wanted)  # 1 and True, 1 and 1.0 differ


@pytest.mark.parametrize("text", TEXT_HERE)
def test_what_json_would_not_read_without_quotes_is_text(text: str) -> None:
    assert read("yaml", f"a: {text}") == {"a": text}


@pytest.mark.parametrize("text", JSON)
def test_json_is_what_python_reads(text: str) -> None:
    assert json.dumps(read("json", text)) == json.dumps(json.loads(text))


@pytest.mark.parametrize("seed", range(12))
def test_what_pyyaml_writes_is_read_back(seed: int) -> None:
    dice = random.Random(seed)
    words = [
        "",
        "a",
        "true",
        "12",
        "~",
        "null",
        "- x",
        "a: b",
        "#",
        "'",
        '"',
        "é\n",
        " x ",
        "${",
        "@",
    ]

    def value(depth: int) -> Any:
        kind = dice.randrange(8 if depth < 4 else 5)
        if kind >= 6:
            return {f"k{i}{dice.choice(words)}": value(depth + 1) for i in range(dice.randrange(4))}
        if kind == 5:
            return [value(depth + 1) for _ in range(dice.randrange(4))]
        leaf = [None, dice.random() < 0.5, dice.randrange(-999, 999), dice.random() * 100 + 0.001]
        return [*leaf, "".join(dice.choice(words).replace("${", "$") for _ in range(3))][kind]

    tree = {f"key{i}": value(0) for i in range(12)}
    flow = dice.choice([True, False, None])
    assert read("yaml", yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True)) == tree
    assert read("json", json.dumps(tree)) == tree


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("${PORT:8080}", 8080),
        ("${PORT:-8080}", 8080),
        ("${SET}", 7),
        ("${SET}${SET}", 77),
        ("${SET}/x", "7/x"),
        ("${NOT:true}", True),
        ("${NOT:1.5}", 1.5),
        ("${NOT:}", ""),
        ("${NOT:null}", None),
        ("${NOT:no}", "no"),
        ("$${NOT}", "${NOT}"),
    ],
)
def test_a_value_has_its_type_after_substitution(form: str, written: str, wanted: Any) -> None:
    text = f"a: {written}" if form == "yaml" else json.dumps({"a": written})
    assert json.dumps(read(form, text, SET="7")) == json.dumps({"a": wanted})


@pytest.mark.parametrize("quote", ["'", '"'])
def test_what_stands_in_quotes_in_yaml_stays_text(quote: str) -> None:
    text = f"a: {quote}${{NOT:true}}{quote}\nb: {quote}${{SET}}{quote}\n"
    assert read("yaml", text, SET="7") == {"a": "true", "b": "7"}


def test_damaged_documents_are_refused_with_a_place(tmp_path: Path) -> None:
    dice = random.Random(4)
    sample = "".join(DOCUMENTS[5:12]).encode()
    for _ in range(60):
        damaged = bytearray(sample)
        for _ in range(dice.randrange(1, 6)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        done = run("yaml", bytes(damaged))
        assert done.returncode in (0, 1), done.stderr
        assert done.returncode == 0 or re.match(rb"line \d+, column \d+: ", done.stderr)
