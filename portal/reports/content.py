"""From sections and rows to what a page or a PDF shows: figures, charts, tables, paragraphs. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.exporters.base import Document, header
from portal.exporters.pdf_text import shown_texts
from portal.reports.charts.bars import bar_chart, stacked_chart
from portal.reports.charts.data import Chart, Series
from portal.reports.charts.donut import donut_chart
from portal.reports.charts.drawing import Picture
from portal.reports.charts.lines import line_chart
from portal.reports.charts.look import Look
from portal.reports.figures import Figure, Kpi
from portal.reports.numbers import Number, Unit, exact
from portal.reports.sections import Section, SectionKind, Width
from portal.reports.summary import BoardFigures, executive_summary
from portal.table import NUMERIC_TYPES, Column, Row
from portal.tally import Tally

NO_NAME = "(none)"
"""A category whose name is NULL or empty."""

DRAWN_BY: Mapping[SectionKind, Callable[[Chart, Look], Picture]] = {
    SectionKind.BAR: bar_chart,
    SectionKind.LINE: line_chart,
    SectionKind.STACKED: stacked_chart,
    SectionKind.DONUT: donut_chart,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a dataset gave for a report's period, and for the one before where that was asked."""

    columns: tuple[Column, ...]
    rows: Sequence[Row]
    before: Sequence[Row] | None = None

    def values(self, key: str) -> list[Any]:
        """Return a column's values. Raises KeyError where it has no such column."""
        place = self._place(key)
        return [row[place] for row in self.rows]

    def first(self, key: str, *, before: bool = False) -> Any:
        """Return a column's value in the first row; None where there is no row. Raises KeyError."""
        place, rows = self._place(key), (self.before or ()) if before else self.rows
        return rows[0][place] if rows else None

    def column(self, key: str) -> Column:
        """Return the column of a key. Raises KeyError."""
        return self.columns[self._place(key)]

    def _place(self, key: str) -> int:
        for place, column in enumerate(self.columns):
            if column.key == key:
                return place
        raise KeyError(key)


@dataclass(frozen=True, slots=True)
class KpiBlock:
    kpi: Kpi


@dataclass(frozen=True, slots=True)
class ChartBlock:
    kind: SectionKind
    title: str
    chart: Chart
    width: Width

    def draw(self, look: Look) -> Picture:
        """Return the drawing for a page or for print."""
        return DRAWN_BY[self.kind](self.chart, look)


@dataclass(frozen=True, slots=True)
class TableBlock:
    """`numeric` says of each column whether it is set flush right; `more` rows are not shown."""

    title: str
    labels: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[str]]
    more: int


@dataclass(frozen=True, slots=True)
class TextBlock:
    title: str
    paragraphs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A section that can't be shown, and why."""

    title: str
    problem: str


Block = KpiBlock | ChartBlock | TableBlock | TextBlock | Unavailable


class NotShown(ValueError):
    """Why a section can't be shown, a sentence."""


def blocks(
    sections: Iterable[Section], answers: Mapping[str, Answer | str], document: Document, tally: Tally
) -> list[Block]:
    """Return one block a section, in order.

    `answers` are by the dataset's public id; a text among them is the sentence why there is none. `document`
    gives the zone of times; what had to be replaced in texts is counted in `tally`.
    """
    return [_block(section, answers, document, tally) for section in sections]


def _block(section: Section, answers: Mapping[str, Answer | str], document: Document, tally: Tally) -> Block:
    if section.kind is SectionKind.TEXT:
        return TextBlock(section.title, _paragraphs(section.text))
    try:
        found = [_answer(answers, dataset) for dataset in section.datasets]
        return _MADE_BY[section.kind](section, found, document, tally)
    except NotShown as problem:
        return Unavailable(section.title, str(problem))
    except KeyError as missing:
        return Unavailable(section.title, f"The dataset has no column “{missing.args[0]}” any more.")


def _answer(answers: Mapping[str, Answer | str], dataset: str) -> Answer:
    answer = answers.get(dataset, "Its dataset is put away.")
    if isinstance(answer, str):
        raise NotShown(answer)
    return answer


def _kpi(section: Section, found: list[Answer], _document: Document, _tally: Tally) -> Block:
    figure = _figure(found[0], section.values[0], section.unit)
    return KpiBlock(Kpi(section.title, figure, section.better))


def _figure(answer: Answer, key: str, unit: Unit) -> Figure:
    now, before = answer.first(key), answer.first(key, before=True)
    return Figure(_number(now, key), _number(before, key), unit)


