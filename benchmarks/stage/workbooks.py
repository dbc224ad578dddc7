"""Workbooks read back by another program."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

from .cases import rows, wall_time


def verify(path: Path, labels: Sequence[str], count: int) -> None:
    """The header and every cell of the file equal what went in, in type, too: TRUE is not 1."""
    found = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows()
    above = next(found)
    assert above == list(labels), f"the header of {path.name}: {above}"
    for number, (got, want) in enumerate(zip(found, rows(count), strict=True), 2):
        expected = [_as_read(value) for value in want]
        same = got == expected and list(map(type, got)) == list(map(type, expected))
        assert same, f"row {number} of {path.name}: {got}, not {expected}"


def _as_read(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return value
        case int() | Decimal():
            return float(value)  # a cell's only kind of number
        case datetime():
            return wall_time(value)
    return value
