"""CSV (RFC 4180) that a spreadsheet opens rightly and can't be tricked by."""

from collections.abc import Sequence
from typing import BinaryIO
from zoneinfo import ZoneInfo

from portal.exporters.base import Document, Written, header, zone_name
from portal.exporters.csv_fields import CsvFields
from portal.exporters.options import CsvOptions, Encoding, LineEnd
from portal.table import Batches, Column
from portal.tally import Tally

# Python's codec, what the file begins with, and the charset's registered name (IANA).
_ENCODINGS = {
    Encoding.UTF_8_BOM: ("utf-8", b"\xef\xbb\xbf", "utf-8"),
    Encoding.UTF_8: ("utf-8", b"", "utf-8"),
    Encoding.UTF_16: ("utf-16-le", b"\xff\xfe", "utf-16"),
    Encoding.WINDOWS_1252: ("cp1252", b"", "windows-1252"),
}


class CsvExporter:
    """A header row, and a row of fields a row; delimiter, encoding, line end and quotes as chosen.

    NULL is an empty field and the empty text is `""`, for readers that tell them apart; a row of nothing but
    one NULL is `""` too, because readers skip blank lines. Booleans are `true` and `false`; decimals are
    never scientific; dates are ISO 8601, aware datetimes in their column's zone with offset; bytes are
    base64. Text that would run as a formula gets an apostrophe, which is counted; numbers never do.
    """

    extension = "csv"

    def __init__(self, options: CsvOptions | None = None) -> None:
        self._options = options or CsvOptions()
        self._codec, self._mark, charset = _ENCODINGS[self._options.encoding]
        self._end = "\n" if self._options.line_end is LineEnd.LF else "\r\n"
        self.media_type = f"text/csv; charset={charset}"

    def write(
        self,
        batches: Batches,
        columns: Sequence[Column],
        out: BinaryIO,
        document: Document,
        tally: Tally | None = None,
    ) -> Written:
        """Write the header and all rows; see `Exporter`."""
        tally = tally or Tally()
        encoders = [
            CsvFields(self._options, ZoneInfo(zone_name(column, document)), tally) for column in columns
        ]
        labels = [[header(column, document)] for column in columns]
        fields = [list(f.of(label)) for f, label in zip(encoders, labels, strict=True)]
        if fields and fields[0][0].startswith("ID"):  # by which Excel knows files of type SYLK
            fields[0] = [f'"{fields[0][0]}"']
        out.write(self._mark + self._records(fields))
        rows = 0
        for batch in batches:
            if batch:
                values = zip(encoders, zip(*batch, strict=True), strict=True)
                out.write(self._records([fields.of(column) for fields, column in values]))
                rows += len(batch)
        return Written(rows, tally.notes())

    def _records(self, fields: Sequence[Sequence[str]]) -> bytes:
        """Return the records of as many rows as each column has fields."""
        if len(fields) == 1:  # a blank line would be no record
            fields = [[field or '""' for field in fields[0]]]
        records = map(self._options.delimiter.value.join, zip(*fields, strict=True))
        return (self._end.join(records) + self._end).encode(self._codec)
