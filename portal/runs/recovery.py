"""Finding runs that nobody is working on: lost jobs, dead workers, mail whose next try is due."""

from datetime import datetime, timedelta

from redis import Redis
from sqlalchemy import and_, or_, select

from portal import queue
from portal.config import Settings
from portal.database import database_now
from portal.delivery.models import Delivery
from portal.extensions import db
from portal.runs import finish
from portal.runs.leases import WORKER_LOST, close_abandoned_attempts
from portal.runs.log import note
from portal.runs.models import RunStatus, ScheduledExportRun

SWEEP_LIMIT = 1000


def sweep(connection: Redis, *, settings: Settings, now: datetime) -> int:
    """Bring back every unfinished run that needs a worker; return how many jobs were enqueued.

    Runs whose lease expired are queued again, or fail when no retry is left. Runs that wait without a job in
    the queue, and deliveries whose next attempt is due, are enqueued. Database first, commit, then Redis.
    """
    released = _release_expired(now)
    waiting = _waiting_long(settings) + _deliveries_due()
    db.session.commit()
    enqueued = queue.waiting_jobs(connection) if waiting else frozenset()
    lost = [(run_id, attempt) for run_id, attempt in waiting if queue.job_id(run_id, attempt) not in enqueued]
    todo = list(dict.fromkeys([*released, *lost]))
    queue.enqueue_runs(connection, todo, timeout=settings.run_timeout)
    return len(todo)


def _release_expired(now: datetime) -> list[tuple[str, int]]:
    """Take runs from workers that stopped renewing their lease."""
    database_time = database_now(db.session.connection())
    expired = db.session.scalars(
        select(ScheduledExportRun)
        .where(
            ScheduledExportRun.status == RunStatus.RUNNING,
            ScheduledExportRun.lease_expires_at < database_time,
        )
        .limit(SWEEP_LIMIT)
        .with_for_update(skip_locked=True)
    ).all()
    return [(run.public_id, run.attempt) for run in expired if _queue_again_or_fail(run, now)]


def _queue_again_or_fail(run: ScheduledExportRun, now: datetime) -> bool:
    retry = run.retries_left > 0
    if retry:
        finish.release(run, RunStatus.QUEUED)
        run.retries_left -= 1
    else:
        run.error_code, run.error_message = "worker lost", WORKER_LOST
        finish.close(run, RunStatus.FAILED, f"{WORKER_LOST} No retry is left.", now=now)
    close_abandoned_attempts(run.id, now)
    what_follows = "Another worker takes the run over." if retry else "No retry is left."
    note(run, WORKER_LOST, now=now, tone="failed", detail=what_follows)
    return retry


def _waiting_long(settings: Settings) -> list[tuple[str, int]]:
    """Return queued runs that a worker should have claimed by now."""
    now = database_now(db.session.connection())
    lost_before = now - timedelta(seconds=settings.lost_job_after)
    rows = db.session.execute(
        select(ScheduledExportRun.public_id, ScheduledExportRun.attempt)
        .where(
            ScheduledExportRun.status == RunStatus.QUEUED,
            or_(
                ScheduledExportRun.not_before <= now,
                and_(ScheduledExportRun.not_before.is_(None), ScheduledExportRun.created_at <= lost_before),
            ),
        )
        .order_by(ScheduledExportRun.id)
        .limit(SWEEP_LIMIT)
    )
    return list(rows)


def _deliveries_due() -> list[tuple[str, int]]:
    now = database_now(db.session.connection())
    rows = db.session.execute(
        select(ScheduledExportRun.public_id, ScheduledExportRun.attempt)
        .join(Delivery, Delivery.run_id == ScheduledExportRun.id)
        .where(ScheduledExportRun.status == RunStatus.DELIVERING, Delivery.next_attempt_at <= now)
        .distinct()
        .limit(SWEEP_LIMIT)
    )
    return list(rows)
