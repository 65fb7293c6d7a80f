"""Queries: filters, AND / OR / NOT, sort, limit, offset, projection, or a WHERE expression."""

from __future__ import annotations

import copy
import enum
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from satchel import _core
from satchel.codec import dump, encode, plain
from satchel.errors import InvalidError
from satchel.records import Record

Fluent = TypeVar("Fluent", bound="_Shape")


class Operator(enum.Enum):
    """What a filter compares with; anywhere an operator is taken its text is too."""

    EQ = "="
    NEQ = "!="
    GT = ">"
    GTE = ">="
    LT = "<"
    LTE = "<="
    IN = "in"
    NOT_IN = "not_in"
    LIKE = "like"
    NOT_LIKE = "not_like"
    REGEX = "regex"
    STARTS_WITH = "starts_with"
    EXISTS = "exists"
    NOT_EXISTS = "not_exists"
    BETWEEN = "between"
    NOT_BETWEEN = "not_between"
    CONTAINS = "contains"
    IS_NULL = "is_null"


class SortOrder(enum.Enum):
    """Which way to sort."""

    ASC = "asc"
    DESC = "desc"


class Condition:
    """Something a record can meet: a filter, or conditions under AND, OR or NOT."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        raise NotImplementedError

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Condition:
        """From the JSON form."""
        if data.get("type") == "filter":
            return Filter.from_dict(data["filter"])
        if data.get("type") == "logic":
            inner = [Condition.from_dict(one) for one in data["conditions"]]
            return Logic(str(data["operator"]).lower(), inner)
        for operator in ("and", "or"):
            if operator in data:
                return Logic(operator, [Condition.from_dict(one) for one in data[operator]])
        if "not" in data:
            return Logic("not", [Condition.from_dict(data["not"])])
        return Filter.from_dict(data)


class Filter(Condition):
    """One comparison.

    Args:
        field: a field's name or path (`address.city`, `items[0]`), `id`, or `metadata.x`.
        operator: an Operator or its text, in any case.
        value: what to compare with; a list for `in` and `between`; none for `exists`.

    Raises:
        InvalidError: an unknown operator, or a value that does not fit it.

    >>> Filter("age", ">=", 30).matches(Record({"age": 31}))
    True
    """

    def __init__(self, field: str, operator: Operator | str, value: Any = None) -> None:
        self.field = field
        self.operator = operator.value if isinstance(operator, Operator) else operator
        self.value = value
        _core.Query.parse_json(dump({"filters": [self.to_dict()]}).decode("utf-8"))

    def to_dict(self) -> dict[str, Any]:
        """{"field", "operator", "value"}."""
        return {"field": self.field, "operator": self.operator, "value": plain(self.value)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Filter:
        """What to_dict() gave."""
        return cls(data["field"], data["operator"], data.get("value"))

    def matches(self, record: Record) -> bool:
        """Whether a record in memory passes."""
        return Query(filters=[self]).matches(record)

    def __repr__(self) -> str:
        """As it could be written."""
        return f"Filter({self.field!r}, {self.operator!r}, {self.value!r})"


class Logic(Condition):
    """Conditions under "and", "or" or "not" (of several: none of them)."""

    def __init__(self, operator: str, conditions: Sequence[Condition]) -> None:
        self.operator = operator
        self.conditions = list(conditions)

    def to_dict(self) -> dict[str, Any]:
        """{"type": "logic", "operator", "conditions"}."""
        inner = [one.to_dict() for one in self.conditions]
        return {"type": "logic", "operator": self.operator, "conditions": inner}


class SortSpec:
    """One key of the order: a field and a direction."""

    def __init__(self, field: str, order: SortOrder | str = SortOrder.ASC) -> None:
        self.field = field
        try:
            self.order = order if isinstance(order, SortOrder) else SortOrder(order.lower())
        except ValueError:
            raise InvalidError(f"unknown sort order {order!r} (known: asc, desc)") from None

    def to_dict(self) -> dict[str, str]:
        """{"field", "order"}."""
        return {"field": self.field, "order": self.order.value}


class _Shape:
    """What every kind of query has besides its conditions.

    Attributes:
        sort_specs: the order, first key first; ties are broken by id.
        limit_value: how many records at most, or None.
        offset_value: how many to leave out at the beginning, or None.
        fields: names or paths of the fields to return, or None for all.
    """

    def __init__(self) -> None:
        self.sort_specs: list[SortSpec] = []
        self.limit_value: int | None = None
        self.offset_value: int | None = None
        self.fields: list[str] | None = None

    def sort_by(self: Fluent, field: str, order: SortOrder | str = SortOrder.ASC) -> Fluent:
        """Adds a key to the order: "asc" or "desc", in any case."""
        self.sort_specs.append(SortSpec(field, order))
        return self

    def sort(self: Fluent, field: str, order: SortOrder | str = SortOrder.ASC) -> Fluent:
        """The same as sort_by()."""
        return self.sort_by(field, order)

    def limit(self: Fluent, value: int) -> Fluent:
        """At most this many records."""
        self.limit_value = _count("limit", value)
        return self

    def offset(self: Fluent, value: int) -> Fluent:
        """Leaves out this many records at the beginning."""
        self.offset_value = _count("offset", value)
        return self

    def select(self: Fluent, *fields: str) -> Fluent:
        """Only these fields come back; none given: all of them."""
        self.fields = list(fields) or None
        return self

    def _shape_dict(self) -> dict[str, Any]:
        parts = {
            "sort": [spec.to_dict() for spec in self.sort_specs] or None,
            "limit": self.limit_value,
            "offset": self.offset_value,
            "fields": self.fields,
        }
        return {key: value for key, value in parts.items() if value is not None}

    def _take_shape(self, other: _Shape) -> None:
        self.sort_specs = list(other.sort_specs)
        self.limit_value = other.limit_value
        self.offset_value = other.offset_value
        self.fields = None if other.fields is None else list(other.fields)


class Query(_Shape):
    """What to find: records that meet every filter and the condition.

    The methods change the query and return it, `or_` and `not_` return a new one.

    Args:
        filters: comparisons that all have to hold.

    Attributes:
        filters: the same.
        condition: conditions under AND, OR and NOT that have to hold too, or None.
        expression: the WHERE expression, or None.

    >>> query = Query().filter("age", ">=", 30).sort("name", "DESC").limit(10)
    >>> query.to_dict()["filters"]
    [{'field': 'age', 'operator': '>=', 'value': 30}]
    >>> query.or_(Filter("city", "=", "Oslo"), Filter("city", "=", "Rome")).matches(
    ...     Record({"age": 30, "city": "Rome"})
    ... )
    True
    """

    def __init__(self, filters: Sequence[Filter] = ()) -> None:
        super().__init__()
        self.filters: list[Filter] = list(filters)
        self.condition: Condition | None = None
        self.expression: str | None = None

    def filter(self, field: str, operator: Operator | str, value: Any = None) -> Query:
        """Adds a comparison; arguments and errors as for Filter."""
        self.filters.append(Filter(field, operator, value))
        return self

    def where(self, expression: str) -> Query:
        """Finds by an expression in the style of SQL's WHERE.

        Args:
            expression: `name LIKE 'a%' AND (age >= 30 OR NOT city IN ('Rome', 'Oslo'))`. Sort,
                limit and offset may be added; filters, conditions and select() may not.

        Raises:
            InvalidError: the expression is not valid; the text names the place.
        """
        _core.Query.parse_where(expression)
        self.expression = expression
        return self

    def and_(self, *conditions: Conditional) -> Query:
        """Adds conditions that all have to hold."""
        self.condition = _joined("and", [self.condition, *map(_condition_of, conditions)])
        return self

    def or_(self, *conditions: Conditional) -> Query:
        """A query like this one where at least one of the conditions holds too."""
        either = _joined("or", [_condition_of(one) for one in conditions])
        return self.copy().and_(*([] if either is None else [either]))

    def not_(self, condition: Conditional) -> Query:
        """A query like this one where the condition does not hold."""
        inner = _condition_of(condition)
        return self.copy().and_(Logic("not", [inner] if inner is not None else []))

    def copy(self) -> Query:
        """A copy that can be changed by itself."""
        made = copy.copy(self)
        made._take_shape(self)
        made.filters = list(self.filters)
        return made

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: {"filters", "condition", "sort", "limit", "offset", "fields"}."""
        parts = {
            "filters": [one.to_dict() for one in self.filters] or None,
            "condition": None if self.condition is None else self.condition.to_dict(),
            "where": self.expression,
        }
        given = {key: value for key, value in parts.items() if value is not None}
        return {**given, **self._shape_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Query:
        """From the JSON form."""
        known = {"filters", "condition", "where", "sort", "limit", "offset", "fields"}
        unknown = [key for key in data if key not in known]
        if unknown:
            raise InvalidError(f"unknown key {unknown[0]!r} in the query")
        made = cls()
        made.filters = [Filter.from_dict(one) for one in data.get("filters") or ()]
        condition = data.get("condition")
        made.condition = None if condition is None else Condition.from_dict(condition)
        made.expression = data.get("where")
        for spec in data.get("sort") or ():
            made.sort_by(spec["field"], spec.get("order", SortOrder.ASC))
        made.limit_value, made.offset_value = data.get("limit"), data.get("offset")
        made.fields = data.get("fields")
        return made

    def parse(self) -> _core.Query:
        """The query as the library runs it; InvalidError when it is not valid."""
        if self.expression is None:
            return _core.Query.parse_json(dump(self.to_dict()).decode("utf-8"))
        if self.filters or self.condition is not None or self.fields is not None:
            raise InvalidError("where() goes with sort, limit and offset only")
        keys = (f'"{spec.field}" {spec.order.value}' for spec in self.sort_specs)
        order = ", ".join(keys)
        parts = {"ORDER BY": order or None, "LIMIT": self.limit_value, "OFFSET": self.offset_value}
        more = (f"{word} {value}" for word, value in parts.items() if value is not None)
        return _core.Query.parse_where(" ".join([self.expression, *more]))

    def matches(self, record: Record) -> bool:
        """Whether a record in memory meets the conditions."""
        return self.parse().matches(encode(record))

    def __repr__(self) -> str:
        """Its JSON form."""
        return f"{type(self).__name__}.from_dict({self.to_dict()!r})"


class ComplexQuery(Query):
    """A query made of other queries.

    >>> both = ComplexQuery.AND([Query().filter("a", ">", 1), Query().filter("b", "exists")])
    >>> both.matches(Record({"a": 2}))
    False
    """

    @classmethod
    def AND(cls, queries: Sequence[Conditional]) -> ComplexQuery:
        """Records that every one of the queries finds."""
        return cls._of("and", queries)

    @classmethod
    def OR(cls, queries: Sequence[Conditional]) -> ComplexQuery:
        """Records that at least one of the queries finds."""
        return cls._of("or", queries)

    @classmethod
    def _of(cls, operator: str, queries: Sequence[Conditional]) -> ComplexQuery:
        made = cls()
        made.condition = _joined(operator, [_condition_of(one) for one in queries])
        return made


class QueryBuilder(_Shape):
    """Builds a query condition by condition.

    >>> builder = QueryBuilder().where("age", ">", 30).or_(Filter("vip", "=", True))
    >>> builder.build().matches(Record({"age": 20, "vip": True}))
    True
    """

    def __init__(self) -> None:
        super().__init__()
        self.root_condition: Condition | None = None

    def where(self, field: str, operator: Operator | str, value: Any = None) -> QueryBuilder:
        """Adds a comparison that has to hold besides what is there."""
        return self.and_(Filter(field, operator, value))

    def and_(self, *conditions: Conditional) -> QueryBuilder:
        """What is there and all of these have to hold."""
        return self._join("and", conditions)

    def or_(self, *conditions: Conditional) -> QueryBuilder:
        """What is there or one of these has to hold."""
        return self._join("or", conditions)

    def not_(self, condition: Conditional) -> QueryBuilder:
        """What is there has to hold, and this must not."""
        inner = _condition_of(condition)
        return self.and_(Logic("not", [inner] if inner is not None else []))

    def build(self) -> ComplexQuery:
        """The query."""
        made = ComplexQuery()
        made.condition = self.root_condition
        made._take_shape(self)
        return made

    def _join(self, operator: str, conditions: Sequence[Conditional]) -> QueryBuilder:
        inner = [_condition_of(one) for one in conditions]
        self.root_condition = _joined(operator, [self.root_condition, *inner])
        return self


Conditional = Condition | Query | QueryBuilder
Queryable = Query | QueryBuilder | Mapping[str, Any] | str


def _count(name: str, value: int) -> int:
    if isinstance(value, int) and value >= 0:
        return value
    raise InvalidError(f"{name} is a number of at least 0, not {value!r}")


def _joined(operator: str, conditions: Sequence[Condition | None]) -> Condition | None:
    given = [one for one in conditions if one is not None]
    return given[0] if len(given) == 1 else Logic(operator, given) if given else None


def _condition_of(item: Conditional) -> Condition | None:
    """The conditions of a query as one; None where it finds everything."""
    if isinstance(item, Condition):
        return item
    if isinstance(item, QueryBuilder):
        return item.root_condition
    if item.expression is not None:
        raise InvalidError("a query with where() cannot be a part of another one")
    return _joined("and", [*item.filters, item.condition])


def parse_query(query: Queryable | None) -> _core.Query | None:
    """What a search was given, as the library runs it; None finds everything.

    Args:
        query: a Query, ComplexQuery or QueryBuilder, its JSON form, or a WHERE expression.
    """
    if query is None:
        return None
    if isinstance(query, str):
        return _core.Query.parse_where(query)
    if isinstance(query, QueryBuilder):
        return query.build().parse()
    if isinstance(query, Mapping):
        return Query.from_dict(query).parse()
    if isinstance(query, Query):
        return query.parse()
    raise InvalidError(f"expected a Query, not {type(query).__name__}")
