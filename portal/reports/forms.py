"""The form of a report: its sections in order, each with what its kind needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from portal.datasets import periods
from portal.errors import InvalidInput
from portal.reports.figures import Better
from portal.reports.numbers import Unit
from portal.reports.sections import (
    CHARTS,
    LONGEST_TEXT,
    LONGEST_TITLE,
    MOST_SECTIONS,
    MOST_TABLE_ROWS,
    Section,
    SectionKind,
    Width,
)
from portal.reports.service import Definition
from portal.table import Column

KIND_WORDS = {
    SectionKind.KPI: "Key figure",
    SectionKind.BAR: "Bars",
    SectionKind.STACKED: "Stacked bars",
    SectionKind.LINE: "Lines",
    SectionKind.DONUT: "Ring",
    SectionKind.TABLE: "Table",
    SectionKind.TEXT: "Text",
    SectionKind.SUMMARY: "Summary in sentences",
}
_UNITS = {
    Unit.COUNT: "Number",
    Unit.DAYS: "Days",
    Unit.PERCENT: "Percentage (0.25 is 25 %)",
    Unit.AMOUNT: "Amount",
}
_BETTER = {Better.NEITHER: "Neither", Better.HIGHER: "More is better", Better.LOWER: "Less is better"}
_WIDTHS = {Width.FULL: "Full width", Width.HALF: "Half, beside the next one"}

SEVERAL_VALUES = frozenset({SectionKind.LINE, SectionKind.STACKED, SectionKind.TABLE})


class SectionForm(Form):
    """One section. Columns are those of the dataset that was chosen when the page was made."""

    open = HiddenField()
    kind = SelectField("Kind", choices={str(kind): words for kind, words in KIND_WORDS.items()})
    title = StringField("Title", [Length(max=LONGEST_TITLE, message="At most 120 characters, please.")])
    dataset = SelectField("Dataset", validate_choice=False)
    value = SelectField("Value", validate_choice=False)
    values = SelectMultipleField(
        "Columns",
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    category_dataset = SelectField("Categories from", validate_choice=False)
    category = SelectField("Category", validate_choice=False)
    split = SelectField("A series for each", validate_choice=False)
    only_column = SelectField("Only rows where", validate_choice=False)
    only_value = StringField("is", [Length(max=200)])
    unit = SelectField(
        "Shown as", choices={str(unit): words for unit, words in _UNITS.items()}, default=Unit.COUNT
    )
    better = SelectField(
        "Change", choices={str(one): words for one, words in _BETTER.items()}, default=Better.NEITHER
    )
    width = SelectField(
        "Width", choices={str(width): words for width, words in _WIDTHS.items()}, default=Width.FULL
    )
    rows = IntegerField(
        "Rows",
        [Optional(), NumberRange(1, MOST_TABLE_ROWS, f"1 to {MOST_TABLE_ROWS} rows.")],
        default=10,
    )
    text = TextAreaField("Text", [Length(max=LONGEST_TEXT, message="At most 4,000 characters, please.")])

    def section(self) -> Section:
        """Return what was filled in, without what its kind has no use for."""
        kind = SectionKind(self.kind.data)
        if kind is SectionKind.TEXT:
            return Section(kind, _line(self.title.data), text=(self.text.data or "").replace("\r\n", "\n"))
        values = tuple(self.values.data or ()) if kind in SEVERAL_VALUES else _one(self.value.data)
        chart, table = kind in CHARTS, kind is SectionKind.TABLE
        categories = self.category_dataset.data or "" if kind is SectionKind.SUMMARY else ""
        chooses = chart or table or bool(categories)
        only = (self.only_column.data or "") if chooses else ""
        return Section(
            kind,
            _line(self.title.data),
            self.dataset.data or "",
            values if kind is not SectionKind.SUMMARY or categories else (),
            category=(self.category.data or "") if chart or categories else "",
            split=(self.split.data or "") if kind in (SectionKind.LINE, SectionKind.STACKED) else "",
            only_column=only,
            only_value=_line(self.only_value.data) if only else "",
            category_dataset=categories,
            unit=Unit(self.unit.data) if chart or kind is SectionKind.KPI else Unit.COUNT,
            better=Better(self.better.data) if kind is SectionKind.KPI else Better.NEITHER,
            width=Width(self.width.data) if chart else Width.FULL,
            rows=(self.rows.data or 10) if table else 10,
        )

    @property
    def is_open(self) -> bool:
        """Whether the page shows its fields: somebody was at them, or has to be."""
        return bool(self.open.data or self.errors or not self.title.data)

    @property
    def columns_from(self) -> str:
        """The dataset whose columns can be chosen."""
        if self.kind.data == SectionKind.SUMMARY:
            return self.category_dataset.data or ""
        return self.dataset.data or ""

    def offer(self, datasets: Mapping[str, str], columns: Mapping[str, Sequence[Column]]) -> None:
        """Set what can be chosen: datasets by their public id, columns of the one chosen."""
        self.dataset.choices = {"": "Choose a dataset"} | dict(datasets)
        self.category_dataset.choices = {"": "No categories"} | dict(datasets)
        named = {column.key: column.label for column in columns.get(self.columns_from, ())}
        for field, nothing in (
            (self.value, "Choose a column"),
            (self.category, "Choose a column"),
            (self.split, "One series for each column"),
            (self.only_column, "All rows"),
        ):
            field.choices = {"": nothing} | named
        self.values.choices = named


class ReportForm(FlaskForm):
    """A report with its sections."""

    version = HiddenField()
    name = StringField("Name", [Length(max=120, message="At most 120 characters, please.")])
    description = TextAreaField("Description", [Length(max=1000)])
    period = SelectField(
        "Period",
        choices={key: words for key, (words, _) in periods.CALENDAR.items()},
        description="What it shows unless another one is chosen.",
    )
    sections = FieldList(FormField(SectionForm), "Sections", max_entries=MOST_SECTIONS)

    def definition(self) -> Definition:
        """Return what was filled in. Raises InvalidInput where a list has no such choice."""
        try:
            sections = tuple(row.form.section() for row in self.sections)
        except ValueError as error:
            raise InvalidInput(f"Choose from the lists: {error}.", "sections") from None
        return Definition(
            name=self.name.data or "",
            description=self.description.data or "",
            sections=sections,
            period=self.period.data or "",
        )

    def offer(self, datasets: Mapping[str, str], columns: Mapping[str, Sequence[Column]]) -> None:
        """Set what can be chosen in each section."""
        for row in self.sections:
            row.form.offer(datasets, columns)

    def rearrange(self, command: str) -> None:
        """Do what a button of the page says: `add`, `up-<n>`, `down-<n>`, `remove-<n>`; others do nothing."""
        rows = [row.form.data for row in self.sections]
        action, _, number = command.partition("-")
        place = int(number) if number.isdecimal() and int(number) < len(rows) else None
        if action == "add" and len(rows) < MOST_SECTIONS:
            rows.append({"kind": SectionKind.KPI, "rows": 10, "dataset": rows[-1]["dataset"] if rows else ""})
        elif place is not None and action == "remove":
            del rows[place]
        elif place is not None and action in ("up", "down"):
            other = place + (1 if action == "down" else -1)
            if 0 <= other < len(rows):
                rows[place], rows[other] = rows[other], rows[place]
        while self.sections.entries:
            self.sections.pop_entry()
        for row in rows:
            self.sections.append_entry(row)

    def say(self, error: InvalidInput) -> bool:
        """Put an error at its field, which may be a section; say whether there is one."""
        name, _, number = (error.field or "").partition("-")
        field: Any = self._fields.get(name)
        if field is None:
            return False
        if number.isdecimal():
            field = field[int(number)].form.title
        field.errors = [*field.errors, str(error)]
        return True


def filled(definition: Definition, version: int) -> dict[str, Any]:
    """Return the data of the form for a definition, which is that of a version."""
    return {
        "version": str(version),
        "name": definition.name,
        "description": definition.description,
        "period": definition.period,
        "sections": [_row(section) for section in definition.sections],
    }


def _row(section: Section) -> dict[str, Any]:
    names = ("kind", "title", "dataset", "category", "split", "only_column", "only_value")
    more = ("category_dataset", "unit", "better", "width", "rows", "text")
    row = {name: getattr(section, name) for name in (*names, *more)}
    return {**row, "values": list(section.values), "value": section.values[0] if section.values else ""}


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _one(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()
