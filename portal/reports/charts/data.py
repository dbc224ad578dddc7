"""What a chart shows, and how it is made ready to be drawn: clean text, exact numbers, not too many."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from portal.reports.numbers import Number, Unit, exact

MOST_CATEGORIES = 20
MOST_SLICES = 6
MOST_SERIES = 5
_MOST_DIGITS = 30  # more are no figure of a report: they are noise, and floats of places end at 308

# What XML 1.0 can't hold (section 2.2), and halves of surrogate pairs.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Sums of these mean something; a sum of medians or of rates does not.
_SUMMED = frozenset({Unit.COUNT, Unit.AMOUNT})


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each category of the chart; None where there is no figure."""

    label: str
    values: Sequence[Number | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """`title` names the chart to those who can't see it; the heading above it is the page's own.

    Raises ValueError when a series has not one value for each category, or when there is no series.
    """

    title: str
    categories: Sequence[str]
    series: Sequence[Series]
    unit: Unit = Unit.COUNT

    def __post_init__(self) -> None:
        if not self.series:
            raise ValueError("A chart needs at least one series.")
        for series in self.series:
            if len(series.values) != len(self.categories):
                raise ValueError(f"“{series.label}” has not one value for each category.")


@dataclass(frozen=True, slots=True)
class Row:
    """A series made ready. `rest` is one that sums up what there was no room for."""

    label: str
    values: Sequence[Decimal | None]
    rest: bool = False

    @property
    def known(self) -> list[Decimal]:
        """The values that there are."""
        return [value for value in self.values if value is not None]


@dataclass(frozen=True, slots=True)
class Table:
    """A chart made ready. The last category may be the rest; `notes` say what was left out or summed."""

    title: str
    categories: Sequence[str]
    rows: Sequence[Row]
    unit: Unit
    rest: bool = False
    notes: Sequence[str] = ()

    @property
    def known(self) -> list[Decimal]:
        """All values that there are."""
        return [value for row in self.rows for value in row.known]

    def is_rest(self, index: int) -> bool:
        """Whether a category is the one that sums up others."""
        return self.rest and index == len(self.categories) - 1


def ready(chart: Chart) -> Table:
    """Return the chart with clean text and exact numbers; NaN, infinities and the like are no figures."""
    rows = [Row(clean(series.label), list(map(_drawable, series.values))) for series in chart.series]
    return Table(clean(chart.title), [clean(name) for name in chart.categories], rows, chart.unit)


def _drawable(value: Number | None) -> Decimal | None:
    number = exact(value)
    return None if number is None or number.adjusted() > _MOST_DIGITS else number


def clean(text: str) -> str:
    """Return text on one line that XML can hold; `(blank)` where nothing is left."""
    return " ".join(_NO_XML.sub("\ufffd", text).split()) or "(blank)"


def with_few_categories(table: Table, most: int = MOST_CATEGORIES, *, summed: bool | None = None) -> Table:
    """Keep the largest categories in their order, and sum the others up as `Other (n)` behind them.

    Where sums mean nothing, as of medians, the others are left out. Either is said in a note. `summed` says
    whether they do; it follows from the unit if it is not given.
    """
    if len(table.categories) <= most:
        return table
    summed = table.unit in _SUMMED if summed is None else summed
    sizes = [_size(table, i) for i in range(len(table.categories))]
    largest = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))[: most - summed]
    kept = sorted(largest)
    others = [i for i in range(len(sizes)) if i not in largest]
    names = [table.categories[i] for i in kept]
    rows = [
        replace(row, values=[*(row.values[i] for i in kept), *([_sum(row, others)] if summed else [])])
        for row in table.rows
    ]
    if summed:
        names.append(f"Other ({len(others)})")
        note = f"The {len(others)} smallest of {len(sizes)} categories are summed as Other."
    else:
        note = f"{len(others)} of {len(sizes)} categories, those with the smallest values, are not shown."
    return replace(table, categories=names, rows=rows, rest=summed, notes=[*table.notes, note])


def with_few_series(table: Table, *, summed: bool) -> Table:
    """Keep the first series; sum the others up as `Other (n)`, or leave them out, and say so."""
    if len(table.rows) <= MOST_SERIES:
        return table
    summed = summed and table.unit in _SUMMED
    kept = list(table.rows[: MOST_SERIES - summed])
    others = table.rows[len(kept) :]
    if summed:
        sums = [_sum(Row("", column), range(len(others))) for column in _columns(others)]
        kept.append(Row(f"Other ({len(others)})", sums, rest=True))
        note = f"{len(others)} of {len(table.rows)} series are summed as Other."
    else:
        note = f"The first {len(kept)} of {len(table.rows)} series are shown."
    return replace(table, rows=kept, notes=[*table.notes, note])


def _columns(rows: Sequence[Row]) -> list[tuple[Decimal | None, ...]]:
    return list(zip(*(row.values for row in rows), strict=True))


def _size(table: Table, index: int) -> Decimal:
    return sum((abs(row.values[index] or Decimal(0)) for row in table.rows), Decimal(0))


def _sum(row: Row, indexes: Sequence[int]) -> Decimal | None:
    known = [value for i in indexes if (value := row.values[i]) is not None]
    return sum(known, Decimal(0)) if known else None
