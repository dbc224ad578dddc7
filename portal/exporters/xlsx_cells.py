"""Rows as SpreadsheetML, written by hand because that is where an XLSX export spends its time.

Text goes into the cell as an inline string, so that nothing is a formula and no table of shared strings
grows with the rows. Whatever Excel can't hold exactly as a number stays exact as text, and is counted.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl.utils import get_column_letter

from portal.exporters.by_type import ByType
from portal.exporters.tally import REPLACED, Tally
from portal.exporters.text import binary_text, decimal_text, float_text, json_text
from portal.table import Batch

MAX_TEXT = 32_767
"""UTF-16 units a cell can hold (Excel specifications and limits)."""

LONG_NUMBER = "Numbers of more than 15 digits, which Excel would round, are kept as exact text"
NOT_FINITE = "NaN and infinities, which Excel does not have, are kept as text"
OLD_DATE = "Dates before 1900-03-01, which Excel counts wrongly, are kept as ISO text"
FINE_TIME = "Times were cut to the millisecond, Excel's finest"
CUT = f"Text was cut at Excel's limit of {MAX_TEXT:,} characters and ends with a mark saying so"

# Excel's day 1 is 1900-01-01 and it believes in 1900-02-29, so this epoch is right from March 1900 on.
_EPOCH = date(1899, 12, 30)
_FIRST_SAFE_DAY = date(1900, 3, 1)
_MS_A_DAY = 86_400_000

# No characters of XML 1.0 (section 2.2), not even escaped.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
# `_x0041_` in a file means "A" (ECMA-376 part 1, 22.9.2.19), so text that looks so must be escaped itself.
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_SPECIAL = re.compile(f"[&<>\r]|{_ILLEGAL.pattern}|{_ESCAPE.pattern}")


@dataclass(frozen=True, slots=True)
class CellStyles:
    """Indexes into the workbook's cell formats, for one column: by what a value turns out to be."""

    text: int
    number: int
    date: int
    datetime: int
    boolean: int


class RowEncoder:
    """Turns batches into `<row>` elements. `tally` counts what Excel can't hold as it came."""

    def __init__(self, styles: Sequence[CellStyles], zone: ZoneInfo, tally: Tally) -> None:
        self._zone = zone
        self._tally = tally
        self._letters = [get_column_letter(i) for i in range(1, len(styles) + 1)]
        self._cells = [self._of_column(style) for style in styles]

    def encode(self, batch: Batch, first: int) -> bytes:
        """Return the rows of `batch` as XML; `first` is the number of the first row, from 1."""
        if not batch:
            return b""
        columns = [
            [cells[type(value)](value) for value in values]
            for cells, values in zip(self._cells, zip(*batch, strict=True), strict=True)
        ]
        rows = []
        for number, cells_of_row in enumerate(zip(*columns, strict=True), first):
            xml = [
                f'<c r="{letter}{number}"{cell}'
                for letter, cell in zip(self._letters, cells_of_row, strict=True)
                if cell
            ]
            rows.append(f'<row r="{number}">{"".join(xml)}</row>')
        return "".join(rows).encode()

    def _of_column(self, styles: CellStyles) -> ByType[str]:
        """Return how each type becomes a cell, from behind its reference on; an empty one is left out."""
        text = _text_cell(styles.text, self._tally)
        number = f' s="{styles.number}"><v>'
        moment = self._datetime_cell(f' s="{styles.datetime}"><v>', text)

        def structure(value: Any) -> str:
            return text(json_text(value))

        def binary(value: Any) -> str:
            return text(binary_text(value))

        return ByType(
            {
                type(None): lambda _: "",
                str: text,
                bool: lambda value: f' s="{styles.boolean}" t="b"><v>{value:d}</v></c>',
                int: self._int_cell(number, text),
                float: self._float_cell(number, text),
                Decimal: self._decimal_cell(number, text),
                date: self._date_cell(f' s="{styles.date}"><v>', text),
                datetime: moment,
                **dict.fromkeys((bytes, bytearray, memoryview), binary),
                **dict.fromkeys((list, tuple, dict), structure),
            },
            other=lambda value: text(str(value)),
        )

    def _int_cell(self, number: str, text: Callable[[str], str]) -> Callable[[int], str]:
        def cell(value: int) -> str:
            if -(10**15) < value < 10**15:
                return f"{number}{value:d}</v></c>"
            self._tally.count(LONG_NUMBER)
            return text(str(value))

        return cell

    def _float_cell(self, number: str, text: Callable[[str], str]) -> Callable[[float], str]:
        def cell(value: float) -> str:
            if isfinite(value):
                return f"{number}{value!r}</v></c>"
            self._tally.count(NOT_FINITE)
            return text(float_text(value))

        return cell

    def _decimal_cell(self, number: str, text: Callable[[str], str]) -> Callable[[Decimal], str]:
        def cell(value: Decimal) -> str:
            digits = str(value)
            if value.is_finite() and ((len(digits) <= 15 and "E" not in digits) or _fits_a_double(value)):
                return f"{number}{digits}</v></c>"
            self._tally.count(LONG_NUMBER if value.is_finite() else NOT_FINITE)
            return text(decimal_text(value))

        return cell

    def _date_cell(self, number: str, text: Callable[[str], str]) -> Callable[[date], str]:
        def cell(value: date) -> str:
            if value >= _FIRST_SAFE_DAY:
                return f"{number}{(value - _EPOCH).days}</v></c>"
            self._tally.count(OLD_DATE)
            return text(value.isoformat())

        return cell

    def _datetime_cell(self, number: str, text: Callable[[str], str]) -> Callable[[datetime], str]:
        def cell(value: datetime) -> str:
            if value.tzinfo is not None:
                value = value.astimezone(self._zone).replace(tzinfo=None)
            if value.date() < _FIRST_SAFE_DAY:
                self._tally.count(OLD_DATE)
                return text(value.isoformat(" "))
            ms, finer = divmod(value.microsecond, 1000)
            if finer:
                self._tally.count(FINE_TIME)
            ms += 1000 * (3600 * value.hour + 60 * value.minute + value.second)
            return f"{number}{(value.date() - _EPOCH).days}{_day_fraction(ms)}</v></c>"

        return cell


