"""The query language against a third, naive evaluator that shares no code with the library.

Random records and random queries go to the executable ``query_oracle`` (tests/query/oracle.c). It
answers with what the in-memory matcher, SQL by scan and SQL through indexes find. The rules below
are written from the specification alone, with Python's own numbers, strings, dates and ``re``.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

ROUNDS = 6
RECORDS = 120
QUERIES = 250

MISSING = object()
Value = Any
Condition = tuple[Any, ...]

# ---- values --------------------------------------------------------------------------------------

TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)


def instant(text: str) -> tuple[datetime, int, str] | None:
    """The instant of a timestamp: full minute and second, leap second, digits of the fraction."""
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    offset = match[8] or "Z"
    shift = timedelta()
    if offset not in "Zz":
        hours, minutes = int(offset[1:3]), int(offset[4:6])
        if hours > 23 or minutes > 59:
            return None
        shift = timedelta(hours=hours, minutes=minutes) * (1 if offset[0] == "+" else -1)
    leap = int(second == 60)
    try:
        moment = datetime(year, month, day, hour, minute, second - leap, tzinfo=timezone.utc)
    except ValueError:
        return None
    moment -= shift
    if leap and (moment.hour, moment.minute) != (23, 59):
        return None
    return moment, leap, (match[7] or "").rstrip("0")


KINDS = ("null", "boolean", "number", "timestamp", "string", "array", "object")


def kind(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "timestamp" if instant(value) else "string"
    return "array" if isinstance(value, list) else "object"


def rank(value: Value) -> tuple[Any, ...]:
    """A tuple that orders and equates values as the specification says."""
    name = kind(value)
    place = KINDS.index(name)
    if name == "null":
        return (place,)
    if name == "timestamp":
        return (place, instant(value), value)
    if name == "array":
        return (place, tuple(rank(item) for item in value))
    if name == "object":
        return (place, tuple((key, rank(value[key])) for key in sorted(value)))
    return (place, value)


def same_kind(a: Value, b: Value) -> bool:
    return kind(a) == kind(b)


def path_of(field: str) -> tuple[list[str | int], bool]:
    """The steps of a path, and whether it is a JSON Pointer."""
    if field.startswith("/"):
        return [step.replace("~1", "/").replace("~0", "~") for step in field[1:].split("/")], True
    steps: list[str | int] = []
    for name in field.split("."):
        head, *indexes = name.replace("]", "").split("[")
        steps.append(head)
        steps.extend(int(index) for index in indexes)
    return steps, False


def step_into(value: Value, step: str | int, pointer: bool) -> Value:
    if isinstance(value, dict) and isinstance(step, str):
        return value.get(step, MISSING)
    if not isinstance(value, list):
        return MISSING
    if isinstance(step, str) and not (pointer and re.fullmatch(r"0|[1-9]\d*", step, re.ASCII)):
        return MISSING
    return value[int(step)] if int(step) < len(value) else MISSING


def lookup(record: dict[str, Any], field: str) -> Value:
    """The value at a path, MISSING where there is none."""
    steps, pointer = path_of(field)
    own = not pointer and steps[0] in ("id", "metadata")
    value: Value = record if own else record["fields"]
    for step in steps:
        value = step_into(value, step, pointer)
    return value


def fold(text: str) -> str:
    """Unicode simple case folding: the full one where it is one character, else lower case."""
    out = []
    for char in text:
        full, lower = char.casefold(), char.lower()
        out.append(full if len(full) == 1 else lower if len(lower) == 1 else char)
    return "".join(out)


def like(text: str, pattern: str) -> bool:
    out = []
    escaped = False
    for char in pattern:
        if escaped:
            out.append(re.escape(fold(char)))
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            out.append({"%": ".*", "_": "."}.get(char, re.escape(fold(char))))
    return re.fullmatch("".join(out), fold(text), re.DOTALL) is not None


# ---- conditions ----------------------------------------------------------------------------------


def compare(op: str, have: Value, want: Value) -> bool:
    if not same_kind(have, want):
        return False
    a, b = rank(have), rank(want)
    return {"=": a == b, ">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[op]


def contains(have: Value, want: Value) -> bool:
    if isinstance(have, list):
        return any(compare("=", item, want) for item in have)
    return isinstance(have, str) and isinstance(want, str) and want in have


def positive(op: str, have: Value, want: Value) -> bool:
    """An operator that is not a negation, on a value that is present and not null."""
    if op == "in":
        return any(compare("=", have, item) for item in want)
    if op == "between":
        return compare(">=", have, want[0]) and compare("<=", have, want[1])
    if op == "contains":
        return contains(have, want)
    if op in ("like", "regex", "starts_with"):
        if not isinstance(have, str):
            return False
        if op == "like":
            return like(have, want)
        return have.startswith(want) if op == "starts_with" else re.search(want, have) is not None
    return compare(op, have, want)


NEGATED = {"!=": "=", "not_in": "in", "not_like": "like", "not_between": "between"}


def leaf_holds(record: dict[str, Any], field: str, op: str, want: Value) -> bool:
    have = lookup(record, field)
    absent = have is MISSING or have is None
    if op in ("not_exists", "is_null"):
        return absent
    if absent or op == "exists":
        return not absent
    if op in NEGATED:
        return not positive(NEGATED[op], have, want)
    return positive(op, have, want)


def holds(record: dict[str, Any], condition: Condition) -> bool:
    head, *rest = condition
    if head == "and":
        return all(holds(record, part) for part in rest)
    if head == "or":
        return any(holds(record, part) for part in rest)
    if head == "not":
        return not holds(record, rest[0])
    return leaf_holds(record, *rest)


def arranged(records: list[dict[str, Any]], sorts: list[tuple[str, bool]]) -> list[dict[str, Any]]:
    """By each sort, missing last in both directions, then by id: the last sort first."""
    rows = sorted(records, key=lambda record: rank(record["id"]))
    for field, descending in reversed(sorts):
        have = [row for row in rows if lookup(row, field) is not MISSING]
        lack = [row for row in rows if lookup(row, field) is MISSING]
        # reverse=True keeps the order of equals, so that the id still breaks ties upwards.
        have.sort(key=lambda row, path=field: rank(lookup(row, path)), reverse=descending)
        rows = have + lack
    return rows


# ---- random data ---------------------------------------------------------------------------------

NUMBERS: list[Value] = [
    0,
    -0.0,
    1,
    1.0,
    2,
    2.5,
    -7,
    100,
    1e2,
    1e300,
    -1e-300,
    5e-324,
    2**53,
    2**53 + 1,
    float(2**53),
    2**63 - 1,
    -(2**63),
    9.223372036854775807e18,
    0.1,
]
TEXTS: list[Value] = [
    "",
    "a",
    "A",
    "ab",
    "aB%",
    "a_b",
    "100%",
    "été",
    "ÉTÉ",
    "straße",
    "STRASSE",
    "ẞ",
    "ΣΑΣ",
    "σας",
    "İ",
    "K",
    "😀",
    "z\n",
    "a\\b",
    "it's",
    "2024",
    "2024-05-01",
    "2024-05-01T00:00:00Z",
    "2024-05-01T00:00:00",
    "2024-05-01t02:00:00+02:00",
    "2024-05-01T00:00:00.50Z",
    "2024-05-01T00:00:00.5Z",
    "2023-12-31T23:59:59Z",
    "2016-12-31T23:59:60Z",
    "2024-13-01T00:00:00Z",
    "2024-05-01 00:00:00Z",
    "2024-05-01T00:00:00.123456789012345Z",
    "1969-12-31T23:59:59.9Z",
    "0001-01-01T00:00:00Z",
]
PATTERNS = ["%", "a%", "%b%", "_", "É%", "100\\%", "%\\_%", "2024%", "%S", "ß", "_t_", "σ%ς", "k"]
REGEXES = ["a", "^[a-z]+$", "^A", "[0-9]{4}", "^$", ".", "é|ß", "^2024-05"]
FIELDS = ["s", "n", "o.x", "/o/x", "a", "a[0]", "/a/1", "o", "metadata.m", "id", "none", "o.x.y"]
LEAVES = [
    "=",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "in",
    "not_in",
    "like",
    "not_like",
    "regex",
    "starts_with",
    "exists",
    "not_exists",
    "between",
    "not_between",
    "contains",
    "is_null",
]


def scalar(dice: random.Random) -> Value:
    return dice.choice([None, True, False, *dice.sample(NUMBERS, 3), *dice.sample(TEXTS, 5)])


def nested(dice: random.Random) -> Value:
    shape = dice.randrange(6)
    if shape == 0:
        return [scalar(dice) for _ in range(dice.randrange(3))]
    if shape == 1:
        return {key: scalar(dice) for key in dice.sample(["x", "y", "é"], dice.randrange(3))}
    return scalar(dice)


def make_record(dice: random.Random, number: int) -> dict[str, Any]:
    fields: dict[str, Value] = {}
    for name in ("s", "n", "a", "o"):
        if dice.random() < 0.8:
            fields[name] = nested(dice)
    if dice.random() < 0.6:
        fields["o"] = {"x": scalar(dice)}
    if dice.random() < 0.6:
        fields["a"] = [nested(dice), scalar(dice)]
    return {
        "id": f"r{number:03}{dice.choice(['', '-x', '.y'])}",
        "version": 1,
        "fields": fields,
        "metadata": {"m": scalar(dice)},
    }


def make_leaf(dice: random.Random) -> Condition:
    op = dice.choice(LEAVES)
    want: Value = None
    if op in ("in", "not_in"):
        want = [nested(dice) for _ in range(dice.randrange(5))]
    elif op in ("between", "not_between"):
        want = [scalar(dice), scalar(dice)]
    elif op in ("like", "not_like"):
        want = dice.choice(PATTERNS)
    elif op == "regex":
        want = dice.choice(REGEXES)
    elif op == "starts_with":
        want = dice.choice(TEXTS)[:4]
    elif op not in ("exists", "not_exists", "is_null"):
        want = nested(dice)
    return ("leaf", dice.choice(FIELDS), op, want)


def make_condition(dice: random.Random, depth: int) -> Condition:
    shape = dice.randrange(6) if depth else 5
    if shape == 0:
        return ("not", make_condition(dice, depth - 1))
    if shape in (1, 2):
        parts = [make_condition(dice, depth - 1) for _ in range(dice.randrange(1, 4))]
        return (("and", "or")[shape - 1], *parts)
    return make_leaf(dice)


# ---- the two front ends --------------------------------------------------------------------------


def condition_json(condition: Condition) -> dict[str, Any]:
    head, *rest = condition
    if head == "leaf":
        return {"field": rest[0], "operator": rest[1], "value": rest[2]}
    if head == "not":
        return {"not": condition_json(rest[0])}
    return {head: [condition_json(part) for part in rest]}


def literal(value: Value) -> str:
    if isinstance(value, str) and "\n" not in value:  # a query is one line here
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, str | list | dict):
        raise TypeError(value)  # the WHERE language has no such value
    return json.dumps(value)


def leaf_where(field: str, op: str, want: Value) -> str:
    words = op.upper().replace("_", " ")
    if op in ("exists", "not_exists"):
        return f"{field} {words}"
    if op == "is_null":
        return f"{field} IS NULL"
    if op in ("in", "not_in"):
        return f"{field} {words} ({', '.join(literal(item) for item in want)})"
    if op in ("between", "not_between"):
        return f"{field} {words} {literal(want[0])} AND {literal(want[1])}"
    return f"{field} {words} {literal(want)}"


def condition_where(condition: Condition) -> str:
    head, *rest = condition
    if head == "leaf":
        return leaf_where(*rest)
    if head == "not":
        return f"NOT ({condition_where(rest[0])})"
    return "(" + f" {head} ".join(condition_where(part) for part in rest) + ")"


def query_line(
    condition: Condition, sorts: list[tuple[str, bool]], limit: int | None, offset: int
) -> str:
    """The WHERE text where it can say the query (no array or object as a value), else JSON."""
    try:
        text = condition_where(condition)
    except TypeError:
        orders = [{"field": field, "order": "desc" if down else "asc"} for field, down in sorts]
        query = {
            "condition": condition_json(condition),
            "sort": orders,
            "limit": limit,
            "offset": offset,
        }
        return "J " + json.dumps(query, ensure_ascii=False)
    if sorts:
        keys = ", ".join(f"{field} {'DESC' if down else 'ASC'}" for field, down in sorts)
        text += f" ORDER BY {keys}"
    if limit is not None:
        text += f" LIMIT {limit}"
    return f"W {text} OFFSET {offset}"


# ---- the test ------------------------------------------------------------------------------------


def executable() -> Path:
    folder = os.environ.get("SATCHEL_TEST_BUILD")
    if not folder:
        pytest.skip("SATCHEL_TEST_BUILD is not set: it names the build folder with query_oracle")
    path = Path(folder) / "tests" / "query" / "query_oracle"
    assert path.is_file(), f"{path} is not built"
    return path


def ask(lines: list[str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [executable()], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_all_evaluators_agree_with_the_oracle(seed: int) -> None:
    dice = random.Random(seed)
    records = [make_record(dice, number) for number in range(RECORDS)]
    dice.shuffle(records)
    lines = [f"R {r['id']}\t{json.dumps(r, ensure_ascii=dice.random() < 0.5)}" for r in records]
    wanted: list[tuple[str, list[str], list[str]]] = []
    for _ in range(QUERIES):
        condition = make_condition(dice, 3)
        sorts = [(dice.choice(FIELDS), dice.random() < 0.5) for _ in range(dice.randrange(3))]
        limit = dice.choice([None, None, 0, 5, 50])
        offset = dice.choice([0, 0, 0, 2])
        line = query_line(condition, sorts, limit, offset)
        matching = [record for record in records if holds(record, condition)]
        page = arranged(matching, sorts)[offset:]
        page = page if limit is None else page[:limit]
        wanted.append((line, [r["id"] for r in matching], [r["id"] for r in page]))
    answers = ask(lines + [line for line, _, _ in wanted])
    assert len(answers) == QUERIES
    for (line, matching_ids, page_ids), answer in zip(wanted, answers, strict=True):
        assert answer["code"] == "OK", line
        assert answer["memory"] == matching_ids, line
        assert answer["sql"] == page_ids, line
        assert answer["indexed"] == page_ids, line
    assert sum(len(page_ids) for _, _, page_ids in wanted) > QUERIES
