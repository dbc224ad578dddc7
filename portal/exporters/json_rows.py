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
from portal.exporters.json_values import NOT_FINITE, SAFE_INTEGER, JsonValues, finite_text
from portal.exporters.text import binary_text, instants_in, plainly_written
from portal.table import Batch, Column, ColumnType
from portal.tally import Tally

# STRICT_INTEGER makes orjson refuse larger integers instead of trusting readers with them. Dates and instants
# have orjson's own form, which is ours where an instant is in UTC.
_FLAT = orjson.OPT_STRICT_INTEGER | orjson.OPT_UTC_Z

# Rows written in one go: some ten kilobytes, which stay in the processor's cache and take no new pages.
_AT_ONCE = 100

_LINE_END = re.compile(rb"[\r\n]")


class JsonRows:
    """Turns batches into objects; `tally` counts what JSON could not hold."""

    def __init__(self, columns: Sequence[Column], tally: Tally) -> None:
        self._tally = tally
        self._json = JsonValues(tally)
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
            return self._joined([list(map(self._json.mended, column)) for column in values], between)

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
            return [orjson.Fragment(self._json.dumps(value)) for value in values]

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
        return list(map(finite_text, values))

    def _instants(self, values: Sequence[datetime]) -> Sequence[datetime]:
        return instants_in(values, UTC, self._tally)


def _embedded(text: str) -> str | orjson.Fragment:
    """Return `text` as JSON to embed, digit by digit, or unchanged when it is not valid JSON."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    # A line end in valid JSON can only stand between tokens, so a blank means the same.
    return orjson.Fragment(_LINE_END.sub(b" ", text.encode()))


def _integers(values: Sequence[int]) -> Sequence[int | str]:
    if min(values) >= -SAFE_INTEGER and max(values) <= SAFE_INTEGER:
        return values
    return [value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value) for value in values]
