"""The sheet "About" of a workbook: what the file is, when and from what it was made, what was changed."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.worksheet.worksheet import Worksheet

from portal.exporters.base import Document, zone_name
from portal.exporters.xlsx_cells import holdable
from portal.exporters.xlsx_styles import ACCENT, INK_2, LINE, fit_width, font, sheet_name
from portal.table import Column, ColumnType
from portal.tally import Tally


def about_lines(
    columns: Sequence[Column], document: Document, rows: Sequence[int], tally: Tally
) -> list[tuple[str, str]]:
    """Return labels and values; `rows` are those of each data sheet. Cells can hold what `document` says."""
    generated = document.generated_at.astimezone(ZoneInfo(document.timezone))
    lines = [
        *([("Organization", document.organization)] if document.organization else []),
        ("Generated", f"{generated:%Y-%m-%d %H:%M:%S} ({document.timezone})"),
        ("Time zone", holdable(_time_zones(columns, document), tally)),
        *document.facts,
        ("Rows", f"{sum(rows):,}"),
    ]
    if len(rows) > 1:
        names = ((sheet_name(document.title, i), count) for i, count in enumerate(rows, 1))
        lines.append(("Sheets", "; ".join(f"{name}: {count:,} rows" for name, count in names)))
    return lines + [("Note", note) for note in tally.notes()]


def _time_zones(columns: Sequence[Column], document: Document) -> str:
    others: dict[str, list[str]] = {}
    for column in columns:
        if column.type is ColumnType.DATETIME and zone_name(column, document) != document.timezone:
            others.setdefault(zone_name(column, document), []).append(column.label)
    but = "".join(f", those of {', '.join(labels)} in {zone}" for zone, labels in others.items())
    return f"Times with a zone are shown in {document.timezone}{but}."


def add_about(sheet: Worksheet, title: str, lines: Sequence[tuple[str, str]]) -> None:
    """Fill the empty `sheet`."""
    sheet.sheet_view.showGridLines = False
    fit_width(sheet)
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 22, 90
    _put(sheet, 1, 1, title, font(bold=True, size=16, color=ACCENT))
    label_font, value_font, border = font(color=INK_2), font(), Border(bottom=Side("hair", color=LINE))
    for row, line in enumerate(lines, 3):
        for column, text in enumerate(line, 1):
            _put(sheet, row, column, text, value_font if column == 2 else label_font)
            cell = sheet.cell(row, column)
            cell.border = border
            cell.alignment = Alignment(vertical="top", wrap_text=column == 2)


def _put(sheet: Worksheet, row: int, column: int, text: str, font: Font) -> None:
    cell = sheet.cell(row, column, text)
    cell.data_type = "s"  # openpyxl makes a formula of "=…" unless told otherwise
    cell.font = font
