"""How the marks of a chart are written down: one way for pages, and one for print (print_look.py)."""

from html import escape
from typing import Literal, NamedTuple, Protocol

from portal.reports.charts.widths import text_width

Anchor = Literal["start", "middle", "end"]
Paint = Literal["fill", "stroke"]


class TextStyle(NamedTuple):
    """Size in units of the drawing, and a colour by its name in static/css/tokens.css."""

    size: float
    bold: bool
    colour: str

    @property
    def drop(self) -> float:
        """How far below the middle of a line its baseline is."""
        return self.size * 0.36


LABEL = TextStyle(12, False, "ink")
VALUE = TextStyle(12, True, "ink")
TICK = TextStyle(11, False, "ink-2")
TOTAL = TextStyle(24, True, "ink")


class Look(Protocol):
    """What pages and print do not have in common. Widths and places are in units of the drawing."""

    width: float
    interactive: bool
    """Whether there is a pointer that titles can be shown to."""

    def colour(self, paint: Paint, name: str) -> str:
        """Return the attribute that fills or strokes a mark in a colour of the tokens."""

    def text_width(self, text: str, style: TextStyle) -> float:
        """Return how wide `text` is at most."""

    def text(self, x: float, y: float, text: str, style: TextStyle, anchor: Anchor) -> str:
        """Return `text` with its baseline at `y`, and its start, middle or end at `x`."""

    def open(self, height: float) -> str:
        """Return the start tag of the drawing, and whatever lies below all marks."""


class PageLook:
    """For SVG within a page: classes of static/css/charts.css give the colours, so they follow the theme.

    A drawing is as wide as its container; at `width` pixels its text has the size of the page's.
    """

    interactive = True

    def __init__(self, width: float = 560) -> None:
        self.width = width

    def colour(self, paint: Paint, name: str) -> str:
        """Return a class: `fill-series-1`."""
        return f'class="{paint}-{name}"'

    def text_width(self, text: str, style: TextStyle) -> float:
        """Return the width in a rather wide font: which one the browser has, nobody knows."""
        return text_width(text, style.size, bold=style.bold)

    def text(self, x: float, y: float, text: str, style: TextStyle, anchor: Anchor) -> str:
        """Return one text element."""
        weight = ' font-weight="600"' if style.bold else ""
        anchored = f' text-anchor="{anchor}"' if anchor != "start" else ""
        return (
            f"<text {self.colour('fill', style.colour)} x={number(x)} y={number(y)}"
            f' font-size="{style.size:g}"{weight}{anchored}>{escape(text)}</text>'
        )

    def open(self, height: float) -> str:
        """Return the start tag: the element is as wide as its container lets it be."""
        box = f'viewBox="0 0 {self.width:g} {height:g}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" class="plot" {box}>'


WIDE, NARROW = PageLook(560), PageLook(320)
"""A page has both in one `<div class="plots">`, wide first; the container's width decides which is shown."""


def number(value: float) -> str:
    """Return a quoted coordinate, to a tenth of a unit."""
    return f'"{round(value, 1) + 0.0:.10g}"'
