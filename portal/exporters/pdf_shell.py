"""The title block and the footer around an export's table."""

from typing import IO, Any

from reportlab.platypus.flowables import Flowable

from portal.exporters.pdf_document import FONTS, FOOTER, NUMBER_WIDTH, build, rendered
from portal.exporters.pdf_fonts import Fonts
from portal.exporters.pdf_job import PdfJob
from portal.exporters.pdf_layout import MARGIN, Page
from portal.exporters.pdf_lines import first_line, lines

_TITLE, _ORGANIZATION, _FACT = 20.0, 9.0, 8.5  # sizes of text
_LABEL_WIDTH, _GAP = 90.0, 8.0  # of the facts


class Shell:
    """Title block, footer and page of one document; `fonts` and `bold` draw its text."""

    def __init__(self, job: PdfJob, page: Page, fonts: Fonts, bold: Fonts) -> None:
        self._job = job
        self._page = page
        self._fonts = fonts
        self._bold = bold

    def build(self, table: Flowable, out: IO[bytes]) -> None:
        """Write the PDF with `table` below its title block. Raises RenderFailed on a broken template."""
        job = self._job
        build(
            self._html(),
            out,
            title=job.title,
            author=job.organization,
            seconds=job.cpu_seconds,
            after=[table],
        )

    def _html(self) -> str:
        sizes = {"title": _TITLE, "organization": _ORGANIZATION, "fact": _FACT, "footer": FOOTER}
        values = {
            "job": self._job,
            "page": self._page,
            "margin": MARGIN,
            "sizes": sizes,
            "label_width": _LABEL_WIDTH,
            "gap": _GAP,
            "number_width": NUMBER_WIDTH,
            "fonts": FONTS,
        }
        return rendered("table.html", {**values, **self._texts()})

    def _texts(self) -> dict[str, Any]:
        job, width = self._job, self._page.width - 2 * MARGIN
        label, value = _LABEL_WIDTH - _GAP, width - _LABEL_WIDTH - _GAP
        footer = "  ·  ".join(filter(None, (job.organization, job.title)))
        return {
            "organization": lines(job.organization, self._bold, _ORGANIZATION, width),
            "title": lines(job.title, self._bold, _TITLE, width),
            "facts": [
                (lines(name, self._fonts, _FACT, label), lines(text, self._fonts, _FACT, value))
                for name, text in job.facts
            ],
            "footer": first_line(footer, self._fonts, FOOTER, width - NUMBER_WIDTH),
        }
