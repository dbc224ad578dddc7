"""Batches as SpreadsheetML, a column at a time, because that is where an XLSX export spends its time.

A column that holds values of one type is turned into text as a whole (`xlsx_columns`); one in which a value
needs a closer look goes value by value (`xlsx_cells`), with the same result for all that don't.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from types import NoneType
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl.utils import get_column_letter

from portal.exporters.xlsx_cells import (
    CellStyles,
    blanks_kept,
    cells_by_type,
    end_of,
    starts_by_type,
)
from portal.exporters.xlsx_columns import columns_by_type
from portal.table import Batch
from portal.tally import Tally

Part = str | list[str]
"""A piece of every row: the same text in each, or a text a row."""


class RowEncoder:
    """Turns batches into `<row>` elements. `tally` counts what Excel can't hold as it came.

    `styles` and `zones` are one a column. An instance serves any number of batches.
    """

    def __init__(self, styles: Sequence[CellStyles], zones: Sequence[ZoneInfo], tally: Tally) -> None:
        self._columns = [
            _Column(get_column_letter(i), style, zone, tally)
            for i, (style, zone) in enumerate(zip(styles, zones, strict=True), 1)
        ]

    def encode(self, batch: Batch, first: int) -> bytes:
        """Return the rows of `batch` as XML; `first` is the number of the first row, from 1."""
        if not batch:
            return b""
        numbers = list(map(str, range(first, first + len(batch))))
        parts: list[Part] = ['<row r="', numbers, '">']
        for column, values in zip(self._columns, zip(*batch, strict=True), strict=True):
            parts += column.parts(values, numbers)
        return _joined([*parts, "</row>"]).encode()


class _Column:
    def __init__(self, letter: str, styles: CellStyles, zone: ZoneInfo, tally: Tally) -> None:
        self._reference = f'<c r="{letter}'
        self._starts = starts_by_type(styles)
        self._cells = cells_by_type(styles, zone, tally)
        self._whole = columns_by_type(zone, tally)

    def parts(self, values: Sequence[Any], numbers: list[str]) -> Iterable[Part]:
        """Return what this column adds to the rows of those numbers; NULL adds nothing."""
        kinds = set(map(type, values))
        present = values
        if NoneType in kinds:
            kinds.discard(NoneType)
            present = [value for value in values if value is not None]
        if not kinds:
            return ()
        kind = kinds.pop() if len(kinds) == 1 else object
        contents = whole(present) if (whole := self._whole.get(kind)) else None
        if contents is None:
            return (self._referenced([self._cells[type(v)](v) for v in values], numbers),)
        start, end = self._starts[kind], end_of(kind)
        if kind is str and _some_end_blank(present):
            return (self._referenced(_with_blanks_kept(values, iter(contents), start), numbers),)
        if present is values:
            return self._reference, numbers, f'"{start}', contents, end
        left = iter(contents)
        cells = ["" if v is None else f"{start}{next(left)}{end}" for v in values]
        return (self._referenced(cells, numbers),)

    def _referenced(self, cells: list[str], numbers: list[str]) -> list[str]:
        return [
            f'{self._reference}{number}"{cell}' if cell else ""
            for number, cell in zip(numbers, cells, strict=True)
        ]


def _some_end_blank(texts: Sequence[str]) -> bool:
    return list(map(str.strip, texts)) != list(texts)  # what has no blanks is itself, found equal at once


def _with_blanks_kept(values: Sequence[str | None], contents: Iterator[str], start: str) -> list[str]:
    kept, end = blanks_kept(start), end_of(str)
    return ["" if v is None else f"{start if v == v.strip() else kept}{next(contents)}{end}" for v in values]


def _joined(parts: Iterable[Part]) -> str:
    """Return all rows, one after the other. At least one part is a list; all lists have equal length.

    One `join` over the pieces of all rows, the constant ones repeated, is as fast as a compiled f-string.
    """
    pieces: list[Iterable[str]] = []
    constant = ""
    for part in parts:
        if isinstance(part, str):
            constant += part
        else:
            pieces += repeat(constant), part
            constant = ""
    return "".join(chain.from_iterable(zip(*pieces, repeat(constant), strict=False)))
