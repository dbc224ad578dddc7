"""Workbooks read back by another program."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

from .cases import rows


def verify(path: Path, count: int) -> None:
    """Every cell of the file equals what went in."""
    found = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows()
    next(found)  # the header
    for number, (got, want) in enumerate(zip(found, rows(count), strict=True), 2):
        assert got == [_as_read(value) for value in want], f"row {number} of {path.name}: {got}"


def _as_read(value: Any) -> Any:
    if value is None:
        return ""
    return float(value) if isinstance(value, Decimal) else value
