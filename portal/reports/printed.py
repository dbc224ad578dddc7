"""A report's blocks as a PDF: what the pages say of it, whose they are, and what making them may cost."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from portal.errors import RenderFailed
from portal.exporters.base import Document, Written
from portal.exporters.options import PdfLimits
from portal.exporters.pdf_process import folder_of
from portal.file_settings import FileSettings
from portal.organizations.branding import branding_of
from portal.organizations.models import Organization
from portal.reports.content import Block, Unavailable
from portal.reports.printing.job import Brand, ReportJob
from portal.reports.printing.press import print_report
from portal.table import Batches, Column
from portal.tally import Tally


def brand_of(organization: Organization) -> Brand:
    """Return how an organization's papers look."""
    branding = branding_of(organization)
    return Brand(branding.colour, branding.logo, branding.width, branding.height)


class ReportExporter:
    """Writes a report where an export writes its rows; see `exporters.base.Exporter`.

    The rows are those that the blocks were made of: they are counted, and nothing else.
    """

    media_type = "application/pdf"
    extension = "pdf"

    def __init__(self, blocks: Sequence[Block], brand: Brand, settings: FileSettings) -> None:
        self._blocks = blocks
        self._brand = brand
        self._settings = settings

    def write(
        self,
        batches: Batches,
        columns: Sequence[Column],  # noqa: ARG002 - the protocol's
        out: BinaryIO,
        document: Document,
        tally: Tally | None = None,
    ) -> Written:
        """Write the PDF. Raises LimitExceeded or RenderFailed."""
        rows = sum(map(len, batches))
        folder = folder_of(out)
        notes = write_pdf(document, self._blocks, self._brand, out, settings=self._settings, folder=folder)
        return Written(rows, (*notes, *(tally.notes() if tally else ())))


def write_pdf(
    document: Document,
    blocks: Sequence[Block],
    brand: Brand,
    out: BinaryIO,
    *,
    settings: FileSettings,
    folder: Path | None = None,
) -> tuple[str, ...]:
    """Write the PDF to `out` and return notes on what was changed; `folder` is where it may grow meanwhile.

    Raises RenderFailed for a section that can't be shown, too: a report is whole or it is none.
    """
    for block in blocks:
        if isinstance(block, Unavailable):
            raise RenderFailed(f"“{block.title}” can't be shown: {block.problem}")
    limits = PdfLimits(settings.pdf_memory_limit, settings.pdf_cpu_limit, settings.pdf_time_limit)
    local = document.generated_at.astimezone(ZoneInfo(document.timezone))
    job = ReportJob(
        title=document.title,
        organization=document.organization,
        facts=[*document.facts, ("Generated", f"{local:%Y-%m-%d %H:%M} ({document.timezone})")],
        blocks=blocks,
        brand=brand,
        memory_bytes=limits.memory_bytes,
        cpu_seconds=limits.cpu_seconds,
    )
    return print_report(job, limits, out, folder)
