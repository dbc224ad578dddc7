"""From due schedules to queued runs: the database decides, Redis only carries the ids."""

import logging
from datetime import datetime
from typing import Any

from redis import Redis
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from portal import queue
from portal.config import Settings
from portal.datasets.service import newest_versions
from portal.extensions import db
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.schedules.models import ScheduledExport
from portal.schedules.recurrence import occurrences_after
from portal.schedules.service import describe, suspend

BATCH = 200
MISSED_REASON = "The scheduler was not running when it fell due; a later occurrence ran."
MISSED_RECORDED = 100
"""Missed occurrences recorded one by one after a long standstill; the oldest says how many came before it."""

log = logging.getLogger(__name__)

Made = list[tuple[str, int]]
"""Public id and attempt of each queued run, as `queue.enqueue_runs` takes them."""


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


def dispatch_before_change(schedule: ScheduledExport, *, settings: Settings, now: datetime) -> Made:
    """Make the run of an occurrence that is due and not yet dispatched, before its schedule changes.

    Called within the transaction of the change, which it locks the row for: an edit, a pause or a deletion
    never takes away what had fallen due, and the run is made with what the schedule said then (P7). The
    caller enqueues what is returned after its commit.
    """
    db.session.refresh(schedule, with_for_update=True)
    if schedule.next_run_at is None or schedule.next_run_at > now:
        return []
    return _dispatch_alone(schedule, newest_versions([schedule.dataset_id]), settings, now)


def _claim_batch(settings: Settings, now: datetime) -> tuple[Made, int]:
    schedules = db.session.scalars(
        select(ScheduledExport)
        .where(ScheduledExport.next_run_at <= now)
        .options(
            joinedload(ScheduledExport.dataset),
            joinedload(ScheduledExport.organization),
            joinedload(ScheduledExport.owner),
        )
        .order_by(ScheduledExport.next_run_at, ScheduledExport.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=ScheduledExport)
    ).all()
    versions = newest_versions({schedule.dataset_id for schedule in schedules})
    made = [run for schedule in schedules for run in _dispatch_alone(schedule, versions, settings, now)]
    db.session.commit()
    return made, len(schedules)


def _dispatch_alone(
    schedule: ScheduledExport, versions: dict[int, int], settings: Settings, now: datetime
) -> Made:
    """Dispatch one schedule; one that can't be is paused with the reason, and keeps no other waiting."""
    try:
        with db.session.begin_nested():
            return _dispatch(schedule, versions, settings, now)
    except SQLAlchemyError:
        raise  # the database's trouble is everybody's
    except Exception as error:  # a zone that tzdata dropped, a rule of a later release
        log.exception("schedule %s can't be dispatched", schedule.public_id)
        suspend(schedule, f"It could not be dispatched: {error}", now=now)
        return []


def _dispatch(schedule: ScheduledExport, versions: dict[int, int], settings: Settings, now: datetime) -> Made:
    """Record every occurrence up to now: the latest is queued, earlier ones were missed. Then advance."""
    due, following = _occurrences(schedule, now)
    schedule.next_run_at = following
    *missed, latest = due
    snapshot = _snapshot(schedule, versions[schedule.dataset_id])
    unrecorded = missed[:-MISSED_RECORDED]
    for number, occurrence in enumerate(missed[len(unrecorded) :]):
        reason = MISSED_REASON
        if unrecorded and number == 0:
            reason += f" So did {len(unrecorded)} before it, from {unrecorded[0]:%Y-%m-%d %H:%M} UTC on."
        _insert(schedule, snapshot, occurrence, settings, now, missed=reason)
    run_id = _insert(schedule, snapshot, latest, settings, now)
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
    missed: str | None = None,
) -> str | None:
    """Insert a run unless the occurrence has one; return its public id, None when it had.

    `missed` is the reason of one that did not run.
    """
    values: dict[str, Any] = {
        "organization_id": schedule.organization_id,
        "schedule_id": schedule.id,
        "due_at": due_at,
        "trigger": Trigger.SCHEDULE,
        "status": RunStatus.MISSED if missed else RunStatus.QUEUED,
        "reason": missed,
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
    return _snapshot(schedule, newest_versions([schedule.dataset_id])[schedule.dataset_id])


def _snapshot(schedule: ScheduledExport, version_id: int) -> dict[str, Any]:
    return {
        **describe(schedule),
        "schedule": schedule.public_id,
        "dataset_version": version_id,
        "organization_name": schedule.organization.name,
        "organization_slug": schedule.organization.slug,
        "owner": schedule.owner.email,
    }
