"""The workbook around the rows: openpyxl authors styles, sheets, About page and properties."""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from portal.exporters.base import Document
from portal.exporters.xlsx_about import about_lines, add_about
from portal.exporters.xlsx_cells import holdable
from portal.exporters.xlsx_styles import fit_width, register_styles, sheet_name
from portal.table import Column
from portal.tally import Tally


class Shell:
    """Makes the parts of a workbook that do not grow with its rows.

    The rows are streamed before it is known how many sheets there are, so data sheets are added as they
    come, and all that depends on them is made at the end, by `other_parts`.
    """

    def __init__(
        self, columns: Sequence[Column], document: Document, widths: Sequence[float], tally: Tally
    ) -> None:
        self._columns, self._widths, self._tally = columns, widths, tally
        self._document = _holdable(document, tally)
        self._workbook = Workbook()
        self.header_style, self.styles = register_styles(self._workbook.worksheets[0], columns)
        self._workbook.remove(self._workbook.worksheets[0])

    def open_sheet(self) -> bytes:
        """Add a data sheet and return its XML before the rows."""
        name = sheet_name(self._document.title, len(self._workbook.worksheets) + 1)
        _set_up(self._workbook.create_sheet(name), self._widths)
        return self._around_rows()[0]

    def close_sheet(self, rows: int) -> bytes:
        """Return the XML after the rows of the sheet opened last, which holds `rows` data rows."""
        sheet = self._workbook.worksheets[-1]
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(self._widths))}{rows + 1}"
        return self._around_rows()[1]

    def other_parts(self, rows: Sequence[int]) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of all parts but the data sheets, which hold `rows` rows each.

        The sheet "About" says what was tallied until now.
        """
        written = {part_name(number) for number in range(1, len(rows) + 1)}
        lines = about_lines(self._columns, self._document, rows, self._tally)
        add_about(self._workbook.create_sheet("About"), self._document.title, lines)
        properties = self._workbook.properties
        properties.title = self._document.title
        properties.creator = self._document.organization
        properties.created = self._document.generated_at.astimezone(UTC).replace(tzinfo=None)
        properties.modified = properties.created
        saved = io.BytesIO()
        # `Workbook.save` would set the time of modification, so that no two files were equal.
        ExcelWriter(self._workbook, zipfile.ZipFile(saved, "w")).save()
        with zipfile.ZipFile(saved) as parts:
            yield from ((name, parts.read(name)) for name in parts.namelist() if name not in written)

    def _around_rows(self) -> tuple[bytes, bytes]:
        # What `save` writes each sheet by; to save the whole workbook takes ten times as long.
        writer = WorksheetWriter(self._workbook.worksheets[-1], out=(out := io.BytesIO()))
        writer.write()
        # Both are optional: the dimension is not known before the rows are, and below a stated row height
        # LibreOffice draws wrapped text across the rows that follow.
        sheet = re.sub(rb"<(dimension|sheetFormatPr) [^>]*/>", b"", out.getvalue())
        before, after = re.split(rb"<sheetData\s*/>|<sheetData></sheetData>", sheet)
        return before + b"<sheetData>", b"</sheetData>" + after


def part_name(number: int) -> str:
    """Return where openpyxl puts sheet `number` (from 1) inside the file."""
    return f"xl/worksheets/sheet{number}.xml"


def _holdable(document: Document, tally: Tally) -> Document:
    """Return the document with texts that cells can hold."""
    return replace(
        document,
        title=holdable(document.title, tally),
        organization=holdable(document.organization, tally),
        facts=tuple((holdable(label, tally), holdable(value, tally)) for label, value in document.facts),
    )


def _set_up(sheet: Worksheet, widths: Sequence[float]) -> None:
    for i, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(i)].width = width
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    fit_width(sheet)
