"""A column of a batch as the texts between its tags, all values in a few calls into C.

Each function takes the values of one exact type, without NULL, and returns a text a value; or None where a
value needs the closer look of `xlsx_cells`. It never changes a value that it returns a text for, except in
the ways the format prescribes, so both give the same cells.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from portal.exporters.text import all_in_zone
from portal.exporters.xlsx_cells import (
    EPOCH,
    FINE_TIME,
    FIRST_SAFE_DAY,
    MAX_EXACT_INTEGER,
    MAX_TEXT,
    escaped,
    serial_of,
    start_of_epoch,
)
from portal.tally import REPEATED_HOUR, WITHOUT_ZONE, Tally

Whole = Callable[[Sequence[Any]], list[str] | None]

# Control characters of ASCII without tab and line ends: XML 1.0 has none of them.
_CONTROLS = bytes(sorted({*range(32)} - {*b"\t\n\r"} - {0}))
_PLAIN_DECIMALS = re.compile(r"[-.0-9]*")
_EPOCH_ORDINAL = EPOCH.toordinal()
_SAFE_AFTER = FIRST_SAFE_DAY - EPOCH
_ZONE_OF = attrgetter("tzinfo")
_FOLD_OF = attrgetter("fold")
_FINENESS_OF = attrgetter("microsecond")


def columns_by_type(zone: ZoneInfo, tally: Tally) -> dict[type, Whole]:
    """Return the function of each type that has one; aware datetimes are shown in `zone`."""
    return {
        str: texts,
        bool: booleans,
        int: integers,
        float: floats,
        Decimal: decimals,
        date: dates,
        datetime: lambda values: datetimes(values, zone, tally),
    }


def texts(values: Sequence[str]) -> list[str] | None:
    """Escape all values joined by NUL, which none may hold; see `holdable` for what is looked for."""
    joined = "\0".join(values)
    if joined.count("\0") != len(values) - 1 or max(map(len, values)) > MAX_TEXT // 2:
        return None
    try:
        encoded = joined.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return None
    # Deleting by a table is ten times as fast as searching by a pattern.
    if len(encoded.translate(None, _CONTROLS)) != len(encoded) or "\ufffe" in joined or "\uffff" in joined:
        return None
    return escaped(joined).split("\0")


def booleans(values: Sequence[bool]) -> list[str] | None:
    return ["1" if value else "0" for value in values]


def integers(values: Sequence[int]) -> list[str] | None:
    if max(values) > MAX_EXACT_INTEGER or min(values) < -MAX_EXACT_INTEGER:
        return None
    return list(map(str, values))


def floats(values: Sequence[float]) -> list[str] | None:
    return list(map(repr, values)) if all(map(isfinite, values)) else None


def decimals(values: Sequence[Decimal]) -> list[str] | None:
    """Take those of at most 15 characters, sign and point included, that are plainly written."""
    written = list(map(str, values))
    if max(map(len, written)) > 15 or not _PLAIN_DECIMALS.fullmatch("".join(written)):
        return None
    return written


def dates(values: Sequence[date]) -> list[str] | None:
    if min(values) < FIRST_SAFE_DAY:
        return None
    return [str(value.toordinal() - _EPOCH_ORDINAL) for value in values]


def datetimes(values: Sequence[datetime], zone: ZoneInfo, tally: Tally) -> list[str] | None:
    """Return serial dates; all values must be aware, or none."""
    zones = set(map(_ZONE_OF, values))
    naive = zones == {None}
    if not naive and None in zones:
        return None
    local = values if naive else all_in_zone(values, zone)
    epoch = start_of_epoch(None if naive else zone)
    if local is None or min(local) < epoch + _SAFE_AFTER:
        return None
    if naive:
        tally.count(WITHOUT_ZONE, len(values))
    else:
        tally.count(REPEATED_HOUR, sum(map(_FOLD_OF, local)))
    if set(map(_FINENESS_OF, local)) != {0}:
        tally.count(FINE_TIME, sum(value.microsecond % 1000 > 0 for value in local))
    return [serial_of(value - epoch) for value in local]