def _fits_a_double(value: Decimal) -> bool:
    """Whether a reader gets back `value` itself: 15 digits always survive a double within its range."""
    _, digits, exponent = value.as_tuple()
    significant = len("".join(map(str, digits)).rstrip("0"))
    return significant <= 15 and isinstance(exponent, int) and -290 < value.adjusted() < 290


def _day_fraction(ms: int) -> str:
    """Return `ms` milliseconds after midnight as `.ddd…` of a day.

    Rounded up at the last digit: LibreOffice truncates, and shows a second too early otherwise.
    """
    return f".{-(-ms * 10**11 // _MS_A_DAY):011d}" if ms else ""


def _text_cell(style: int, tally: Tally) -> Callable[[str], str]:
    start = f' s="{style}" t="inlineStr"><is><t>'
    kept = f' s="{style}" t="inlineStr"><is><t xml:space="preserve">'

    def cell(text: str) -> str:
        # 16,383 characters are never more than 32,767 units, whatever they are.
        if len(text) > MAX_TEXT // 2 and _units(text) > MAX_TEXT:
            tally.count(CUT)
            text = _cut(text)
        if _SPECIAL.search(text):
            text = _escaped(text, tally)
        # XML readers may trim the blanks at either end unless told to keep them.
        bare = text and not text[0].isspace() and not text[-1].isspace()
        return f"{start if bare else kept}{text}</t></is></c>"

    return cell


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str) -> str:
    mark = f" … [cut: {len(text):,} characters in all]"
    room = 2 * (MAX_TEXT - len(mark))
    # "ignore" drops the half of a pair that the cut may leave at the end.
    return text.encode("utf-16-le", "surrogatepass")[:room].decode("utf-16-le", "ignore") + mark


def _escaped(text: str, tally: Tally) -> str:
    if _ILLEGAL.search(text):
        tally.count(REPLACED)
        text = _ILLEGAL.sub("\ufffd", text)
    text = _ESCAPE.sub("_x005F_", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A bare carriage return would reach the reader as a line feed (XML 1.0, section 2.11).
    return text.replace("\r", "&#13;")
