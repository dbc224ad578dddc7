"""The hash of what was read: equal for the same columns and rows, and for nothing else."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.datasets.fingerprint import Fingerprint
from portal.table import Batch, Column, ColumnType, Row

COLUMNS = (Column("a", "A"), Column("b", "B"))
ROWS: list[Row] = [(number, f"row {number}") for number in range(7)]


def fingerprint(rows: Iterable[Row], columns: Sequence[Column] = COLUMNS, *, at_once: int = 1000) -> str:
    found = Fingerprint(columns)
    every = list(rows)
    batches: list[Batch] = [every[begin : begin + at_once] for begin in range(0, len(every), at_once)]
    assert [row for batch in found.passing(batches) for row in batch] == every
    return found.hexdigest()


def one(value: Any) -> str:
    return fingerprint([(value,)], COLUMNS[:1])


def test_it_is_the_same_however_the_rows_come_in_batches() -> None:
    assert len({fingerprint(ROWS, at_once=size) for size in (1, 2, 3, 7, 1000)}) == 1


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:-1],
        ROWS[::-1],
        [*ROWS, ROWS[-1]],
        [*ROWS[:-1], (6, "row 7")],
        [(text, number) for number, text in ROWS],
        [],
    ],
    ids=["one less", "other order", "one twice", "one value", "values swapped", "none"],
)
def test_it_is_another_for_other_rows(rows: list[Row]) -> None:
    assert fingerprint(rows) != fingerprint(ROWS)


@pytest.mark.parametrize(
    "columns",
    [
        COLUMNS[::-1],
        (Column("a", "A"), Column("c", "B")),
        (Column("a", "A", ColumnType.INTEGER), COLUMNS[1]),
    ],
    ids=["other order", "other key", "other type"],
)
def test_it_is_another_for_other_columns_even_without_rows(columns: Sequence[Column]) -> None:
    assert fingerprint([], columns) != fingerprint([])


def test_it_is_the_same_whatever_a_column_is_called_in_the_file() -> None:
    assert fingerprint(ROWS, (Column("a", "Number", width=9), COLUMNS[1])) == fingerprint(ROWS)


def test_it_tells_values_apart_that_look_alike() -> None:
    alike = [1, 1.0, True, "1", Decimal(1), Decimal("1.0"), b"1", [1], ["1"], {"1": 1}, 2**70, str(2**70)]
    alike += ["31", b"\x31\x31", None, "null", "", "\ud800", "\\ud800"]

    assert len({one(value) for value in alike}) == len(alike)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (datetime(2025, 3, 3, 12, tzinfo=UTC), datetime(2025, 3, 3, 12, 0, 0, 1, tzinfo=UTC)),
        (datetime(2025, 3, 3, 12, tzinfo=UTC), datetime(2025, 3, 3, 12, tzinfo=None)),  # noqa: DTZ001 - as some sources keep it
        (datetime(2025, 3, 3, 12, tzinfo=UTC), datetime(2025, 3, 3, 12, tzinfo=timezone(timedelta(hours=1)))),
        (date(2025, 3, 3), datetime(2025, 3, 3, tzinfo=UTC)),
        (time(8), time(9)),
        (timedelta(1), timedelta(2)),
        (uuid.UUID(int=1), uuid.UUID(int=2)),
        (memoryview(b"a"), memoryview(b"b")),
    ],
)
def test_it_takes_what_drivers_return(value: Any, other: Any) -> None:
    assert one(value) == one(value)
    assert one(value) != one(other)


def test_a_row_that_json_cannot_hold_changes_no_other_one() -> None:
    odd: Row = (2**70, "\ud800")
    rows = [*ROWS[:3], odd, *ROWS[3:]]

    assert len({fingerprint(rows, at_once=size) for size in (1, 3, 4, 1000)}) == 1
    assert fingerprint(rows) != fingerprint(ROWS)


_values = (
    st.none() | st.integers() | st.text() | st.booleans() | st.decimals(allow_nan=False) | st.datetimes()
)
_rows = st.lists(st.tuples(_values, _values), max_size=6)


@given(_rows, _rows, st.integers(1, 4))
def test_it_is_equal_for_equal_rows_only(rows: list[Row], others: list[Row], at_once: int) -> None:
    same = fingerprint(rows) == fingerprint(others, at_once=at_once)

    assert same is (list(map(_exact, rows)) == list(map(_exact, others)))


def _exact(row: Row) -> list[tuple[type, str]]:
    return [(type(value), str(value)) for value in row]
