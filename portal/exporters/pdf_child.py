"""The program that makes one PDF: `python -m portal.exporters.pdf_child PARENT_PID`, begun by `pdf_start`.

Reads a `PdfJob`, rows and a `PdfEnd` from standard input, writes the PDF to standard output and, as the last
line of standard error, one JSON object: `{"notes": […]}`, or `{"error": "limit" | "memory" | "render",
"message": …}` with exit code 1. An errno comes as an exit code alone (`OS_ERROR`). It ends with its parent
and within the limits the job names.
"""

import ctypes
import errno
import gc
import os
import resource
import signal
import sys
from collections.abc import Iterator
from itertools import chain, islice
from typing import IO, Any

import orjson

from portal.errors import LimitExceeded, PortalError, RenderFailed
from portal.exporters.pdf_fonts import BOLD, REGULAR, Fonts, cjk_font
from portal.exporters.pdf_job import OS_ERROR, PdfJob
from portal.exporters.pdf_layout import PAGES, TOTAL, TextWrapper, fit
from portal.exporters.pdf_rows import HEADER_LINES, RowSource, StreamedTable, TableRow, TableStyle
from portal.exporters.pdf_shell import Shell
from portal.tally import Tally

UNDRAWABLE = "Characters that no font has are shown by their codes, as in [U+1F642]"
LABELS_CUT = f"Labels of columns are cut after {HEADER_LINES} lines"

_PR_SET_PDEATHSIG = 1  # prctl(2)
_SAMPLE = 200


def main() -> int:
    """Make the PDF and say how it went; return the exit code."""
    _end_with_parent(int(sys.argv[1]))
    gc.freeze()  # what has been imported stays
    gc.enable()
    try:
        words = _made()
        sys.stderr.buffer.write(b"\n" + orjson.dumps(words) + b"\n")
        sys.stderr.flush()
    except OSError as error:
        return OS_ERROR + (error.errno or errno.EIO)
    return 1 if "error" in words else 0


def _made() -> dict[str, Any]:
    """Make the PDF and return the report. Raises OSError where the system refuses to take it."""
    try:
        return {"notes": make(sys.stdin.buffer, sys.stdout.buffer)}
    except MemoryError:
        return {"error": "memory"}
    except LimitExceeded as error:
        return {"error": "limit", "message": str(error)}
    except PortalError as error:
        return {"error": "render", "message": str(error)}
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None  # some libraries' OSErrors have none
        if number == errno.ENOMEM:
            return {"error": "memory"}
        if number:
            raise
        return {"error": "render", "message": f"The PDF could not be made: {type(error).__name__}: {error}"}


def make(lines: IO[bytes], out: IO[bytes]) -> tuple[str, ...]:
    """Turn `lines` into a PDF and return the notes.

    Raises LimitExceeded, RenderFailed, MemoryError, or the OSError of `out`.
    """
    job = PdfJob.from_line(lines.readline())
    _limit(job)
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


def _end_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before the line above; then we have been given another one.
    if os.getppid() != parent:
        sys.exit("The process that wanted this PDF is gone.")


def _limit(job: PdfJob) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Past the first limit comes SIGXCPU, which the parent can tell from other ends.
    resource.setrlimit(resource.RLIMIT_CPU, (job.cpu_seconds, job.cpu_seconds + 5))
    if sys.platform == "linux":  # elsewhere RLIMIT_AS is refused or has no effect
        resource.setrlimit(resource.RLIMIT_AS, (job.memory_bytes, job.memory_bytes))


if __name__ == "__main__":
    # Without taking the interpreter apart: it takes time, and flushing what could not be written would
    # change the exit code.
    os._exit(main())
