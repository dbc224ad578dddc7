"""What the pages of a schedule say of it, derived from what is recorded."""

from collections.abc import Iterable
from datetime import datetime

from portal.config import Settings
from portal.datasets import service as datasets
from portal.datasets.models import Dataset
from portal.errors import PortalError
from portal.organizations.service import days_off
from portal.schedules.models import Channel, ScheduledExport, ScheduleState
from portal.schedules.preview import Occurrence, upcoming
from portal.table import Column


def next_runs(schedule: ScheduledExport, now: datetime) -> list[Occurrence]:
    """Return the next occurrences of a schedule, none unless it is active."""
    if schedule.state is not ScheduleState.ACTIVE:
        return []
    own_days = days_off(schedule.organization)
    return upcoming(schedule.recurrence, schedule.timezone, after=now, own_days=own_days)


def audience(schedule: ScheduledExport) -> str:
    """Begin a sentence on who gets something, or nothing: `Its 12 recipients get`."""
    if schedule.channel is Channel.STORAGE:
        return f"The folder {schedule.location} gets"
    count = len(schedule.recipients)
    return "Its one recipient gets" if count == 1 else f"Its {count} recipients get"


def personal(columns: Iterable[Column]) -> int:
    """Count the columns that hold personal data."""
    return sum("PII" in column.tags for column in columns)


def filter_choices(
    dataset: Dataset | None, settings: Settings
) -> tuple[dict[str, list[tuple[str, str]]], str]:
    """Return the choices of a dataset's filters, and why they can't be read, if so."""
    if dataset is None:
        return {}, ""
    try:
        return datasets.choices_for(dataset, settings), ""
    except PortalError as error:
        return {}, str(error)
