"""Rows as JSON objects, exact. Columns are converted a batch at a time to what orjson writes by itself."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice, repeat
from math import isfinite
from typing import Any

import orjson

from portal.errors import RenderFailed
from portal.exporters.by_type import ByType, by_column
from portal.exporters.text import (
    SURROGATES,
    binary_text,
    decimal_text,
    in_zone,
    instants_in,
    plainly_written,
)
from portal.table import Batch, Column, ColumnType
from portal.tally import REPLACED, Tally

NOT_FINITE = "NaN and infinities, which JSON does not have, became null"

# Beyond this an IEEE 754 double, which is what most readers make of a number, skips integers (RFC 8259, 6).
_SAFE_INTEGER = 2**53 - 1

# STRICT_INTEGER makes orjson refuse larger integers instead of trusting readers with them. Dates and instants
# have orjson's own form, which is ours where an instant is in UTC.
_FLAT = orjson.OPT_STRICT_INTEGER | orjson.OPT_UTC_Z
# What is inside a structure is not converted before.
_NESTED = orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS

# Rows written in one go: some ten kilobytes, which stay in the processor's cache and take no new pages.
_AT_ONCE = 100

_LINE_END = re.compile(rb"[\r\n]")


class JsonRows:
    """Turns batches into objects; `tally` counts what JSON could not hold."""

    def __init__(self, columns: Sequence[Column], tally: Tally) -> None:
        self._tally = tally
        self._keys = [column.key for column in columns]
        repeated = [key for key, times in Counter(self._keys).items() if times > 1]
        if repeated:
            raise RenderFailed(f"JSON can't hold two columns with one key: {', '.join(repeated)}.")
        self._embedding = False  # whether the batch at hand holds JSON made before, which is not looked into
        flat, embedding = self._functions(str_is_json=False), self._functions(str_is_json=True)
        self._by_type = [embedding if column.type is ColumnType.JSON else flat for column in columns]

    def encode(self, batch: Batch, between: bytes) -> bytes:
        """Return each row as one line of JSON, with `between` between two of them and nothing around them.

        Raises RenderFailed for a structure that JSON can't hold.
        """
        self._embedding = False
        columns = zip(self._by_type, zip(*batch, strict=True), strict=True)
        values = [by_column(functions, column) for functions, column in columns]
        try:
            return self._joined(values, between)
        except orjson.JSONEncodeError:  # half a surrogate pair, which is rare
            return self._joined([list(map(self._mended, column)) for column in values], between)

    def _joined(self, columns: Sequence[Sequence[Any]], between: bytes) -> bytes:
        """Write many rows in one go, which is twice as fast as one by one, then part them.

        A quotation mark within text is escaped, so `},{"first key":` can stand between two rows and nowhere
        else, but in structures; and where the first key is a comma, behind a text that ends with `},{`.
        """
        keys = self._keys
        every = map(dict, map(zip, repeat(keys), zip(*columns, strict=True)))
        if self._embedding or keys[0] == ",":
            return between.join([orjson.dumps(row, None, _FLAT) for row in every])
        begin = b"{" + orjson.dumps(keys[0]) + b":"
        adjoining, parted = b"}," + begin, b"}" + between + begin
        parts = []
        while rows := list(islice(every, _AT_ONCE)):
            parts.append(orjson.dumps(rows, None, _FLAT)[1:-1].replace(adjoining, parted))
        return between.join(parts)

    def _functions(self, *, str_is_json: bool) -> ByType[Sequence[Any]]:
        """Return what makes all values of one type what orjson writes exactly."""

        def unchanged(values: Sequence[Any]) -> Sequence[Any]:
            return values

        def binaries(values: Sequence[Any]) -> Sequence[str]:
            return list(map(binary_text, values))

        def structures(values: Sequence[Any]) -> Sequence[orjson.Fragment]:
            self._embedding = True
            return list(map(self._structure, values))

        def embedded(values: Sequence[str]) -> Sequence[str | orjson.Fragment]:
            self._embedding = True
            return list(map(_embedded, values))

        return ByType(
            {
                type(None): unchanged,
                str: embedded if str_is_json else unchanged,
                bool: unchanged,
                int: _integers,
                float: self._floats,
                Decimal: self._decimals,
                date: unchanged,
                datetime: self._instants,
                bytes: binaries,
                bytearray: binaries,
                memoryview: binaries,
                list: structures,
                tuple: structures,
                dict: structures,
            },
            other=lambda values: list(map(str, values)),
        )

    def _floats(self, values: Sequence[float]) -> Sequence[float]:
        self._tally.count(NOT_FINITE, len(values) - sum(map(isfinite, values)))  # orjson itself writes null
        return values

    def _decimals(self, values: Sequence[Decimal]) -> Sequence[str | None]:
        texts = list(map(str, values))
        if plainly_written(texts):
            return texts
        self._tally.count(NOT_FINITE, len(values) - sum(map(Decimal.is_finite, values)))
        return list(map(_decimal, values))

    def _instants(self, values: Sequence[datetime]) -> Sequence[datetime]:
        return instants_in(values, UTC, self._tally)

    def _structure(self, value: Any) -> orjson.Fragment:
        if _holds_not_finite(value):
            self._tally.count(NOT_FINITE)
        try:
            return orjson.Fragment(orjson.dumps(value, _json_value, _NESTED))
        except orjson.JSONEncodeError:  # an integer beyond 2^53 or half a surrogate pair
            value = self._mended(value)
        try:
            return orjson.Fragment(orjson.dumps(value, _json_value, _NESTED))
        except orjson.JSONEncodeError as error:
            raise RenderFailed(f"JSON can't hold a value of this data: {error}.") from error

    def _mended(self, value: Any) -> Any:
        match value:
            case str():
                if SURROGATES.search(value):
                    self._tally.count(REPLACED)
                    return SURROGATES.sub("\ufffd", value)
            case int():
                return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value)
            case dict():
                return {self._mended(key): self._mended(item) for key, item in value.items()}
            case list() | tuple():
                return [self._mended(item) for item in value]
        return value


def _embedded(text: str) -> str | orjson.Fragment:
    """Return `text` as JSON to embed, digit by digit, or unchanged when it is not valid JSON."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    # A line end in valid JSON can only stand between tokens, so a blank means the same.
    return orjson.Fragment(_LINE_END.sub(b" ", text.encode()))


def _integers(values: Sequence[int]) -> Sequence[int | str]:
    if min(values) >= -_SAFE_INTEGER and max(values) <= _SAFE_INTEGER:
        return values
    return [value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value) for value in values]


def _holds_not_finite(value: Any) -> bool:
    match value:
        case float():
            return not isfinite(value)
        case Decimal():
            return not value.is_finite()
        case dict():
            return any(map(_holds_not_finite, value.values()))
        case list() | tuple():
            return any(map(_holds_not_finite, value))
    return False


def _decimal(value: Decimal) -> str | None:
    return decimal_text(value) if value.is_finite() else None


def _instant(value: datetime) -> str:
    text = in_zone(value, UTC).isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


# What orjson has no form for, or another one than ours, inside a structure.
_JSON_VALUES: ByType[str | None] = ByType(
    {
        Decimal: _decimal,
        datetime: _instant,
        date: date.isoformat,
        bytes: binary_text,
        bytearray: binary_text,
        memoryview: binary_text,
    },
    other=str,
)


def _json_value(value: Any) -> str | None:
    return _JSON_VALUES[type(value)](value)
