"""A value as a cell of SpreadsheetML.

Text goes into the cell as an inline string, so that nothing is a formula and no table of shared strings
grows with the rows. Whatever Excel can't hold exactly as a number stays exact as text, and is counted.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from math import isfinite
from types import NoneType
from typing import Any, Self
from zoneinfo import ZoneInfo

from portal.exporters.by_type import ByType
from portal.exporters.json_values import JsonValues
from portal.exporters.text import binary_text, decimal_text, float_text, in_zone
from portal.tally import REPEATED_HOUR, REPLACED, WITHOUT_ZONE, Tally

MAX_TEXT = 32_767
"""UTF-16 units a cell can hold (Excel specifications and limits)."""

LONG_NUMBER = "Numbers of more than 15 digits, which Excel would round, are kept as exact text"
NOT_FINITE = "NaN and infinities, which Excel does not have, are kept as text"
OLD_DATE = "Dates before 1900-03-01, which Excel counts wrongly, are kept as ISO text"
FINE_TIME = "Times were cut to the millisecond, Excel's finest"
FAR_DATE = "Times that fall outside the years 1 to 9999 in their zone are kept as ISO text"
CUT = f"Text was cut at Excel's limit of {MAX_TEXT:,} characters and ends with a mark saying so"

# Excel's day 1 is 1900-01-01 and it believes in 1900-02-29, so this epoch is right from March 1900 on.
EPOCH = date(1899, 12, 30)
FIRST_SAFE_DAY = date(1900, 3, 1)

MAX_EXACT_INTEGER = 10**15 - 1
"""Excel keeps 15 digits of a number."""

# No characters of XML 1.0 (section 2.2), not even escaped.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
# `_x0041_` in a file means "A" (ECMA-376 part 1, 22.9.2.19), so text that looks so must be escaped itself.
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")

_TEXT_END, _VALUE_END = "</t></is></c>", "</v></c>"

Cell = Callable[[Any], str]
"""Makes a cell's XML from behind its reference on: ` s="1"><v>7</v></c>`."""


@dataclass(frozen=True, slots=True)
class CellStyles:
    """Indexes into the workbook's cell formats, for one column: by what a value turns out to be."""

    text: int
    number: int
    date: int
    datetime: int
    boolean: int

    @classmethod
    def of_all(cls, style: int) -> Self:
        """Return one style for whatever comes."""
        return cls(style, style, style, style, style)


def starts_by_type(styles: CellStyles) -> dict[type, str]:
    """Return what stands between a cell's reference and its value; `end_of` is what follows."""
    number = f' s="{styles.number}"><v>'
    return {
        str: f' s="{styles.text}" t="inlineStr"><is><t>',
        bool: f' s="{styles.boolean}" t="b"><v>',
        int: number,
        float: number,
        Decimal: number,
        date: f' s="{styles.date}"><v>',
        datetime: f' s="{styles.datetime}"><v>',
    }


def end_of(kind: type) -> str:
    """Return what stands behind a value of this type, one of those that have a start."""
    return _TEXT_END if kind is str else _VALUE_END


def cells_by_type(styles: CellStyles, zone: ZoneInfo, tally: Tally) -> ByType[str]:
    """Return how each type becomes a cell, from behind its reference on; NULL is the empty text.

    Aware datetimes are shown in `zone`. `tally` counts what Excel can't hold as it came.
    """
    starts = starts_by_type(styles)
    text = _text_cell(starts[str], tally)
    binary = _after(binary_text, text)
    structure = _after(JsonValues(tally).text, text)
    return ByType(
        {
            NoneType: lambda _: "",
            str: text,
            bool: lambda value: f"{starts[bool]}{value:d}{_VALUE_END}",
            int: _int_cell(starts[int], text, tally),
            float: _float_cell(starts[float], text, tally),
            Decimal: _decimal_cell(starts[Decimal], text, tally),
            date: _date_cell(starts[date], text, tally),
            datetime: _datetime_cell(starts[datetime], text, zone, tally),
            **dict.fromkeys((bytes, bytearray, memoryview), binary),
            **dict.fromkeys((list, tuple, dict), structure),
        },
        other=_after(str, text),
    )


def _after(convert: Callable[[Any], str], text: Cell) -> Cell:
    return lambda value: text(convert(value))


def _int_cell(start: str, text: Cell, tally: Tally) -> Cell:
    def cell(value: int) -> str:
        if -MAX_EXACT_INTEGER <= value <= MAX_EXACT_INTEGER:
            return f"{start}{value:d}{_VALUE_END}"
        tally.count(LONG_NUMBER)
        return text(str(value))

    return cell


def _float_cell(start: str, text: Cell, tally: Tally) -> Cell:
    def cell(value: float) -> str:
        if isfinite(value):
            return f"{start}{value!r}{_VALUE_END}"
        tally.count(NOT_FINITE)
        return text(float_text(value))

    return cell


