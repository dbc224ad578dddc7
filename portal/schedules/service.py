"""Creating and changing schedules. Every function takes the actor, and answers strangers with NotFound."""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from portal.audit import service as audit
from portal.datasets import service as datasets
from portal.datasets.filters import valid_filters
from portal.datasets.models import Dataset
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.models import User
from portal.organizations.service import normalize_email, require
from portal.permissions import Permission
from portal.schedules.models import Channel, ExportFormat, ScheduledExport
from portal.schedules.recurrence import occurrences_after, zone
from portal.schedules.rules import Rule

MAXIMUM_NAME = 120
MAXIMUM_RECIPIENTS = 200
PAGE_SIZE = 50


@dataclass(frozen=True)
class Draft:
    """A schedule as somebody filled it in, with its parts already of the right type.

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
    columns: tuple[str, ...] = ()
    filters: dict[str, Any] = field(default_factory=dict)
    misfire: Misfire = Misfire.LATEST
    overlap: Overlap = Overlap.QUEUE
    start_window: int | None = None


_IN_STATE: dict[str, tuple[ColumnElement[bool], ...]] = {
    ScheduleState.ACTIVE: (ScheduledExport.next_run_at.is_not(None),),
    ScheduleState.PAUSED: (ScheduledExport.active.is_(False),),
    ScheduleState.FINISHED: (ScheduledExport.active.is_(True), ScheduledExport.next_run_at.is_(None)),
}


def list_schedules(
    actor: User, *, state: str = "all", search: str = "", before_id: int | None = None
) -> list[ScheduledExport]:
    """Return a page of the organization's schedules, newest first, with dataset and owner loaded.

    `state` is `all` or one of ScheduleState. `before_id` continues after the last row of the page before;
    one row more than PAGE_SIZE is returned when there is a further page.
    """
    require(actor, Permission.VIEW_SCHEDULES)
    statement = (
        select(ScheduledExport)
        .where(ScheduledExport.organization_id == actor.organization_id, ScheduledExport.deleted_at.is_(None))
        .options(joinedload(ScheduledExport.dataset), joinedload(ScheduledExport.owner))
        .order_by(ScheduledExport.id.desc())
        .limit(PAGE_SIZE + 1)
    )
    statement = statement.where(*_IN_STATE.get(state, ()))
    if search:
        statement = statement.where(ScheduledExport.name.icontains(search, autoescape=True))
    if before_id is not None:
        statement = statement.where(ScheduledExport.id < before_id)
    return list(db.session.scalars(statement))


def get_schedule(
    actor: User, public_id: str, permission: Permission = Permission.VIEW_SCHEDULES
) -> ScheduledExport:
    """Return one schedule of the actor's organization. Raises NotFound, or Forbidden for a lesser role."""
    schedule = db.session.scalars(
        select(ScheduledExport).where(
            ScheduledExport.public_id == public_id,
            ScheduledExport.organization_id == actor.organization_id,
            ScheduledExport.deleted_at.is_(None),
        )
    ).first()
    if schedule is None:
        raise NotFound("There is no such schedule.")
    require(actor, permission)
    return schedule


def create_schedule(actor: User, draft: Draft, *, now: datetime, ip: str | None = None) -> ScheduledExport:
    """Add an active schedule. Raises InvalidInput with the field that is wrong; nothing is kept then."""
    require(actor, Permission.MANAGE_SCHEDULES)
    schedule = ScheduledExport(
        organization_id=actor.organization_id, owner_id=actor.id, created_at=now, active=True
    )
    _apply(schedule, draft, actor=actor, now=now)
    db.session.add(schedule)
    db.session.flush()
    _record(actor, "schedule.create", schedule, now=now, ip=ip, after=describe(schedule))
    return schedule


def update_schedule(
    actor: User, schedule: ScheduledExport, draft: Draft, *, now: datetime, ip: str | None = None
) -> None:
    """Change a schedule from now on: runs already made keep the snapshot they were made with."""
    require(actor, Permission.MANAGE_SCHEDULES)
    db.session.refresh(schedule, with_for_update=True)
    before = describe(schedule)
    _apply(schedule, draft, actor=actor, now=now)
    db.session.flush()
    _record(actor, "schedule.update", schedule, now=now, ip=ip, before=before, after=describe(schedule))


