from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

import pytest

from portal.exporters.pdf_text import NumberFormat, Totals, shown_texts
from portal.exporters.text import OUTSIDE_CALENDAR
from portal.table import Column, ColumnType, Zone
from portal.tally import WITHOUT_ZONE, Tally
from tests.exporters.shared import DOCUMENT

TYPES = ColumnType


@pytest.mark.parametrize(
    ("type_", "number_format", "value", "shown"),
    [
        (TYPES.INTEGER, None, "1234567", "1234567"),
        (TYPES.INTEGER, "#,##0", "1234567", "1,234,567"),
        (TYPES.DECIMAL, None, "1234.5600", "1234.5600"),
        (TYPES.CURRENCY, None, "1234.5", "1,234.50"),
        (TYPES.CURRENCY, None, "-1234.567", "-1,234.567"),
        (TYPES.CURRENCY, "#,##0.00", "1234.565", "1,234.57"),
        (TYPES.CURRENCY, "#,##0.00", "-0.005", "-0.01"),
        (TYPES.PERCENTAGE, None, "0.25", "25.0%"),
        (TYPES.PERCENTAGE, None, "0.12345", "12.345%"),
        (TYPES.PERCENTAGE, "0%", "0.125", "13%"),
        (TYPES.DECIMAL, "[Red]odd", "1.5", "1.5"),
        (TYPES.DECIMAL, None, "NaN", "NaN"),
    ],
)
def test_it_formats_numbers(type_: ColumnType, number_format: str | None, value: str, shown: str) -> None:
    column = Column("c", "C", type_, number_format)
    assert NumberFormat.of(column).show(Decimal(value)) == shown


LONG = "9" * 131_072  # PostgreSQL's numeric has so many digits before the point, and 16,383 behind it


@pytest.mark.parametrize(
    ("number_format", "value", "shown"),
    [
        ("0.00", f"{LONG}.125", f"{LONG}.13"),
        ("#,##0.00", "1" * 501 + ".123", ",".join(["111"] * 167) + ".12"),
        ("0%", f"{LONG}.01", f"{LONG}01%"),
        ("0.0%", f"0.{'1' * 16_383}", "11.1%"),
    ],
)
def test_it_formats_the_longest_numbers(number_format: str, value: str, shown: str) -> None:
    assert NumberFormat.of(Column("c", "C", format=number_format)).show(Decimal(value)) == shown


class Status(StrEnum):
    OPEN = "open"


class Money(Decimal):
    """As some driver might give."""


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "Yes"),
        (False, "No"),
        (0.1, "0.1"),
        (12345678901234567890, "12345678901234567890"),
        (datetime(2025, 7, 1, 12, tzinfo=UTC), "2025-07-01 14:00:00"),
        (datetime(2025, 7, 1, 12, 0, 0, 5, tzinfo=UTC), "2025-07-01 14:00:00.000005"),
        ("text", "text"),
        ("=1+1", "=1+1"),
        (1e-7, "0.0000001"),
        (float("nan"), "NaN"),
        (Decimal("1E+3"), "1000"),
        (Money("1E+3"), "1000"),
        (date(1, 1, 1), "0001-01-01"),
        (b"\x00\xff", "AP8="),
        (bytearray(b"\x00\xff"), "AP8="),
        (memoryview(b"\x00\xff"), "AP8="),
        ([1, "a"], '[1,"a"]'),
        ((1, "a"), '[1,"a"]'),
        ({"a": None}, '{"a":null}'),
        (time(7, 30), "07:30:00"),
        (timedelta(days=1, seconds=5), "1 day, 0:00:05"),
        (Status.OPEN, "open"),
    ],
)
def test_it_shows_each_type(value: object, shown: str) -> None:
    texts = shown_texts(Column("c", "C"), DOCUMENT, Tally())
    assert texts[type(value)](value) == shown


def test_it_shows_instants_in_the_zone_of_their_column() -> None:
    noon = datetime(2025, 7, 1, 12, tzinfo=UTC)
    column = Column("c", "C", TYPES.DATETIME, zone=Zone.UTC)
    assert shown_texts(column, DOCUMENT, Tally())[datetime](noon) == "2025-07-01 12:00:00"


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [
        (-30, "2025-10-26 01:30:00"),
        (0, "2025-10-26 02:00:00+02:00"),
        (30, "2025-10-26 02:30:00+02:00"),
        (60, "2025-10-26 02:00:00+01:00"),
        (90, "2025-10-26 02:30:00+01:00"),
        (120, "2025-10-26 03:00:00"),
    ],
)
def test_it_tells_the_two_hours_apart_when_clocks_go_back(minutes: int, shown: str) -> None:
    tally = Tally()
    moment = datetime(2025, 10, 26, tzinfo=UTC) + timedelta(minutes=minutes)
    assert shown_texts(Column("c", "C"), DOCUMENT, tally)[datetime](moment) == shown
    assert tally.notes() == ()


def test_it_shows_times_without_a_zone_as_they_are_and_counts_them() -> None:
    tally = Tally()
    texts = shown_texts(Column("c", "C", TYPES.DATETIME), DOCUMENT, tally)
    naive = datetime(2025, 7, 1, 12, 30)  # noqa: DTZ001 - as some sources keep it
    assert texts[datetime](naive) == "2025-07-01 12:30:00"
    assert tally.notes() == (f"{WITHOUT_ZONE}: 1 cell.",)


def test_it_keeps_never_as_it_came() -> None:
    tally = Tally()
    texts = shown_texts(Column("c", "C", TYPES.DATETIME), DOCUMENT, tally)
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert texts[datetime](never) == "9999-12-31 23:59:59+00:00"
    assert tally.notes() == (f"{OUTSIDE_CALENDAR}: 1 cell.",)


def totals_of(columns: list[Column], rows: list[list[object]]) -> list[str]:
    totals = Totals(columns)
    for row in rows:
        totals.add(row)
    return totals.texts()


def test_it_sums_exactly_and_ignores_null() -> None:
    columns = [Column("n", "N", TYPES.INTEGER), Column("a", "A", TYPES.CURRENCY)]
    assert totals_of(columns, [[1, 0.1], [None, 0.2], [2**70, Decimal("0.30")]]) == [str(2**70 + 1), "0.60"]


def test_it_sums_the_longest_numbers_exactly() -> None:
    smallest = f"0.{'0' * 16_382}1"
    values: list[list[object]] = [[Decimal(text)] for text in (LONG, smallest, smallest)]
    assert totals_of([Column("n", "N", TYPES.DECIMAL)], values) == [f"{LONG}.{'0' * 16_382}2"]


@pytest.mark.parametrize("key", ["id", "case_id", "invoice_no", "YEAR", "month"])
def test_it_sums_no_names(key: str) -> None:
    assert totals_of([Column(key, "X", TYPES.INTEGER)], [[1], [2]]) == []


@pytest.mark.parametrize("value", ["many", float("nan"), Decimal("Infinity")])
def test_it_sums_no_column_holding_what_is_no_number(value: object) -> None:
    assert totals_of([Column("n", "N", TYPES.DECIMAL)], [[1], [value], [2]]) == []


def test_it_sums_neither_text_nor_percentages() -> None:
    assert totals_of([Column("t", "T"), Column("p", "P", TYPES.PERCENTAGE)], [["1", 0.5]]) == []
