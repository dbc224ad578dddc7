"""Printing a report in a process of its own, which can be killed."""

from pathlib import Path
from typing import BinaryIO

from portal.exporters.options import PdfLimits
from portal.exporters.pdf_process import PdfProcess
from portal.reports.printing.job import ReportJob

PROGRAM = "portal.reports.printing.program"


def print_report(
    job: ReportJob, limits: PdfLimits, out: BinaryIO, folder: Path | None = None
) -> tuple[str, ...]:
    """Write the PDF of a report to `out` and return notes on what was changed.

    `folder` is where it may grow meanwhile. Raises LimitExceeded or RenderFailed.
    """
    with PdfProcess(job, limits.wall_seconds, folder, PROGRAM) as child:
        child.send(job.to_line())
        return child.finish(out)
