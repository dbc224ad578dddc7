"""What a report is made of: its sections in order, each over the rows that a dataset gives. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from portal.errors import InvalidInput
from portal.reports.figures import Better
from portal.reports.numbers import Unit

MOST_SECTIONS = 40
MOST_TABLE_ROWS = 100
LONGEST_TITLE, LONGEST_TEXT = 120, 4000


class SectionKind(StrEnum):
    SUMMARY = "summary"
    KPI = "kpi"
    BAR = "bar"
    LINE = "line"
    STACKED = "stacked"
    DONUT = "donut"
    TABLE = "table"
    TEXT = "text"


CHARTS = frozenset({SectionKind.BAR, SectionKind.LINE, SectionKind.STACKED, SectionKind.DONUT})
"""Kinds that draw a value a category."""

SUMMARY_COLUMNS = ("opened", "closed", "overdue", "median_days", "substantiation")
"""What the dataset of a summary must have in its first row; see `summary.BoardFigures`."""


class Width(StrEnum):
    FULL = "full"
    HALF = "half"


@dataclass(frozen=True, slots=True)
class Section:
    """One section. `dataset` is a public id, columns are keys of that dataset.

    - SUMMARY: the row of `SUMMARY_COLUMNS`; categories, where wanted, come from `category_dataset`, by
      `category` and the first of `values`, among the rows where `only_column` holds `only_value`
    - KPI: the first of `values` in the dataset's first row, in `unit`; `better` tells good from bad
    - charts: a category a row, named by `category`; a series for each of `values`, or, where `split` is a
      column, for each of its values. `only_column` and `only_value` choose among the rows
    - TABLE: the columns `values`, all if empty, of the first `rows` rows
    - TEXT: `text`, an empty line between paragraphs
    """

    kind: SectionKind
    title: str = ""
    dataset: str = ""
    values: tuple[str, ...] = ()
    category: str = ""
    split: str = ""
    only_column: str = ""
    only_value: str = ""
    category_dataset: str = ""
    unit: Unit = Unit.COUNT
    better: Better = Better.NEITHER
    width: Width = Width.FULL
    rows: int = 10
    text: str = ""

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets whose rows it needs."""
        needed = {
            SectionKind.TEXT: (),
            SectionKind.SUMMARY: (self.dataset, self.category_dataset),
        }.get(self.kind, (self.dataset,))
        return tuple(filter(None, needed))

    @property
    def compares(self) -> bool:
        """Whether it shows the period before, too."""
        return self.kind in (SectionKind.KPI, SectionKind.SUMMARY)

    def columns(self) -> Iterator[tuple[str, str]]:
        """Yield a dataset and a key for each column that must be there."""
        if self.kind is SectionKind.SUMMARY:
            yield from ((self.dataset, key) for key in SUMMARY_COLUMNS)
        chosen = self.category_dataset if self.kind is SectionKind.SUMMARY else self.dataset
        keys = (*self.values, self.category, self.split, self.only_column)
        yield from ((chosen, key) for key in keys if key and chosen)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database, without what is empty; `from_dict` reads it back."""
        every = {name: getattr(self, name) for name in Section.__slots__}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in every.items()}
        return {name: value for name, value in plain.items() if value not in ("", [])}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the form written by `to_dict`. Raises KeyError, TypeError or ValueError on anything else."""
        more = {name: kind(data[name]) for name, kind in _KINDS.items() if name in data}
        known = {name: data[name] for name in cls.__slots__ if name in data and name not in _KINDS}
        return cls(**known, **more)


_KINDS: Mapping[str, Any] = {
    "kind": SectionKind,
    "unit": Unit,
    "better": Better,
    "width": Width,
    "values": tuple,
}


def check(sections: Iterable[Section], columns: Mapping[str, frozenset[str]]) -> None:
    """Raise InvalidInput on field `sections-<number>`, from 0, for the first section that can't be shown.

    `columns` are the keys of each dataset that may be used, by its public id.
    """
    found = list(sections)
    if not found:
        raise InvalidInput("A report needs a section.", "sections")
    if len(found) > MOST_SECTIONS:
        raise InvalidInput(f"A report has at most {MOST_SECTIONS} sections.", "sections")
    for number, section in enumerate(found):
        if problem := problem_of(section, columns):
            raise InvalidInput(problem, f"sections-{number}")


def problem_of(section: Section, columns: Mapping[str, frozenset[str]]) -> str:
    """Return what is wrong with a section, in a sentence; nothing where all is well."""
    if section.kind is SectionKind.TEXT:
        return "" if section.text.strip() else "Write the text."
    if not section.title.strip():
        return "Give the section a title."
    if section.dataset not in columns:
        return "Choose a dataset."
    if section.category_dataset and section.category_dataset not in columns:
        return "Choose the dataset of the categories anew."
    return _missing_choice(section) or _missing_column(section, columns)


def _missing_choice(section: Section) -> str:
    if section.kind is SectionKind.KPI and len(section.values) != 1:
        return "Choose the column of the figure."
    if section.kind in CHARTS:
        return _of_chart(section)
    if section.kind is SectionKind.SUMMARY and section.category_dataset:
        chosen = section.category and len(section.values) == 1
        return "" if chosen else "Choose the columns of the categories and of their numbers."
    if section.kind is SectionKind.TABLE and section.rows not in range(1, MOST_TABLE_ROWS + 1):
        return f"A table shows 1 to {MOST_TABLE_ROWS} rows."
    return ""


def _of_chart(section: Section) -> str:
    if not section.category:
        return "Choose the column that names the categories."
    if not section.values:
        return "Choose the column of the values."
    if len(section.values) > 1 and (section.split or section.kind in (SectionKind.BAR, SectionKind.DONUT)):
        return "Choose one column of values: this chart has one for each category."
    if section.split and section.kind in (SectionKind.BAR, SectionKind.DONUT):
        return "Bars and rings have one series: leave “A series for each” empty, or stack the bars."
    return ""


def _missing_column(section: Section, columns: Mapping[str, frozenset[str]]) -> str:
    for dataset, key in section.columns():
        if key not in columns[dataset]:
            what = "A summary needs a column" if section.kind is SectionKind.SUMMARY else "There is no column"
            return f"{what} “{key}” in the dataset."
    return ""
