"""Charts on paper: xhtml2pdf draws SVG through svglib, which knows no style sheets and one font a text."""

import re
from functools import cache
from html import escape

from portal.exporters.pdf_fonts import BOLD, REGULAR, Fonts, cjk_font, load_named
from portal.exporters.pdf_scripts import drawn_order
from portal.reports.charts.look import Anchor, Paint, TextStyle, number

# The tokens' light values; a test compares them with static/css/tokens.css.
COLOURS = {
    "ink": "#17262b",
    "ink-2": "#52636a",
    "line": "#dfe6e7",
    "line-strong": "#c5d0d3",
    "surface": "#fff",
    "series-1": "#0b6075",
    "series-2": "#7f9098",
    "series-3": "#2f7a8e",
    "series-4": "#324147",
    "series-5": "#17262b",
    "on-series-1": "#fff",
    "on-series-2": "#17262b",
    "on-series-3": "#fff",
    "on-series-4": "#fff",
    "on-series-5": "#fff",
}
POINTS = 0.7  # of a unit: text of 12 units is 8.4 points


class PrintLook:
    """For SVG as an image of a PDF: colours and fonts are attributes with literal values.

    Text is cut into runs that one font can draw, and each is put where it belongs by measured widths, so it
    stays text that can be searched and copied. `points` is how wide the drawing is on paper.

    Making one loads fonts into reportlab and svglib, and so does drawing with it. Another process that lays
    the drawing out must call `load_fonts` first.
    """

    interactive = False

    def __init__(self, points: float = 523) -> None:
        self.width = round(points / POINTS, 1)
        self._regular, self._bold = _fonts()

    def colour(self, paint: Paint, name: str) -> str:
        """Return the attribute: `fill="#0b6075"`."""
        return f'{paint}="{COLOURS[name]}"'

    def text_width(self, text: str, style: TextStyle) -> float:
        """Return the width exactly."""
        fonts = self._of(style)
        return fonts.width(fonts.printable(text), style.size)

    def text(self, x: float, y: float, text: str, style: TextStyle, anchor: Anchor) -> str:
        """Return one text element a run of one font."""
        fonts = self._of(style)
        line = drawn_order(fonts.printable(text))
        x -= fonts.width(line, style.size) * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        elements = []
        for run in fonts.runs(line):
            width = fonts.width(run.text, style.size)
            shown = run.text.lstrip(" ")  # svglib drops blanks at the start: what follows would move there
            start = x + width - fonts.width(shown, style.size)
            x += width
            if shown:
                elements.append(
                    f"<text {self.colour('fill', style.colour)} x={number(start)} y={number(y)}"
                    f' font-size="{style.size:g}" font-family="{run.font}">{escape(shown)}</text>'
                )
        return "".join(elements)

    def open(self, height: float) -> str:
        """Return the start tag with its size on paper, and a ground of that size.

        xhtml2pdf takes the bounds of all marks for the size of an image, so some mark must be as large as it,
        and takes its points for pixels, of which an inch has 96.
        """
        scale = POINTS * 96 / 72
        size = f'width="{self.width * scale:.1f}pt" height="{height * scale:.1f}pt"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}'
            f' viewBox="0 0 {self.width:g} {height:g}">'
            f'<rect fill="none" x="0" y="0" width="{self.width:g}" height="{height:g}"/>'
        )

    def _of(self, style: TextStyle) -> Fonts:
        return self._bold if style.bold else self._regular


def load_fonts(svg: str) -> None:
    """Load the fonts that a drawing names, in the process that is going to lay it out."""
    load_named(set(re.findall('font-family="([^"]+)"', svg)))


@cache
def _fonts() -> tuple[Fonts, Fonts]:
    return Fonts(REGULAR, cjk_font()), Fonts(BOLD, cjk_font())
