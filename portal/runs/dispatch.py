"""From due schedules to recorded runs: the database decides, Redis only carries the ids."""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from redis import Redis
from sqlalchemy import Table, select, update
from sqlalchemy.orm import selectinload

from portal import queue
from portal.alerts import service as alerts
from portal.alerts.models import Cause
from portal.audit import service as audit
from portal.bulk import insert_new
from portal.config import Settings
from portal.database import database_now, new_public_id
from portal.extensions import db
from portal.organizations.models import DayOff
from portal.runs.leases import waits_for_no_retry
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.runs.policies import Fate, UnderWay, fates, recorded, without_overlap
from portal.runs.snapshot import Versions, snapshot, versions_of
from portal.schedules import owners
from portal.schedules.models import Overlap, ScheduledExport
from portal.schedules.recurrence import occurrences_after
from portal.schedules.service import suspend

BATCH = 500

log = logging.getLogger(__name__)

Made = list[tuple[str, int]]
"""Public id and attempt of each queued run, as `queue.enqueue_runs` takes them."""


@dataclass(frozen=True)
class _Known:
    """What a batch of schedules needs from other tables, read once for all of them."""

    versions: Versions
    days_off: dict[int, frozenset[date]]
    under_way: dict[int, UnderWay]


@dataclass(frozen=True)
class _Plan:
    """What is about to be recorded of one due schedule. `suspended` says why it can't go on, if so."""

    schedule: ScheduledExport
    snapshot: dict[str, Any]
    fates: list[Fate]
    following: datetime | None
    suspended: str | None = None


def enqueue_due(
    connection: Redis, *, settings: Settings, now: datetime, go_on: Callable[[], bool] = lambda: True
) -> int:
    """Record a run for each due occurrence, commit, then enqueue those to be run; return how many.

    Safe with any number of schedulers: a schedule is claimed by a row lock, and an occurrence has one row
    by a unique index. `go_on` is asked between two batches.
    """
    total = 0
    while True:
        runs, claimed = _claim_batch(settings, now)
        queue.enqueue_runs(connection, runs, timeout=settings.job_timeout)
        total += len(runs)
        if claimed < BATCH or not go_on():
            return total


def dispatch_before_change(schedule: ScheduledExport, *, settings: Settings) -> Made:
    """Record the run of an occurrence that is due and not yet dispatched, before its schedule changes.

    Called within the transaction of the change, which it locks the row for: an edit, a pause or a deletion
    never takes away what had fallen due, and the run is made with what the schedule said then (P7). The
    caller enqueues what is returned after its commit.
    """
    db.session.refresh(schedule, with_for_update=True)
    now = database_now(db.session.connection())
    if schedule.next_run_at is None or schedule.next_run_at > now:
        return []
    return _dispatch([schedule], settings, now)


def _claim_batch(settings: Settings, now: datetime) -> tuple[Made, int]:
    schedules = db.session.scalars(
        select(ScheduledExport)
        .where(ScheduledExport.next_run_at <= now)
        .options(
            # each of them once, not once a schedule
            selectinload(ScheduledExport.dataset),
            selectinload(ScheduledExport.report),
            selectinload(ScheduledExport.organization),
            selectinload(ScheduledExport.owner),
        )
        .order_by(ScheduledExport.next_run_at, ScheduledExport.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=ScheduledExport, key_share=True)
    ).all()
    made = _dispatch(schedules, settings, now) if schedules else []
    db.session.commit()
    return made, len(schedules)


def _dispatch(schedules: Sequence[ScheduledExport], settings: Settings, now: datetime) -> Made:
    """Record what became of every occurrence up to now, and when each schedule is due next."""
    known = _read_known(schedules, now)
    plans = [_plan(schedule, known, settings, now) for schedule in schedules]
    made = _record(plans, settings, now)
    for plan in plans:
        _tell(plan, made, now)
    _advance([plan for plan in plans if not plan.suspended])
    for plan in plans:  # the trail's head is locked last, after all alerts
        _close(plan, now)
    db.session.flush()  # whoever changes the schedule next refreshes it first
    return [
        (made[plan.schedule.id, fate.due_at], 0)
        for plan in plans
        for fate in plan.fates
        if fate.status is RunStatus.QUEUED and (plan.schedule.id, fate.due_at) in made
    ]


def _read_known(schedules: Sequence[ScheduledExport], now: datetime) -> _Known:
    days: defaultdict[int, set[date]] = defaultdict(set)
    organizations = {schedule.organization_id for schedule in schedules}
    for day in db.session.scalars(select(DayOff).where(DayOff.organization_id.in_(organizations))):
        days[day.organization_id].add(day.day)
    return _Known(
        versions=versions_of(schedules),
        days_off={organization: frozenset(found) for organization, found in days.items()},
        under_way=_under_way([schedule.id for schedule in schedules], now),
    )


def _under_way(schedule_ids: Collection[int], now: datetime) -> dict[int, UnderWay]:
    """Return what is under way of each schedule's rhythm; runs made by hand stand beside it."""
    rows = db.session.execute(
        select(
            ScheduledExportRun.schedule_id,
            ScheduledExportRun.status,
            ScheduledExportRun.attempt,
            ScheduledExportRun.catches_up,
        ).where(
            ScheduledExportRun.schedule_id.in_(schedule_ids),
            ScheduledExportRun.status.in_((RunStatus.QUEUED, RunStatus.RUNNING)),
            ScheduledExportRun.trigger == Trigger.SCHEDULE,
            # one that waits for its retry keeps nobody waiting
            waits_for_no_retry(ScheduledExportRun, now),
        )
    )
    found: dict[int, UnderWay] = {}
    for schedule_id, status, attempt, catches_up in rows:
        if schedule_id is None:
            continue
        waits = status is RunStatus.QUEUED and attempt == 0 and not catches_up
        found[schedule_id] = UnderWay(True, waits or found.get(schedule_id, UnderWay()).waiting)
    return found


