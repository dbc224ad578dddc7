"""The pages of a printed report: portrait A4, laid out by xhtml2pdf."""

from base64 import b64encode
from typing import IO, Any

from portal.exporters.pdf_document import FONTS, FOOTER, NUMBER_WIDTH, build, rendered
from portal.exporters.pdf_fonts import BOLD, REGULAR, Fonts, Run, cjk_font
from portal.exporters.pdf_job import PdfColumn
from portal.exporters.pdf_layout import MARGIN, TextWrapper, shared_out
from portal.exporters.pdf_lines import first_line, lines
from portal.reports.charts.print_look import PrintLook
from portal.reports.content import Block, ChartBlock, KpiBlock, TableBlock, TextBlock
from portal.reports.layout import Arrangement, Group, arranged
from portal.reports.printing.job import Brand, ReportJob
from portal.reports.sections import Width

PAGE_WIDTH, PAGE_HEIGHT = 595.0, 842.0  # A4, in points
_ROOM = PAGE_WIDTH - 2 * MARGIN
_GAP = 16.0  # between the halves of a pair
_HALF = (_ROOM - _GAP) / 2
_LOGO_WIDTH, _LOGO_HEIGHT = 140.0, 36.0  # at most
_SIZES = {
    "organization": 9.0,
    "title": 22.0,
    "fact": 8.5,
    "heading": 12.0,
    "text": 9.5,
    "label": 8.0,
    "figure": 18.0,
    "change": 7.5,
    "cell": 8.0,
    "footer": FOOTER,
}
_FIGURES_A_ROW = 3
_PADDING = 8.0

Lines = list[list[Run]]


class Pages:
    """Turns a job into a document; `fonts` and `bold` count texts that no font can draw."""

    def __init__(self, job: ReportJob) -> None:
        self.fonts, self.bold = Fonts(REGULAR, cjk_font()), Fonts(BOLD, cjk_font())
        self._job = job
        self._looks = {Width.FULL: PrintLook(_ROOM), Width.HALF: PrintLook(_HALF)}

    @property
    def undrawable(self) -> int:
        """How many texts held a character that no font has."""
        return self.fonts.unknown + self.bold.unknown

    def build(self, out: IO[bytes]) -> None:
        """Write the PDF. Raises RenderFailed where it can't be laid out."""
        job = self._job
        build(self._html(), out, title=job.title, author=job.organization, seconds=job.cpu_seconds)

    def _html(self) -> str:
        job = self._job
        footer = "  ·  ".join(filter(None, (job.organization, job.title)))
        values = {
            "job": job,
            "page": {"width": PAGE_WIDTH, "height": PAGE_HEIGHT, "margin": MARGIN},
            "room": _ROOM,
            "half": _HALF,
            "gap": _GAP,
            "padding": _PADDING,
            "sizes": _SIZES,
            "fonts": FONTS,
            "number_width": NUMBER_WIDTH,
            "logo": _logo(job.brand),
            "organization": self._bold("organization", job.organization, _ROOM - _LOGO_WIDTH),
            "title": self._bold("title", job.title, _ROOM - _LOGO_WIDTH),
            "facts": [
                (self._plain("fact", name, 90), self._plain("fact", text, _ROOM - 90))
                for name, text in job.facts
            ],
            "groups": [self._group(group) for group in arranged(job.blocks)],
            "footer": first_line(footer, self.fonts, FOOTER, _ROOM - NUMBER_WIDTH),
        }
        return rendered("report.html", values)

    def _group(self, group: Group) -> dict[str, Any]:
        if group.arrangement is Arrangement.FIGURES:
            figures = [self._kpi(block) for block in group.blocks if isinstance(block, KpiBlock)]
            rows = [figures[i : i + _FIGURES_A_ROW] for i in range(0, len(figures), _FIGURES_A_ROW)]
            return {"kind": group.arrangement.value, "rows": rows, "across": _FIGURES_A_ROW}
        if group.arrangement is Arrangement.PAIR:
            return {"kind": group.arrangement.value, "charts": [self._block(one) for one in group.blocks]}
        return self._block(group.blocks[0])

    def _block(self, block: Block) -> dict[str, Any]:
        match block:
            case ChartBlock():
                return self._chart(block)
            case TableBlock():
                return self._table(block)
            case TextBlock(title, paragraphs):
                texts = [self._plain("text", text, _ROOM) for text in paragraphs]
                return {"kind": "text", "title": self._heading(title, _ROOM), "paragraphs": texts}
        raise TypeError(f"{block!r} is not for print")

    def _kpi(self, block: KpiBlock) -> dict[str, Any]:
        room = _ROOM / _FIGURES_A_ROW - 2 * _PADDING
        kpi = block.kpi
        return {
            "label": self._plain("label", kpi.label, room),
            "figure": self._bold("figure", kpi.shown, room),
            "change": self._plain("change", kpi.change, room),
            "tone": kpi.tone.value,
        }

    def _chart(self, block: ChartBlock) -> dict[str, Any]:
        room = _HALF if block.width is Width.HALF else _ROOM
        picture = block.draw(self._looks[block.width])
        return {"kind": "chart", "title": self._heading(block.title, room), "address": picture.data_uri()}

    def _table(self, block: TableBlock) -> dict[str, Any]:
        widths = self._widths(block)
        rooms = [width - _PADDING + 1.01 for width in widths]  # of which `lines` leaves one
        cells = [
            [self._plain("cell", text, room) for text, room in zip(row, rooms, strict=True)]
            for row in block.rows
        ]
        return {
            "kind": "table",
            "title": self._heading(block.title, _ROOM),
            "widths": widths,
            "numeric": block.numeric,
            "labels": [
                self._bold("cell", text, room) for text, room in zip(block.labels, rooms, strict=True)
            ],
            "rows": cells,
            "more": block.more,
        }

    def _widths(self, block: TableBlock) -> list[float]:
        columns = [
            PdfColumn(label, numeric, wraps=not numeric)
            for label, numeric in zip(block.labels, block.numeric, strict=True)
        ]
        size = _SIZES["cell"]
        body, head = TextWrapper(self.fonts, size), TextWrapper(self.bold, size)
        return shared_out(_ROOM, columns, block.rows, body, head)

    def _heading(self, text: str, room: float) -> Lines:
        return self._bold("heading", text, room)

    def _plain(self, size: str, text: str, room: float) -> Lines:
        return lines(text, self.fonts, _SIZES[size], room)

    def _bold(self, size: str, text: str, room: float) -> Lines:
        return lines(text, self.bold, _SIZES[size], room)


def _logo(brand: Brand) -> dict[str, Any] | None:
    if brand.logo is None:
        return None
    scale = min(_LOGO_WIDTH / brand.width, _LOGO_HEIGHT / brand.height)
    return {
        "address": f"data:image/png;base64,{b64encode(brand.logo).decode('ascii')}",
        "width": brand.width * scale,
        "height": brand.height * scale,
    }
