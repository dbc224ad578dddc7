"""Values as fields of CSV: quoted where they must be, guarded where a spreadsheet would run them.

A batch's values of a column are looked at together: a few searches through all of them joined find out that
none is special, which is mostly so. Only where one is, each is looked at by itself.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from portal.exporters.by_type import ByType
from portal.exporters.options import CsvOptions, Encoding, Quoting
from portal.exporters.tally import REPLACED, WITHOUT_ZONE, Tally
from portal.exporters.text import binary_text, decimal_text, float_text, json_text, plain_texts

GUARDED = "An apostrophe was put before text that a spreadsheet would execute"
NOT_IN_1252 = "Characters that Windows-1252 does not have became a question mark"

# What begins a formula for Excel and LibreOffice, also after blanks and in the full-width forms that East
# Asian versions accept (OWASP, "CSV Injection"); a leading tab or line end can move the rest into a new cell.
_FORMULA = re.compile(r"[\t\r\n]|[\s\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")

# A sign and one plain number, or a lone dash, can do nothing but be itself: "-5", "+49 170 1234567", "-".
_HARMLESS = re.compile(r"-|[+-]\d+(?:[ .,]\d+)*(?:[eE][+-]?\d+)?%?")

# With what a text must begin to match `_FORMULA`, blanks aside; the empty text is special, too.
_RISKY_FIRST = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\ufeff") | {""}

_WINDOWS_1252 = bytes(range(1, 256)).decode("cp1252", "ignore")
_NULL = type(None)


def executes(text: str) -> bool:
    """Whether a spreadsheet that opens a CSV file may run `text` instead of showing it."""
    return _FORMULA.match(text) is not None and _HARMLESS.fullmatch(text) is None


class CsvFields:
    """Fields of one column. `tally` counts what was changed."""

    def __init__(self, options: CsvOptions, zone: ZoneInfo, tally: Tally) -> None:
        self._tally = tally
        self._all_quoted = options.quoting is Quoting.ALL
        self._text_quoted = options.quoting is not Quoting.MINIMAL
        self._comma = options.decimal_comma
        delimiter = re.escape(options.delimiter.value)
        self._quoted = re.compile(rf'["\r\n{delimiter}]|^\s|\s$')
        if options.encoding is Encoding.WINDOWS_1252:
            unwritable = f"[^{re.escape(_WINDOWS_1252)}]"
            self._stand_in, self._replaced = "?", NOT_IN_1252
        else:  # halves of a surrogate pair have no form in UTF-8 or UTF-16
            unwritable = "[\0\ud800-\udfff]"
            self._stand_in, self._replaced = "\ufffd", REPLACED
        self._unwritable = re.compile(unwritable)
        self._codec = "cp1252" if options.encoding is Encoding.WINDOWS_1252 else "utf-8"
        self._marks = ("\0", '"', "\r", "\n", options.delimiter.value)
        self._zone = zone
        self._by_type = self._functions(zone)

    def of(self, values: Sequence[Any]) -> Sequence[str]:
        """Return a field a value."""
        kinds = set(map(type, values))
        if kinds == {str}:
            return self._texts(values)
        if kinds == {int} and not self._all_quoted:
            return list(map(str, values))
        if kinds == {Decimal} and not self._all_quoted and not self._comma:
            return self._decimals(values)
        if kinds == {datetime} and not self._all_quoted and None not in {value.tzinfo for value in values}:
            return self._instants(values)
        functions = self._by_type
        if len(kinds) == 1:
            return list(map(functions[kinds.pop()], values))
        return [functions[type(value)](value) for value in values]

    def _texts(self, values: Sequence[str]) -> Sequence[str]:
        if self._any_special(values):
            return list(map(self._text, values))
        return [f'"{value}"' for value in values] if self._text_quoted else values

    def _any_special(self, values: Sequence[str]) -> bool:
        """Whether any of the texts may need quotes, a guard or a replacement."""
        firsts, lasts = {value[:1] for value in values}, {value[-1:] for value in values}
        if not firsts.isdisjoint(_RISKY_FIRST) or any(map(str.isspace, firsts | lasts)):
            return True
        joined = "".join(values)
        if any(mark in joined for mark in self._marks):
            return True
        try:
            joined.encode(self._codec)
        except UnicodeEncodeError:
            return True
        return False

    def _instants(self, values: Sequence[datetime]) -> Sequence[str]:
        zone = self._zone
        return [value.astimezone(zone).isoformat() for value in values]

    def _decimals(self, values: Sequence[Decimal]) -> Sequence[str]:
        texts = list(map(str, values))
        joined = "".join(texts)
        if "E" in joined or "N" in joined or "I" in joined:  # 1E+3, NaN, Infinity
            return list(map(decimal_text, values))
        return texts

    def _functions(self, zone: ZoneInfo) -> ByType[str]:
        """Return how each type becomes a field. All but text is safe as it stands."""
        plain = plain_texts(zone)
        shown: dict[type, Callable[[Any], str]] = {
            kind: self._plain(function) for kind, function in plain.items()
        }
        structure = self._structure
        return ByType(
            {
                **shown,
                _NULL: lambda _: "",
                str: self._text,
                float: self._plain(self._decimal_mark(float_text)),
                Decimal: self._plain(self._decimal_mark(decimal_text)),
                datetime: self._plain(self._instant(plain[datetime])),
                **dict.fromkeys((bytes, bytearray, memoryview), self._binary),
                list: structure,
                tuple: structure,
                dict: structure,
            },
            other=lambda value: self._text(str(value)),
        )

    def _plain(self, function: Callable[[Any], str]) -> Callable[[Any], str]:
        if not self._all_quoted:
            return function
        return lambda value: f'"{function(value)}"'

    def _decimal_mark(self, function: Callable[[Any], str]) -> Callable[[Any], str]:
        if not self._comma:
            return function
        quoted = not self._all_quoted and self._quoted.search(",") is not None

        def marked(value: Any) -> str:
            text = function(value).replace(".", ",")
            return f'"{text}"' if quoted and "," in text else text

        return marked

    def _instant(self, function: Callable[[datetime], str]) -> Callable[[datetime], str]:
        def shown(value: datetime) -> str:
            if value.tzinfo is None:
                self._tally.count(WITHOUT_ZONE)
            return function(value)

        return shown

    def _binary(self, value: bytes | bytearray | memoryview) -> str:
        text = binary_text(value)
        return f'"{text}"' if self._all_quoted or not text else text  # without quotes it would be NULL

    def _structure(self, value: Any) -> str:
        return self._text(json_text(value))

    def _text(self, text: str) -> str:
        if executes(text):
            self._tally.count(GUARDED)
            text = "'" + text
        if self._unwritable.search(text):
            self._tally.count(self._replaced)
            text = self._unwritable.sub(self._stand_in, text)
        if not text or self._text_quoted or self._quoted.search(text):
            return '"' + text.replace('"', '""') + '"'
        return text
