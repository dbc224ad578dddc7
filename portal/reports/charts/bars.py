"""Horizontal bars: one series with its values beside the bars, or several stacked."""

from collections.abc import Sequence
from decimal import Decimal

from portal.reports.charts.data import Chart, Table, ready, with_few_categories, with_few_series
from portal.reports.charts.drawing import GAP, Drawing, Picture, message
from portal.reports.charts.look import LABEL, TICK, VALUE, Look, TextStyle
from portal.reports.charts.scale import Scale, ticks
from portal.reports.charts.words import at_category, each_category, said
from portal.reports.numbers import NO_FIGURE, Unit, figure

_ROW, _BAR = 28.0, 16.0
_NAMES = 0.36  # of the width, at most
_BESIDE = 6.0  # between a bar and its value
_LEAST = 1.0  # so that one case among thousands is still seen
_SWATCH = 10.0
_LEGEND_LINE = 22.0
_AXIS = 22.0
_STEPS = (5, 4, 3, 2, 1)  # of the axis: the first for which there is room


def bar_chart(chart: Chart, look: Look) -> Picture:
    """Draw one bar a category, in the order given, from zero; what is beyond 20 categories is summed.

    Raises ValueError for several series, which `stacked_chart` draws.
    """
    if len(chart.series) > 1:
        raise ValueError("A chart of plain bars has one series.")
    table = with_few_categories(ready(chart))
    if not table.known:
        return message(look, table.title)
    drawing, values = Drawing(look), table.rows[0].values
    texts = [figure(value, table.unit) for value in values]
    names = _names_width(drawing, table.categories)
    scale = _scale(drawing, names + GAP, _range(table.known), list(zip(values, texts, strict=True)))
    for i, value in enumerate(values):
        with drawing.titled(f"{table.categories[i]}: {said(value, table)}"):
            drawing.label(0, _middle(i), table.categories[i], names)
            end = _bar(drawing, scale, _middle(i), value, "series-2" if table.is_rest(i) else "series-1")
            _beside(drawing, end, _middle(i), value, texts[i])
    height = len(values) * _ROW
    _zero(drawing, scale, 0, height)
    return drawing.picture(table.title, each_category(table), height, table.notes)


def stacked_chart(chart: Chart, look: Look) -> Picture:
    """Draw one bar a category, made of one part a series; parts below zero go to the left of it.

    What is beyond 20 categories or 5 series is summed. At the end of a bar stands its total, if a total of
    the unit means anything.
    """
    table = with_few_categories(with_few_series(ready(chart), summed=True))
    if not table.known:
        return message(look, table.title)
    drawing = Drawing(look)
    top = _legend(drawing, [row.label for row in table.rows])
    ends = [_ends(table, i) for i in range(len(table.categories))]
    totals = [_total(table, i) for i in range(len(table.categories))]
    names = _names_width(drawing, table.categories)
    reach = (min(low for low, _ in ends), max(high for _, high in ends))
    steps = ticks(float(reach[0]), float(reach[1]), _STEPS[0])
    margin = drawing.widest([figure(value, table.unit) for value in steps], TICK) / 2
    scale = _scale(drawing, names + GAP, reach, [(Decimal(0), text) for text in totals], margin)
    height = top + len(ends) * _ROW
    _grid(drawing, scale, table, top, height)
    for i, name in enumerate(table.categories):
        with drawing.titled(f"{name}: {at_category(table, i)}"):
            drawing.label(0, top + _middle(i), name, names)
            _stack(drawing, scale, table, i, top + _middle(i))
        drawing.text(scale.at(ends[i][1]) + _BESIDE, top + _middle(i), totals[i], VALUE)
    _zero(drawing, scale, top, height)
    return drawing.picture(table.title, each_category(table), height + _AXIS, table.notes)


def _middle(index: int) -> float:
    return (index + 0.5) * _ROW


def _names_width(drawing: Drawing, names: Sequence[str]) -> float:
    return min(drawing.widest(names), drawing.width * _NAMES)