def _decimal_cell(start: str, text: Cell, tally: Tally) -> Cell:
    def cell(value: Decimal) -> str:
        digits = str(value)
        if value.is_finite() and ((len(digits) <= 15 and "E" not in digits) or _fits_a_double(value)):
            return f"{start}{digits}{_VALUE_END}"
        tally.count(LONG_NUMBER if value.is_finite() else NOT_FINITE)
        return text(decimal_text(value))

    return cell


def _fits_a_double(value: Decimal) -> bool:
    """Whether a reader gets back `value` itself: 15 digits always survive a double within its range."""
    _, digits, exponent = value.as_tuple()
    significant = len("".join(map(str, digits)).rstrip("0"))
    return significant <= 15 and isinstance(exponent, int) and -290 < value.adjusted() < 290


def _date_cell(start: str, text: Cell, tally: Tally) -> Cell:
    def cell(value: date) -> str:
        if value >= FIRST_SAFE_DAY:
            return f"{start}{(value - EPOCH).days}{_VALUE_END}"
        tally.count(OLD_DATE)
        return text(value.isoformat())

    return cell


def _datetime_cell(start: str, text: Cell, zone: ZoneInfo, tally: Tally) -> Cell:
    def cell(value: datetime) -> str:
        if value.tzinfo is None:
            tally.count(WITHOUT_ZONE)
        else:
            shown = in_zone(value, zone)
            if shown.tzinfo is not zone:
                tally.count(FAR_DATE)
                return text(value.isoformat(" "))
            value = shown.replace(tzinfo=None)
            tally.count(REPEATED_HOUR, value.fold)
        if value.date() < FIRST_SAFE_DAY:
            tally.count(OLD_DATE)
            return text(value.isoformat(" "))
        if value.microsecond % 1000:
            tally.count(FINE_TIME)
        return f"{start}{serial(value)}{_VALUE_END}"

    return cell


def serial(value: datetime) -> str:
    """Return days since the epoch as `ddd.ddddddddd`, of the time `value` shows, cut to the millisecond."""
    return serial_of(value - start_of_epoch(value.tzinfo))


def start_of_epoch(zone: tzinfo | None) -> datetime:
    """Return midnight of the epoch by the clocks of `zone`.

    The difference of two datetimes with one and the same zone is that of their clocks.
    """
    return datetime(EPOCH.year, EPOCH.month, EPOCH.day, tzinfo=zone)


def serial_of(since: timedelta) -> str:
    """Return a time since the epoch, which is not before it, as `ddd.ddddddddd` days.

    Rounded up at the last digit, which is a twelfth of a millisecond: LibreOffice truncates, and shows a
    second too early otherwise.
    """
    ms = 1000 * since.seconds + since.microseconds // 1000
    # A millisecond is 10^9 / 86,400,000 = 625 / 54 of them; a leading 1, cut off again, keeps zeros in front.
    return f"{since.days}.{str(10**9 - (-625 * ms // 54))[1:]}" if ms else str(since.days)


def _text_cell(start: str, tally: Tally) -> Cell:
    kept = blanks_kept(start)

    def cell(text: str) -> str:
        text = holdable(text, tally)
        return f"{start if text == text.strip() else kept}{escaped(text)}{_TEXT_END}"

    return cell


def blanks_kept(start: str) -> str:
    """Return the start of a text's cell that tells XML readers to keep blanks at either end."""
    return start.replace("<t>", '<t xml:space="preserve">')


def holdable(text: str, tally: Tally) -> str:
    """Return what a cell can hold of `text`: cut at Excel's limit, U+FFFD for what XML lacks."""
    # 16,383 characters are never more than 32,767 units, whatever they are.
    if len(text) > MAX_TEXT // 2 and _units(text) > MAX_TEXT:
        tally.count(CUT)
        text = _cut(text)
    if _ILLEGAL.search(text):
        tally.count(REPLACED)
        text = _ILLEGAL.sub("\ufffd", text)
    return text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str) -> str:
    mark = f" … [cut: {len(text):,} characters in all]"
    return first_units(text, MAX_TEXT - len(mark)) + mark


def first_units(text: str, most: int) -> str:
    """Return the beginning of `text`, `most` units of UTF-16 at most, by which Excel counts."""
    # "ignore" drops the half of a pair that the cut may leave at the end.
    return text.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "ignore")


def escaped(text: str) -> str:
    """Return `text`, in which all characters are legal, as the content of an element."""
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    # A bare carriage return would reach the reader as a line feed (XML 1.0, section 2.11).
    if "\r" in text:
        text = text.replace("\r", "&#13;")
    return _ESCAPE.sub("_x005F_", text) if "_x" in text else text