def _plan(schedule: ScheduledExport, known: _Known, settings: Settings, now: datetime) -> _Plan:
    """Decide on one schedule; one that can't go on is suspended, and keeps no other waiting."""
    if schedule.next_run_at is None:
        raise ValueError("the schedule is not due")
    kept: dict[str, Any] = {}
    try:
        kept = snapshot(schedule, known.versions)
        own_days = known.days_off.get(schedule.organization_id, frozenset())
        due, following = _occurrences(schedule, schedule.next_run_at, own_days, now)
    except Exception as error:  # a zone that tzdata dropped, a rule of a later release
        log.exception("schedule %s can't be dispatched", schedule.public_id)
        reason = f"It could not be dispatched: {error}"
        failed = [Fate(schedule.next_run_at, RunStatus.FAILED, reason)] if kept else []
        return _Plan(schedule, kept, failed, None, reason)
    if problem := owners.problem(schedule):
        reason = f"{problem}."
        skipped = [Fate(at, RunStatus.SKIPPED, reason) for at in due]
        return _Plan(schedule, kept, recorded(skipped), None, reason)
    decided = fates(
        due,
        misfire=schedule.misfire,
        window=timedelta(minutes=schedule.start_window) if schedule.start_window else None,
        now=now,
        grace=timedelta(seconds=settings.misfire_grace),
    )
    under_way = known.under_way.get(schedule.id, UnderWay())
    return _Plan(
        schedule,
        kept,
        [without_overlap(fate, schedule.overlap, under_way) for fate in recorded(decided)],
        following,
    )


def _occurrences(
    schedule: ScheduledExport, first: datetime, own_days: frozenset[date], now: datetime
) -> tuple[list[datetime], datetime | None]:
    """Return the occurrences due by `now`, oldest first, and the next one after it."""
    due = [first]
    for occurrence in occurrences_after(schedule.recurrence, schedule.timezone, first, own_days=own_days):
        if occurrence > now:
            return due, occurrence
        due.append(occurrence)
    return due, None


def _record(plans: Sequence[_Plan], settings: Settings, now: datetime) -> dict[tuple[int, datetime], str]:
    """Insert a run for each fate unless the occurrence has one; return the ids of those that are new."""
    rows: dict[str, dict[str, Any]] = {}
    for plan in plans:
        for fate in plan.fates:
            row = _row(plan.schedule, plan.snapshot, fate, settings, now)
            rows[row["public_id"]] = row
    table = cast(Table, ScheduledExportRun.__table__)
    inserted = insert_new(db.session.connection(), table, list(rows.values()), key="public_id")
    return {(rows[run_id]["schedule_id"], rows[run_id]["due_at"]): run_id for run_id in inserted}


def _row(
    schedule: ScheduledExport, kept: dict[str, Any], fate: Fate, settings: Settings, now: datetime
) -> dict[str, Any]:
    queued = fate.status is RunStatus.QUEUED
    window = schedule.start_window
    return {
        "public_id": new_public_id(),
        "organization_id": schedule.organization_id,
        "schedule_id": schedule.id,
        "due_at": fate.due_at,
        "trigger": Trigger.SCHEDULE,
        "status": fate.status,
        "reason": fate.reason and fate.reason[:300],
        "completed_at": None if queued else now,
        "snapshot": kept,
        "created_at": now,
        "attempt": 0,
        "retries_left": len(settings.retry_delays),
        "one_at_a_time": schedule.overlap is not Overlap.ALLOW,
        "catches_up": fate.catches_up,
        "start_by": fate.due_at + timedelta(minutes=window) if window and queued else None,
    }


def _tell(plan: _Plan, made: dict[tuple[int, datetime], str], now: datetime) -> None:
    """Raise an alert for what will not run, and for a schedule that can't go on."""
    schedule = plan.schedule
    missed = [fate for fate in plan.fates if fate.status is RunStatus.MISSED]
    for latest in missed[-1:]:
        run_id = made.get((schedule.id, latest.due_at))
        alerts.raise_alert(schedule, Cause.RUN_MISSED, latest.reason or "", run_id=run_id, now=now)
    if plan.suspended:
        alerts.raise_alert(schedule, Cause.SCHEDULE_PAUSED, plan.suspended, run_id=None, now=now)


def _advance(plans: Sequence[_Plan]) -> None:
    """Set when the schedules are due next."""
    by_instant: defaultdict[datetime | None, list[int]] = defaultdict(list)
    for plan in plans:
        by_instant[plan.following].append(plan.schedule.id)
    for following, ids in by_instant.items():
        db.session.execute(
            update(ScheduledExport).where(ScheduledExport.id.in_(ids)).values(next_run_at=following),
            execution_options={"synchronize_session": False},
        )


def _close(plan: _Plan, now: datetime) -> None:
    """Keep what an occurrence that does not run came to; pause what can't go on, and finish what is over."""
    schedule = plan.schedule
    for fate in plan.fates:
        if fate.status is not RunStatus.QUEUED:
            schedule.last_run_at, schedule.last_status = fate.due_at, fate.status.value
    if plan.suspended:
        suspend(schedule, plan.suspended, now=now)
    elif plan.following is None:
        audit.record(
            schedule.organization_id,
            actor="system",
            action="schedule.finish",
            target=f"schedule:{schedule.public_id}",
            now=now,
        )