def pause_schedule(
    actor: User,
    schedule: ScheduledExport,
    *,
    now: datetime,
    reason: str | None = None,
    ip: str | None = None,
) -> None:
    """Stop making runs until resumed. Runs already made go on. Pausing twice changes nothing."""
    require(actor, Permission.MANAGE_SCHEDULES)
    db.session.refresh(schedule, with_for_update=True)
    if not schedule.active:
        return
    schedule.active, schedule.next_run_at, schedule.updated_at = False, None, now
    schedule.paused_reason = reason or f"Paused by {actor.name}"
    _record(actor, "schedule.pause", schedule, now=now, ip=ip, after={"reason": schedule.paused_reason})


def resume_schedule(actor: User, schedule: ScheduledExport, *, now: datetime, ip: str | None = None) -> None:
    """Go on from now: what fell due while paused is not caught up."""
    require(actor, Permission.MANAGE_SCHEDULES)
    db.session.refresh(schedule, with_for_update=True)
    if schedule.active:
        return
    schedule.active, schedule.paused_reason, schedule.updated_at = True, None, now
    schedule.next_run_at = next_due(schedule, now)
    _record(actor, "schedule.resume", schedule, now=now, ip=ip)


def delete_schedule(actor: User, schedule: ScheduledExport, *, now: datetime, ip: str | None = None) -> None:
    """Take a schedule out of use. Its row and its history stay."""
    require(actor, Permission.MANAGE_SCHEDULES)
    db.session.refresh(schedule, with_for_update=True)
    before = describe(schedule)
    schedule.active, schedule.next_run_at = False, None
    schedule.deleted_at = schedule.updated_at = now
    _record(actor, "schedule.delete", schedule, now=now, ip=ip, before=before)


def suspend(schedule: ScheduledExport, reason: str, *, now: datetime) -> None:
    """Pause a schedule that the portal itself can't go on with; the trail says so."""
    schedule.active, schedule.next_run_at, schedule.updated_at = False, None, now
    schedule.paused_reason = reason[:300]
    audit.record(
        schedule.organization_id,
        actor="system",
        action="schedule.suspend",
        target=f"schedule:{schedule.public_id}",
        now=now,
        after={"reason": schedule.paused_reason},
    )


def next_due(
    schedule: ScheduledExport, after: datetime, own_days: frozenset[date] | None = None
) -> datetime | None:
    """Return the first occurrence after an instant, or None when the rule has no further one.

    `own_days` are the organization's days off where the caller has read them already.
    """
    if own_days is None:
        own_days = days_off(schedule.organization)
    occurrences = occurrences_after(schedule.recurrence, schedule.timezone, after, own_days=own_days)
    return next(occurrences, None)


def follow_days_off(
    actor: User, organization: Organization, *, now: datetime, ip: str | None = None
) -> list[ScheduledExport]:
    """Compute anew when an organization's schedules run next, after its days off changed; return the changed.

    Never retroactive: what is due already stays so, and what a new day off moves to before `now` does not run.
    """
    own_days = days_off(organization)
    schedules = db.session.scalars(
        select(ScheduledExport)
        .where(
            ScheduledExport.organization_id == organization.id,
            ScheduledExport.active,
            ScheduledExport.deleted_at.is_(None),
        )
        .order_by(ScheduledExport.id)
        .with_for_update(of=ScheduledExport)
        .execution_options(populate_existing=True)
    )
    return [found for found in schedules if _follows(actor, found, own_days, now=now, ip=ip)]


