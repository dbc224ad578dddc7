"""The table of a PDF as one reportlab flowable, which pulls rows from an iterator page by page.

reportlab's own tables, and xhtml2pdf's on them, want all rows at once and take superlinear time; this one
holds the rows of one page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from reportlab.lib.colors import HexColor, white
from reportlab.platypus.flowables import Flowable

from portal.exporters.pdf_fonts import Run
from portal.exporters.pdf_job import PdfColumn
from portal.exporters.pdf_layout import LEADING, PADDING, SIZE, TextWrapper, edges
from portal.exporters.pdf_scripts import drawn_order

ACCENT, INK, LINE, SOFT = map(HexColor, ("#0b6075", "#17262b", "#dfe6e7", "#f4f7f7"))
_BASELINE = 7.4
# Rows of so many lines move to the next page whole; only taller ones are broken.
_UNBROKEN = 20
HEADER_LINES = 12


@dataclass(frozen=True, slots=True)
class TableRow:
    """The lines of each cell of a row, or of the part of it that fits on a page."""

    cells: Sequence[Sequence[str]]
    bold: bool = False
    shaded: bool = False

    @property
    def lines(self) -> int:
        return max(map(len, self.cells), default=1) or 1

    @property
    def height(self) -> float:
        return self.lines * LEADING + 2 * PADDING

    def cut(self, lines: int) -> tuple["TableRow", "TableRow"]:
        """Return the first `lines` lines and the rest, as two rows."""
        top = TableRow([cell[:lines] for cell in self.cells], self.bold, self.shaded)
        return top, TableRow([cell[lines:] for cell in self.cells], self.bold, self.shaded)


class TableStyle:
    """What all pages of one table share: columns, widths, wrapped labels."""

    def __init__(
        self, columns: Sequence[PdfColumn], widths: Sequence[float], body: TextWrapper, head: TextWrapper
    ) -> None:
        self.widths = widths
        self.edges = edges(widths)
        self.right = [column.numeric for column in columns]
        self.body = body
        self.head = head
        header = self.row([column.label for column in columns], bold=True)
        self.header, cut_off = header.cut(HEADER_LINES)
        self.labels_cut = sum(map(bool, cut_off.cells))

    def row(self, texts: Sequence[str], *, bold: bool = False, shaded: bool = False) -> TableRow:
        """Break the texts of a row to the widths of the columns."""
        wrapper = self.head if bold else self.body
        cells = [
            wrapper.lines(text, width - 2 * PADDING) for text, width in zip(texts, self.widths, strict=True)
        ]
        return TableRow(cells, bold, shaded)


class RowSource:
    """Rows one at a time, some of which may be given back."""

    def __init__(self, rows: Iterator[TableRow]) -> None:
        self._rows = rows
        self._returned: list[TableRow] = []

    def take(self) -> TableRow | None:
        """Return the next row, or None after the last."""
        return self._returned.pop() if self._returned else next(self._rows, None)

    def give_back(self, rows: Sequence[TableRow]) -> None:
        """Let `rows` be taken again, in their order."""
        self._returned += reversed(rows)


class StreamedTable(Flowable):
    """Rows still to come. reportlab asks it to split at the end of each page, and it never looks back.

    `wrap` takes as many rows as fit; while more follow it claims more height than there is, upon which
    reportlab calls `split` and gets the page's rows as one flowable and what follows as another.
    """

    def __init__(self, style: TableStyle, rows: RowSource) -> None:
        super().__init__()
        self._style = style
        self._rows = rows
        self._taken: list[TableRow] = []
        self._room: float | None = None
        self._more = True

    def wrap(self, room_width: float, room: float) -> tuple[float, float]:  # noqa: ARG002 - reportlab's
        """Return width and height, the latter beyond `room` while rows remain for further pages."""
        self._take(room)
        self.width = self._style.edges[-1]
        used = self._style.header.height + sum(row.height for row in self._taken)
        self.height = room + 1 if self._more else used
        return self.width, self.height

    def split(self, room_width: float, room: float) -> list[Flowable]:  # noqa: ARG002 - reportlab's
        """Return what fits and the rest, or nothing when not even one row fits."""
        self._take(room)
        if not self._taken:
            return []
        rest = [StreamedTable(self._style, self._rows)] if self._more else []
        return [TablePage(self._style, self._taken), *rest]

    def draw(self) -> None:
        """Draw the last page's rows: reportlab comes here only when all that is left has fitted."""
        TablePage(self._style, self._taken).drawOn(self.canv, 0, 0)

    def _take(self, room: float) -> None:
        """Take rows for `room`; asked again for another room, give them back and take anew."""
        if room == self._room:
            return
        self._rows.give_back(self._taken)
        self._taken, self._room = [], room
        left = room - self._style.header.height
        while (row := self._rows.take()) is not None:
            if row.height > left:
                self._rows.give_back([self._part(row, left)])
                self._more = True
                return
            self._taken.append(row)
            left -= row.height
        self._more = False

    def _part(self, row: TableRow, left: float) -> TableRow:
        """Take what `left` allows of a row too tall for any page; return what the next page gets."""
        lines = int((left - 2 * PADDING) / LEADING)
        if row.lines <= _UNBROKEN or lines < 3:
            return row
        top, rest = row.cut(lines)
        self._taken.append(top)
        return rest


