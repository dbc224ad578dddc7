"""How a workbook looks: names of sheets, cell formats, widths of columns."""

import re
from collections.abc import Sequence
from functools import cache

from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from portal.exporters.base import Document, header
from portal.exporters.xlsx_cells import CellStyles, first_units
from portal.table import NUMERIC_TYPES, Column, ColumnType, Row

MAX_SHEET_NAME = 31

ACCENT, INK_2, LINE = "0B6075", "52636A", "DFE6E7"
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


def sheet_name(title: str, number: int) -> str:
    """Return the name of data sheet `number` (from 1): at most 31 units of UTF-16, valid and unique."""
    suffix = "" if number == 1 else f" {number}"
    name = first_units(_FORBIDDEN.sub("-", title), MAX_SHEET_NAME - len(suffix)).strip(" '-")
    return ("Data" if not name or name.casefold() in _RESERVED else name) + suffix


def column_widths(columns: Sequence[Column], document: Document, sample: Sequence[Row]) -> list[float]:
    """Return widths in characters: as declared, else wide enough for the header and most of `sample`."""
    return [
        _width(column, header(column, document), [row[i] for row in sample[:_SAMPLE]])
        for i, column in enumerate(columns)
    ]


def _width(column: Column, label: str, values: Sequence[object]) -> float:
    if column.width:
        return min(column.width, 255)
    lengths = sorted(min(len(str(v)), 60) for v in values if v is not None) or [0]
    content = lengths[int(0.95 * (len(lengths) - 1))]
    if column.type is ColumnType.DATETIME:
        content = max(content - 6, 19)  # the zone's offset is not shown
    elif column.type in NUMERIC_TYPES:
        content += content // 3  # thousands are separated
    # A header needs room for its filter button, too.
    return float(min(max(content, min(len(label), 40) + 3, 8) + 2, 62))


def register_styles(sheet: Worksheet, columns: Sequence[Column]) -> tuple[int, list[CellStyles]]:
    """Enter cell formats into the workbook of `sheet`; return those of the header and of each column."""
    head = WriteOnlyCell(sheet)
    head.font = font(bold=True, color="FFFFFF")
    head.fill = PatternFill("solid", fgColor=ACCENT)
    head.alignment = Alignment(horizontal="left", vertical="center", indent=1)
    plain = Alignment(vertical="top")
    # The indent keeps text off the numbers, which end at the right edge of the column before.
    left = Alignment(horizontal="left", vertical="top", indent=1, wrap_text=True)

    @cache  # most columns look alike, and openpyxl takes a tenth of a millisecond for each
    def styled(number_format: str, *, text: bool = False) -> int:
        cell = WriteOnlyCell(sheet)
        cell.number_format = number_format
        cell.alignment = left if text else plain
        return int(cell.style_id)

    def of_column(column: Column) -> CellStyles:
        return CellStyles(
            text=styled("General" if column.type in NUMERIC_TYPES else "@", text=True),
            number=styled(_number_format(column, ColumnType.DECIMAL, *NUMERIC_TYPES)),
            date=styled(_number_format(column, ColumnType.DATE)),
            datetime=styled(_number_format(column, ColumnType.DATETIME)),
            boolean=styled(_BOOLEAN, text=True),
        )

    return int(head.style_id), [of_column(column) for column in columns]


def _number_format(column: Column, *types: ColumnType) -> str:
    """Return the column's own format, if it is of one of `types`, else what the first of them has."""
    if column.type in types:
        return column.format or _FORMATS.get(column.type, "General")
    return _FORMATS.get(types[0], "General")


def font(*, size: int = 11, bold: bool = False, color: str | None = None) -> Font:
    return Font(name="Calibri", size=size, bold=bold, color=color)


def fit_width(sheet: Worksheet) -> None:
    """Let a printed page be as wide as the sheet."""
    sheet.page_setup.fitToHeight = 0  # as many pages as it takes
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
