"""What a query gives, and how two results of it differ, in words."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from portal.datasets.shape import Difference, Family, Shape, compare
from portal.table import Column

NUMBER, TEXT, TIME = {Family.NUMBER}, {Family.TEXT}, {Family.TIME}


def shape(**columns: set[Family]) -> Shape:
    return Shape({name: frozenset(families) for name, families in columns.items()})


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (shape(a=NUMBER, b=TEXT), shape(a=NUMBER, b=TEXT), ""),
        (shape(a=NUMBER, b=TEXT), shape(b=TEXT, a=NUMBER), ""),
        (shape(a=NUMBER, b=TEXT), shape(a=NUMBER), "“b” is missing"),
        (shape(a=NUMBER, b=TEXT), shape(), "“a” and “b” are missing"),
        (shape(a=NUMBER), shape(a=NUMBER, b=set()), "“b” is new"),
        (shape(a=NUMBER), shape(A=NUMBER), "“a” is missing; “A” is new"),
        (shape(a=NUMBER), shape(a=TEXT), "“a” holds text instead of numbers"),
        (
            shape(a=NUMBER, b=TIME),
            shape(a=TIME),
            "“b” is missing; “a” holds dates or times instead of numbers",
        ),
        (
            shape(a={Family.BOOLEAN, Family.TEXT}),
            shape(a=NUMBER),
            "“a” holds numbers instead of text and yes or no",
        ),
        (shape(a=NUMBER), shape(a={Family.NUMBER, Family.TEXT}), ""),
        (shape(a=set()), shape(a=TEXT), ""),
        (shape(a=TEXT), shape(a=set()), ""),
    ],
)
def test_it_says_what_became_of_columns(before: Shape, now: Shape, words: str) -> None:
    difference = compare(before, now)

    assert difference.in_words() == words
    assert bool(difference) is bool(words)


def test_it_names_a_few_and_counts_the_others() -> None:
    seven = tuple("abcdefg")
    gone = Difference(missing=seven).in_words()
    other = compare(shape(**dict.fromkeys(seven, NUMBER)), shape(**dict.fromkeys(seven, TEXT))).in_words()

    assert gone == "“a”, “b”, “c” and 4 more are missing"
    assert other.endswith("“c” holds text instead of numbers; 4 more hold other values")


@pytest.mark.parametrize(
    ("values", "families"),
    [
        ((1, 2.5, Decimal("3.0"), None), NUMBER),
        (("1", "x"), TEXT),
        ((date(2025, 3, 3), datetime(2025, 3, 3, tzinfo=UTC), time(8), timedelta(1)), TIME),
        ((True, False), {Family.BOOLEAN}),
        ((True, 2), {Family.BOOLEAN, Family.NUMBER}),
        ((b"x", bytearray(b"x"), memoryview(b"x")), {Family.BYTES}),
        (([1], {"a": 1}), {Family.STRUCTURE}),
        ((1 + 2j,), TEXT),
        ((None, None), set()),
    ],
)
def test_it_sees_what_values_are(values: tuple[Any, ...], families: set[Family]) -> None:
    seen = Shape.named(["a"]).with_values([Column("a", "A")], [(value,) for value in values])

    assert seen == shape(a=families)


def test_it_knows_only_the_names_where_nobody_looked() -> None:
    named = Shape.named(["a", "left_out"])

    assert named.with_values([Column("a", "A")], []) == shape(a=set(), left_out=set())
    assert named.with_values([Column("a", "A")], [(1,)]) == shape(a=NUMBER, left_out=set())


def test_it_reads_back_what_it_writes() -> None:
    mixed = shape(a={Family.TIME, Family.TEXT}, b=set())

    assert mixed.to_dict() == {"a": ["dates or times", "text"], "b": []}
    assert Shape.from_dict(mixed.to_dict()) == mixed
