"""The program that makes an export's PDF, begun by `pdf_start`: a `PdfJob`, rows and a `PdfEnd` come in."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import IO

import orjson

from portal.errors import RenderFailed
from portal.exporters.pdf_fonts import BOLD, REGULAR, Fonts, cjk_font
from portal.exporters.pdf_job import PdfJob
from portal.exporters.pdf_layout import PAGES, TOTAL, TextWrapper, fit
from portal.exporters.pdf_program import limit, run
from portal.exporters.pdf_rows import HEADER_LINES, RowSource, StreamedTable, TableRow, TableStyle
from portal.exporters.pdf_shell import Shell
from portal.tally import Tally

UNDRAWABLE = "Characters that no font has are shown by their codes, as in [U+1F642]"
LABELS_CUT = f"Labels of columns are cut after {HEADER_LINES} lines"

_SAMPLE = 200


def make(lines: IO[bytes], out: IO[bytes]) -> tuple[str, ...]:
    """Turn `lines` into a PDF and return the notes.

    Raises LimitExceeded, RenderFailed, MemoryError, or the OSError of `out`.
    """
    job = PdfJob.from_line(lines.readline())
    limit(job)
    rows = Rows(lines)
    sample = list(islice(rows, _SAMPLE))
    fonts, bold = Fonts(REGULAR, cjk_font()), Fonts(BOLD, cjk_font())
    body, head = TextWrapper(fonts), TextWrapper(bold)
    page = fit(job.columns, sample, body, head)
    fonts.unknown = bold.unknown = 0  # the sample has been measured, and comes again
    style = TableStyle(job.columns, page.columns, body, head)
    table = StreamedTable(style, RowSource(_table_rows(style, chain(sample, rows), rows)))
    Shell(job, page, fonts, bold).build(table, out)
    out.flush()
    tally = Tally()
    if page.name != PAGES[0][0]:
        tally.remark(f"Pages are {page.name}, because {len(job.columns)} columns are not legible on A4.")
    tally.count(LABELS_CUT, style.labels_cut)
    tally.count(UNDRAWABLE, fonts.unknown + bold.unknown)
    return tally.notes()


class Rows(Iterator[list[str]]):
    """The rows of a job as they come in. `totals` are known, and `count` is final, when they have ended."""

    def __init__(self, lines: IO[bytes]) -> None:
        self._lines = lines
        self.count = 0
        self.totals: list[str] | None = None

    def __next__(self) -> list[str]:
        """Return the next row. Raises RenderFailed when the rows break off without an end."""
        if self.totals is not None:
            raise StopIteration
        line = self._lines.readline()
        if not line:
            raise RenderFailed("The rows of the PDF broke off.")
        row = orjson.loads(line)
        if isinstance(row, dict):
            self.totals = row["totals"]
            raise StopIteration
        self.count += 1
        return list(row)


def _table_rows(style: TableStyle, texts: Iterator[list[str]], rows: Rows) -> Iterator[TableRow]:
    for i, row in enumerate(texts):
        yield style.row(row, shaded=i % 2 == 1)
    if rows.count == 0:
        yield TableRow([["No rows."], *[[]] * (len(style.widths) - 1)])  # over all columns: it is not wrapped
    elif rows.totals:
        yield style.row(_labelled(rows.totals), bold=True)


def _labelled(totals: list[str]) -> list[str]:
    """Begin the row with its name, before the first column's own total if it has one."""
    first, *others = totals
    return [f"{TOTAL} {first}".rstrip(), *others]


if __name__ == "__main__":
    run(make)