def _range(values: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    return min(*values, Decimal(0)), max(*values, Decimal(0))


def _scale(
    drawing: Drawing,
    left: float,
    reach: tuple[Decimal, Decimal],
    texts: Sequence[tuple[Decimal | None, str]],
    margin: float = 0,
) -> Scale:
    """Return the scale from `left` on, with room at either end for the texts that stand there.

    `margin` is what must be left on the right in any case.
    """
    low, high = map(float, reach)
    before = [text for value, text in texts if value is not None and value < 0]
    behind = [text for value, text in texts if value is None or value >= 0]
    start = left + (drawing.widest(before, VALUE) + _BESIDE if before else 0)
    end = drawing.width - max(drawing.widest(behind, VALUE) + _BESIDE if behind else 0, margin)
    return Scale(low, high if high > low else low + 1, start, end)


def _bar(drawing: Drawing, scale: Scale, middle: float, value: Decimal | None, colour: str) -> float:
    """Draw a bar and return where it ends."""
    zero, end = scale.at(0), scale.at(value or 0)
    if value:
        length = max(abs(end - zero), _LEAST)
        drawing.rect(zero if value > 0 else zero - length, middle - _BAR / 2, length, _BAR, colour)
    return end


def _beside(drawing: Drawing, end: float, middle: float, value: Decimal | None, text: str) -> None:
    if value is None:
        drawing.text(end + _BESIDE, middle, NO_FIGURE, TICK)
    elif value < 0:
        drawing.text(end - _BESIDE, middle, text, VALUE, "end")
    else:
        drawing.text(end + _BESIDE, middle, text, VALUE)


def _zero(drawing: Drawing, scale: Scale, top: float, bottom: float) -> None:
    drawing.line(scale.at(0), top, scale.at(0), bottom, "line-strong")


def _ends(table: Table, index: int) -> tuple[Decimal, Decimal]:
    """Return how far the parts of a category reach below and above zero."""
    values = [value for row in table.rows if (value := row.values[index]) is not None]
    below = sum((value for value in values if value < 0), Decimal(0))
    return below, sum((value for value in values if value > 0), Decimal(0))


def _total(table: Table, index: int) -> str:
    known = [value for row in table.rows if (value := row.values[index]) is not None]
    if not known:
        return NO_FIGURE
    return figure(sum(known, Decimal(0)), table.unit) if table.unit in (Unit.COUNT, Unit.AMOUNT) else ""


def _stack(drawing: Drawing, scale: Scale, table: Table, index: int, middle: float) -> None:
    below = above = Decimal(0)
    for n, row in enumerate(table.rows, start=1):
        value = row.values[index]
        if not value:
            continue
        begin = above if value > 0 else below
        left, right = sorted((scale.at(begin), scale.at(begin + value)))
        if value > 0:
            above += value
        else:
            below += value
        # Half a unit at either end is left blank: parts are told apart by more than their colours.
        drawing.rect(left + 0.5, middle - _BAR / 2, max(right - left - 1, 0.5), _BAR, f"series-{n}", radius=1)
        text, style = figure(value, table.unit), TextStyle(TICK.size, False, f"on-series-{n}")
        if drawing.measure(text, style) + GAP <= right - left:
            drawing.text((left + right) / 2, middle, text, style, "middle")


def _grid(drawing: Drawing, scale: Scale, table: Table, top: float, bottom: float) -> None:
    """Draw a line and a figure below it at each round value that the bars reach."""
    for value in _fitting_ticks(drawing, scale, table):
        x = scale.at(value)
        drawing.line(x, top, x, bottom + 4, "line")
        drawing.text(x, bottom + 13, figure(value, table.unit), TICK, "middle")


def _fitting_ticks(drawing: Drawing, scale: Scale, table: Table) -> list[Decimal]:
    """Return as many ticks as have room for their figures, five steps at most."""
    whole = table.unit is Unit.COUNT
    for count in _STEPS:
        steps = ticks(scale.low, scale.high, count, whole=whole)
        gap = scale.at(steps[1]) - scale.at(steps[0])
        if drawing.widest([figure(value, table.unit) for value in steps], TICK) + GAP <= gap:
            break
    return [value for value in steps if scale.low <= value <= scale.high]


def _legend(drawing: Drawing, names: Sequence[str]) -> float:
    """Name the series in the order of the parts; return how high that is."""
    x, y = 0.0, 0.0
    for n, name in enumerate(names, start=1):
        text = drawing.cut(name, drawing.width / 2 - _SWATCH - _BESIDE)
        width = _SWATCH + _BESIDE + drawing.measure(text, LABEL)
        if x and x + width > drawing.width:
            x, y = 0.0, y + _LEGEND_LINE
        with drawing.titled(name):
            drawing.rect(x, y + (_ROW - _BAR) / 2, _SWATCH, _SWATCH, f"series-{n}")
            drawing.text(x + _SWATCH + _BESIDE, y + (_ROW - _BAR + _SWATCH) / 2, text)
        x += width + 2 * GAP
    return y + _ROW
