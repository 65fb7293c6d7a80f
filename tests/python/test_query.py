"""Queries: the fluent form, builders, JSON, WHERE; each finds what its words say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from satchel import (
    ComplexQuery,
    Database,
    Filter,
    MemoryDatabase,
    Operator,
    Query,
    QueryBuilder,
    Record,
    SortOrder,
)

PEOPLE = [
    Record({"id": "a", "name": "Åse", "age": 30, "city": "Oslo", "tags": ["x", "y"]}),
    Record({"id": "b", "name": "Bob", "age": 41, "city": "Rome"}),
    Record({"id": "c", "name": "Cid", "age": 25, "city": None, "address": {"zip": "0150"}}),
    Record({"id": "d", "name": "Dan", "city": "Oslo"}, metadata={"vip": True}),
]


@pytest.fixture(scope="module")
def people() -> Database:
    db = MemoryDatabase()
    db.create_batch(PEOPLE)
    return db


def ids(db: Database, query: Any) -> str:
    return "".join(str(record.id) for record in db.search(query))


@pytest.mark.parametrize(
    ("field", "operator", "value", "found"),
    [
        ("city", "=", "Oslo", "ad"),
        ("city", "==", "Oslo", "ad"),
        ("city", Operator.NEQ, "Oslo", "b"),
        ("age", ">", 30, "b"),
        ("age", ">=", 30, "ab"),
        ("age", "<", 30, "c"),
        ("age", Operator.LTE, 30, "ac"),
        ("city", "in", ["Oslo", "Rome"], "abd"),
        ("city", "NOT IN", ("Oslo",), "b"),
        ("name", "like", "å%", "a"),
        ("name", "not_like", "%o%", "acd"),
        ("name", "regex", "^[BC]", "bc"),
        ("name", "starts_with", "D", "d"),
        ("age", "exists", None, "abc"),
        ("age", "not_exists", None, "d"),
        ("age", "between", [25, 30], "ac"),
        ("age", "not_between", (26, 40), "bc"),
        ("tags", "contains", "y", "a"),
        ("city", "is_null", None, "c"),
        ("address.zip", "=", "0150", "c"),
        ("tags[1]", "=", "y", "a"),
        ("metadata.vip", "=", True, "d"),
        ("id", ">", "b", "cd"),
    ],
)
def test_each_operator(people: Database, field: str, operator: Any, value: Any, found: str) -> None:
    query = Query().filter(field, operator, value)
    assert ids(people, query) == found
    assert "".join(str(one.id) for one in people.all() if query.matches(one)) == found


OSLO, ROME, OLD = Filter("city", "=", "Oslo"), Filter("city", "=", "Rome"), Filter("age", ">", 26)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query([OLD]).or_(OSLO, ROME), "ab"),
        (Query().or_(OSLO, ROME), "abd"),
        (Query().or_(), "abcd"),
        (Query([OLD]).and_(OSLO), "a"),
        (Query([OLD]).not_(OSLO), "b"),
        (Query().not_(Query([OLD])), "cd"),
        (Query().or_(Query([OLD, OSLO]), Filter("name", "=", "Cid")), "ac"),
        (ComplexQuery.AND([Query([OLD]), Query([OSLO])]), "a"),
        (ComplexQuery.OR([Query([ROME]), QueryBuilder().where("age", "<", 30)]), "bc"),
        (ComplexQuery.OR([]), "abcd"),
        (QueryBuilder().where("age", ">", 26).where("city", "=", "Oslo"), "a"),
        (QueryBuilder().where("age", ">", 40).or_(OSLO).not_(ROME), "ad"),
        (QueryBuilder().or_(OSLO, ROME).and_(OLD).build(), "ab"),
        ("city = 'Oslo' AND NOT age > 10", "d"),
        (Query().where("age >= 25").sort("age", "DESC").limit(2), "ba"),
        (Query().where("age >= 25").sort("age").offset(2), "b"),
        ({"filters": [{"field": "age", "operator": ">", "value": 26}], "limit": 1}, "a"),
        ({"condition": {"not": {"field": "age", "operator": "exists"}}}, "d"),
        ({"condition": {"or": [OSLO.to_dict(), ROME.to_dict()]}}, "abd"),
        (None, "abcd"),
    ],
)
def test_conditions_combine(people: Database, query: Any, found: str) -> None:
    assert ids(people, query) == found
    assert people.count(query) == len(found)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query().sort("age", "DESC"), "bacd"),
        (Query().sort_by("age"), "cabd"),
        (Query().sort("city", SortOrder.DESC).sort("id", "desc"), "bdac"),
        (Query().limit(2).offset(1), "bc"),
        (Query().limit(0), ""),
    ],
)
def test_order_and_pages(people: Database, query: Query, found: str) -> None:
    assert ids(people, query) == found


def test_select_returns_some_fields(people: Database) -> None:
    found = people.search(Query().filter("id", "=", "c").select("name", "address.zip"))
    assert found[0].to_dict() == {"name": "Cid", "address": {"zip": "0150"}, "_id": "c"}


def test_or_and_not_leave_the_query_alone() -> None:
    query = Query().filter("a", "=", 1)
    query.or_(OSLO)
    query.not_(OSLO)
    assert query.to_dict() == Query().filter("a", "=", 1).to_dict()


def test_a_query_round_trips_through_its_dict() -> None:
    query = Query([OLD]).or_(OSLO, Query([ROME, OLD])).sort("age", "DESC").limit(3).offset(1)
    query.select("name")
    assert Query.from_dict(query.to_dict()).to_dict() == query.to_dict()
    where = Query().where("age > 3").limit(1)
    assert Query.from_dict(where.to_dict()).to_dict() == where.to_dict()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Query().filter("a", "~=", 1), "'~='"),
        (lambda: Query().filter("a", "in", 1), "in"),
        (lambda: Query().filter("a", "regex", "("), "regex|regular"),
        (lambda: Query().filter("a", "=", object()), "object cannot"),
        (lambda: Query().sort("a", "upwards"), "'upwards'"),
        (lambda: Query().limit(-1), "limit"),
        (lambda: Query().where("age >"), "byte"),
        (lambda: Query.from_dict({"filter": []}), "'filter'"),
        (lambda: Query().where("a = 1").filter("b", "=", 2).parse(), r"where\(\)"),
        (lambda: Query().or_(Query().where("a = 1")), r"where\(\)"),
        (lambda: MemoryDatabase().search("age > 'x"), "quote|end|byte"),
    ],
)
def test_a_bad_query_is_a_value_error(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_searching_for_something_else_is_refused(people: Database) -> None:
    with pytest.raises(ValueError, match="expected a Query, not int"):
        people.search(42)
