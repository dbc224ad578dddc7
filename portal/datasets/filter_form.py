"""Fields that ask for the values of a dataset's parameters: in a schedule's form, and beside a preview.

Each field's data is what `filters.valid_filters` takes; what that refuses is said at the field.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from wtforms import Form, SelectField, SelectMultipleField, StringField
from wtforms.fields import Field
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput

from portal.datasets import periods
from portal.datasets.filters import is_chosen, valid_value
from portal.datasets.parameters import Parameter, ParameterKind
from portal.errors import InvalidInput

BETWEEN_DATES = "dates"
_ANY = {"": "Any"}
_ANSWERS: dict[Any, bool | None] = {"": None, "yes": True, "no": False}


class HasData(Protocol):
    data: Any


class Checkboxes(SelectMultipleField):
    """Some of many. What was sent is kept even where it is no choice: the service says what is wrong."""

    option_widget = CheckboxInput()

    def __init__(self, label: str, choices: Mapping[str, str], **options: Any) -> None:
        super().__init__(label, choices=dict(choices), validate_choice=False, **options)


class PeriodField(Field):
    """A preset, two dates or a number of days, sent as four values of one name; its data is the filter kept,
    None for all.
    """

    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(label, **options)
        self.preset = self.start = self.end = self.days = ""

    @property
    def presets(self) -> list[tuple[str, str]]:
        named = [(name, words) for name, (words, _) in periods.PRESETS.items()]
        return [
            ("", "Any time"),
            *named,
            (periods.LAST_N_DAYS, "Last … days"),
            (BETWEEN_DATES, "Between two dates"),
        ]

    def process_data(self, value: Mapping[str, Any] | None) -> None:
        chosen = value or {}
        self.preset = chosen.get("preset", BETWEEN_DATES if "start" in chosen else "")
        self.start, self.end = chosen.get("start", ""), chosen.get("end", "")
        self.days = str(chosen.get("days", ""))
        self.data = dict(chosen) or None

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        self.preset, self.start, self.end, self.days = (*valuelist, "", "", "")[:4]
        if self.preset == periods.LAST_N_DAYS:
            plain = self.days.isascii() and self.days.isdecimal() and len(self.days) < 6
            self.data = {"preset": self.preset, "days": int(self.days) if plain else self.days}
        elif self.preset == BETWEEN_DATES:
            self.data = {"start": self.start, "end": self.end}
        else:
            self.data = {"preset": self.preset} if self.preset else None


class YesNoField(SelectField):
    """Yes, no, or any: its data is True, False or None, and whatever else was sent as it is."""

    def __init__(self, label: str, **options: Any) -> None:
        choices = _ANY | {"yes": "Yes", "no": "No"}
        super().__init__(
            label,
            choices=choices,
            coerce=lambda sent: _ANSWERS.get(sent, sent),
            validate_choice=False,
            **options,
        )


@contextmanager
def said_at_the_field() -> Iterator[None]:
    """Turn an InvalidInput of the block into the error of the field being validated."""
    try:
        yield
    except InvalidInput as error:
        raise ValidationError(str(error)) from None


@dataclass(frozen=True)
class Filter:
    """A parameter and the field that asks for its value."""

    parameter: Parameter
    field: Any

    def offer(self, found: Sequence[tuple[str, str]] = ()) -> None:
        """Offer what can be chosen, and what was chosen already although it is no longer among that."""
        offered = dict(found or self.parameter.choices)
        if self.parameter.kind is ParameterKind.MULTI_CHOICE:
            self.field.choices = {value: value for value in self.field.data or ()} | offered
        elif self.parameter.kind is ParameterKind.CHOICE:
            kept = {self.field.data: self.field.data} if self.field.data else {}
            self.field.choices = _ANY | kept | offered


def field_for(parameter: Parameter) -> Any:
    """Return the field that asks for a parameter's value, yet to be bound to a form."""
    return _FIELDS[parameter.kind](parameter.label, validators=[_valid_for(parameter)])


def filters_form(parameters: Iterable[Parameter], prefix: str) -> type[Form]:
    """Return a form of nothing but the parameters' fields, `prefix` before their names."""
    return type("FiltersForm", (Form,), {prefix + one.name: field_for(one) for one in parameters})


def _valid_for(parameter: Parameter) -> Callable[[Form, HasData], None]:
    def check(_form: Form, field: HasData) -> None:
        if is_chosen(field.data):
            with said_at_the_field():
                valid_value(parameter, field.data)

    return check


_FIELDS: dict[ParameterKind, Callable[..., Any]] = {
    ParameterKind.PERIOD: PeriodField,
    ParameterKind.MULTI_CHOICE: lambda label, **more: Checkboxes(label, {}, **more),
    ParameterKind.CHOICE: lambda label, **more: SelectField(
        label, choices=_ANY, validate_choice=False, **more
    ),
    ParameterKind.TEXT: StringField,
    ParameterKind.NUMBER: lambda label, **more: StringField(
        label, description="A number such as 25 or 2.5. Empty: any.", **more
    ),
    ParameterKind.BOOLEAN: YesNoField,
}
