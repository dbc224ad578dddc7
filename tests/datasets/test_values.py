"""What a driver returns, made what the column declares: exactly, or not at all."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.datasets.values import converters_for, infer_columns
from portal.table import Column, ColumnType


def convert(type_: ColumnType, *values: Any, backend: str = "sqlite") -> Any:
    """Return the values as the column's type has them; the value itself where it is one."""
    (converter,) = converters_for([Column("a", "A", type_)], backend)
    found = list(converter(values) if converter else values)
    return found if len(found) > 1 else found[0]


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (ColumnType.DATE, "2025-03-09", date(2025, 3, 9)),
        (ColumnType.DATE, "2025-02-30", "2025-02-30"),
        (ColumnType.DATE, "2025-03-09 07:30:00", "2025-03-09 07:30:00"),
        (ColumnType.DATE, "soon", "soon"),
        (ColumnType.DATE, 20250309, 20250309),
        (ColumnType.DATETIME, "2025-03-09 07:30:00", datetime(2025, 3, 9, 7, 30, tzinfo=UTC)),
        (ColumnType.DATETIME, "2025-03-09T07:30:00.5", datetime(2025, 3, 9, 7, 30, 0, 500000, tzinfo=UTC)),
        (ColumnType.DATETIME, "2025-03-09T13:00:00+05:30", datetime(2025, 3, 9, 7, 30, tzinfo=UTC)),
        (ColumnType.DATETIME, "2025-03-09 07:30+02", datetime(2025, 3, 9, 5, 30, tzinfo=UTC)),
        (ColumnType.DATETIME, "2025-02-30 07:30:00", "2025-02-30 07:30:00"),
        (ColumnType.DATETIME, "2025-03-09", date(2025, 3, 9)),
        (ColumnType.DATETIME, "2025-02-30", "2025-02-30"),
        (ColumnType.DATETIME, "yesterday", "yesterday"),
        (ColumnType.DATETIME, 1741505400, 1741505400),
        (ColumnType.BOOLEAN, 1, True),
        (ColumnType.BOOLEAN, 0, False),
        (ColumnType.BOOLEAN, 2, 2),
        (ColumnType.BOOLEAN, "yes", "yes"),
        (ColumnType.DECIMAL, 0.1, Decimal("0.1")),
        (ColumnType.DECIMAL, "12345678901234567890.10", Decimal("12345678901234567890.10")),
        (ColumnType.CURRENCY, 250, Decimal(250)),
        (ColumnType.PERCENTAGE, "-1.5e-3", Decimal("-0.0015")),
        (ColumnType.DECIMAL, "", ""),
        (ColumnType.DECIMAL, "n/a", "n/a"),
        (ColumnType.DECIMAL, "NaN", "NaN"),
        (ColumnType.DECIMAL, "Infinity", "Infinity"),
        (ColumnType.DECIMAL, "1_000", "1_000"),
        (ColumnType.DECIMAL, "1,000", "1,000"),
        (ColumnType.DECIMAL, "٣", "٣"),
        (ColumnType.TEXT, "007", "007"),
        (ColumnType.INTEGER, 2**60, 2**60),
        (ColumnType.JSON, '{"a": 1}', '{"a": 1}'),
    ],
)
def test_it_reads_sqlites_values_or_leaves_them(type_: ColumnType, value: Any, expected: Any) -> None:
    found = convert(type_, value)

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("type_", list(ColumnType))
def test_it_keeps_null_null(type_: ColumnType) -> None:
    assert convert(type_, None) is None


def test_it_makes_no_decimal_of_an_infinite_number() -> None:
    assert isinstance(convert(ColumnType.DECIMAL, float("inf")), float)


def test_it_reads_a_column_of_many_kinds() -> None:
    assert convert(ColumnType.DATETIME, "2025-03-09 07:30:00", None, "2025-03-09", "soon", 5) == [
        datetime(2025, 3, 9, 7, 30, tzinfo=UTC),
        None,
        date(2025, 3, 9),
        "soon",
        5,
    ]
    assert convert(ColumnType.DECIMAL, 0.5, "1.10", 7, None, b"x") == [
        Decimal("0.5"),
        Decimal("1.10"),
        Decimal(7),
        None,
        b"x",
    ]