class TablePage(Flowable):
    """The part of a table that stands on one page, below its header."""

    def __init__(self, style: TableStyle, rows: Sequence[TableRow]) -> None:
        super().__init__()
        self._style = style
        self._rows = [style.header, *rows]
        self.width = style.edges[-1]
        self.height = sum(row.height for row in self._rows)

    def wrap(self, room_width: float, room: float) -> tuple[float, float]:  # noqa: ARG002 - reportlab's
        """Return width and height."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw what lies below the text, then the header's text and that of the rows, from the top down."""
        tops = list(accumulate((-row.height for row in self._rows), initial=self.height))
        canvas = self.canv
        canvas.saveState()
        canvas.setLineWidth(0.4)
        for i, row in enumerate(self._rows):
            self._fill(row, tops[i], header=i == 0)
        canvas.setFillColor(white)
        self._write(self._rows[:1], tops)
        canvas.setFillColor(INK)
        self._write(self._rows[1:], tops[1:])
        canvas.restoreState()

    def _fill(self, row: TableRow, top: float, *, header: bool) -> None:
        canvas, bottom = self.canv, top - row.height
        if header or row.shaded:
            canvas.setFillColor(ACCENT if header else SOFT)
            canvas.rect(0, bottom, self.width, row.height, stroke=0, fill=1)
        if row.bold and not header:
            canvas.setStrokeColor(ACCENT)
            canvas.line(0, top, self.width, top)
        canvas.setStrokeColor(LINE)
        canvas.line(0, bottom, self.width, bottom)

    def _write(self, rows: Sequence[TableRow], tops: Sequence[float]) -> None:
        """Write all lines of `rows`, whose upper edges are at `tops`, cell by cell."""
        style = self._style
        pen = _Pen(self.canv)
        for row, top in zip(rows, tops, strict=False):
            wrapper = style.head if row.bold else style.body
            for i, lines in enumerate(row.cells):
                left, right = style.edges[i] + PADDING, style.edges[i + 1] - PADDING
                y = top - PADDING - _BASELINE
                for line in lines:
                    x = max(PADDING, right - wrapper.width(line)) if style.right[i] else left
                    pen.write(x, y, wrapper.fonts.runs(drawn_order(line)))
                    y -= LEADING
        self.canv.drawText(pen.text)


class _Pen:
    """Writes lines anywhere on a page. It names a font only where that changes, and asks for no widths:
    formatting numbers and adding up widths are what takes reportlab longest."""

    def __init__(self, canvas: Any) -> None:
        self.text = canvas.beginText()
        self._font = ""

    def write(self, x: float, y: float, runs: Sequence[Run]) -> None:
        """Write the runs of one line, one behind the other."""
        self.text.setTextOrigin(x, y)
        *before, last = runs
        for run in before:
            self._take(run.font)
            self.text.textOut(run.text)
        self._take(last.font)
        self.text.textLine(last.text)  # does not ask where the text ends, as textOut does

    def _take(self, font: str) -> None:
        if font != self._font:
            self.text.setFont(font, SIZE)
            self._font = font
