"""What drivers return, made what a column declares. A value that does not fit stays as it came."""

import math
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from typing import Any

from portal.exporters.by_type import ByType, by_column
from portal.table import Batch, Column, ColumnType

Converter = Callable[[Sequence[Any]], Sequence[Any]]
"""Takes all values of a column of a batch."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,99})")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_JSON_BOOLEANS = {"true": True, "false": False}

_FINER = re.compile(r"[.,][0-9]{7}")  # than a datetime holds, which cuts such digits without a word

_LENGTH_OF_DATE = len("2025-03-09")
_LENGTH_TO_THE_SECOND = len("2025-03-09 07:30:00")
_LONGEST_PLAIN = len("2025-03-09 07:30:00.123456")

_BITS = {b"\0": False, b"\1": True}

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


def converters_for(
    columns: Sequence[Column], backend: str, *, texts: Collection[int] = ()
) -> list[Converter | None]:
    """Return for each column what turns a driver's values into its type, or None where nothing must be done.

    `backend` is SQLAlchemy's name of the kind of database. SQLite knows neither dates nor booleans nor exact
    decimals: they arrive as text and numbers. MySQL has no booleans. `texts` are the positions of columns
    which the source calls text, whatever type they were given: fields of JSON, say, come so.
    """
    usual = _BY_BACKEND.get(backend, {})
    return [
        (_OF_TEXT if position in texts else usual).get(column.type) for position, column in enumerate(columns)
    ]


def _type_of(values: Sequence[Any]) -> ColumnType:
    found = {_column_type(value) for value in values if value is not None}
    if found == {ColumnType.INTEGER, ColumnType.DECIMAL}:
        return ColumnType.DECIMAL
    return found.pop() if len(found) == 1 else ColumnType.TEXT


def _column_type(value: object) -> ColumnType:
    return next((kind for python, kind in _SPECIMENS if isinstance(value, python)), ColumnType.TEXT)


def _dates(values: Sequence[str]) -> Sequence[Any]:
    return list(map(_date, values))


def _date(value: str) -> date | str:
    try:
        return date.fromisoformat(value) if len(value) == _LENGTH_OF_DATE else value
    except ValueError:
        return value


def _instants(values: Sequence[str]) -> Sequence[Any]:
    # SQLite's own functions speak UTC (https://www.sqlite.org/lang_datefunc.html), so text without a zone is.
    if set(map(len, values)) == {_LENGTH_TO_THE_SECOND}:  # one call a value, as a rule
        with suppress(ValueError):
            return [datetime.fromisoformat(f"{value}+00:00") for value in values]
    return list(map(_instant, values))


def _instant(value: str, *, zone: tzinfo | None = UTC) -> datetime | date | str:
    """Read an instant; what names no zone is of `zone`, or left as it is."""
    if len(value) == _LENGTH_OF_DATE:
        return _date(value)  # without a time, a zone could make another day of it
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return value
    if len(value) > _LONGEST_PLAIN and _FINER.search(value):
        return value
    if instant.tzinfo:
        return instant
    return instant.replace(tzinfo=zone) if zone else value


def _zoned_instants(values: Sequence[str]) -> Sequence[Any]:
    """Read what names its zone: only SQLite's own text is UTC without saying so."""
    return [_instant(value, zone=None) for value in values]


def _numbers_of_texts(values: Sequence[str]) -> Sequence[Any]:
    return list(map(_number, values))


def _number(value: str) -> int | Decimal | str:
    """Read a number as JSON writes it, so that 007 keeps its zeros."""
    if _WHOLE.fullmatch(value):
        return int(value)
    return Decimal(value) if _JSON_NUMBER.fullmatch(value) else value


def _booleans_of_texts(values: Sequence[str]) -> Sequence[Any]:
    return [_JSON_BOOLEANS.get(value, value) for value in values]


def _booleans(values: Sequence[int]) -> Sequence[Any]:
    return [bool(value) if value in (0, 1) else value for value in values]


def _bits(values: Sequence[bytes]) -> Sequence[Any]:
    """MySQL's BIT(1), which arrives as a byte."""
    return [_BITS.get(value, value) for value in values]


def _decimals_of_floats(values: Sequence[float]) -> Sequence[Any]:
    """Keep the digits that the database shows, not the binary expansion."""
    return [Decimal(repr(value)) if math.isfinite(value) else value for value in values]


def _decimals_of_texts(values: Sequence[str]) -> Sequence[Any]:
    # Decimal would also read NaN, 1_000 and digits of other scripts
    return [Decimal(value) if _NUMBER.fullmatch(value) else value for value in values]


def _decimals_of_integers(values: Sequence[int]) -> Sequence[Any]:
    return list(map(Decimal, values))


def _converter(functions: dict[type, Converter]) -> Converter:
    """Return what makes of a column, each function taking all values of its type, others left as they are."""
    return partial(by_column, ByType(functions, other=lambda values: values))


_DECIMALS = _converter({float: _decimals_of_floats, str: _decimals_of_texts, int: _decimals_of_integers})
_BY_BACKEND: dict[str, dict[ColumnType, Converter]] = {
    "sqlite": {
        ColumnType.DATE: _converter({str: _dates}),
        ColumnType.DATETIME: _converter({str: _instants}),
        ColumnType.BOOLEAN: _converter({int: _booleans}),
        ColumnType.DECIMAL: _DECIMALS,
        ColumnType.CURRENCY: _DECIMALS,
        ColumnType.PERCENTAGE: _DECIMALS,
    },
    "mysql": {ColumnType.BOOLEAN: _converter({int: _booleans, bytes: _bits})},
}
_OF_TEXT: dict[ColumnType, Converter] = {
    ColumnType.INTEGER: _converter({str: _numbers_of_texts}),
    ColumnType.DECIMAL: _converter({str: _decimals_of_texts}),
    ColumnType.CURRENCY: _converter({str: _decimals_of_texts}),
    ColumnType.PERCENTAGE: _converter({str: _decimals_of_texts}),
    ColumnType.BOOLEAN: _converter({str: _booleans_of_texts}),
    ColumnType.DATE: _converter({str: _dates}),
    ColumnType.DATETIME: _converter({str: _zoned_instants}),
}
