"""Shares of a whole as a ring, beside it a list of the slices in their order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import cos, pi, sin

from portal.reports.charts.data import MOST_SERIES, MOST_SLICES, Chart, Table, ready, with_few_categories
from portal.reports.charts.drawing import GAP, Drawing, Picture, message
from portal.reports.charts.look import TICK, TOTAL, VALUE, Look, TextStyle
from portal.reports.charts.words import each_share
from portal.reports.numbers import figure, share

_RADIUS, _RING = 84.0, 30.0
_NARROW = 0.21  # of the width: the radius in a drawing that is narrow
_HEIGHT = 2 * (_RADIUS + 4)
_ROW, _SWATCH = 26.0, 10.0
_APART = 28.0  # between ring and list
_LIST = 300.0  # the list's width at most: a figure far from its name is hard to read


@dataclass(frozen=True, slots=True)
class _Slice:
    """A slice from turn to turn: 0 is at the top, 0.25 on the right."""

    name: str
    value: Decimal | None
    begin: float
    end: float
    colour: str
    figure: str
    share: str

    @property
    def middle(self) -> float:
        return (self.begin + self.end) / 2


def donut_chart(chart: Chart, look: Look) -> Picture:
    """Draw the shares of one series clockwise from the top; what is beyond 6 categories is summed.

    Says so in place of a drawing when a value is below zero. Raises ValueError for several series.
    """
    if len(chart.series) > 1:
        raise ValueError("A ring has one series.")
    table = with_few_categories(ready(chart), MOST_SLICES, summed=True)
    if not table.known:
        return message(look, table.title)
    if min(table.known) < 0:
        return message(look, table.title, "Shares can't be drawn: a value is below zero.")
    drawing, total = Drawing(look), sum(table.known, Decimal(0))
    slices = list(_slices(table, total))
    ring = _Ring(drawing)
    ring.draw([part for part in slices if part.value])
    ring.draw_total(figure(total, table.unit))
    _list(drawing, ring.right + _APART, slices)
    return drawing.picture(table.title, each_share(table, total), _HEIGHT, table.notes)


def _slices(table: Table, total: Decimal) -> Iterator[_Slice]:
    begin = 0.0
    for i, value in enumerate(table.rows[0].values):
        end = begin + (float(value / total) if value else 0)
        shown = "" if value is None else share(value, total)
        yield _Slice(table.categories[i], value, begin, end, _colour(i), figure(value, table.unit), shown)
        begin = end


def _colour(index: int) -> str:
    # The order of the list and the shares tell slices apart; colours differ between neighbours only, so the
    # sixth, which lies between the fifth and the first, is the neutral one again.
    return f"series-{index + 1 if index < MOST_SERIES else 2}"


class _Ring:
    """Draws slices around a point at the left of the drawing."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._outer = min(_RADIUS, drawing.width * _NARROW)
        self._inner = self._outer - _RING
        self._x, self._y = self._outer + 4, _HEIGHT / 2
        self.right = self._x + self._outer

    def draw(self, slices: Sequence[_Slice]) -> None:
        """Draw the slices with a gap between two; an empty ring of none."""
        if not slices:
            self._ring(0, 1, "line")
        for part in slices:
            with self._drawing.titled(f"{part.name}: {part.figure} ({part.share})"):
                self._ring(part.begin, part.end, part.colour)
                self._write_share(part)
        for part in slices if len(slices) > 1 else []:
            inner, outer = self._at(part.begin, self._inner - 1), self._at(part.begin, self._outer + 1)
            self._drawing.stroke(f"M{_pair(inner)} L{_pair(outer)}", "surface", 2)

    def draw_total(self, text: str) -> None:
        """Write the total in the middle, as large as there is room."""
        room, width = self._inner * 1.6, self._drawing.measure(text, TOTAL)
        style = TOTAL._replace(size=round(TOTAL.size * min(1, room / width), 1))
        self._drawing.text(self._x, self._y - 5, text, style, "middle")
        self._drawing.text(self._x, self._y + style.size / 2 + 4, "total", TICK, "middle")

    def _write_share(self, part: _Slice) -> None:
        """Write the share on the slice, if it is long enough: a second way from the slice to its name."""
        middle = (self._outer + self._inner) / 2
        style = TextStyle(10, False, f"on-{part.colour}")
        if (part.end - part.begin) * 2 * pi * middle > self._drawing.measure(part.share, style) + GAP:
            x, y = self._at(part.middle, middle)
            self._drawing.text(x, y, part.share, style, "middle")

    def _ring(self, begin: float, end: float, colour: str) -> None:
        outer = self._arc(self._outer, (begin, end), clockwise=1)
        inner = self._arc(self._inner, (end, begin), clockwise=0)
        self._drawing.shape(f"M{outer} L{inner} Z", colour)

    def _arc(self, radius: float, turns: tuple[float, float], clockwise: int) -> str:
        # In two halves: an arc whose ends meet, as that of the only slice, is none (SVG 2, 9.5.1).
        begin, end = turns
        first, middle, last = (_pair(self._at(turn, radius)) for turn in (begin, (begin + end) / 2, end))
        arc = f"A{radius:.2f} {radius:.2f} 0 0 {clockwise}"
        return f"{first} {arc} {middle} {arc} {last}"

    def _at(self, turn: float, radius: float) -> tuple[float, float]:
        angle = turn * 2 * pi
        return self._x + radius * sin(angle), self._y - radius * cos(angle)


def _pair(point: tuple[float, float]) -> str:
    return f"{point[0]:.2f} {point[1]:.2f}"


def _list(drawing: Drawing, left: float, slices: Sequence[_Slice]) -> None:
    """Write name, figure and share of each slice, from the top clockwise, level with the ring."""
    right = min(drawing.width, left + _LIST)
    shares = drawing.widest([part.share for part in slices], TICK)
    figures = right - shares - 1.5 * GAP
    names = left + _SWATCH + GAP
    room = figures - drawing.widest([part.figure for part in slices], VALUE) - GAP - names
    top = (_HEIGHT - len(slices) * _ROW) / 2
    for i, part in enumerate(slices):
        y = top + (i + 0.5) * _ROW
        with drawing.titled(part.name):
            drawing.rect(left, y - _SWATCH / 2, _SWATCH, _SWATCH, part.colour)
            drawing.label(names, y, part.name, room)
        drawing.text(figures, y, part.figure, VALUE, "end")
        drawing.text(right, y, part.share, TICK, "end")
