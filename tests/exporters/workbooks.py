"""What the tests of XLSX share: columns, a row, and readers of workbooks."""

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from openpyxl import Workbook, load_workbook
from python_calamine import CalamineWorkbook

from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Written
from portal.table import Column, ColumnType
from tests.exporters.shared import export

CASES = [
    Column("id", "Id", ColumnType.INTEGER),
    Column("name", "Name"),
    Column("amount", "Amount", ColumnType.CURRENCY),
    Column("opened", "Opened", ColumnType.DATE),
    Column("changed", "Changed", ColumnType.DATETIME),
    Column("open", "Open", ColumnType.BOOLEAN),
]
ROW = [7, "Zoë", Decimal("1234.50"), date(2025, 3, 9), datetime.fromisoformat("2025-03-09T13:45:30"), True]
VALUE = [Column("v", "V")]


def opened(data: bytes) -> Workbook:
    return load_workbook(io.BytesIO(data))


def cell_written(value: Any, column: Column = VALUE[0]) -> tuple[Any, Written]:
    data, written = export(XlsxExporter(), [column], [[value]])
    return opened(data).worksheets[0]["A2"], written


def seen_by_calamine(data: bytes, sheet: int = 0) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(sheet).to_python()
