"""XLSX: openpyxl's workbook around rows that we stream into it ourselves."""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import BinaryIO
from zoneinfo import ZoneInfo

from portal.errors import LimitExceeded
from portal.exporters.base import Document, Written
from portal.exporters.tally import Tally
from portal.exporters.xlsx_cells import CellStyles, RowEncoder
from portal.exporters.xlsx_shell import Shell, column_widths, part_name, sheet_name
from portal.table import Batch, Batches, Column

MAX_COLUMNS = 16_384
MAX_ROWS = 1_048_575
"""Data rows a sheet can hold below its header (Excel specifications and limits)."""


class XlsxExporter:
    """One workbook: data sheets with header, filter and frozen top row, and an "About" sheet.

    Numbers, booleans and dates are real ones; aware datetimes are shown in the document's zone, which About
    says. Text is always text, never a formula. A percentage is the fraction (0.25 shows as 25.0%). Rows
    beyond `sheet_rows` continue on further sheets. `level` is zlib's, from 1 (fast) to 9 (small).
    """

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    extension = "xlsx"

    def __init__(self, sheet_rows: int = MAX_ROWS, level: int = 6) -> None:
        self._sheet_rows = sheet_rows
        self._level = level

    def write(
        self, batches: Batches, columns: Sequence[Column], out: BinaryIO, document: Document
    ) -> Written:
        """Write the workbook; see `Exporter`. Raises LimitExceeded beyond 16,384 columns."""
        if len(columns) > MAX_COLUMNS:
            raise LimitExceeded(f"{len(columns):,} columns are more than XLSX can hold ({MAX_COLUMNS:,}).")
        remaining = (batch for batch in batches if batch)
        first = next(remaining, [])
        shell = Shell(columns, document, column_widths(columns, first))
        tally = Tally()
        with zipfile.ZipFile(_Stream(out), "w", zipfile.ZIP_DEFLATED, compresslevel=self._level) as archive:
            pieces = _dealt(chain([first], remaining), self._sheet_rows)
            rows = _write_sheets(archive, pieces, shell, tally)
            if len(rows) > 1:
                tally.remark(
                    f"The rows stand on {len(rows)} sheets, {sheet_name(document.title, 1)!r} and following,"
                    f" because a sheet holds {self._sheet_rows:,} rows."
                )
            for name, content in shell.other_parts(rows, tally.notes()):
                archive.writestr(name, content)
        return Written(sum(rows), tally.notes())


class _Stream:
    """Only the writing half of a file, so that zipfile puts sizes behind each part and never seeks back."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, data: bytes, /) -> int:
        return self._out.write(data)

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        """Leave the file open: it is the caller's."""


def _dealt(batches: Iterable[Batch], limit: int) -> Iterator[tuple[int, Batch]]:
    """Yield sheet number (from 1) and rows, cutting batches so that no sheet gets more than `limit` rows."""
    sheet, room = 1, limit
    for batch in batches:
        while len(batch) > room:
            if room:
                yield sheet, batch[:room]
            batch = batch[room:]
            sheet, room = sheet + 1, limit
        yield sheet, batch
        room -= len(batch)


def _write_sheets(
    archive: zipfile.ZipFile, pieces: Iterator[tuple[int, Batch]], shell: Shell, tally: Tally
) -> list[int]:
    """Stream every data sheet into the archive and return the number of data rows on each."""
    zone = ZoneInfo(shell.document.timezone)
    header_style, styles = shell.styles()
    header = RowEncoder([CellStyles(*[header_style] * 5)] * len(styles), zone, tally)
    labels = header.encode([[column.label for column in shell.columns]], first=1)
    before, _ = shell.around_rows(rows=0)
    encoder = RowEncoder(styles, zone, tally)
    counts = []
    for number, sheet in groupby(pieces, key=itemgetter(0)):
        rows = 0
        # The size is not known in advance and may pass 4 GiB, so the part is announced as ZIP64.
        with archive.open(part_name(number), "w", force_zip64=True) as part:
            part.write(before + labels)
            for _, batch in sheet:
                part.write(encoder.encode(batch, first=rows + 2))
                rows += len(batch)
            part.write(shell.around_rows(rows)[1])
        counts.append(rows)
    return counts
