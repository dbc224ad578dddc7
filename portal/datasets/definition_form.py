"""The form of a dataset: its query, its parameters, and what is said of the columns it gives."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
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

from portal.datasets.definition import TAGS, Definition
from portal.datasets.parameters import Parameter, ParameterKind
from portal.errors import InvalidInput
from portal.exporters.options import CsvOptions, Delimiter, Encoding, LineEnd, Quoting
from portal.table import Column, ColumnType, Zone

SPARE_PARAMETERS = 2
"""Empty rows below the parameters there are."""

MOST_COLUMNS, MOST_PARAMETERS = 2000, 40
MOST_ROWS = 2**31 - 1

ALL_THE_SAME = "all the same"
"""What a save says of whoever was told which schedules it breaks."""

KIND_WORDS = {
    ParameterKind.PERIOD: "Period",
    ParameterKind.MULTI_CHOICE: "Several choices",
    ParameterKind.CHOICE: "One choice",
    ParameterKind.TEXT: "Text",
    ParameterKind.NUMBER: "Number",
    ParameterKind.BOOLEAN: "Yes or no",
}
TYPE_WORDS = {
    ColumnType.TEXT: "Text",
    ColumnType.INTEGER: "Whole number",
    ColumnType.DECIMAL: "Decimal number",
    ColumnType.CURRENCY: "Amount",
    ColumnType.PERCENTAGE: "Percentage",
    ColumnType.DATE: "Date",
    ColumnType.DATETIME: "Date and time",
    ColumnType.BOOLEAN: "Yes or no",
    ColumnType.JSON: "JSON",
}
_DELIMITERS = {
    Delimiter.COMMA: "Comma",
    Delimiter.SEMICOLON: "Semicolon",
    Delimiter.TAB: "Tab",
    Delimiter.PIPE: "Vertical bar",
}
_ENCODINGS = {
    Encoding.UTF_8_BOM: "UTF-8 with a mark, for Excel",
    Encoding.UTF_8: "UTF-8",
    Encoding.UTF_16: "UTF-16",
    Encoding.WINDOWS_1252: "Windows-1252",
}
_LINE_ENDS = {LineEnd.CRLF: "CRLF, as on Windows", LineEnd.LF: "LF"}
_QUOTINGS = {Quoting.MINIMAL: "Where needed", Quoting.TEXT: "All texts", Quoting.ALL: "Everything"}


class ParameterForm(Form):
    """One parameter; a row without a name is none."""

    name = StringField("Name", [Length(max=60)])
    label = StringField("Label", [Length(max=120)])
    kind = SelectField("Kind", choices={str(kind): words for kind, words in KIND_WORDS.items()})
    choices = TextAreaField("Choices", [Length(max=20_000)])
    choices_sql = TextAreaField("Choices by a query", [Length(max=5000)])

    def parameter(self) -> Parameter:
        """Return the parameter. Raises InvalidInput on field `parameters`."""
        kind, name = ParameterKind(self.kind.data), (self.name.data or "").strip()
        lines = (line.strip() for line in (self.choices.data or "").splitlines())
        choosing = kind in (ParameterKind.CHOICE, ParameterKind.MULTI_CHOICE)
        sql = (self.choices_sql.data or "").strip() or None
        try:
            return Parameter(
                name=name,
                label=(self.label.data or "").strip() or name,
                kind=kind,
                choices=tuple(_choice(line) for line in lines if line) if choosing and not sql else (),
                choices_sql=sql if choosing else None,
            )
        except ValueError as error:
            sentence = str(error)
            raise InvalidInput(f"{sentence[:1].upper()}{sentence[1:]}.", "parameters") from None


class ColumnForm(Form):
    """What is said of one column of the query."""

    key = HiddenField()
    label = StringField("Header in files", [Length(max=120)])
    type = SelectField("Type", choices={str(kind): words for kind, words in TYPE_WORDS.items()})
    format = StringField("Format", [Length(max=60)])
    width = IntegerField("Width", [Optional(), NumberRange(1, 255)])
    group = StringField("Group", [Length(max=40)])
    zone = SelectField("Zone", choices={Zone.SCHEDULE.value: "The schedule's", Zone.UTC.value: "UTC"})
    tags = SelectMultipleField(
        "Marks",
        choices={tag: tag for tag in TAGS},
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    is_key = BooleanField("Key")

    def column(self) -> Column:
        return Column(
            key=_as_named(self.key.data),
            label=(self.label.data or "").strip(),
            type=ColumnType(self.type.data),
            format=(self.format.data or "").strip() or None,
            width=self.width.data,
            group=(self.group.data or "").strip() or "core",
            tags=frozenset(self.tags.data or ()),
            zone=Zone(self.zone.data),
        )


class CsvForm(Form):
    """How CSV of the dataset is written."""

    delimiter = SelectField("Between fields", choices={str(k): v for k, v in _DELIMITERS.items()})
    encoding = SelectField("Encoding", choices={str(k): v for k, v in _ENCODINGS.items()})
    line_end = SelectField("Line ends", choices={str(k): v for k, v in _LINE_ENDS.items()})
    quoting = SelectField("Quotes around", choices={str(k): v for k, v in _QUOTINGS.items()})
    decimal_comma = BooleanField("Decimal comma: 1234,50")


class DefinitionForm(FlaskForm):
    """A dataset. Columns are rows of what the query gave when it was last run."""

    version = HiddenField()
    name = StringField("Name", [Length(max=120, message="At most 120 characters, please.")])
    description = TextAreaField("Description", [Length(max=1000)])
    source = SelectField("Data source", validate_choice=False)
    sql = TextAreaField("Query")
    parameters = FieldList(FormField(ParameterForm), "Parameters", max_entries=MOST_PARAMETERS)
    columns = FieldList(FormField(ColumnForm), "Columns", max_entries=MOST_COLUMNS)
    csv = FormField(CsvForm, "CSV")
    row_limit = IntegerField(
        "Most rows",
        [Optional(), NumberRange(1, MOST_ROWS, "That is no number of rows.")],
        description="A run with more fails. Empty: what the portal allows.",
    )
    query_timeout = IntegerField(
        "Longest query, in seconds",
        [Optional(), NumberRange(1, None, "That is no number of seconds.")],
        description="Empty: what the portal allows.",
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Check all fields; what is wrong in a row is said in one sentence of its list."""
        valid: bool = super().validate(extra_validators)
        for rows, name in ((self.parameters, "name"), (self.columns, "key")):
            rows.errors = [
                f"{row.form[name].data or 'unnamed'}: {field.label.text}: {field.errors[0]}"
                for row in rows
                for field in row.form
                if field.errors
            ]
        return valid

    def definition(self) -> Definition:
        """Return what was filled in. Raises InvalidInput on the field in question."""
        rows = [row.form for row in self.columns]
        return Definition(
            name=self.name.data or "",
            description=self.description.data or "",
            sql=(self.sql.data or "").replace("\r\n", "\n"),
            parameters=tuple(row.parameter() for row in self._filled_parameters()),
            columns=tuple(row.column() for row in rows),
            key_columns=tuple(_as_named(row.key.data) for row in rows if row.is_key.data),
            csv=CsvOptions.from_dict(self.csv.data),
            row_limit=self.row_limit.data,
            query_timeout=self.query_timeout.data,
        )

    def _filled_parameters(self) -> list[ParameterForm]:
        return [row.form for row in self.parameters if (row.form.name.data or "").strip()]

    def usable_parameters(self) -> list[Parameter]:
        """Return those parameters that are right as they stand, whatever is wrong elsewhere."""
        found = []
        for row in self._filled_parameters():
            with suppress(InvalidInput, ValueError):  # said at the parameters when the query is run
                found.append(row.parameter())
        return found

    def offer_spare_parameters(self) -> None:
        """Leave room for more parameters."""
        filled = self._filled_parameters()
        while len(self.parameters) < min(len(filled) + SPARE_PARAMETERS, MOST_PARAMETERS):
            self.parameters.append_entry()

    def show_columns(self, columns: Sequence[Column], keys: Sequence[str]) -> None:
        """Replace the rows of columns."""
        while self.columns.entries:
            self.columns.pop_entry()
        for column in columns:
            self.columns.append_entry(_column_row(column, keys))

    def say(self, error: InvalidInput) -> bool:
        """Put an error at its field, or at `parameters/<name>/<field>`; say whether there is such."""
        name, _, within = (error.field or "").partition("/")
        field: Any = self._fields.get(name)
        if field is None:
            return False
        sentence = self._said_in_row(within, error) if within else str(error)
        field.errors = [*field.errors, sentence]
        return True

    def _said_in_row(self, within: str, error: InvalidInput) -> str:
        """Put an error at the field of a parameter; return the sentence that says so above all of them."""
        parameter, _, name = within.partition("/")
        row = next(row.form for row in self.parameters if (row.form.name.data or "").strip() == parameter)
        row[name].errors = [str(error)]
        return f"{parameter}: {row[name].label.text}: {error}"


