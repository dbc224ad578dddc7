"""Values as fields of CSV: quoted where they must be, guarded where a spreadsheet would run them.

A batch's values of a column are looked at together: a few searches through all of them joined find out that
none is special, which is mostly so. Only where one is, each is looked at by itself.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from portal.exporters.by_type import ByType, by_column
from portal.exporters.json_values import JsonValues
from portal.exporters.options import CsvOptions, Delimiter, Encoding, Quoting
from portal.exporters.text import (
    binary_text,
    decimal_texts,
    float_text,
    instants_in,
)
from portal.tally import REPLACED, Tally

GUARDED = "An apostrophe was put before text that a spreadsheet would execute"
NOT_IN_1252 = "Characters that Windows-1252 does not have became a question mark"

# What begins a formula for Excel and LibreOffice, also after blanks and in the full-width forms that East
# Asian versions accept (OWASP, "CSV Injection"); a leading tab or line end can move the rest into a new cell.
_FORMULA = re.compile(r"[\t\r\n]|[\s\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")

# A sign and one plain number, or a lone dash, can do nothing but be itself: "-5", "+49 170 1234567", "-".
_HARMLESS = re.compile(r"-|[+-][0-9]+(?:[ .,][0-9]+)*(?:[eE][+-]?[0-9]+)?%?")

# With what a text must begin to match `_FORMULA`, blanks aside.
_RISKY_FIRST = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\ufeff")

# All delimiters make quotes necessary, not just the file's: LibreOffice offers to part fields at any of them
# at once, and "a;=1+1" without quotes would become a formula then.
_MARKS = ('"', "\r", "\n", *(delimiter.value for delimiter in Delimiter))
_MARKED = re.compile(f"[{re.escape(''.join(_MARKS))}]")

_WINDOWS_1252 = bytes(range(1, 256)).decode("cp1252", "ignore")
_NULL = type(None)


def executes(text: str) -> bool:
    """Whether a spreadsheet that opens a CSV file may run `text` instead of showing it."""
    return _FORMULA.match(text) is not None and _HARMLESS.fullmatch(text) is None


class CsvFields:
    """Fields of one column. `tally` counts what was changed."""

    def __init__(self, options: CsvOptions, zone: ZoneInfo, tally: Tally) -> None:
        self._tally = tally
        self._json = JsonValues(tally)
        self._all_quoted = options.quoting is Quoting.ALL
        self._text_quoted = options.quoting is not Quoting.MINIMAL
        self._comma = options.decimal_comma
        self._comma_quoted = options.delimiter is Delimiter.COMMA and not self._all_quoted
        if options.encoding is Encoding.WINDOWS_1252:
            unwritable = f"[^{re.escape(_WINDOWS_1252)}]"
            self._codec, self._stand_in, self._replaced = "cp1252", "?", NOT_IN_1252
        else:  # halves of a surrogate pair have no form in UTF-8 or UTF-16
            unwritable = "[\0\ud800-\udfff]"
            self._codec, self._stand_in, self._replaced = "utf-8", "\ufffd", REPLACED
        self._unwritable = re.compile(unwritable)
        self._zone = zone
        self._by_type = self._functions()

    def of(self, values: Sequence[Any]) -> Sequence[str]:
        """Return a field a value."""
        return by_column(self._by_type, values)

    def _functions(self) -> ByType[Sequence[str]]:
        """Return what makes fields of all values of one type. Numbers and dates are safe as they stand."""

        def binaries(values: Sequence[Any]) -> Sequence[str]:
            return self._texts(list(map(binary_text, values)))  # base64 may begin with "+"

        def structures(values: Sequence[Any]) -> Sequence[str]:
            return self._texts(list(map(self._json.text, values)))

        return ByType(
            {
                _NULL: lambda values: [""] * len(values),
                str: self._texts,
                bool: lambda values: self._plain("true" if value else "false" for value in values),
                int: lambda values: self._plain(map(str, values)),
                float: lambda values: self._numbers(map(float_text, values)),
                Decimal: lambda values: self._numbers(decimal_texts(values)),
                date: lambda values: self._plain(map(date.isoformat, values)),
                datetime: self._instants,
                bytes: binaries,
                bytearray: binaries,
                memoryview: binaries,
                list: structures,
                tuple: structures,
                dict: structures,
            },
            other=lambda values: self._texts(list(map(str, values))),
        )

    def _plain(self, texts: Iterable[str]) -> list[str]:
        return [f'"{text}"' for text in texts] if self._all_quoted else list(texts)

    def _numbers(self, texts: Iterable[str]) -> list[str]:
        if not self._comma:
            return self._plain(texts)
        marked = self._plain(text.replace(".", ",") for text in texts)
        return [f'"{text}"' if "," in text else text for text in marked] if self._comma_quoted else marked

    def _instants(self, values: Sequence[datetime]) -> list[str]:
        return self._plain(map(datetime.isoformat, instants_in(values, self._zone, self._tally)))

    def _texts(self, values: Sequence[str]) -> Sequence[str]:
        firsts = {value[:1] for value in values}
        blank_first = any(map(str.isspace, firsts))
        if blank_first or not firsts.isdisjoint(_RISKY_FIRST):
            values = list(map(self._guarded, values))
        joined = "".join(values)
        if "\0" in joined or not self._can_hold(joined):
            values = list(map(self._writable, values))
        doubled = [value.replace('"', '""') for value in values] if '"' in joined else values
        if self._text_quoted:
            return [f'"{value}"' for value in doubled]
        if blank_first or "" in firsts or any(value[-1:].isspace() for value in values):
            must = list(map(_blank_or_marked, values))
        elif any(mark in joined for mark in _MARKS):
            must = [_MARKED.search(value) is not None for value in values]
        else:
            return values
        return [f'"{value}"' if quoted else value for value, quoted in zip(doubled, must, strict=True)]

    def _guarded(self, text: str) -> str:
        if not executes(text):
            return text
        self._tally.count(GUARDED)
        return "'" + text

    def _can_hold(self, text: str) -> bool:
        try:
            text.encode(self._codec)
        except UnicodeEncodeError:
            return False
        return True

    def _writable(self, text: str) -> str:
        mended = self._unwritable.sub(self._stand_in, text)
        if mended != text:
            self._tally.count(self._replaced)
        return mended


def _blank_or_marked(text: str) -> bool:
    """Whether a reader may trim or part `text`, or take it for NULL."""
    return not text or text[0].isspace() or text[-1].isspace() or _MARKED.search(text) is not None
