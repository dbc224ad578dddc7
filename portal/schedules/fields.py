"""Kinds of fields that schedules need beside WTForms' own, and how a pasted list of addresses is read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from wtforms import SelectMultipleField
from wtforms.fields import Field
from wtforms.form import BaseForm
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput

from portal.datasets import periods
from portal.errors import InvalidInput
from portal.organizations.service import normalize_email

BETWEEN_DATES = "dates"
_ANY_INSTANT = datetime(2025, 1, 1, tzinfo=UTC)
_QUOTED_NAME = re.compile(r'"[^"\n]*"')
_NAMED_ADDRESS = re.compile(r"([^<>]*)<([^<>]*)>")


class Checkboxes(SelectMultipleField):
    """Some of many. What was sent is kept even where it is no choice: the service says what is wrong."""

    option_widget = CheckboxInput()

    def __init__(self, label: str, choices: Mapping[str, str], **options: Any) -> None:
        super().__init__(label, choices=dict(choices), validate_choice=False, **options)


class PeriodField(Field):
    """A preset or two dates, sent as three values of one name; its data is the filter kept, None for all."""

    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(label, **options)
        self.preset = self.start = self.end = ""

    @property
    def presets(self) -> list[tuple[str, str]]:
        named = [(name, words) for name, (words, _) in periods.PRESETS.items()]
        return [("", "Any time"), *named, (BETWEEN_DATES, "Between two dates")]

    def process_data(self, value: Mapping[str, str] | None) -> None:
        chosen = value or {}
        self.preset = chosen.get("preset", BETWEEN_DATES if "start" in chosen else "")
        self.start, self.end = chosen.get("start", ""), chosen.get("end", "")
        self.data = dict(chosen) or None

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        self.preset, self.start, self.end = (*valuelist, "", "")[:3]
        if self.preset == BETWEEN_DATES:
            self.data = {"start": self.start, "end": self.end}
        else:
            self.data = {"preset": self.preset} if self.preset else None

    def pre_validate(self, form: BaseForm) -> None:  # noqa: ARG002 - WTForms' signature
        if self.data:
            with said_at_the_field():
                periods.resolve(self.data, at=_ANY_INSTANT, timezone="UTC")


def split_recipients(text: str) -> list[str]:
    """Return the addresses of a list as people paste it.

    Commas, semicolons, spaces and line ends part them; `Ann Lee <ann@example.org>` gives its address.
    What is no address is returned too, for somebody to name it.
    """
    found: list[str] = []
    for part in re.split(r"[,;\n]+", _QUOTED_NAME.sub(" ", text)):
        rest = part
        while named := _NAMED_ADDRESS.match(rest):
            found += [word for word in named[1].split() if "@" in word]
            found.append(named[2].strip())
            rest = rest[named.end() :]
        found += rest.split()
    return found


def check_recipients(addresses: Sequence[str]) -> None:
    """Raise ValidationError naming every address that is none."""
    wrong: list[InvalidInput] = []
    names: list[str] = []
    for address in addresses:
        try:
            normalize_email(address)
        except InvalidInput as error:
            wrong.append(error)
            names.append(f"“{address[:80]}”")
    if not addresses:
        raise ValidationError("Name at least one recipient.")
    if len(wrong) == 1:
        raise ValidationError(str(wrong[0]))
    if wrong:
        raise ValidationError(f"These are not e-mail addresses: {', '.join(names)}.")


@contextmanager
def said_at_the_field() -> Iterator[None]:
    """Turn an InvalidInput of the block into the error of the field being validated."""
    try:
        yield
    except InvalidInput as error:
        raise ValidationError(str(error)) from None
