"""The program that prints a report, begun by `exporters.pdf_start`: one `ReportJob` comes in."""

from typing import IO

from portal.errors import RenderFailed
from portal.exporters.pdf_child import UNDRAWABLE
from portal.exporters.pdf_program import limit, run
from portal.reports.printing.job import ReportJob
from portal.reports.printing.pages import Pages
from portal.tally import Tally


def make(lines: IO[bytes], out: IO[bytes]) -> tuple[str, ...]:
    """Turn the line of a job into a PDF and return the notes. Raises as `pdf_program.Make` says."""
    line = lines.read()
    if not line.endswith(b"}"):
        raise RenderFailed("The report broke off.")
    job = ReportJob.from_line(line)
    limit(job)
    pages = Pages(job)
    pages.build(out)
    out.flush()
    tally = Tally()
    tally.count(UNDRAWABLE, pages.undrawable)
    return tally.notes()


if __name__ == "__main__":
    run(make)
