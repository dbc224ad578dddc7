"""The form of a schedule. Its filters and columns are those of a dataset: `form_for` makes the class.

Every check is one of the services' own, asked here as well so that all that is wrong is said at once.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from flask import current_app
from flask_wtf import FlaskForm
from wtforms import (
    Form,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import AnyOf, Length, ValidationError

from portal.config import Settings
from portal.datasets.columns import ColumnChoice
from portal.datasets.filter_form import Filter, field_for, said_at_the_field
from portal.datasets.filters import parameters_of
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.ordering import sortable
from portal.datasets.service import current_version
from portal.errors import InvalidInput
from portal.exporters.options import Packing
from portal.file_settings import FileSettings
from portal.schedules.columns_field import ColumnsField
from portal.schedules.drafts import Draft, valid_empty, valid_location
from portal.schedules.fields import check_recipients, split_recipients
from portal.schedules.formats import PACKING_WORDS
from portal.schedules.models import (
    Channel,
    Drift,
    Empty,
    ExportFormat,
    Misfire,
    Overlap,
    ScheduledExport,
    Unchanged,
)
from portal.schedules.order_form import OrderForm, values_of_order
from portal.schedules.policy_form import PolicyForm
from portal.schedules.rule_form import RuleForm, values_of_rule

_FILTER = "filter_"


class HasData(Protocol):
    data: Any


def _printable(_form: Form, field: HasData) -> None:
    if any(ord(character) < 32 and character not in "\t\r\n" for character in field.data or ""):
        raise ValidationError("This holds a character that can't be shown.")


class SubjectForm(Form):
    """What is exported, and as what. `loaded` names the dataset whose filters and columns the page showed."""

    name = StringField(
        "Name",
        [Length(max=120, message="At most 120 characters, please."), _printable],
        description="The file is named after it.",
    )
    dataset = SelectField("Dataset", validate_choice=False)
    loaded = HiddenField()
    format = RadioField(
        "Format",
        [AnyOf([known.value for known in ExportFormat], message="Choose a format.")],
        choices={known.value: known.value.upper() for known in ExportFormat},
        default=ExportFormat.XLSX.value,
        validate_choice=False,
        description="NDJSON is JSON with a row a line, for programs.",
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


class ScheduleForm(FlaskForm, SubjectForm, RuleForm, OrderForm, DeliveryForm, PolicyForm):
    """The whole form while no dataset is known; `form_for` adds the rest."""

    version: DatasetVersion | None = None

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)  # type: ignore[no-untyped-call]
        settings: FileSettings = current_app.config["PORTAL"]
        pdf, others = settings.rows_of("pdf").rows, settings.rows_of("csv").rows
        self.format.description = f"Up to {others:,} rows, as PDF up to {pdf:,}; a run with more fails."

    def validate_empty(self, field: HasData) -> None:
        if field.data in list(Empty) and self.channel.data in list(Channel):
            with said_at_the_field():
                valid_empty(Empty(field.data), Channel(self.channel.data))

    @property
    def filters(self) -> list[Filter]:
        """The dataset's filters in its order."""
        parameters = parameters_of(self.version) if self.version else ()
        return [Filter(parameter, self[_FILTER + parameter.name]) for parameter in parameters]

    def draft(self, now: datetime, own_days: frozenset[date]) -> Draft:
        """Return what was filled in. Raises InvalidInput where it is no schedule at all."""
        columns: ColumnChoice = self["columns"].data if self.version else ColumnChoice()
        return Draft(
            name=self.name.data or "",
            description=self.description.data or "",
            dataset_id=self.dataset.data or "",
            format=ExportFormat(self.format.data),
            rule=self.rule(now, own_days),
            timezone=self.zone_name(),
            channel=Channel(self.channel.data),
            recipients=tuple(split_recipients(self.recipients.data or "")),
            location=self.location.data or "",
            columns=columns.keys,
            column_groups=columns.groups,
            excluded_tags=columns.without,
            column_labels=columns.labels,
            sort=self.sorts(),
            row_limit=self.limit(),
            filters={asked.parameter.name: asked.field.data for asked in self.filters},
            misfire=Misfire(self.misfire.data),
            overlap=Overlap(self.overlap.data),
            start_window=self.window(),
            empty=Empty(self.empty.data),
            unchanged=Unchanged(self.unchanged.data),
            drift=Drift(self.drift.data),
            packing=Packing(self.packing.data),
        )

    def begin_choices_anew(self) -> None:
        """Tick every column and sort by none, as on a fresh form: those chosen were another dataset's."""
        if self.version is not None:
            columns: ColumnsField = self["columns"]  # type: ignore[assignment] # `form_for` makes it so
            columns.choose_all()
        for by, _ in self.sort_fields:
            by.data = ""

    def offer(self, choices: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Offer the choices of each filter, and those already chosen that are no longer among them."""
        for asked in self.filters:
            asked.offer(choices.get(asked.parameter.name, ()))
        if self.version is not None:
            self.offer_columns(sortable(self.version.table_columns))
        self.offer_regions()

    def describe_mail(self, settings: Settings) -> None:
        """Say at the recipients what they get, and that mail is not secret."""
        self.recipients.description = (
            f"Each gets a mail of their own with the file (up to {settings.mail_attachment_limit / 1e6:g} MB)"
            f" and a link that works for {settings.link_days} days. E-mail is not secret."
        )

    def refuse(self, error: InvalidInput) -> None:
        """Put a service's objection at the field it names; the dataset answers for what the form has not."""
        names = (error.field or "", f"{_FILTER}{error.field}", "dataset")
        field = next(self[name] for name in names if name in self)
        field.errors = [*field.errors, str(error)]


def form_for(dataset: Dataset | None) -> type[ScheduleForm]:
    """Return the form's class with the filters and columns of a dataset."""
    if dataset is None:
        return ScheduleForm
    made_for = current_version(dataset)

    class DatasetForm(ScheduleForm):
        version = made_for

    for parameter in parameters_of(made_for):
        setattr(DatasetForm, _FILTER + parameter.name, field_for(parameter))
    DatasetForm.columns = ColumnsField("Columns", made_for.table_columns)
    return DatasetForm


def values_of(schedule: ScheduledExport) -> dict[str, Any]:
    """Return a schedule as the form's data."""
    return {
        "dataset": schedule.dataset.public_id,
        "name": schedule.name,
        "description": schedule.description,
        "format": schedule.format.value,
        "packing": schedule.packing.value,
        **values_of_rule(schedule.recurrence),
        "timezone": schedule.timezone,
        "misfire": schedule.misfire.value,
        "overlap": schedule.overlap.value,
        "start_window": str(schedule.start_window or ""),
        "empty": schedule.empty.value,
        "unchanged": schedule.unchanged.value,
        "drift": schedule.drift.value,
        "channel": schedule.channel.value,
        "recipients": "\n".join(schedule.recipients),
        "location": schedule.location or "",
        "columns": schedule.column_choice,
        **values_of_order(schedule.sorts, schedule.row_limit),
        **{_FILTER + name: value for name, value in schedule.filters.items()},
    }
