"""The form of a built-in dataset: how many investigations a row, and which custom fields have columns."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Length
from wtforms.widgets import CheckboxInput, ListWidget

from portal.datasets.compliance.choice import MOST_INVESTIGATIONS, MOST_SLOTS, WITH_OPTIONS, BuiltIn, Slot
from portal.datasets.definition import TAGS, Definition
from portal.datasets.definition_form import TYPE_WORDS
from portal.datasets.export_type import ExportType
from portal.errors import InvalidInput
from portal.table import ColumnType


class SlotForm(Form):
    """One custom field; a row without a path is none."""

    path = StringField("Path", [Length(max=200)])
    label = StringField("Header in files", [Length(max=120)])
    type = SelectField("Type", choices={str(kind): words for kind, words in TYPE_WORDS.items()})
    format = StringField("Format", [Length(max=60)])
    tags = SelectMultipleField(
        "Marks",
        choices={tag: tag for tag in TAGS},
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )

    def slot(self) -> Slot:
        """Return the custom field. Raises ValueError."""
        path = (self.path.data or "").strip().removeprefix("$.")
        return Slot(
            path=path,
            label=(self.label.data or "").strip() or _header(path),
            type=ColumnType(self.type.data),
            format=(self.format.data or "").strip() or None,
            tags=frozenset(self.tags.data or ()),
        )


class BuiltInForm(FlaskForm):
    """A dataset of an export type. `version` is that which was begun with, empty for a new one."""

    version = HiddenField()
    name = StringField("Name", [Length(max=120, message="At most 120 characters, please.")])
    description = TextAreaField("Description", [Length(max=1000)])
    source = SelectField("Data source", validate_choice=False)
    investigations = SelectField(
        "Investigations with columns of their own",
        choices={str(number): str(number) for number in range(MOST_INVESTIGATIONS + 1)},
        default="3",
        description="Of each case the first ones, as they were opened.",
    )
    overflow = BooleanField(
        "Keep the rest as JSON in a column of its own",
        description="Further investigations, and custom fields without a column.",
    )
    slots = FieldList(FormField(SlotForm), "Custom fields", max_entries=MOST_SLOTS)

    def validate(self, extra_validators: Any = None) -> bool:
        """Check all fields; what is wrong in a row is said in one sentence of its list."""
        valid: bool = super().validate(extra_validators)
        self.slots.errors = [
            f"{row.form.path.data or 'unnamed'}: {field.label.text}: {field.errors[0]}"
            for row in self.slots
            for field in row.form
            if field.errors
        ]
        return valid

    def built_in(self, export_type: ExportType) -> BuiltIn:
        """Return what was chosen. Raises InvalidInput on field `slots`."""
        if export_type not in WITH_OPTIONS:
            return BuiltIn(export_type)
        rows = (row.form for row in self.slots if (row.form.path.data or "").strip())
        try:
            return BuiltIn(
                export_type,
                int(self.investigations.data),
                tuple(row.slot() for row in rows),
                overflow=bool(self.overflow.data),
            )
        except ValueError as error:
            sentence = str(error)
            raise InvalidInput(f"{sentence[:1].upper()}{sentence[1:]}.", "slots") from None

    def offer_slot(self) -> None:
        """Leave room for one more custom field, if there may be more."""
        if len(self.slots) < MOST_SLOTS:
            self.slots.append_entry()

    def say(self, error: InvalidInput) -> bool:
        """Put an error at its field; say whether there is one."""
        field: Any = self._fields.get(error.field or "")
        if field is None:
            return False
        field.errors = [*field.errors, str(error)]
        return True


def chosen(definition: Definition, built_in: BuiltIn, version: str = "") -> dict[str, Any]:
    """Return the data of the form for a definition and what it is made from."""
    return {
        "version": version,
        "name": definition.name,
        "description": definition.description,
        "investigations": str(built_in.investigations),
        "overflow": built_in.overflow,
        "slots": [slot.to_dict() for slot in built_in.slots],
    }


def _header(path: str) -> str:
    """Return a first header for a custom field: `address.city` → `Address city`."""
    words = " ".join(path.replace(".", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:]