def _summary(section: Section, found: list[Answer], document: Document, tally: Tally) -> Block:
    answer = found[0]
    figures = BoardFigures(
        opened=_figure(answer, "opened", Unit.COUNT),
        closed=_figure(answer, "closed", Unit.COUNT),
        overdue=_figure(answer, "overdue", Unit.COUNT),
        median_days=_figure(answer, "median_days", Unit.DAYS),
        substantiation=_figure(answer, "substantiation", Unit.PERCENT),
        categories=_counted(section, found[1], document, tally) if len(found) > 1 else (),
    )
    return TextBlock(section.title, [" ".join(executive_summary(figures))])


def _counted(section: Section, answer: Answer, document: Document, tally: Tally) -> list[tuple[str, int]]:
    chosen = _where(section, answer, document, tally)
    names = _texts(chosen, section.category, document, tally)
    key = section.values[0]
    values = [exact(_number(value, key)) for value in chosen.values(key)]
    return [(name, int(value or 0)) for name, value in zip(names, values, strict=True)]


def _chart(section: Section, found: list[Answer], document: Document, tally: Tally) -> Block:
    chosen = _where(section, found[0], document, tally)
    names = _texts(chosen, section.category, document, tally)
    if section.split:
        categories, series = _split(section, chosen, names, document, tally)
    else:
        categories, series = names, [_series(chosen, key) for key in section.values]
    chart = Chart(section.title, categories, series, section.unit)
    return ChartBlock(section.kind, section.title, chart, section.width)


def _series(answer: Answer, key: str) -> Series:
    return Series(answer.column(key).label, [_number(value, key) for value in answer.values(key)])


def _split(
    section: Section, answer: Answer, names: Sequence[str], document: Document, tally: Tally
) -> tuple[list[str], list[Series]]:
    """Return categories and series in the order in which they come first, one number for each pair."""
    key = section.values[0]
    numbers = [_number(value, key) for value in answer.values(key)]
    splits = _texts(answer, section.split, document, tally)
    at: dict[tuple[str, str], Number | None] = {}
    for name, split, value in zip(names, splits, numbers, strict=True):
        if (name, split) in at:  # neither of them alone is the number, nor is the sum of two medians
            raise NotShown(
                f"There is more than one row for “{name}” and “{split}”: let the query add them up."
            )
        at[name, split] = value
    categories = list(dict.fromkeys(names))
    series = [Series(one, [at.get((name, one)) for name in categories]) for one in dict.fromkeys(splits)]
    return categories, series or [Series(answer.column(key).label, [])]


def _table(section: Section, found: list[Answer], document: Document, tally: Tally) -> Block:
    answer = _where(section, found[0], document, tally)
    keys = section.values or tuple(column.key for column in answer.columns)
    columns = [answer.column(key) for key in keys]
    shown = Answer(answer.columns, answer.rows[: section.rows])
    texts = [_texts(shown, key, document, tally, nothing="") for key in keys]
    return TableBlock(
        title=section.title,
        labels=[header(column, document) for column in columns],
        numeric=[column.type in NUMERIC_TYPES for column in columns],
        rows=list(zip(*texts, strict=True)),
        more=len(answer.rows) - len(shown.rows),
    )


def _where(section: Section, answer: Answer, document: Document, tally: Tally) -> Answer:
    """Return only those rows that the section is about."""
    if not section.only_column:
        return answer
    texts = _texts(answer, section.only_column, document, tally, nothing="")
    rows = [row for row, text in zip(answer.rows, texts, strict=True) if text == section.only_value]
    return Answer(answer.columns, rows)


def _texts(answer: Answer, key: str, document: Document, tally: Tally, nothing: str = NO_NAME) -> list[str]:
    """Return a column's values as text, as a PDF shows them."""
    by_type = shown_texts(answer.column(key), document, tally)
    return [by_type[type(value)](value) or nothing for value in answer.values(key)]


def _number(value: Any, key: str) -> Number | None:
    if value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool)):
        return value
    raise NotShown(f"“{key}” holds something that is no number.")


def _paragraphs(text: str) -> list[str]:
    parts = text.replace("\r\n", "\n").split("\n\n")
    return [" ".join(part.split()) for part in parts if part.strip()]


_MADE_BY: Mapping[SectionKind, Callable[[Section, list[Answer], Document, Tally], Block]] = {
    SectionKind.SUMMARY: _summary,
    SectionKind.KPI: _kpi,
    SectionKind.TABLE: _table,
    **dict.fromkeys(DRAWN_BY, _chart),
}
