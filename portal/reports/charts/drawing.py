"""A drawing under way: marks, cut labels, notes, and the SVG they become."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from unicodedata import combining

from portal.reports.charts.look import LABEL, TICK, Anchor, Look, TextStyle, number

EMPTY = "No data in this period."
GAP = 8.0
_NOTE_LINE = 16.0
_EMPTY_HEIGHT = 48.0
_SLACK = 0.01  # room is often a sum of widths, less others: floats of it end up a hair too small


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG document. A Jinja template writes `{{ picture }}`, since all text within is escaped."""

    svg: str

    def __html__(self) -> str:
        return self.svg

    def data_uri(self) -> str:
        """Return the address of the drawing for an image of a PDF."""
        return f"data:image/svg+xml;base64,{b64encode(self.svg.encode()).decode('ascii')}"


class Drawing:
    """Collects marks from the top down; `look` writes them. All numbers are units of the drawing."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.width = look.width
        self._marks: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, colour: str, radius: float = 2) -> None:
        """Draw a filled rectangle."""
        places = f"x={number(x)} y={number(y)} width={number(width)} height={number(height)}"
        self._marks.append(f'<rect {self.look.colour("fill", colour)} {places} rx="{radius:g}"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        """Draw a hairline."""
        places = f"x1={number(x1)} y1={number(y1)} x2={number(x2)} y2={number(y2)}"
        self._marks.append(f'<line {self.look.colour("stroke", colour)} {places} stroke-width="1"/>')

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        """Draw a filled circle."""
        places = f"cx={number(x)} cy={number(y)} r={number(radius)}"
        self._marks.append(f"<circle {self.look.colour('fill', colour)} {places}/>")

    def shape(self, path: str, colour: str) -> None:
        """Fill a path."""
        self._marks.append(f'<path {self.look.colour("fill", colour)} d="{path}"/>')

    def stroke(self, path: str, colour: str, width: float) -> None:
        """Draw along a path."""
        self._marks.append(
            f'<path {self.look.colour("stroke", colour)} d="{path}" fill="none"'
            f' stroke-width="{width:g}" stroke-linejoin="round" stroke-linecap="round"/>'
        )

    def text(
        self, x: float, middle: float, text: str, style: TextStyle = LABEL, anchor: Anchor = "start"
    ) -> None:
        """Write text whose line has its middle at `middle`."""
        if text:
            self._marks.append(self.look.text(x, middle + style.drop, text, style, anchor))

    def label(
        self,
        x: float,
        middle: float,
        text: str,
        room: float,
        style: TextStyle = LABEL,
        anchor: Anchor = "start",
    ) -> None:
        """Write text, cut to `room`."""
        self.text(x, middle, self.cut(text, room, style), style, anchor)

    def target(self, x: float, y: float, width: float, height: float, words: str) -> None:
        """Say `words` while the pointer is in an area. Draw targets last, so that nothing lies above them."""
        if self.look.interactive:
            places = f"x={number(x)} y={number(y)} width={number(width)} height={number(height)}"
            self._marks.append(f'<rect class="target" {places}><title>{escape(words)}</title></rect>')

    @contextmanager
    def titled(self, words: str) -> Iterator[None]:
        """Group the marks drawn meanwhile under a title, where there is a pointer to show it to."""
        if self.look.interactive:
            self._marks.append(f"<g><title>{escape(words)}</title>")
        yield
        if self.look.interactive:
            self._marks.append("</g>")

    def measure(self, text: str, style: TextStyle = LABEL) -> float:
        """Return how wide text is at most."""
        return self.look.text_width(text, style)

    def widest(self, texts: Sequence[str], style: TextStyle = LABEL) -> float:
        """Return the width of the widest text; 0 of none."""
        return max((self.measure(text, style) for text in texts), default=0.0)

    def cut(self, text: str, room: float, style: TextStyle = LABEL) -> str:
        """Return text that fits into `room`, its end replaced by an ellipsis if need be."""
        return cut(text, room, lambda part: self.measure(part, style))

    def picture(self, title: str, words: str, height: float, notes: Sequence[str] = ()) -> Picture:
        """Return the SVG, `notes` below it; `title` and `words` are for those who can't see it."""
        for note in notes:
            self.label(0, height + _NOTE_LINE / 2 + 2, note, self.width, TICK)
            height += _NOTE_LINE
        marks = "".join(self._marks)
        return Picture(
            f"{self.look.open(height)}<title>{escape(title)}</title><desc>{escape(words)}</desc>{marks}</svg>"
        )


def message(look: Look, title: str, words: str = EMPTY) -> Picture:
    """Return a picture that says a sentence in place of a chart."""
    drawing = Drawing(look)
    drawing.label(0, _EMPTY_HEIGHT / 2, words, look.width, LABEL._replace(colour="ink-2"))
    return drawing.picture(title, words, _EMPTY_HEIGHT)


def cut(text: str, room: float, measure: Callable[[str], float]) -> str:
    """Return the longest start of `text` that fits into `room` with an ellipsis; all of it if that fits."""
    room += _SLACK
    if measure(text) <= room:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if measure(_shortened(text, middle)) <= room:
            fits = middle
        else:
            too_long = middle
    return _shortened(text, fits)


def _shortened(text: str, length: int) -> str:
    # A mark that belongs to the letter before it must not be parted from it, nor left at the end.
    while length and _joins(text[length]):
        length -= 1
    return f"{text[:length].rstrip()}…"


def _joins(character: str) -> bool:
    return bool(combining(character)) or character in "\u200d\ufe0e\ufe0f"
