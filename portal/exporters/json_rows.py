"""Rows as JSON objects, exact. Columns are converted a batch at a time to what orjson writes by itself."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson

from portal.errors import RenderFailed
from portal.exporters.by_type import ByType
from portal.exporters.tally import REPLACED, Tally
from portal.exporters.text import SURROGATES, binary_text, decimal_text
from portal.table import Batch, Column, ColumnType

NOT_FINITE = "NaN and infinities, which JSON does not have, became null"

# Beyond this an IEEE 754 double, which is what most readers make of a number, skips integers (RFC 8259, 6).
_SAFE_INTEGER = 2**53 - 1

# STRICT_INTEGER makes orjson refuse larger integers instead of trusting readers with them.
_OPTIONS = orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS

# Dates and instants in orjson's own form, which is ours where an instant is in UTC.
_AT_ONCE = orjson.OPT_STRICT_INTEGER | orjson.OPT_UTC_Z

_LINE_END = re.compile(rb"[\r\n]")

# What can't be NaN, nor hold one.
_ALWAYS_FINITE = frozenset({type(None), str, int, bool, date, datetime, bytes, bytearray, memoryview})
# What becomes no object or array.
_FLAT = _ALWAYS_FINITE | {float, Decimal}


class JsonRows:
    """Turns batches into objects; `tally` counts what JSON could not hold."""

    def __init__(self, columns: Sequence[Column], tally: Tally) -> None:
        self._tally = tally
        self._keys = [column.key for column in columns]
        self._embeds = [column.type is ColumnType.JSON for column in columns]
        repeated = [key for key, times in Counter(self._keys).items() if times > 1]
        if repeated:
            raise RenderFailed(f"JSON can't hold two columns with one key: {', '.join(repeated)}.")

    def encode(self, batch: Batch, between: bytes) -> bytes:
        """Return each row as one line of JSON, with `between` between two of them and nothing around them."""
        columns = list(zip(*batch, strict=True))
        kinds = [set(map(type, values)) for values in columns]
        for of_column, values in zip(kinds, columns, strict=True):
            self._count_not_finite(of_column, values)
        if any(self._embeds) or not all(of_column <= _FLAT for of_column in kinds):
            return between.join(self._lines(columns))
        try:
            return self._all_at_once(columns, kinds, between)
        except orjson.JSONEncodeError:  # an integer beyond 2^53 or half a surrogate pair; both are rare
            return between.join(self._lines(columns))

    def _all_at_once(
        self, columns: Sequence[Sequence[Any]], kinds: Sequence[set[type]], between: bytes
    ) -> bytes:
        """Write all rows in one go, which is ten times as fast as one by one, then part them.

        No text can hold what begins an object, since a quotation mark within it is escaped; so where objects
        hold none themselves, `},{"first key":` stands between two rows and nowhere else.
        """
        values = [_prepared(*column) for column in zip(columns, kinds, strict=True)]
        keys = self._keys
        rows = [dict(zip(keys, row)) for row in zip(*values, strict=True)]  # noqa: B905 - of the same length
        begin = b"{" + orjson.dumps(keys[0]) + b":"
        return orjson.dumps(rows, _json_value, _AT_ONCE)[1:-1].replace(b"}," + begin, b"}" + between + begin)

    def _lines(self, columns: Sequence[Sequence[Any]]) -> Iterator[bytes]:
        embedding = [
            [_embedded(value) if isinstance(value, str) else value for value in values] if embeds else values
            for values, embeds in zip(columns, self._embeds, strict=True)
        ]
        for row in zip(*embedding, strict=True):
            yield self._line(dict(zip(self._keys, row, strict=True)))

    def _count_not_finite(self, kinds: set[type], values: Sequence[Any]) -> None:
        if kinds <= _ALWAYS_FINITE or (kinds == {Decimal} and all(map(Decimal.is_finite, values))):
            return
        if cells := sum(map(_holds_not_finite, values)):
            self._tally.count(NOT_FINITE, cells)

    def _line(self, row: dict[str, Any]) -> bytes:
        try:
            return orjson.dumps(row, _json_value, _OPTIONS)
        except orjson.JSONEncodeError:  # an integer beyond 2^53 or half a surrogate pair; both are rare
            return orjson.dumps(self._mended(row), _json_value, _OPTIONS)

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


def _prepared(values: Sequence[Any], kinds: set[type]) -> Sequence[Any]:
    """Return one column's values as what orjson writes exactly and fast."""
    if kinds == {Decimal}:
        texts = list(map(str, values))
        plain = frozenset("".join(texts)).isdisjoint("ENI")  # 1E+3, NaN, Infinity
        return texts if plain else list(map(_decimal, values))
    if datetime in kinds:
        return [value.astimezone(UTC) if _is_aware(value) else value for value in values]
    return values


def _is_aware(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _decimal(value: Decimal) -> str | None:
    return decimal_text(value) if value.is_finite() else None


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


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
