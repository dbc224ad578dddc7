"""From due schedules to queued runs: the database decides, Redis only carries the ids."""

from datetime import datetime
from typing import Any

from redis import Redis
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import joinedload

from portal import queue
from portal.config import Settings
from portal.datasets.service import current_version
from portal.extensions import db
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.schedules.models import ScheduledExport
from portal.schedules.recurrence import occurrences_after
from portal.schedules.service import describe

BATCH = 200
MISSED_REASON = "The scheduler was not running when it fell due; a later occurrence ran."
MISSED_RECORDED = 100
"""Missed occurrences recorded one by one after a long standstill; beyond, the first rows say how many."""


def enqueue_due(connection: Redis, *, settings: Settings, now: datetime) -> int:
    """Make a run for each due occurrence, commit, then enqueue; return how many were enqueued.

    Safe with any number of schedulers: a schedule is claimed by a row lock, and an occurrence has one row
    by a unique index.
    """
    total = 0
    while True:
        runs, claimed = _claim_batch(settings, now)
        queue.enqueue_runs(connection, runs, timeout=settings.run_timeout)
        total += len(runs)
        if claimed < BATCH:
            return total


def _claim_batch(settings: Settings, now: datetime) -> tuple[list[tuple[str, int]], int]:
    schedules = db.session.scalars(
        select(ScheduledExport)
        .where(ScheduledExport.next_run_at <= now)
        .options(joinedload(ScheduledExport.dataset), joinedload(ScheduledExport.organization))
        .order_by(ScheduledExport.next_run_at, ScheduledExport.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=ScheduledExport)
    ).all()
    enqueued = [run for schedule in schedules for run in _dispatch(schedule, settings, now)]
    db.session.commit()
    return enqueued, len(schedules)


def _dispatch(schedule: ScheduledExport, settings: Settings, now: datetime) -> list[tuple[str, int]]:
    """Record every occurrence up to now: the latest is queued, earlier ones were missed. Then advance."""
    due, following = _occurrences(schedule, now)
    schedule.next_run_at = following
    *missed, latest = due
    snapshot = snapshot_of(schedule)
    for occurrence in missed[-MISSED_RECORDED:]:
        _insert(schedule, snapshot, occurrence, settings, now, missed=True)
    run_id = _insert(schedule, snapshot, latest, settings, now, missed=False)
    return [(run_id, 0)] if run_id else []


def _occurrences(schedule: ScheduledExport, now: datetime) -> tuple[list[datetime], datetime | None]:
    """Return the occurrences due by `now`, oldest first, and the next one after it."""
    if schedule.next_run_at is None:
        raise ValueError("the schedule is not due")
    due = [schedule.next_run_at]
    for occurrence in occurrences_after(schedule.recurrence, schedule.timezone, schedule.next_run_at):
        if occurrence > now:
            return due, occurrence
        due.append(occurrence)
    return due, None


def _insert(
    schedule: ScheduledExport,
    snapshot: dict[str, Any],
    due_at: datetime,
    settings: Settings,
    now: datetime,
    *,
    missed: bool,
) -> str | None:
    """Insert a run unless the occurrence has one; return its public id, None when it had."""
    values: dict[str, Any] = {
        "organization_id": schedule.organization_id,
        "schedule_id": schedule.id,
        "due_at": due_at,
        "trigger": Trigger.SCHEDULE,
        "status": RunStatus.MISSED if missed else RunStatus.QUEUED,
        "reason": MISSED_REASON if missed else None,
        "completed_at": now if missed else None,
        "snapshot": snapshot,
        "created_at": now,
        "retries_left": len(settings.retry_delays),
    }
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(ScheduledExportRun)
        .values(values)
        .on_conflict_do_nothing()
        .returning(ScheduledExportRun.public_id)
    )
    return db.session.scalars(statement).first()


def snapshot_of(schedule: ScheduledExport) -> dict[str, Any]:
    """Return all that a run needs to know of its schedule, as it stands now."""
    return {
        **describe(schedule),
        "schedule": schedule.public_id,
        "dataset_version": current_version(schedule.dataset).id,
        "organization_name": schedule.organization.name,
        "organization_slug": schedule.organization.slug,
        "owner": schedule.owner.email,
    }
