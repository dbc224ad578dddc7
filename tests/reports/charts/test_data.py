"""What becomes of charts with too much in them."""

from decimal import Decimal

import pytest

from portal.reports.charts.data import Chart, Series, clean, ready, with_few_categories, with_few_series
from portal.reports.numbers import Number, Unit


def chart(*values: Number | None, unit: Unit = Unit.COUNT) -> Chart:
    return Chart("Many", [f"c{i}" for i in range(len(values))], [Series("n", values)], unit)


def test_twenty_categories_are_left_alone() -> None:
    table = ready(chart(*range(20)))
    assert with_few_categories(table) is table


def test_beyond_twenty_the_smallest_are_summed_and_the_others_keep_their_order() -> None:
    table = with_few_categories(ready(chart(*range(100, 78, -2), 1, None, 2, *range(10, 20))))
    assert len(table.categories) == 20
    assert [*table.categories[:2], *table.categories[-2:]] == ["c0", "c1", "c23", "Other (5)"]
    assert table.rows[0].values[-1] == Decimal(1 + 2 + 10 + 11)
    assert table.is_rest(19)
    assert not table.is_rest(18)
    assert table.notes == ["The 5 smallest of 24 categories are summed as Other."]


def test_sums_are_exact() -> None:
    table = with_few_categories(ready(chart(*[0.1] * 22)))
    assert table.rows[0].values[-1] == Decimal("0.3")


def test_medians_are_left_out_not_summed() -> None:
    table = with_few_categories(ready(chart(*range(1, 24), unit=Unit.DAYS)))
    assert table.categories == [f"c{i}" for i in range(3, 23)]
    assert not table.is_rest(19)
    assert table.notes == ["3 of 23 categories, those with the smallest values, are not shown."]


def test_a_rest_without_figures_has_none() -> None:
    table = with_few_categories(ready(chart(*[5] * 19, None, None)))
    assert table.rows[0].values[-1] is None


@pytest.mark.parametrize(
    ("summed", "last", "note"),
    [
        (True, "Other (3)", "3 of 7 series are summed as Other."),
        (False, "s4", "The first 5 of 7 series are shown."),
    ],
)
def test_beyond_five_series_the_last_are_summed_or_left_out(summed: bool, last: str, note: str) -> None:
    many = Chart("Many", ["A", "B"], [Series(f"s{n}", [n, None]) for n in range(7)])
    table = with_few_series(ready(many), summed=summed)
    assert [row.label for row in table.rows] == ["s0", "s1", "s2", "s3", last]
    assert table.notes == [note]
    assert table.rows[-1].values == [Decimal(4 + 5 + 6 if summed else 4), None]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), Decimal("NaN"), Decimal("1e40")])
def test_what_is_no_figure_is_none(value: Number | None) -> None:
    assert ready(chart(value)).known == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two\nlines\t ", "two lines"),
        ("", "(blank)"),
        ("\x00\x1f\ud800\uffff", "\ufffd\ufffd\ufffd\ufffd"),
        ("naïve 中文 😀", "naïve 中文 😀"),
    ],
)
def test_text_is_one_line_that_xml_can_hold(text: str, expected: str) -> None:
    assert clean(text) == expected
