"""What drivers return, made what a column declares. A value that does not fit stays as it came."""

import math
import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from portal.table import Batch, Column, ColumnType

Converter = Callable[[Any], Any]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")

_FINER = re.compile(r"[.,][0-9]{7}")  # than a datetime holds, which cuts such digits without a word

_LONGEST_PLAIN = len("2025-03-09 07:30:00.123456")

_SPECIMENS: tuple[tuple[type, ColumnType], ...] = (
    (bool, ColumnType.BOOLEAN),  # before int, whose subclass it is
    (int, ColumnType.INTEGER),
    (Decimal, ColumnType.DECIMAL),
    (float, ColumnType.DECIMAL),
    (datetime, ColumnType.DATETIME),  # before date
    (date, ColumnType.DATE),
    (dict, ColumnType.JSON),
    (list, ColumnType.JSON),
)


def infer_columns(
    names: Sequence[str], first_rows: Batch, *, json: Collection[int] = ()
) -> tuple[Column, ...]:
    """Return a column a name, typed by the first rows' values: text where they differ or all are null.

    `json` are the positions of columns which the source calls JSON: their values arrive as text.
    """
    columns = list(zip(*first_rows, strict=True)) or [()] * len(names)
    return tuple(
        Column(key=name, label=name, type=ColumnType.JSON if position in json else _type_of(values))
        for position, (name, values) in enumerate(zip(names, columns, strict=True))
    )


def converters_for(columns: Sequence[Column], *, sqlite: bool) -> list[Converter | None]:
    """Return for each column what turns a driver's value into its type, or None where nothing must be done.

    SQLite knows neither dates nor booleans nor exact decimals: they arrive as text and numbers.
    """
    if not sqlite:
        return [None] * len(columns)
    return [_SQLITE.get(column.type) for column in columns]


def _type_of(values: Sequence[Any]) -> ColumnType:
    found = {_column_type(value) for value in values if value is not None}
    if found == {ColumnType.INTEGER, ColumnType.DECIMAL}:
        return ColumnType.DECIMAL
    return found.pop() if len(found) == 1 else ColumnType.TEXT


def _column_type(value: object) -> ColumnType:
    return next((kind for python, kind in _SPECIMENS if isinstance(value, python)), ColumnType.TEXT)


def _date(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else value
    except ValueError:
        return value


def _datetime(value: Any) -> Any:
    # SQLite's own functions speak UTC (https://www.sqlite.org/lang_datefunc.html), so text without a zone is.
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(value, str) and len(value) > _LONGEST_PLAIN and _FINER.search(value):
            return value
    except ValueError:
        return value
    return instant.replace(tzinfo=UTC) if isinstance(instant, datetime) and not instant.tzinfo else instant


def _boolean(value: Any) -> Any:
    return bool(value) if value in (0, 1) else value


def _decimal(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))  # the digits that the database shows, not the binary expansion
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return value  # Decimal would also read NaN, 1_000 and digits of other scripts
    return Decimal(value) if isinstance(value, str | int) else value


_SQLITE: dict[ColumnType, Converter] = {
    ColumnType.DATE: _date,
    ColumnType.DATETIME: _datetime,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DECIMAL: _decimal,
    ColumnType.CURRENCY: _decimal,
    ColumnType.PERCENTAGE: _decimal,
}
