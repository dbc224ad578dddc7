"""The workbook around the rows: openpyxl authors styles, sheets, About page and properties."""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from portal.exporters.base import Document
from portal.exporters.xlsx_cells import CellStyles
from portal.table import NUMERIC_TYPES, Column, ColumnType, Row

MAX_SHEET_NAME = 31

_ACCENT, _INK_2, _LINE = "0B6075", "52636A", "DFE6E7"
_FORMATS = {
    ColumnType.INTEGER: "0",
    ColumnType.CURRENCY: "#,##0.00",
    ColumnType.PERCENTAGE: "0.0%",
    ColumnType.DATE: "yyyy-mm-dd",
    ColumnType.DATETIME: "yyyy-mm-dd hh:mm:ss",
}
# Excel shows a boolean by its name whatever its format; LibreOffice shows 1 and 0 without this one.
_BOOLEAN = '"TRUE";"TRUE";"FALSE"'
_SAMPLE = 200

# Excel refuses these in a sheet's name, an apostrophe at either end, and keeps "History" for itself.
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f\ufffe\uffff\ud800-\udfff]+")
_RESERVED = frozenset({"history", "about"})
_UNPRINTABLE = re.compile("[\x00-\x1f\ufffe\uffff\ud800-\udfff]")


def sheet_name(title: str, number: int) -> str:
    """Return the name of data sheet `number` (from 1): at most 31 characters, valid and unique."""
    suffix = "" if number == 1 else f" {number}"
    name = _FORBIDDEN.sub("-", title)[: MAX_SHEET_NAME - len(suffix)].strip(" '-")
    return ("Data" if not name or name.casefold() in _RESERVED else name) + suffix


@dataclass(frozen=True, slots=True)
class Shell:
    """Makes the parts of a workbook that do not grow with its rows.

    The rows are streamed before it is known how many sheets there are, so a workbook is authored twice:
    at the start for the styles and what stands around the rows, at the end for all other parts. Both times
    the data sheets come first and the styles in the same order, so numbers given out at first stay right.
    """

    columns: Sequence[Column]
    document: Document
    widths: Sequence[float]

    def styles(self) -> tuple[int, list[CellStyles]]:
        """Return the style numbers of the header and of each column."""
        return _register_styles(Workbook().create_sheet(), self.columns)

    def around_rows(self, rows: int) -> tuple[bytes, bytes]:
        """Return the XML before and after the rows of a data sheet that holds `rows` rows."""
        with _parts(self._workbook([rows])) as parts:
            sheet = parts.read("xl/worksheets/sheet1.xml")
        # Both are optional: the dimension is not known before the rows are, and below a stated row height
        # LibreOffice draws wrapped text across the rows that follow.
        sheet = re.sub(rb"<(dimension|sheetFormatPr) [^>]*/>", b"", sheet)
        before, after = re.split(rb"<sheetData\s*/>|<sheetData></sheetData>", sheet)
        return before + b"<sheetData>", b"</sheetData>" + after

    def other_parts(self, rows: Sequence[int], notes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of all parts but the data sheets, which hold `rows` rows each."""
        written = {part_name(number) for number in range(1, len(rows) + 1)}
        workbook = self._workbook(rows)
        _add_about(workbook.create_sheet("About"), self.document, rows, notes)
        with _parts(workbook) as parts:
            yield from ((name, parts.read(name)) for name in parts.namelist() if name not in written)

    def _workbook(self, rows: Sequence[int]) -> Workbook:
        workbook = Workbook()
        workbook.remove(workbook.worksheets[0])
        _register_styles(workbook.create_sheet(), self.columns)
        workbook.remove(workbook.worksheets[0])
        for number, count in enumerate(rows, 1):
            sheet = workbook.create_sheet(sheet_name(self.document.title, number))
            _set_up(sheet, self.widths, count)
        properties = workbook.properties
        properties.title = printable(self.document.title)
        properties.creator = printable(self.document.organization)
        properties.created = self.document.generated_at.astimezone(UTC).replace(tzinfo=None)
        return workbook


def part_name(number: int) -> str:
    """Return where openpyxl puts sheet `number` (from 1) inside the file."""
    return f"xl/worksheets/sheet{number}.xml"


def printable(text: str) -> str:
    """Return `text` with U+FFFD for what XML can't hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def column_widths(columns: Sequence[Column], sample: Sequence[Row]) -> list[float]:
    """Return widths in characters: as declared, else wide enough for the label and most of `sample`."""
    return [_width(column, [row[i] for row in sample[:_SAMPLE]]) for i, column in enumerate(columns)]


def _width(column: Column, values: Sequence[object]) -> float:
    if column.width:
        return min(column.width, 255)
    lengths = sorted(min(len(str(v)), 60) for v in values if v is not None) or [0]
    content = lengths[int(0.95 * (len(lengths) - 1))]
    if column.type is ColumnType.DATETIME:
        content = max(content - 6, 19)  # the zone's offset is not shown
    elif column.type in NUMERIC_TYPES:
        content += content // 3  # thousands are separated
    # A header needs room for its filter button, too.
    return float(min(max(content, min(len(column.label), 40) + 3, 8) + 2, 62))


def _register_styles(sheet: Worksheet, columns: Sequence[Column]) -> tuple[int, list[CellStyles]]:
    header = WriteOnlyCell(sheet)
    header.font = _font(bold=True, color="FFFFFF")
    header.fill = PatternFill("solid", fgColor=_ACCENT)
    header.alignment = Alignment(horizontal="left", vertical="center", indent=1)

    def styled(number_format: str, *, text: bool = False) -> int:
        cell = WriteOnlyCell(sheet)
        cell.number_format = number_format
        # The indent keeps text off the numbers, which end at the right edge of the column before.
        left = Alignment(horizontal="left", vertical="top", indent=1, wrap_text=True)
        cell.alignment = left if text else Alignment(vertical="top")
        return int(cell.style_id)

    def of_column(column: Column) -> CellStyles:
        def number_format(*types: ColumnType) -> str:
            own = column.format if column.type in types else None
            return own or _FORMATS.get(column.type if column.type in types else types[0], "General")

        return CellStyles(
            text=styled("General" if column.type in NUMERIC_TYPES else "@", text=True),
            number=styled(number_format(ColumnType.DECIMAL, *NUMERIC_TYPES)),
            date=styled(number_format(ColumnType.DATE)),
            datetime=styled(number_format(ColumnType.DATETIME)),
            boolean=styled(_BOOLEAN, text=True),
        )

    return int(header.style_id), [of_column(column) for column in columns]


def _font(*, size: int = 11, bold: bool = False, color: str | None = None) -> Font:
    return Font(name="Calibri", size=size, bold=bold, color=color)


def _set_up(sheet: Worksheet, widths: Sequence[float], rows: int) -> None:
    for i, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(i)].width = width
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(widths))}{rows + 1}"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    _fit_width(sheet)


