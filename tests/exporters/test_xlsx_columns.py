"""A column taken as a whole and one taken value by value must be the same cells."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.exporters.xlsx_cells import CellStyles, cells_by_type, end_of, starts_by_type
from portal.exporters.xlsx_columns import columns_by_type
from portal.exporters.xlsx_rows import RowEncoder
from portal.tally import Tally

STYLES = CellStyles(text=1, number=2, date=3, datetime=4, boolean=5)
BERLIN = ZoneInfo("Europe/Berlin")

# Each is mostly what a whole column can be made of, and sometimes what needs the closer look.
TEXTS = st.text(alphabet=st.sampled_from("ab &<>\r\n\t_x0041é李🙂\x01\0\ufffe\ud800"), max_size=12)
VALUES = {
    str: st.text(max_size=8) | TEXTS,
    bool: st.booleans(),
    int: st.integers(-(10**16), 10**16) | st.sampled_from([10**15, 10**15 - 1, -(10**15), 1 - 10**15]),
    float: st.floats(),
    Decimal: st.decimals() | st.decimals(-1000, 1000, places=2),
    date: st.dates() | st.dates(date(1900, 2, 25), date(1900, 3, 5)),
    datetime: st.datetimes()
    | st.datetimes(datetime.fromisoformat("1900-02-27"), datetime.fromisoformat("1900-03-02"))
    | st.datetimes(timezones=st.just(UTC))
    | st.datetimes(datetime.fromisoformat("2000-01-01"), timezones=st.timezones()),
}
COLUMNS = st.sampled_from(list(VALUES)).flatmap(
    lambda kind: st.lists(st.none() | VALUES[kind], min_size=1, max_size=6)
)


def one_by_one(values: list[Any]) -> tuple[list[str], Tally]:
    tally = Tally()
    cells = cells_by_type(STYLES, BERLIN, tally)
    return [cells[type(value)](value) for value in values], tally


def as_a_whole(values: list[Any]) -> tuple[list[str] | None, Tally]:
    tally = Tally()
    kind = type(values[0])
    contents = columns_by_type(BERLIN, tally)[kind](values)
    if contents is None:
        return None, tally
    start, end = starts_by_type(STYLES)[kind], end_of(kind)
    return [f"{start}{content}{end}" for content in contents], tally


def assert_same_either_way(values: list[Any]) -> None:
    cells, expected = one_by_one(values)
    rows = [
        f'<row r="{number}"><c r="A{number}"{cell}</row>' if cell else f'<row r="{number}"></row>'
        for number, cell in enumerate(cells, 2)
    ]

    encoded = RowEncoder([STYLES], [BERLIN], tally := Tally()).encode([[value] for value in values], first=2)

    assert encoded.decode() == "".join(rows)
    assert tally == expected


@settings(max_examples=600)
@given(COLUMNS)
def test_it_makes_the_cells_that_each_value_alone_would_be(values: list[Any]) -> None:
    assert_same_either_way(values)


@pytest.mark.parametrize(
    "values",
    [
        [
            " blank",
            "blank\u00a0",
            "plain",
            "a & b <c>",
            "",
            "line\nbreak",
            "carriage\rreturn",
            "_x0041_",
            "李小龙",
            "🙂",
            "=1+1",
        ],
        [True, False],
        [0, -5, 10**15 - 1, 1 - 10**15],
        [0.1, -2.5e-7, 1e300],
        [Decimal("1.50"), Decimal("-12345678901.23")],
        [date(1900, 3, 1), date(9999, 12, 31)],
        [datetime.fromisoformat("1900-03-01"), datetime.fromisoformat("2025-01-01T12:00:00.123456")],
        [datetime.fromisoformat("2025-07-01T12:00:00Z"), datetime.fromisoformat("2025-07-01T12:00:00-04:00")],
    ],
)
def test_it_takes_ordinary_columns_whole(values: list[Any]) -> None:
    assert as_a_whole(values)[0] is not None
    assert_same_either_way(values)


@pytest.mark.parametrize(
    "odd",
    [
        "x" * 16_384,
        "\0",
        "\x1b",
        "\ufffe",
        "\uffff",
        "\udc80",
        10**15,
        -(10**15),
        float("nan"),
        float("-inf"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+5"),
        Decimal("123456789012345.6"),
        date(1900, 2, 28),
        datetime.fromisoformat("1900-02-28T23:59:59"),
        datetime.fromisoformat("9999-12-31T23:59:59Z"),
    ],
)
def test_it_leaves_a_column_with_an_odd_value_to_the_closer_look(odd: Any) -> None:
    plain: Callable[[], Any] = {
        str: lambda: "plain",
        datetime: lambda: datetime(2025, 1, 1, tzinfo=odd.tzinfo),
        date: lambda: date(2025, 1, 1),
    }.get(type(odd), lambda: type(odd)(1))
    assert as_a_whole([plain()])[0] is not None
    assert as_a_whole([plain(), odd])[0] is None


def test_it_leaves_times_with_and_without_zone_in_one_column_to_the_closer_look() -> None:
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    assert as_a_whole([moment, moment.replace(tzinfo=None)])[0] is None
