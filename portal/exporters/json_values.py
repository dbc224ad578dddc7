"""A structure (a list or an object) as JSON, exact: the same text in each format."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson

from portal.errors import RenderFailed
from portal.exporters.by_type import ByType
from portal.exporters.text import SURROGATES, binary_text, decimal_text, in_zone
from portal.tally import REPLACED, WITHOUT_ZONE, Tally

NOT_FINITE = "NaN and infinities, which JSON does not have, became null"

SAFE_INTEGER = 2**53 - 1
"""Beyond it an IEEE 754 double, which is what most readers make of a number, skips integers (RFC 8259, 6)."""

# STRICT_INTEGER makes orjson refuse larger integers instead of trusting readers with them.
_OPTIONS = orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


class JsonValues:
    """Writes structures; `tally` counts, a structure at a time, what JSON can't hold.

    Decimals and integers beyond `SAFE_INTEGER` are strings, instants UTC with `Z`, bytes base64.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._by_type = _functions(tally)

    def text(self, value: Any) -> str:
        """Return compact JSON. Raises RenderFailed for what JSON can't hold at all."""
        return self.dumps(value).decode()

    def dumps(self, value: Any) -> bytes:
        """Return `text` in UTF-8."""
        if _holds_not_finite(value):
            self._tally.count(NOT_FINITE)
        try:
            return self._dumps(value)
        except orjson.JSONEncodeError:  # an integer beyond 2^53 or half a surrogate pair
            try:
                return self._dumps(self.mended(value))
            except TypeError as error:
                raise RenderFailed(f"JSON can't hold a value of this data: {error}.") from error

    def mended(self, value: Any) -> Any:
        """Return `value` with U+FFFD for halves of surrogate pairs, and strings for large integers."""
        match value:
            case str():
                if SURROGATES.search(value):
                    self._tally.count(REPLACED)
                    return SURROGATES.sub("\ufffd", value)
            case int():
                return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)
            case dict():
                return {self.mended(key): self.mended(item) for key, item in value.items()}
            case list() | tuple():
                return [self.mended(item) for item in value]
        return value

    def _dumps(self, value: Any) -> bytes:
        return orjson.dumps(value, lambda inner: self._by_type[type(inner)](inner), _OPTIONS)


def _functions(tally: Tally) -> ByType[str | None]:
    """Return how to write what orjson has no form for, or another one than ours."""

    def instant(value: datetime) -> str:
        tally.count(WITHOUT_ZONE, value.tzinfo is None)
        text = in_zone(value, UTC).isoformat()
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text

    functions: dict[type, Callable[[Any], str | None]] = {
        Decimal: finite_text,
        datetime: instant,
        date: date.isoformat,
        **dict.fromkeys((bytes, bytearray, memoryview), binary_text),
    }
    return ByType(functions, other=str)


def finite_text(value: Decimal) -> str | None:
    """Return every digit of `value`; None where it has none, being NaN or infinite."""
    return decimal_text(value) if value.is_finite() else None


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
