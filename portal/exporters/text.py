"""Values as text that loses nothing: what CSV writes, and what PDF shows where it has nothing nicer."""

import base64
import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from portal.exporters.by_type import ByType

# Halves of a surrogate pair are no characters: UTF-8 has no form for them (RFC 3629 section 3).
SURROGATES = re.compile("[\ud800-\udfff]")

_NULL_TYPE = type(None)


def decimal_text(value: Decimal) -> str:
    """Return every digit of `value` and never an exponent; `NaN`, `Infinity` or `-Infinity` if it is one."""
    if value.is_finite():
        return format(value, "f")
    return "NaN" if value.is_nan() else str(value)


def float_text(value: float) -> str:
    """Return the shortest text that reads back as the same float."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def instant_text(zone: ZoneInfo) -> Callable[[datetime], str]:
    """Return a function giving ISO 8601: aware datetimes in `zone` with offset, naive ones as they are."""

    def text(value: datetime) -> str:
        return (value if value.tzinfo is None else value.astimezone(zone)).isoformat()

    return text


def binary_text(value: bytes | bytearray | memoryview) -> str:
    """Return standard base64 (RFC 4648 section 4)."""
    return base64.b64encode(value).decode("ascii")


def json_text(value: Any) -> str:
    """Return compact JSON; what JSON does not know stands in it as text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def plain_texts(zone: ZoneInfo) -> ByType[str]:
    """Return how each type is written as plain text. NULL is the empty text; str passes unchanged."""
    return ByType(
        {
            _NULL_TYPE: lambda _: "",
            str: str,
            bool: lambda value: "true" if value else "false",
            int: str,
            float: float_text,
            Decimal: decimal_text,
            date: date.isoformat,
            datetime: instant_text(zone),
            bytes: binary_text,
            bytearray: binary_text,
            memoryview: binary_text,
            list: json_text,
            tuple: json_text,
            dict: json_text,
        },
        other=str,
    )
