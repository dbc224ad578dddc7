"""What the pages of a schedule say of it, derived from what is recorded."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from portal.config import Settings
from portal.datasets import ordering
from portal.datasets import service as datasets
from portal.datasets.models import Dataset
from portal.errors import PortalError
from portal.organizations.service import days_off
from portal.schedules.columns_field import in_words
from portal.schedules.models import Channel, ScheduledExport, ScheduleState
from portal.schedules.preview import Occurrence, upcoming
from portal.table import Column


def next_runs(schedule: ScheduledExport, now: datetime) -> list[Occurrence]:
    """Return the next occurrences of a schedule, none unless it is active."""
    if schedule.state is not ScheduleState.ACTIVE:
        return []
    own_days = days_off(schedule.organization)
    return upcoming(schedule.recurrence, schedule.timezone, after=now, own_days=own_days)


def next_run(schedule: ScheduledExport) -> str:
    """Say in a sentence when it runs next, or why it does not."""
    if schedule.waits_for_approval:
        return "It waits for an admin's approval."
    if schedule.state is ScheduleState.PAUSED:
        return "It is paused."
    if schedule.next_run_at is None:
        return "It is finished: its last run has passed."
    local = schedule.next_run_at.astimezone(ZoneInfo(schedule.timezone))
    return f"Next run: {local:%-d %b %Y, %H:%M}, {schedule.timezone}."


def audience(schedule: ScheduledExport) -> str:
    """Begin a sentence on who gets something, or nothing: `Its 12 recipients get`."""
    if schedule.channel is Channel.STORAGE:
        return f"The folder {schedule.location} gets"
    count = len(schedule.recipients)
    return "Its one recipient gets" if count == 1 else f"Its {count} recipients get"


def personal(columns: Iterable[Column]) -> int:
    """Count the columns that hold personal data."""
    return sum("PII" in column.tags for column in columns)


def column_rules(schedule: ScheduledExport) -> str:
    """Say by which rules columns come and go; empty where each was chosen by itself."""
    choice = schedule.column_choice
    groups = ", ".join(in_words(group) for group in choice.groups)
    parts = [
        f"all of {groups}, also later ones" if groups else "",
        f"none marked {' or '.join(choice.without)}" if choice.without else "",
    ]
    return "; ".join(part for part in parts if part)


def order(schedule: ScheduledExport) -> str:
    """Say how rows are sorted and how many of them count; empty where the query decides that."""
    if not schedule.sorts or schedule.dataset is None:
        return ""
    version = datasets.current_version(schedule.dataset)
    labels = {column.key: column.label for column in version.table_columns}
    return ordering.in_words(schedule.sorts, schedule.row_limit, labels | (schedule.column_labels or {}))


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
