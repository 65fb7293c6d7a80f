"""Queries: filters, AND / OR / NOT, sort, limit, offset, projection, or a WHERE expression."""

from __future__ import annotations

import copy
import enum
from collections.abc import Mapping, Sequence
from typing import Any

from satchel import _core
from satchel.codec import dump, encode, plain
from satchel.errors import InvalidError
from satchel.records import Record


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


class QueryBase:
    """What every kind of query has: sort, limit, offset, projection, and its two forms.

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

    def sort_by(self, field: str, order: SortOrder | str = SortOrder.ASC) -> Any:
        """Adds a key to the order: "asc" or "desc", in any case."""
        self.sort_specs.append(SortSpec(field, order))
        return self

    def sort(self, field: str, order: SortOrder | str = SortOrder.ASC) -> Any:
        """The same as sort_by()."""
        return self.sort_by(field, order)
