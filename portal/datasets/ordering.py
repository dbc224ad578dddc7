"""Sorting a dataset's rows and keeping the first of them, around its query. Pure.

NULLs come last in either direction on every database: MySQL knows no `NULLS LAST`, so whether a value is
NULL is what rows are sorted by first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from portal.datasets.sql_text import without_end
from portal.table import Column, ColumnType

MOST_SORTS = 3
LARGEST_LIMIT = 1_000_000_000


@dataclass(frozen=True)
class Sort:
    """One column by which rows are sorted, by its key."""

    column: str
    descending: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the form written by `to_dict`. Raises KeyError on anything else."""
        return cls(data["column"], bool(data["descending"]))


def sorts_of(snapshot: Mapping[str, Any]) -> tuple[Sort, ...]:
    """Read by what rows are sorted from a run's snapshot; one of an earlier release says nothing of it."""
    return tuple(Sort.from_dict(one) for one in snapshot.get("sort") or ())


def sortable(columns: Sequence[Column]) -> list[Column]:
    """Return the columns by which every database can sort: PostgreSQL has no order among JSON."""
    return [column for column in columns if column.type is not ColumnType.JSON]


def ordered_sql(
    sql: str, sort: Sequence[Sort], *, then: Sequence[str] = (), limit: int | None, backend: str
) -> str:
    """Return a query that gives the rows of another in order, the first `limit` of them.

    Keys must be those of the query's columns. By those in `then`, its key columns, ties are settled, so
    that the same rows are always the first.
    """
    keys = {one.column for one in sort}
    every = [*sort, *(Sort(key) for key in then if key not in keys)]
    terms = ", ".join(_term(one, backend) for one in every)
    # It ends in a line of its own, lest a comment swallow the parenthesis; it begins in the first, so that
    # a database's word on a line of it holds.
    ordered = f"SELECT * FROM ({without_end(sql, backend)}\n) AS q ORDER BY {terms}"  # noqa: S608 - names are quoted
    return ordered if limit is None else f"{ordered} LIMIT {limit:d}"


def in_words(sort: Sequence[Sort], limit: int | None, labels: Mapping[str, str]) -> str:
    """Return `the first 100 by Opened (descending), Number`, or what all rows are sorted by."""
    terms = ", ".join(
        labels.get(one.column, one.column) + (" (descending)" if one.descending else "") for one in sort
    )
    if limit is None:
        return f"all, sorted by {terms}"
    return f"the first {limit:,} by {terms}" if limit > 1 else f"the first by {terms}"


def _term(sort: Sort, backend: str) -> str:
    name = f"q.{_quoted(sort.column, backend)}"  # SQLite takes an unknown "name" alone for a string
    return f"{name} IS NULL, {name}{' DESC' if sort.descending else ''}"


def _quoted(name: str, backend: str) -> str:
    """Return a name as the database quotes it: MySQL takes double quotes for a string."""
    quote = "`" if backend == "mysql" else '"'
    return quote + name.replace(quote, quote * 2) + quote
