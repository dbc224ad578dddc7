"""Lines over months or other steps of time, each named at its end."""

from decimal import Decimal
from itertools import groupby

from portal.reports.charts.data import Chart, Row, Table, ready, with_few_series
from portal.reports.charts.drawing import GAP, Drawing, Picture, message
from portal.reports.charts.look import LABEL, TICK, VALUE, Look
from portal.reports.charts.scale import Scale, spread, thinned, ticks
from portal.reports.charts.words import at_category, each_course
from portal.reports.numbers import Unit, figure

_TOP, _PLOT, _AXIS = 12.0, 176.0, 26.0
_BOTTOM = _TOP + _PLOT
_HEIGHT = _BOTTOM + _AXIS
_LABELS, _NAMES = 0.34, 0.2  # of the width, at most: a series' name and value, a category's name
_LABEL_LINE = 17.0
_AWAY = 11.0  # between the end of a line and its name
_STROKE, _DOT = 2.0, 3.5


def line_chart(chart: Chart, look: Look) -> Picture:
    """Draw one line a series, at most five, on a scale that has zero on it; None leaves a gap.

    Where the names of all categories don't fit, every 2nd, 3rd, 4th, 6th or 12th stands, and the last.
    """
    table = with_few_series(ready(chart), summed=False)
    if not table.known:
        return message(look, table.title)
    drawing = Drawing(look)
    plot = _Plot(drawing, table)
    plot.draw_grid()
    plot.draw_categories()
    for n, row in reversed(list(enumerate(table.rows, start=1))):  # the first lies on top
        plot.draw_line(row, f"series-{n}")
    plot.draw_labels()
    plot.draw_targets()
    return drawing.picture(table.title, each_course(table), _HEIGHT, table.notes)


class _Plot:
    """Places of one chart: `left` and `right` bound the lines, names of series stand behind."""

    def __init__(self, drawing: Drawing, table: Table) -> None:
        self._drawing = drawing
        self._table = table
        low, high = map(float, (min(table.known), max(table.known)))
        self._ticks = ticks(low, high, whole=_whole(table))
        self._y = Scale(float(self._ticks[0]), float(self._ticks[-1]), _BOTTOM, _TOP)
        self._names = [drawing.cut(name, drawing.width * _NAMES, TICK) for name in table.categories]
        self._widths = [drawing.measure(name, TICK) for name in self._names]
        figures = [figure(value, table.unit) for value in self._ticks]
        self._room = min(max(map(self._label_width, table.rows)), drawing.width * _LABELS)
        self._right = drawing.width - max(self._room + _AWAY, self._widths[-1] / 2)
        left = max(drawing.widest(figures, TICK) + GAP + _DOT, self._widths[0] / 2)
        self._left = min(left, self._right / 2)  # figures of 30 digits leave no room for lines

    def draw_grid(self) -> None:
        """Draw a line at each tick, and its figure before it."""
        for value in self._ticks:
            y, colour = self._y.at(value), "line" if value else "line-strong"
            self._drawing.line(self._left - _DOT, y, self._right + _DOT, y, colour)
            text = figure(value, self._table.unit)
            self._drawing.text(self._left - _DOT - GAP, y, text, TICK, "end")

    def draw_categories(self) -> None:
        """Write as many names below as have room."""
        count = len(self._widths)
        slot = (self._right - self._left) / max(count - 1, 1)
        for i in thinned(self._widths, slot, 2 * GAP):
            self._drawing.text(self._x(i), _BOTTOM + 16, self._names[i], TICK, "middle")

    def draw_line(self, row: Row, colour: str) -> None:
        """Draw the stretches between gaps, and a dot at the end and where one value stands alone."""
        stretches = _stretches(row)
        for stretch in stretches:
            if len(stretch) > 1:
                points = (f"{self._x(i):.1f} {self._y.at(value):.1f}" for i, value in stretch)
                self._drawing.stroke("M" + " L".join(points), colour, _STROKE)
        for stretch in stretches:
            if len(stretch) == 1 or stretch is stretches[-1]:
                i, value = stretch[-1]
                self._drawing.dot(self._x(i), self._y.at(value), _DOT, colour)

    def draw_labels(self) -> None:
        """Write each name and last value beside the end of its line, moved apart where they would touch."""
        ends = [(row, *_stretches(row)[-1][-1]) for row in self._table.rows if row.known]
        x = max(self._x(i) for _, i, _ in ends) + _AWAY
        wanted = [self._y.at(value) for _, _, value in ends]
        placed = spread(wanted, _LABEL_LINE, _TOP, _BOTTOM)
        for (row, i, value), y, label_y in zip(ends, wanted, placed, strict=True):
            begin = self._x(i) + _DOT + 1
            if abs(label_y - y) > 4 or x - begin > _AWAY:
                self._drawing.line(begin, y, x - 2, label_y, "line-strong")
            self._label(x, label_y, row, figure(value, self._table.unit))

    def draw_targets(self) -> None:
        """Say the figures of each category where the pointer is in its column."""
        slot = (self._right - self._left) / max(len(self._widths) - 1, 1)
        for i, name in enumerate(self._table.categories):
            words = f"{name}: {at_category(self._table, i)}"
            left = max(self._x(i) - slot / 2, 0)
            right = min(self._x(i) + slot / 2, self._drawing.width)
            self._drawing.target(left, _TOP, right - left, _PLOT, words)

    def _label(self, x: float, y: float, row: Row, text: str) -> None:
        if len(self._table.rows) > 1:
            room = self._room - self._drawing.measure(text, VALUE) - GAP
            with self._drawing.titled(row.label):
                self._drawing.label(x, y, row.label, room)
            self._drawing.text(x + self._room, y, text, VALUE, "end")
        else:
            self._drawing.text(x, y, text, VALUE)

    def _label_width(self, row: Row) -> float:
        if not row.known:
            return 0
        value = self._drawing.measure(figure(row.known[-1], self._table.unit), VALUE)
        named = len(self._table.rows) > 1
        return value + (self._drawing.measure(row.label, LABEL) + GAP if named else 0)

    def _x(self, index: int) -> float:
        if len(self._widths) == 1:
            return (self._left + self._right) / 2
        return self._left + index * (self._right - self._left) / (len(self._widths) - 1)


def _stretches(row: Row) -> list[list[tuple[int, Decimal]]]:
    """Return positions and values in groups without a gap."""
    grouped = groupby(enumerate(row.values), key=lambda point: point[1] is not None)
    return [[(i, value) for i, value in group if value is not None] for known, group in grouped if known]


def _whole(table: Table) -> bool:
    return table.unit is Unit.COUNT and all(value == value.to_integral_value() for value in table.known)