def test_it_makes_booleans_of_mysqls_numbers_and_bits() -> None:
    found = convert(ColumnType.BOOLEAN, 1, 0, None, 2, b"\1", b"\0", b"\2", backend="mysql")

    assert [repr(value) for value in found] == ["True", "False", "None", "2", "True", "False", r"b'\x02'"]


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
@pytest.mark.parametrize("type_", list(ColumnType))
def test_it_leaves_other_databases_values_alone(type_: ColumnType, backend: str) -> None:
    value = "2025-03-09"

    assert convert(type_, value, backend=backend) is value


OF_SERVERS_TEXT = [
    (ColumnType.INTEGER, "3", 3),
    (ColumnType.INTEGER, "-12345678901234567890", -12345678901234567890),
    (ColumnType.INTEGER, "2.5", Decimal("2.5")),
    (ColumnType.INTEGER, "007", "007"),
    (ColumnType.INTEGER, "none", "none"),
    (ColumnType.DECIMAL, "1.50", Decimal("1.50")),
    (ColumnType.CURRENCY, "1_000", "1_000"),
    (ColumnType.PERCENTAGE, "1e-3", Decimal("0.001")),
    (ColumnType.BOOLEAN, "true", True),
    (ColumnType.BOOLEAN, "false", False),
    (ColumnType.BOOLEAN, "True", "True"),
    (ColumnType.DATE, "2025-03-09", date(2025, 3, 9)),
    (ColumnType.DATE, "09.03.2025", "09.03.2025"),
    (ColumnType.DATETIME, "2025-03-09T07:30:00Z", datetime(2025, 3, 9, 7, 30, tzinfo=UTC)),
    (ColumnType.DATETIME, "2025-03-09 07:30:00", "2025-03-09 07:30:00"),
    (ColumnType.DATETIME, "2025-03-09", date(2025, 3, 9)),
    (ColumnType.DATETIME, "soon", "soon"),
    (ColumnType.TEXT, "3", "3"),
    (ColumnType.JSON, "3", "3"),
]


@pytest.mark.parametrize("backend", ["postgresql", "mysql"])
@pytest.mark.parametrize(("type_", "value", "expected"), OF_SERVERS_TEXT)
def test_it_reads_text_of_servers_as_its_columns_type(
    backend: str, type_: ColumnType, value: str, expected: Any
) -> None:
    (convert,) = converters_for([Column("v", "V", type_)], backend, texts={0})

    found = convert([value, None]) if convert else [value, None]

    assert list(found) == [expected, None]
    assert type(found[0]) is type(expected)


def test_it_reads_as_text_only_what_the_server_calls_so() -> None:
    columns = [Column("a", "A", ColumnType.INTEGER), Column("b", "B", ColumnType.INTEGER)]

    assert [bool(one) for one in converters_for(columns, "postgresql", texts={1})] == [False, True]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], ColumnType.INTEGER),
        ([1, 2.5], ColumnType.DECIMAL),
        ([Decimal("1.50")], ColumnType.DECIMAL),
        ([True, False], ColumnType.BOOLEAN),
        ([True, 2], ColumnType.TEXT),
        ([date(2025, 3, 9)], ColumnType.DATE),
        ([datetime(2025, 3, 9, tzinfo=UTC)], ColumnType.DATETIME),
        ([date(2025, 3, 9), datetime(2025, 3, 9, tzinfo=UTC)], ColumnType.TEXT),
        ([{"a": 1}, None, [1]], ColumnType.JSON),
        (["x", 1], ColumnType.TEXT),
        ([None, 5], ColumnType.INTEGER),
        ([None, None], ColumnType.TEXT),
        ([b"x"], ColumnType.TEXT),
        ([], ColumnType.TEXT),
    ],
)
def test_it_infers_a_columns_type_from_its_values(values: list[Any], expected: ColumnType) -> None:
    (column,) = infer_columns(["a"], [(value,) for value in values])

    assert (column.key, column.label, column.type) == ("a", "a", expected)
