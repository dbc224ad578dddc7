"""What people fill in to sign in, and to add days off."""

from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, ValidationError

from portal.errors import InvalidInput
from portal.organizations.own_days import parse_day, parse_lines, valid_name


class HasData(Protocol):
    data: Any


class SignInForm(FlaskForm):
    email = EmailField("E-mail", [InputRequired("Enter your e-mail address."), Length(max=320)])
    # The limit keeps hashing cheap; no password of ours is longer.
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=1000)])


class DayForm(FlaskForm):
    """One day off."""

    day = StringField("Date", description="A day on which nobody of you works.")
    name = StringField("Name", description="Such as Christmas Eve. Empty: Day off.")

    def validate_day(self, field: HasData) -> None:
        _read(parse_day, field)

    def validate_name(self, field: HasData) -> None:
        _read(valid_name, field)

    def days(self) -> dict[date, str]:
        """Return the day and its name. Raises InvalidInput."""
        return {parse_day(self.day.data or ""): valid_name(self.name.data or "")}


class DaysForm(FlaskForm):
    """Many days off, pasted."""

    lines = TextAreaField(
        "Dates and names", description="A day a line: 2026-12-24 Christmas Eve. Or columns of a sheet."
    )

    def validate_lines(self, field: HasData) -> None:
        _read(parse_lines, field)

    def days(self) -> dict[date, str]:
        """Return the names by day. Raises InvalidInput."""
        return parse_lines(self.lines.data or "")


def _read(read: Callable[[str], object], field: HasData) -> None:
    try:
        read(field.data or "")
    except InvalidInput as error:
        raise ValidationError(str(error)) from None
