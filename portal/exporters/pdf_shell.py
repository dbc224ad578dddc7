"""The pages around the table: xhtml2pdf lays out title block and footer, reportlab builds the document."""

import zlib
from typing import IO, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from reportlab.pdfbase.pdfdoc import PDFDictionary, PDFName, PDFStream
from reportlab.platypus.flowables import Flowable
from xhtml2pdf.builders.printmarks import MarkedCanvas
from xhtml2pdf.config.resources import ResourceAccessPolicy, use_policy
from xhtml2pdf.context import pisaContext
from xhtml2pdf.default import DEFAULT_PAGE_NAME
from xhtml2pdf.document import pisaStory
from xhtml2pdf.xhtml2pdf_reportlab import PmlBaseDoc

from portal.errors import RenderFailed
from portal.exporters.pdf_fonts import BOLD, CJK, REGULAR, Fonts, Run
from portal.exporters.pdf_job import PdfJob
from portal.exporters.pdf_layout import MARGIN, Page, TextWrapper
from portal.resources import resource_root

_FONTS = (*(name for name, _ in (*REGULAR, *BOLD)), CJK)
_PLAIN = REGULAR[0][0]
_TITLE, _ORGANIZATION, _FACT, _FOOTER = 20.0, 9.0, 8.5, 7.5  # sizes of text
_LABEL_WIDTH, _GAP = 90.0, 8.0  # of the facts
_NUMBER_WIDTH = 90.0  # of "Page x of y"
_FOOTER_BASELINE = 27.0
_INK_2 = (0.322, 0.388, 0.416)


class NumberedCanvas(MarkedCanvas):
    """A canvas that says "Page x of y" in one pass: each page refers to a form, filled in at the end."""

    def __init__(self, filename: Any, pagesize: Any = None, **options: Any) -> None:
        options["initialFontName"] = _PLAIN
        super().__init__(filename, pagesize=pagesize, **options)
        self._width = pagesize[0]

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        """End the page with a reference to its number, and pack it: all pages wait in memory for `save`."""
        self.doForm(_form(self.getPageNumber()))
        super().showPage()
        page = self._doc.Pages.pages[-1]  # type: ignore[attr-defined] # the stubs lack it
        packed = zlib.compress(page.stream.encode())
        page.Contents = PDFStream(PDFDictionary({"Filter": PDFName("FlateDecode")}), packed)
        page.stream = None

    def setFont(self, name: str, size: float, leading: float | None = None) -> None:  # noqa: N802 - reportlab's
        """Set one of our fonts: a table of reportlab's names Helvetica for cells that are paragraphs."""
        super().setFont(name if name in _FONTS else _PLAIN, size, leading)

    def save(self) -> None:
        """Fill in the numbers, now that their total is known, and write the document."""
        total = self.getPageNumber() - 1
        for number in range(1, total + 1):
            self.beginForm(_form(number), 0, 0, self._width, 2 * MARGIN)
            self.setFillColorRGB(*_INK_2)
            self.setFont(_PLAIN, _FOOTER)
            self.drawRightString(self._width - MARGIN, _FOOTER_BASELINE, f"Page {number} of {total}")
            self.endForm()
        super().save()


def _form(number: int) -> str:
    return f"page-number-{number}"


class Shell:
    """Title block, footer and page of one document; `fonts` and `bold` draw its text."""

    def __init__(self, job: PdfJob, page: Page, fonts: Fonts, bold: Fonts) -> None:
        self._job = job
        self._page = page
        self._fonts = fonts
        self._bold = bold

    def build(self, table: Flowable, out: IO[bytes]) -> None:
        """Write the PDF with `table` below its title block. Raises RenderFailed on a broken template."""
        # Nothing in a document of ours is fetched or read from disk, whatever its text says.
        policy = ResourceAccessPolicy.server(
            base_dir=None, allow_remote=False, max_render_seconds=self._job.cpu_seconds
        )
        context = self._story(policy)
        document = PmlBaseDoc(
            out,
            pagesize=context.pageSize,
            title=self._job.title,
            author=self._job.organization,
            allowSplitting=1,
            lang=context.lang_tag or None,
        )
        body = context.templateList.pop(DEFAULT_PAGE_NAME)
        document.addPageTemplates([body, *context.templateList.values()])
        # What pisaDocument hands over, too; PmlBaseDoc declares no attribute for it.
        setattr(document, "pisaPositioned", context.positioned)  # noqa: B010
        with use_policy(policy):
            document.build([*context.story, table], canvasmaker=NumberedCanvas)

    def _story(self, policy: ResourceAccessPolicy) -> Any:
        context = pisaContext("")
        for font in _FONTS:
            context.registerFont(font)
        pisaStory(self._html(), context=context, resource_policy=policy)
        if context.err:
            raise RenderFailed("The PDF's title block could not be laid out.")
        return context

    def _html(self) -> str:
        environment = Environment(
            loader=FileSystemLoader(resource_root() / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        template = environment.get_template("exports/table.html")
        sizes = {"title": _TITLE, "organization": _ORGANIZATION, "fact": _FACT, "footer": _FOOTER}
        return template.render(
            job=self._job,
            page=self._page,
            margin=MARGIN,
            sizes=sizes,
            label_width=_LABEL_WIDTH,
            gap=_GAP,
            number_width=_NUMBER_WIDTH,
            fonts=_FONTS,
            **self._texts(),
        )

    def _texts(self) -> dict[str, Any]:
        """Return the text in lines: xhtml2pdf breaks at blanks only, and would write off the paper."""
        job, width = self._job, self._page.width - 2 * MARGIN
        label, value = _LABEL_WIDTH - _GAP, width - _LABEL_WIDTH - _GAP
        footer = "  ·  ".join(filter(None, (job.organization, job.title)))
        return {
            "organization": _lines(job.organization, self._bold, _ORGANIZATION, width),
            "title": _lines(job.title, self._bold, _TITLE, width),
            "facts": [
                (_lines(name, self._fonts, _FACT, label), _lines(text, self._fonts, _FACT, value))
                for name, text in job.facts
            ],
            "footer": _first_line(footer, self._fonts, _FOOTER, width - _NUMBER_WIDTH),
        }


def _lines(text: str, fonts: Fonts, size: float, room: float) -> list[list[Run]]:
    """Break text to `room`; each line comes in runs of one font."""
    return [fonts.runs(line) for line in _broken(text, fonts, size, room)]


def _first_line(text: str, fonts: Fonts, size: float, room: float) -> list[list[Run]]:
    line, *more = _broken(text, fonts, size, room - fonts.width("…", size))
    return [fonts.runs(f"{line}…" if more else line)]


def _broken(text: str, fonts: Fonts, size: float, room: float) -> list[str]:
    return TextWrapper(fonts, size).lines(" ".join(text.split()), room - 1)
