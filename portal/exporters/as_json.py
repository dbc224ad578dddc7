"""JSON and NDJSON in which every digit survives the reader."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, BinaryIO

import orjson

from portal.errors import RenderFailed
from portal.exporters.base import Document, Written
from portal.exporters.by_type import ByType
from portal.exporters.tally import REPLACED, Tally
from portal.exporters.text import SURROGATES, binary_text, decimal_text
from portal.table import Batches, Column, ColumnType, Row

NOT_FINITE = "NaN and infinities, which JSON does not have, became null"

# Beyond this an IEEE 754 double, which is what most readers make of a number, skips integers (RFC 8259, 6).
_SAFE_INTEGER = 2**53 - 1

# STRICT_INTEGER makes orjson refuse larger integers instead of trusting readers with them.
_OPTIONS = orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS

_LINE_END = re.compile(rb"[\r\n]")


class JsonExporter:
    """One array of objects, a line each, keyed by `Column.key`, in column order.

    Decimals are strings of all their digits (`"1234.50"`), because readers turn JSON numbers into doubles;
    so are integers beyond ±(2^53 - 1). Aware datetimes are UTC with `Z`, dates and naive datetimes plain ISO
    8601, bytes base64, NULL, NaN and infinities null (the latter counted). Text in a column of type json
    that holds valid JSON is embedded as JSON.
    """

    media_type = "application/json"
    extension = "json"

    def write(
        self,
        batches: Batches,
        columns: Sequence[Column],
        out: BinaryIO,
        document: Document,  # noqa: ARG002 - the contract has it; JSON needs neither title nor zone
    ) -> Written:
        """Write the array; see `Exporter`. Raises RenderFailed when two columns share a key."""
        encoder = _RowEncoder(columns, Tally())
        rows = 0
        out.write(b"[")
        for batch in batches:
            if batch:
                out.write((b",\n" if rows else b"\n") + b",\n".join(map(encoder.encode, batch)))
                rows += len(batch)
        out.write(b"\n]\n")
        return Written(rows, encoder.tally.notes())


class NdjsonExporter:
    """One object a line (newline-delimited JSON), otherwise as `JsonExporter`."""

    media_type = "application/x-ndjson"
    extension = "ndjson"

    def write(
        self,
        batches: Batches,
        columns: Sequence[Column],
        out: BinaryIO,
        document: Document,  # noqa: ARG002 - the contract has it; JSON needs neither title nor zone
    ) -> Written:
        """Write the lines; see `Exporter`. Raises RenderFailed when two columns share a key."""
        encoder = _RowEncoder(columns, Tally())
        rows = 0
        for batch in batches:
            out.write(b"".join([encoder.encode(row) + b"\n" for row in batch]))
            rows += len(batch)
        return Written(rows, encoder.tally.notes())


class _RowEncoder:
    """Turns rows into objects; `tally` counts what JSON could not hold."""

    def __init__(self, columns: Sequence[Column], tally: Tally) -> None:
        self.tally = tally
        self._keys = [column.key for column in columns]
        self._embedded = [i for i, column in enumerate(columns) if column.type is ColumnType.JSON]
        repeated = [key for key, times in Counter(self._keys).items() if times > 1]
        if repeated:
            raise RenderFailed(f"JSON can't hold two columns with one key: {', '.join(repeated)}.")

    def encode(self, row: Row) -> bytes:
        """Return `row` as one line of JSON, without a line end."""
        values = list(row)
        for i in self._embedded:
            if isinstance(values[i], str):
                values[i] = _embedded(values[i])
        try:
            line = _dumps(dict(zip(self._keys, values, strict=True)))
        except orjson.JSONEncodeError:  # an integer beyond 2^53 or half a surrogate pair; both are rare
            line = _dumps(self._mended(dict(zip(self._keys, values, strict=True))))
        if b"null" in line and (cells := sum(map(_holds_not_finite, row))):
            self.tally.count(NOT_FINITE, cells)
        return line

    def _mended(self, value: Any) -> Any:
        match value:
            case str():
                if SURROGATES.search(value):
                    self.tally.count(REPLACED)
                    return SURROGATES.sub("\ufffd", value)
            case int():
                return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value)
            case dict():
                return {self._mended(key): self._mended(item) for key, item in value.items()}
            case list() | tuple():
                return [self._mended(item) for item in value]
        return value


def _dumps(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, default=_json_value, option=_OPTIONS)


def _embedded(text: str) -> str | orjson.Fragment:
    """Return `text` as JSON to embed, digit by digit, or unchanged when it is not valid JSON."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    # A line end in valid JSON can only stand between tokens, so a blank means the same.
    return orjson.Fragment(_LINE_END.sub(b" ", text.encode()))


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


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _decimal(value: Decimal) -> str | None:
    return decimal_text(value) if value.is_finite() else None


# What orjson has no form for, or another one than ours.
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
