"""A schedule as somebody filled it in, and what of it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any

from portal.datasets.columns import ColumnChoice
from portal.datasets.ordering import Sort
from portal.errors import InvalidInput
from portal.exporters.options import Packing
from portal.organizations.models import User
from portal.organizations.service import normalize_email
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
from portal.schedules.policies import LONGEST_WINDOW
from portal.schedules.recurrence import check_fires, zone
from portal.schedules.rules import Rule
from portal.schedules.subjects import Subject, apply, subject_of_dataset, subject_of_report

MAXIMUM_NAME = 120
MAXIMUM_RECIPIENTS = 200


@dataclass(frozen=True)
class Draft:
    """A schedule as somebody filled it in, with its parts already of the right type.

    Exports the dataset, or the report where one is named: as PDF, with the filter `period` alone.
    `start_window` is in minutes: how late a run may start. None for however late.
    """

    name: str
    dataset_id: str
    format: ExportFormat
    rule: Rule
    timezone: str
    channel: Channel
    description: str = ""
    recipients: tuple[str, ...] = ()
    location: str = ""
    report_id: str = ""
    columns: tuple[str, ...] = ()
    column_groups: tuple[str, ...] = ()
    excluded_tags: tuple[str, ...] = ()
    column_labels: Mapping[str, str] = field(default_factory=dict)
    sort: tuple[Sort, ...] = ()
    row_limit: int | None = None
    filters: dict[str, Any] = field(default_factory=dict)
    misfire: Misfire = Misfire.LATEST
    overlap: Overlap = Overlap.QUEUE
    start_window: int | None = None
    empty: Empty = Empty.SEND
    unchanged: Unchanged = Unchanged.SEND
    drift: Drift = Drift.STOP
    packing: Packing = Packing.NONE

    @property
    def column_choice(self) -> ColumnChoice:
        return ColumnChoice(self.columns, self.column_groups, self.excluded_tags, self.column_labels)


def fill(
    schedule: ScheduledExport, draft: Draft, *, actor: User, own_days: frozenset[date], now: datetime
) -> None:
    """Put a draft into a schedule, and accept the columns that its dataset has now.

    Raises InvalidInput with the field that is wrong.
    """
    # All is checked before anything is set: what is wrong must leave a schedule as it stood.
    zone(draft.timezone)
    name = _valid_name(draft.name)
    subject = _subject(actor, draft)
    by_mail = draft.channel is Channel.EMAIL
    recipients = _valid_recipients(draft.recipients) if by_mail else []
    location = None if by_mail else valid_location(draft.location)
    start_window = valid_window(draft.start_window)
    empty = valid_empty(draft.empty, draft.channel)
    if (schedule.rule, schedule.timezone) != (draft.rule.to_dict(), draft.timezone):
        check_fires(draft.rule, draft.timezone, now, own_days)  # a finished one may still be renamed
    apply(schedule, subject)
    schedule.name, schedule.description = name, draft.description.strip()
    schedule.format, schedule.packing, schedule.channel = draft.format, draft.packing, draft.channel
    schedule.recipients, schedule.location = recipients, location
    schedule.rule, schedule.timezone = draft.rule.to_dict(), draft.timezone
    schedule.misfire, schedule.overlap, schedule.start_window = draft.misfire, draft.overlap, start_window
    schedule.empty, schedule.unchanged, schedule.drift = empty, draft.unchanged, draft.drift
    schedule.updated_at = now


def _subject(actor: User, draft: Draft) -> Subject:
    if draft.report_id:
        return subject_of_report(actor, draft.report_id, draft.filters, draft.format)
    return subject_of_dataset(
        actor, draft.dataset_id, draft.filters, draft.column_choice, draft.sort, draft.row_limit
    )


def _valid_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise InvalidInput("Give the schedule a name.", "name")
    if len(name) > MAXIMUM_NAME or not name.isprintable():  # it becomes a mail's subject
        raise InvalidInput(f"A name is one line of at most {MAXIMUM_NAME} characters.", "name")
    return name


def _valid_recipients(addresses: tuple[str, ...]) -> list[str]:
    if not addresses:
        raise InvalidInput("Name at least one recipient.", "recipients")
    if len(addresses) > MAXIMUM_RECIPIENTS:
        raise InvalidInput(f"At most {MAXIMUM_RECIPIENTS} recipients, please.", "recipients")
    try:
        return list(dict.fromkeys(normalize_email(address) for address in addresses))
    except InvalidInput as error:
        raise InvalidInput(str(error), "recipients") from None


def valid_location(location: str) -> str:
    """Return a folder below the organization's own, `reports/weekly`. Raises InvalidInput for others."""
    path = PurePosixPath(location.strip())
    bad = any(ord(character) < 32 or character in '\\:*?"<>|' for character in location)
    if not path.parts or path.is_absolute() or ".." in path.parts or bad or len(location) > 300:
        raise InvalidInput("Name a folder such as reports/weekly, without .. or a leading /.", "location")
    return str(path)


def valid_window(minutes: int | None) -> int | None:
    """Return a start window in minutes. Raises InvalidInput(field="start_window")."""
    if minutes is not None and minutes not in range(1, LONGEST_WINDOW + 1):
        raise InvalidInput(f"A start window is 1 to {LONGEST_WINDOW:,} minutes (a day).", "start_window")
    return minutes


def valid_empty(chosen: Empty, channel: Channel) -> Empty:
    """Return what becomes of an empty result. Raises InvalidInput(field="empty") where nobody can be told."""
    if chosen is Empty.TELL and channel is not Channel.EMAIL:
        raise InvalidInput("A folder has nobody who could be told: send the file or skip the run.", "empty")
    return chosen
