"""CSV (RFC 4180) that a spreadsheet opens rightly and can't be tricked by."""

import re
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from portal.exporters.base import Document, Written
from portal.exporters.by_type import ByType
from portal.exporters.tally import REPLACED, Tally
from portal.exporters.text import SURROGATES, json_text, plain_texts
from portal.table import Batches, Column

GUARDED = "An apostrophe was put before text that a spreadsheet would execute"

# Excel takes UTF-8 for a local code page unless the file begins with this mark.
_BOM = b"\xef\xbb\xbf"

# What begins a formula for Excel and LibreOffice, also after blanks and in the full-width forms that East
# Asian versions accept (OWASP, "CSV Injection"); a leading tab or line end can move the rest into a new cell.
_FORMULA = re.compile(r"[\t\r\n]|[\s\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")

# A sign and one plain number, or a lone dash, can do nothing but be itself: "-5", "+49 170 1234567", "-".
_HARMLESS = re.compile(r"-|[+-]\d+(?:[ .,]\d+)*(?:[eE][+-]?\d+)?%?")

_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')
_UNWRITABLE = re.compile(f"\0|{SURROGATES.pattern}")


def executes(text: str) -> bool:
    """Whether a spreadsheet that opens a CSV file may run `text` instead of showing it."""
    return _FORMULA.match(text) is not None and _HARMLESS.fullmatch(text) is None


class CsvExporter:
    """Comma, CRLF, UTF-8 with byte order mark, a header row of labels.

    NULL is an empty field and the empty text is `""`, for readers that tell them apart; a row of nothing but
    one NULL is `""` too, because readers skip blank lines. Booleans are `true` and `false`; decimals are
    never scientific; dates are ISO 8601, aware datetimes in the document's zone with offset; bytes are
    base64. Text that would run as a formula gets an apostrophe, which is counted; numbers never do.
    """

    media_type = "text/csv; charset=utf-8"
    extension = "csv"

    def write(
        self, batches: Batches, columns: Sequence[Column], out: BinaryIO, document: Document
    ) -> Written:
        """Write the header and all rows; see `Exporter`."""
        tally = Tally()
        fields = _fields(ZoneInfo(document.timezone), tally)
        out.write(_BOM + _record([fields[str](column.label) for column in columns]).encode())
        rows = 0
        for batch in batches:
            out.write("".join([_record([fields[type(v)](v) for v in row]) for row in batch]).encode())
            rows += len(batch)
        return Written(rows, tally.notes())


def _record(fields: list[str]) -> str:
    return (",".join(fields) or '""') + "\r\n"


def _fields(zone: ZoneInfo, tally: Tally) -> ByType[str]:
    """Return how each type becomes a field, quoted where it must be. All but text is safe as it stands."""
    text = _text_field(tally)
    plain = plain_texts(zone)

    def structure(value: Any) -> str:
        return text(json_text(value))

    def other(value: Any) -> str:
        return text(str(value))

    return ByType({**plain, str: text, list: structure, tuple: structure, dict: structure}, other)


def _text_field(tally: Tally) -> Callable[[str], str]:
    def field(text: str) -> str:
        if executes(text):
            tally.count(GUARDED)
            text = "'" + text
        if _UNWRITABLE.search(text):
            tally.count(REPLACED)
            text = _UNWRITABLE.sub("\ufffd", text)
        if not text or _QUOTED.search(text):
            return '"' + text.replace('"', '""') + '"'
        return text

    return field
