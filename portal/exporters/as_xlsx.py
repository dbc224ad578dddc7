"""XLSX: openpyxl's workbook around rows that we stream into it ourselves."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO
from zoneinfo import ZoneInfo

from stream_zip import ZIP_32, MemberFile, ZipOverflowError, stream_zip

from portal.errors import LimitExceeded
from portal.exporters.base import Document, Written, header, zone_name
from portal.exporters.options import XlsxSize
from portal.exporters.xlsx_cells import CellStyles
from portal.exporters.xlsx_rows import RowEncoder
from portal.exporters.xlsx_shell import Shell, part_name
from portal.exporters.xlsx_styles import column_widths, sheet_name
from portal.exporters.xlsx_zip import compressor
from portal.table import Batch, Batches, Column
from portal.tally import Tally

MAX_COLUMNS = 16_384
MAX_ROWS = 1_048_575
"""Data rows a sheet can hold below its header (Excel specifications and limits)."""

MAX_SHEET_BYTES = 15 * 2**28
"""XML after which a sheet ends: what a ZIP part may have (4 GiB), less room for one more batch.

LibreOffice 7.4 refuses streamed parts in the ZIP64 format, which larger ones would need.
"""


class XlsxExporter:
    """One workbook: data sheets with header, filter and frozen top row, and an "About" sheet.

    Numbers, booleans and dates are real ones; aware datetimes are shown in the zone that their header
    names. Text is always text, never a formula. A percentage is the fraction (0.25 shows as 25.0%). Rows
    beyond `sheet_rows` rows or `sheet_bytes` bytes of XML continue on further sheets.
    """

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    extension = "xlsx"

    def __init__(
        self,
        size: XlsxSize = XlsxSize.FAST,
        sheet_rows: int = MAX_ROWS,
        sheet_bytes: int = MAX_SHEET_BYTES,
    ) -> None:
        self._compressor = compressor(size)
        self._limits = sheet_rows, sheet_bytes

    def write(
        self,
        batches: Batches,
        columns: Sequence[Column],
        out: BinaryIO,
        document: Document,
        tally: Tally | None = None,
    ) -> Written:
        """Write the workbook; see `Exporter`.

        Raises LimitExceeded beyond 16,384 columns, and where the packed file would pass 4 GiB.
        """
        if len(columns) > MAX_COLUMNS:
            raise LimitExceeded(f"{len(columns):,} columns are more than XLSX can hold ({MAX_COLUMNS:,}).")
        tally = tally or Tally()
        book = _Book(_Source(batches), columns, document, tally, *self._limits)
        # The time of the document, twice as precise and in UTC, would need an extra field in each part.
        packed = stream_zip(book.parts(), get_compressobj=self._compressor, extended_timestamps=False)
        try:
            out.writelines(packed)
        except ZipOverflowError as error:
            raise LimitExceeded("The workbook is larger than an XLSX file can be (4 GiB).") from error
        return Written(sum(book.rows), tally.notes())


class _Source:
    """Batches, from which a sheet takes no more rows than it has room for."""

    def __init__(self, batches: Batches) -> None:
        self._batches = (batch for batch in batches if batch)
        self._rest: Batch = ()

    def peek(self) -> Batch:
        """Return the rows that come next, none at the end."""
        if not self._rest:
            self._rest = next(self._batches, ())
        return self._rest

    def take(self, most: int) -> Batch:
        """Return some of the rows that come next, `most` at most, none at the end."""
        batch = self.peek()
        self._rest = batch[most:]
        return batch[:most] if self._rest else batch


class _Book:
    """The parts of one workbook, made while they are read. `rows` are those of each data sheet so far."""

    def __init__(
        self,
        source: _Source,
        columns: Sequence[Column],
        document: Document,
        tally: Tally,
        sheet_rows: int,
        sheet_bytes: int,
    ) -> None:
        self.rows: list[int] = []
        self._source = source
        self._document = document
        self._tally = tally
        self._sheet_rows, self._sheet_bytes = sheet_rows, sheet_bytes
        self._shell = Shell(columns, document, column_widths(columns, document, source.peek()), tally)
        zones = [ZoneInfo(zone_name(column, document)) for column in columns]
        labels = RowEncoder([CellStyles.of_all(self._shell.header_style)] * len(columns), zones, tally)
        self._labels = labels.encode([[header(column, document) for column in columns]], first=1)
        self._encoder = RowEncoder(self._shell.styles, zones, tally)

    def parts(self) -> Iterator[MemberFile]:
        """Yield the data sheets and then, as it is known what is in them, all other parts."""
        while self._source.peek() or not self.rows:
            self.rows.append(0)
            yield self._part(part_name(len(self.rows)), self._sheet())
        if len(self.rows) > 1:
            self._remark_sheets()
        for name, content in self._shell.other_parts(self.rows):
            yield self._part(name, [content])

    def _part(self, name: str, content: Iterator[bytes] | list[bytes]) -> MemberFile:
        return name, self._document.generated_at, 0o600, ZIP_32, content

    def _sheet(self) -> Iterator[bytes]:
        yield self._shell.open_sheet() + self._labels
        rows = size = 0
        while rows < self._sheet_rows and size < self._sheet_bytes and self._source.peek():
            batch = self._source.take(self._sheet_rows - rows)
            xml = self._encoder.encode(batch, first=rows + 2)
            rows += len(batch)
            size += len(xml)
            yield xml
        self.rows[-1] = rows
        yield self._shell.close_sheet(rows)

    def _remark_sheets(self) -> None:
        full = f"{self._sheet_rows:,} rows"
        if min(self.rows[:-1]) < self._sheet_rows:
            full += f" or {self._sheet_bytes / 2**30:.2f} GiB"
        self._tally.remark(
            f"The rows stand on {len(self.rows)} sheets, {sheet_name(self._document.title, 1)!r} and"
            f" following, because a sheet holds {full}."
        )
