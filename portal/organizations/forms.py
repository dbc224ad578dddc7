"""What people fill in to sign in, to add days off, and to give their organization its look."""

from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import EmailField, PasswordField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, ValidationError

from portal.errors import InvalidInput
from portal.organizations.colours import readable_colour
from portal.organizations.domains import parse_domains
from portal.organizations.logos import MAXIMUM_BYTES, Logo, read_logo
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


class ColourForm(FlaskForm):
    """The colour of an organization; empty: the portal's."""

    colour = StringField(
        "Colour", description="Such as #0b6075, dark enough for text on white. Empty: the portal's own."
    )

    def validate_colour(self, field: HasData) -> None:
        if (field.data or "").strip():
            _read(readable_colour, field)

    def chosen(self) -> str | None:
        """Return the colour, or None for the portal's. Raises InvalidInput."""
        text = (self.colour.data or "").strip()
        return readable_colour(text) if text else None


class LogoForm(FlaskForm):
    """A picture to send."""

    logo = FileField("Picture", description="PNG or JPEG, up to 1 MB and 4,000 × 4,000 pixels.")
    picture: Logo | None = None
    """What is kept of it, once the form is valid."""

    def validate_logo(self, field: HasData) -> None:
        if field.data is None:
            raise ValidationError("Choose a PNG or JPEG picture.")
        try:
            self.picture = read_logo(field.data.stream.read(MAXIMUM_BYTES + 1))
        except InvalidInput as error:
            raise ValidationError(str(error)) from None


class DomainsForm(FlaskForm):
    """The e-mail domains of an organization's own people."""

    domains = TextAreaField(
        "Domains",
        description="One a line, such as acme.example; a subdomain is a line of its own. Empty: the domains"
        " of your users' addresses.",
    )

    def validate_domains(self, field: HasData) -> None:
        _read(parse_domains, field)


def _read(read: Callable[[str], object], field: HasData) -> None:
    try:
        read(field.data or "")
    except InvalidInput as error:
        raise ValidationError(str(error)) from None
