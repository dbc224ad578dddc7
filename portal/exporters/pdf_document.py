"""A document of xhtml2pdf's story, with numbered pages, built by reportlab; nothing in it is fetched."""

import zlib
from collections.abc import Mapping, Sequence
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
from portal.exporters.pdf_fonts import BOLD, CJK, REGULAR
from portal.exporters.pdf_layout import MARGIN
from portal.resources import resource_root

FONTS = (*(name for name, _ in (*REGULAR, *BOLD)), CJK)
FOOTER = 7.5
"""Size of the text at the foot of a page."""
NUMBER_WIDTH = 90.0
"""Of "Page x of y", which stands to the right of a footer."""
_PLAIN = REGULAR[0][0]
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
        super().setFont(name if name in FONTS else _PLAIN, size, leading)

    def save(self) -> None:
        """Fill in the numbers, now that their total is known, and write the document."""
        total = self.getPageNumber() - 1
        for number in range(1, total + 1):
            self.beginForm(_form(number), 0, 0, self._width, 2 * MARGIN)
            self.setFillColorRGB(*_INK_2)
            self.setFont(_PLAIN, FOOTER)
            self.drawRightString(self._width - MARGIN, _FOOTER_BASELINE, f"Page {number} of {total}")
            self.endForm()
        super().save()


def _form(number: int) -> str:
    return f"page-number-{number}"


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """Return a template of `templates/exports/` filled in, everything in it escaped."""
    environment = Environment(
        loader=FileSystemLoader(resource_root() / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"exports/{template}").render(**values)


def build(
    html: str, out: IO[bytes], *, title: str, author: str, seconds: int, after: Sequence[Flowable] = ()
) -> None:
    """Write a PDF of `html`, and `after` it. Raises RenderFailed where it can't be laid out."""
    # Nothing in a document of ours is fetched or read from disk, whatever its text says.
    policy = ResourceAccessPolicy.server(base_dir=None, allow_remote=False, max_render_seconds=seconds)
    context = _story(html, policy)
    document = PmlBaseDoc(
        out,
        pagesize=context.pageSize,
        title=title,
        author=author,
        allowSplitting=1,
        lang=context.lang_tag or None,
    )
    body = context.templateList.pop(DEFAULT_PAGE_NAME)
    document.addPageTemplates([body, *context.templateList.values()])
    # What pisaDocument hands over, too; PmlBaseDoc declares no attribute for it.
    setattr(document, "pisaPositioned", context.positioned)  # noqa: B010
    with use_policy(policy):
        document.build([*context.story, *after], canvasmaker=NumberedCanvas)


def _story(html: str, policy: ResourceAccessPolicy) -> Any:
    context = pisaContext("")
    for font in FONTS:
        context.registerFont(font)
    pisaStory(html, context=context, resource_policy=policy)
    if context.err:
        raise RenderFailed("The PDF could not be laid out.")
    return context