def filled(definition: Definition, version: int) -> dict[str, Any]:
    """Return the data of the form for a definition, which is that of a version."""
    return {
        "version": str(version),
        "name": definition.name,
        "description": definition.description,
        "sql": definition.sql,
        "parameters": [_parameter_row(parameter) for parameter in definition.parameters],
        "columns": [_column_row(column, definition.key_columns) for column in definition.columns],
        "csv": definition.csv.to_dict(),
        "row_limit": definition.row_limit,
        "query_timeout": definition.query_timeout,
    }


def _column_row(column: Column, keys: Sequence[str]) -> dict[str, Any]:
    return {**column.to_dict(), "is_key": column.key in keys}


def _parameter_row(parameter: Parameter) -> dict[str, Any]:
    lines = (value if value == label else f"{value} | {label}" for value, label in parameter.choices)
    return {
        "name": parameter.name,
        "label": parameter.label,
        "kind": parameter.kind.value,
        "choices": "\n".join(lines),
        "choices_sql": parameter.choices_sql or "",
    }


def _choice(line: str) -> tuple[str, str]:
    """Read `NEW | New`, or a value that is its own label."""
    value, bar, label = line.partition("|")
    return (value.strip(), label.strip() or value.strip()) if bar else (line, line)


def _as_named(key: str | None) -> str:
    """Return a column's key as the database gave it: browsers send CRLF for its line ends."""
    return (key or "").replace("\r\n", "\n")
