"""What a schedule exports: a dataset with what was chosen of it, or a report for a period."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.datasets import periods
from portal.datasets import service as datasets
from portal.datasets.columns import ColumnChoice
from portal.datasets.filters import filters_in_words as words_of_filters
from portal.datasets.filters import valid_filters
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.ordering import Sort
from portal.errors import InvalidInput, NotFound
from portal.organizations.models import User
from portal.reports import reading
from portal.reports import service as reports
from portal.reports.models import Report
from portal.schedules.choices import valid_columns, valid_limit, valid_sort
from portal.schedules.models import ExportFormat, ScheduledExport
from portal.table import Column

PERIOD = "period"
"""The one filter of a report."""


@dataclass(frozen=True)
class Subject:
    """Either a dataset and its version of now, or a report; and what of it a schedule chose."""

    filters: Mapping[str, Any]
    dataset: Dataset | None = None
    version: DatasetVersion | None = None
    report: Report | None = None
    columns: ColumnChoice = field(default_factory=ColumnChoice)
    sort: tuple[Sort, ...] = ()
    row_limit: int | None = None


def subject_of_dataset(
    actor: User,
    dataset_id: str,
    filters: Mapping[str, Any],
    columns: ColumnChoice,
    sort: tuple[Sort, ...],
    row_limit: int | None,
) -> Subject:
    """Return what was chosen of a dataset. Raises InvalidInput with the field that is wrong."""
    dataset = datasets.get_dataset(actor, dataset_id)
    version = datasets.current_version(dataset)
    sorted_by = valid_sort(version, sort)
    return Subject(
        dataset=dataset,
        version=version,
        columns=valid_columns(version, columns),
        sort=sorted_by,
        row_limit=valid_limit(row_limit, sorted_by),
        filters=valid_filters(version, filters),
    )


def subject_of_report(actor: User, report_id: str, filters: Mapping[str, Any], form: ExportFormat) -> Subject:
    """Return a report and its period. Raises InvalidInput with the field that is wrong."""
    try:
        report = reports.get_report(actor, report_id)
    except NotFound:
        raise InvalidInput("Choose a report from the list.", "report") from None
    if form is not ExportFormat.PDF:
        raise InvalidInput("A report is a PDF.", "format")
    preset = (filters.get(PERIOD) or {}).get("preset", "")
    return Subject(report=report, filters={PERIOD: {"preset": reports.checked_period(preset)}})


def apply(schedule: ScheduledExport, subject: Subject) -> None:
    """Put a subject into a schedule, and accept the columns that its dataset has now."""
    schedule.dataset, schedule.report = subject.dataset, subject.report
    schedule.dataset_id = subject.dataset.id if subject.dataset else None
    schedule.report_id = subject.report.id if subject.report else None
    schedule.filters = dict(subject.filters)
    choice = subject.columns
    schedule.columns = list(choice.keys)
    schedule.column_groups = list(choice.groups) or None
    schedule.excluded_tags = list(choice.without) or None
    schedule.column_labels = dict(choice.labels) or None
    schedule.sort, schedule.row_limit = [one.to_dict() for one in subject.sort] or None, subject.row_limit
    schedule.revision = (schedule.revision or 0) + 1
    schedule.accepted_version_id, schedule.shape = subject.version.id if subject.version else None, None


def columns_of(schedule: ScheduledExport) -> tuple[Column, ...]:
    """Return the columns whose values go out, as the dataset or the report stands now."""
    return tuple(column for columns in columns_by_dataset(schedule).values() for column in columns)


def columns_by_dataset(schedule: ScheduledExport) -> dict[str, tuple[Column, ...]]:
    """Return the same by the public id of their dataset."""
    if schedule.report is not None:
        parts = reports.current_version(schedule.report).parts
        return reading.columns_by_dataset(parts, reading.newest(schedule.organization_id, parts))
    assert schedule.dataset is not None  # noqa: S101 - the database holds to it: one_subject
    version = datasets.current_version(schedule.dataset)
    return {schedule.dataset.public_id: datasets.chosen_columns(version, schedule.column_choice)}


def filters_in_words(schedule: ScheduledExport) -> list[tuple[str, str]]:
    """Return label and words of each filter."""
    if schedule.dataset is None:
        return [("Period", periods.describe(schedule.filters[PERIOD]))]
    return words_of_filters(datasets.current_version(schedule.dataset), schedule.filters)