def _fit_width(sheet: Worksheet) -> None:
    sheet.page_setup.fitToHeight = 0  # as many pages as it takes
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _add_about(sheet: Worksheet, document: Document, rows: Sequence[int], notes: Sequence[str]) -> None:
    zone = ZoneInfo(document.timezone)
    generated = document.generated_at.astimezone(zone)
    lines = [
        ("Organization", document.organization),
        ("Generated", f"{generated:%Y-%m-%d %H:%M:%S} ({document.timezone})"),
        ("Time zone", f"Times with a zone are shown in {document.timezone}."),
        *document.facts,
        ("Rows", f"{sum(rows):,}"),
    ]
    if len(rows) > 1:
        names = ((sheet_name(document.title, i), count) for i, count in enumerate(rows, 1))
        lines.append(("Sheets", "; ".join(f"{name}: {count:,} rows" for name, count in names)))
    lines += [("Note", note) for note in notes]
    sheet.sheet_view.showGridLines = False
    _fit_width(sheet)
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 22, 90
    _put(sheet, 1, 1, document.title, _font(bold=True, size=16, color=_ACCENT))
    for row, (label, value) in enumerate(lines, 3):
        _put(sheet, row, 1, label, _font(color=_INK_2))
        _put(sheet, row, 2, value, _font())
        for column in (1, 2):
            cell = sheet.cell(row, column)
            cell.border = Border(bottom=Side("hair", color=_LINE))
            cell.alignment = Alignment(vertical="top", wrap_text=column == 2)


def _put(sheet: Worksheet, row: int, column: int, text: str, font: Font) -> None:
    cell = sheet.cell(row, column, printable(text))
    cell.data_type = "s"  # openpyxl makes a formula of "=…" unless told otherwise
    cell.font = font


def _parts(workbook: Workbook) -> zipfile.ZipFile:
    saved = io.BytesIO()
    workbook.save(saved)
    return zipfile.ZipFile(saved)
