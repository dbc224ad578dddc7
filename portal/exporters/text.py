"""Values as text that loses nothing: what CSV writes, and what PDF shows where it has nothing nicer."""

import base64
import math
import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import repeat
from operator import attrgetter

from portal.tally import WITHOUT_ZONE, Tally

# Halves of a surrogate pair are no characters: UTF-8 has no form for them (RFC 3629 section 3).
SURROGATES = re.compile("[\ud800-\udfff]")

OUTSIDE_CALENDAR = "Times that fall outside the years 1 to 9999 in their zone keep the offset they came with"

_ZONE_OF = attrgetter("tzinfo")


def decimal_text(value: Decimal) -> str:
    """Return every digit of `value` and never an exponent; `NaN`, `Infinity` or `-Infinity` if it is one."""
    if value.is_finite():
        return format(value, "f")
    return "NaN" if value.is_nan() else str(value)


def decimal_texts(values: Sequence[Decimal]) -> list[str]:
    """Return `decimal_text` of each; `str`, three times as fast, mostly writes the same."""
    texts = list(map(str, values))
    return texts if plainly_written(texts) else list(map(decimal_text, values))


def plainly_written(decimals: Sequence[str]) -> bool:
    """Whether `str` of some decimals has none of its letters: 1E+3, NaN and sNaN, Infinity."""
    joined = "".join(decimals)
    return not any(letter in joined for letter in "ENI")


def float_text(value: float) -> str:
    """Return the shortest text that reads back as the same float."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def in_zone(value: datetime, zone: tzinfo) -> datetime:
    """Return the same instant in `zone`; unchanged where it is naive, or outside the years 1 to 9999 there.

    9999-12-31T23:59:59Z, which many sources write for "never", is such a one east of Greenwich.
    """
    if value.tzinfo is None:
        return value
    try:
        return value.astimezone(zone)
    except OverflowError:
        return value


def all_in_zone(values: Sequence[datetime], zone: tzinfo) -> list[datetime] | None:
    """Return the same instants in `zone`, fast; None where one falls outside the years 1 to 9999 there.

    All must be aware.
    """
    try:
        return list(map(datetime.astimezone, values, repeat(zone)))
    except OverflowError:
        return None


def instants_in(values: Sequence[datetime], zone: tzinfo, tally: Tally) -> Sequence[datetime]:
    """Return `in_zone` of each; those without a zone, and those that could not be moved, are counted."""
    found = list(map(_ZONE_OF, values))
    tally.count(WITHOUT_ZONE, found.count(None))
    zones = set(found)
    if zones <= {None, zone}:
        return values
    shown = None if None in zones else all_in_zone(values, zone)
    if shown is None:
        shown = [in_zone(value, zone) for value in values]
    tally.count(OUTSIDE_CALENDAR, sum(value.tzinfo not in (None, zone) for value in shown))
    return shown


def binary_text(value: bytes | bytearray | memoryview) -> str:
    """Return standard base64 (RFC 4648 section 4)."""
    return base64.b64encode(value).decode("ascii")
