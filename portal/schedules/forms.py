"""The form of a schedule. Its filters and columns are those of a dataset: `form_for` makes the class.

Every check is one of the services' own, asked here as well so that all that is wrong is said at once.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from flask import current_app
from wtforms import (
    Form,
    HiddenField,
    RadioField,
    SelectField,
)
from wtforms.validators import AnyOf

from portal.datasets.columns import ColumnChoice
from portal.datasets.filter_form import Filter, field_for, said_at_the_field
from portal.datasets.filters import parameters_of
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.ordering import sortable
from portal.datasets.service import current_version
from portal.exporters.options import Packing
from portal.file_settings import FileSettings
from portal.schedules.columns_field import ColumnsField
from portal.schedules.common_form import FILTER, CommonForm, HasData, shared_values
from portal.schedules.drafts import Draft, valid_empty
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


class SubjectForm(Form):
    """Of what dataset, and as what. `loaded` names the dataset whose filters and columns the page showed."""

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


class ScheduleForm(CommonForm, SubjectForm, OrderForm, PolicyForm):
    """The whole form while no dataset is known; `form_for` adds the rest."""

    version: DatasetVersion | None = None
    subject_field = "dataset"

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
        return [Filter(parameter, self[FILTER + parameter.name]) for parameter in parameters]

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
            recipients=self.addressees(),
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


def form_for(dataset: Dataset | None) -> type[ScheduleForm]:
    """Return the form's class with the filters and columns of a dataset."""
    if dataset is None:
        return ScheduleForm
    made_for = current_version(dataset)

    class DatasetForm(ScheduleForm):
        version = made_for

    for parameter in parameters_of(made_for):
        setattr(DatasetForm, FILTER + parameter.name, field_for(parameter))
    DatasetForm.columns = ColumnsField("Columns", made_for.table_columns)
    return DatasetForm


def values_of(schedule: ScheduledExport) -> dict[str, Any]:
    """Return a schedule of a dataset as the form's data."""
    return {
        **shared_values(schedule),
        "dataset": schedule.subject.public_id,
        "format": schedule.format.value,
        "empty": schedule.empty.value,
        "unchanged": schedule.unchanged.value,
        "drift": schedule.drift.value,
        "columns": schedule.column_choice,
        **values_of_order(schedule.sorts, schedule.row_limit),
        **{FILTER + name: value for name, value in schedule.filters.items()},
    }
