"""What the forms of all schedules have in common: name, rhythm, delivery, what happens on trouble."""

from typing import Any, Protocol

from flask_wtf import FlaskForm
from wtforms import Form, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import AnyOf, Length, ValidationError

from portal.config import Settings
from portal.datasets.filter_form import said_at_the_field
from portal.errors import InvalidInput
from portal.exporters.options import Packing
from portal.schedules.drafts import valid_location
from portal.schedules.fields import check_recipients, split_recipients
from portal.schedules.formats import PACKING_WORDS
from portal.schedules.models import Channel, ScheduledExport
from portal.schedules.policy_form import TroubleForm
from portal.schedules.rule_form import RuleForm, values_of_rule

FILTER = "filter_"
"""What the fields of filters begin with."""


class HasData(Protocol):
    data: Any


def _printable(_form: Form, field: HasData) -> None:
    if any(ord(character) < 32 and character not in "\t\r\n" for character in field.data or ""):
        raise ValidationError("This holds a character that can't be shown.")


class NameForm(Form):
    """What it is called, and what its file is packed in."""

    name = StringField(
        "Name",
        [Length(max=120, message="At most 120 characters, please."), _printable],
        description="The file is named after it.",
    )
    packing = SelectField(
        "Pack the file",
        [AnyOf(list(Packing), message="Choose how the file is packed.")],
        choices={known.value: words for known, words in PACKING_WORDS.items()},
        default=Packing.NONE.value,
        validate_choice=False,
    )
    description = TextAreaField(
        "Description",
        [Length(max=2000, message="At most 2,000 characters, please."), _printable],
        description="For your colleagues; recipients don't see it.",
    )

    def validate_name(self, field: HasData) -> None:
        if not (field.data or "").strip():
            raise ValidationError("Give the schedule a name.")


class DeliveryForm(Form):
    """To whom, or where."""

    channel = RadioField(
        "Deliver by",
        [AnyOf([channel.value for channel in Channel], message="Choose how it is delivered.")],
        choices={Channel.EMAIL.value: "E-mail", Channel.STORAGE.value: "Storage folder"},
        default=Channel.EMAIL.value,
        validate_choice=False,
    )
    recipients = TextAreaField("Recipients")
    location = StringField("Folder", description="Below your organization's own folder: reports/weekly.")

    def validate_recipients(self, field: HasData) -> None:
        if self.channel.data == Channel.EMAIL:
            check_recipients(split_recipients(field.data or ""))

    def validate_location(self, field: HasData) -> None:
        if self.channel.data == Channel.STORAGE:
            with said_at_the_field():
                valid_location(field.data or "")


class CommonForm(FlaskForm, NameForm, RuleForm, DeliveryForm, TroubleForm):
    """All that does not depend on what is exported."""

    subject_field = "name"
    """Which field answers for what no other does."""

    def describe_mail(self, settings: Settings) -> None:
        """Say at the recipients what they get, and that mail is not secret."""
        self.recipients.description = (
            f"Each gets a mail of their own with the file (up to {settings.mail_attachment_limit / 1e6:g} MB)"
            f" and a link that works for {settings.link_days} days. E-mail is not secret."
        )

    def addressees(self) -> tuple[str, ...]:
        """Return the recipients as they were typed."""
        return tuple(split_recipients(self.recipients.data or ""))

    def refuse(self, error: InvalidInput) -> None:
        """Put a service's objection at the field it names, else at the one of what is exported."""
        names = (error.field or "", f"{FILTER}{error.field}", self.subject_field)
        field = next(self[name] for name in names if name in self)
        field.errors = [*field.errors, str(error)]


def shared_values(schedule: ScheduledExport) -> dict[str, Any]:
    """Return as the form's data what does not depend on what is exported."""
    return {
        "name": schedule.name,
        "description": schedule.description,
        "packing": schedule.packing.value,
        **values_of_rule(schedule.recurrence),
        "timezone": schedule.timezone,
        "misfire": schedule.misfire.value,
        "overlap": schedule.overlap.value,
        "start_window": str(schedule.start_window or ""),
        "channel": schedule.channel.value,
        "recipients": "\n".join(schedule.recipients),
        "location": schedule.location or "",
    }