def _follows(
    actor: User, schedule: ScheduledExport, own_days: frozenset[date], *, now: datetime, ip: str | None
) -> bool:
    before = schedule.next_run_at
    if _is_due(schedule, now) or not _minds_days_off(schedule.recurrence):
        return False
    schedule.next_run_at = next_due(schedule, now, own_days)
    if schedule.next_run_at == before:
        return False
    _record(
        actor,
        "schedule.follow_days_off",
        schedule,
        now=now,
        ip=ip,
        before={"next_run_at": _written(before)},
        after={"next_run_at": _written(schedule.next_run_at)},
    )
    return True


def _minds_days_off(rule: Rule) -> bool:
    return rule.kind is Kind.MONTHLY_BUSINESS_DAY or rule.holidays is not HolidayPolicy.RUN


def _is_due(schedule: ScheduledExport, now: datetime) -> bool:
    return schedule.next_run_at is not None and schedule.next_run_at <= now


def _written(at: datetime | None) -> str | None:
    return at.isoformat(timespec="minutes") if at else None


def describe(schedule: ScheduledExport) -> dict[str, Any]:
    """Return what a manager chose, as plain JSON: for the audit trail and for a run's snapshot."""
    return {
        "name": schedule.name,
        "description": schedule.description,
        "dataset": schedule.dataset.public_id,
        "dataset_name": schedule.dataset.name,
        "format": schedule.format.value,
        "filters": schedule.filters,
        "columns": schedule.columns,
        "rule": schedule.rule,
        "timezone": schedule.timezone,
        "channel": schedule.channel.value,
        "recipients": schedule.recipients,
        "location": schedule.location,
        "misfire": schedule.misfire.value,
        "overlap": schedule.overlap.value,
        "start_window": schedule.start_window,
    }


def _apply(schedule: ScheduledExport, draft: Draft, *, actor: User, now: datetime) -> None:
    # All is checked before anything is set: what is wrong must leave a schedule as it stood.
    zone(draft.timezone)
    name = _valid_name(draft.name)
    dataset = datasets.get_dataset(actor, draft.dataset_id)
    columns = _valid_columns(dataset, draft.columns)
    filters = valid_filters(datasets.current_version(dataset), draft.filters)
    by_mail = draft.channel is Channel.EMAIL
    recipients = _valid_recipients(draft.recipients) if by_mail else []
    location = None if by_mail else valid_location(draft.location)
    start_window = valid_window(draft.start_window)
    own_days = days_off(actor.organization)
    if (schedule.rule, schedule.timezone) != (draft.rule.to_dict(), draft.timezone):
        check_fires(draft.rule, draft.timezone, now, own_days)  # a finished one may still be renamed
    schedule.name, schedule.description = name, draft.description.strip()
    schedule.dataset, schedule.dataset_id = dataset, dataset.id
    schedule.columns, schedule.filters = columns, filters
    schedule.format, schedule.channel = draft.format, draft.channel
    schedule.recipients, schedule.location = recipients, location
    schedule.rule, schedule.timezone = draft.rule.to_dict(), draft.timezone
    schedule.misfire, schedule.overlap, schedule.start_window = draft.misfire, draft.overlap, start_window
    schedule.updated_at = now
    if schedule.active and not _is_due(schedule, now):  # what fell due is the dispatcher's to record
        schedule.next_run_at = next_due(schedule, now, own_days)


def _valid_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise InvalidInput("Give the schedule a name.", "name")
    if len(name) > MAXIMUM_NAME or not name.isprintable():  # it becomes a mail's subject
        raise InvalidInput(f"A name is one line of at most {MAXIMUM_NAME} characters.", "name")
    return name


def _valid_columns(dataset: Dataset, chosen: tuple[str, ...]) -> list[str]:
    known = {column.key for column in datasets.current_version(dataset).table_columns}
    unknown = [key for key in chosen if key not in known]
    if unknown:
        raise InvalidInput(f"The dataset has no column “{unknown[0]}”.", "columns")
    return list(dict.fromkeys(chosen))


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


def _record(actor: User, action: str, schedule: ScheduledExport, **details: Any) -> None:
    audit.record(
        schedule.organization_id,
        actor=actor.email,
        action=action,
        target=f"schedule:{schedule.public_id}",
        **details,
    )
