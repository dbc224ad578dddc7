"""Creating and changing schedules. Every function takes the actor, and answers strangers with NotFound."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from portal.audit import service as audit
from portal.datasets.models import DatasetVersion
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.organizations.service import days_off, require
from portal.permissions import Permission
from portal.reports.models import Report
from portal.schedules import owners
from portal.schedules.approval import Approval, settle, unapproved_of
from portal.schedules.drafts import Draft, fill
from portal.schedules.models import ScheduledExport, ScheduleState
from portal.schedules.recurrence import occurrences_after
from portal.schedules.rules import HolidayPolicy, Kind, Rule

PAGE_SIZE = 50


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
        .options(
            joinedload(ScheduledExport.dataset),
            joinedload(ScheduledExport.report),
            joinedload(ScheduledExport.owner),
        )
        .order_by(ScheduledExport.id.desc())
        .limit(PAGE_SIZE + 1)
    )
    statement = statement.where(*_IN_STATE.get(state, ()))
    if search:
        statement = statement.where(ScheduledExport.name.icontains(search, autoescape=True))
    if before_id is not None:
        statement = statement.where(ScheduledExport.id < before_id)
    return list(db.session.scalars(statement))


def schedules_over(actor: User, dataset_ids: Collection[int]) -> dict[int, list[str]]:
    """Return the names of the schedules that export each dataset, those deleted aside."""
    require(actor, Permission.VIEW_SCHEDULES)
    found: dict[int, list[str]] = {dataset_id: [] for dataset_id in dataset_ids}
    rows = db.session.execute(
        select(ScheduledExport.dataset_id, ScheduledExport.name)
        .where(
            ScheduledExport.organization_id == actor.organization_id,
            ScheduledExport.dataset_id.in_(dataset_ids),
            ScheduledExport.deleted_at.is_(None),
        )
        .order_by(ScheduledExport.name)
    )
    for dataset_id, name in rows:
        found[dataset_id or 0].append(name)  # it is one of those asked for
    return found


def schedules_of(actor: User, report: Report) -> list[str]:
    """Return the names of the schedules that deliver a report, those deleted aside."""
    require(actor, Permission.VIEW_SCHEDULES)
    return list(
        db.session.scalars(
            select(ScheduledExport.name)
            .where(ScheduledExport.report_id == report.id, ScheduledExport.deleted_at.is_(None))
            .order_by(ScheduledExport.name)
        )
    )


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
    _record(actor, "schedule.create", schedule, now=now, ip=ip, after=_audited(schedule))
    return schedule


def update_schedule(
    actor: User, schedule: ScheduledExport, draft: Draft, *, now: datetime, ip: str | None = None
) -> None:
    """Change a schedule from now on: runs already made keep the snapshot they were made with."""
    require(actor, Permission.MANAGE_SCHEDULES)
    db.session.refresh(schedule, with_for_update=True)
    before = _audited(schedule)
    ended = _apply(schedule, draft, actor=actor, now=now)
    db.session.flush()
    if ended:
        before_it = ended.to_dict()
        _record(actor, "schedule.withdraw_approval", schedule, now=now, ip=ip, before=before_it)
    _record(actor, "schedule.update", schedule, now=now, ip=ip, before=before, after=_audited(schedule))


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
    """Go on from now: what fell due while paused is not caught up.

    Raises InvalidInput where its owner's rights would pause it again, or an admin's approval is missing.
    """
    require(actor, Permission.MANAGE_SCHEDULES)
    db.session.refresh(schedule, with_for_update=True)
    if schedule.active:
        return
    if problem := owners.problem(schedule):
        raise InvalidInput(f"{problem}; somebody else must own it before it can go on.")
    if out := unapproved_of(schedule, schedule.organization):
        raise InvalidInput(f"{out.in_words()}: an admin must approve that before it can go on.")
    schedule.active, schedule.paused_reason, schedule.updated_at = True, None, now
    schedule.waits_for_approval = False
    schedule.next_run_at = next_due(schedule, now)
    _record(actor, "schedule.resume", schedule, now=now, ip=ip)


def delete_schedule(actor: User, schedule: ScheduledExport, *, now: datetime, ip: str | None = None) -> None:
    """Take a schedule out of use. Its row and its history stay."""
    require(actor, Permission.MANAGE_SCHEDULES)
    db.session.refresh(schedule, with_for_update=True)
    before = _audited(schedule)
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


def lock_schedules(organization: Organization) -> None:
    """Keep an organization's schedules from changing, before its days off do and the trail records it."""
    db.session.scalars(
        select(ScheduledExport.id)
        .where(ScheduledExport.organization_id == organization.id, ScheduledExport.active)
        .order_by(ScheduledExport.id)
        .with_for_update()
    ).all()


def follow_days_off(
    actor: User, organization: Organization, *, now: datetime, ip: str | None = None
) -> list[ScheduledExport]:
    """Let an organization's schedules follow its days off, which just changed; return those that did.

    Never retroactive: what is due already stays so, and what a new day off would move to before `now` is
    not run any more.
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
        **_subject(schedule),
        "format": schedule.format.value,
        "packing": schedule.packing.value,
        "filters": schedule.filters,
        "columns": schedule.columns,
        "column_groups": schedule.column_groups,
        "excluded_tags": schedule.excluded_tags,
        "column_labels": schedule.column_labels,
        "sort": schedule.sort,
        "row_limit": schedule.row_limit,
        "rule": schedule.rule,
        "timezone": schedule.timezone,
        "channel": schedule.channel.value,
        "recipients": schedule.recipients,
        "location": schedule.location,
        "misfire": schedule.misfire.value,
        "overlap": schedule.overlap.value,
        "start_window": schedule.start_window,
        "empty": schedule.empty.value,
        "unchanged": schedule.unchanged.value,
        "drift": schedule.drift.value,
    }


def _subject(schedule: ScheduledExport) -> dict[str, Any]:
    kind = "report" if schedule.report else "dataset"
    return {kind: schedule.subject.public_id, f"{kind}_name": schedule.subject.name}


def _audited(schedule: ScheduledExport) -> dict[str, Any]:
    """Return what the trail keeps of a schedule: also which version of its dataset saving it accepted.

    Not part of `describe`: whoever dispatches 500 schedules at once need not load as many versions.
    """
    accepted = db.session.get(DatasetVersion, schedule.accepted_version_id or 0)
    return {**describe(schedule), "accepted_version": accepted.number if accepted else None}


def _apply(schedule: ScheduledExport, draft: Draft, *, actor: User, now: datetime) -> Approval | None:
    """Put a draft into a schedule; return the approval that this ends, if it does."""
    own_days = days_off(actor.organization)
    fill(schedule, draft, actor=actor, own_days=own_days, now=now)
    ended = settle(schedule, actor.organization)
    if schedule.active and not _is_due(schedule, now):  # what fell due is the dispatcher's to record
        schedule.next_run_at = next_due(schedule, now, own_days)
    return ended


def _record(actor: User, action: str, schedule: ScheduledExport, **details: Any) -> None:
    audit.record(
        schedule.organization_id,
        actor=actor.email,
        action=action,
        target=f"schedule:{schedule.public_id}",
        **details,
    )
