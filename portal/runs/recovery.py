"""Finding runs that nobody is working on: lost jobs, dead workers, mail whose next try is due."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from redis import Redis
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import aliased

from portal import queue
from portal.config import Settings
from portal.database import database_now
from portal.delivery.models import Delivery
from portal.extensions import db
from portal.runs import finish
from portal.runs.leases import WORKER_LOST, behind_another, close_abandoned_attempts, waits_for_no_retry
from portal.runs.log import note
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.runs.policies import too_late

SWEEP_LIMIT = 1000

log = logging.getLogger(__name__)


def sweep(connection: Redis, *, settings: Settings, now: datetime) -> int:
    """Bring back every unfinished run that needs a worker; return how many jobs were enqueued.

    Runs whose lease expired are queued again, or end where no retry is left; those that can't start within
    their window any more are MISSED. Runs that wait without a job in the queue, and deliveries whose next
    attempt is due, are enqueued. Database first, commit, then Redis.
    """
    released = _release_expired(now)
    _close_late_starts(now)
    todo = list(dict.fromkeys([*released, *_without_job(connection, settings)]))
    queue.enqueue_runs(connection, todo, timeout=settings.job_timeout)
    return len(todo)


def _without_job(connection: Redis, settings: Settings) -> list[tuple[str, int]]:
    """Return the runs that wait for a worker and have no job in the queue."""
    waiting = [*_waiting_long(settings), *_deliveries_due()]
    db.session.rollback()
    if not waiting:
        return []
    enqueued = queue.waiting_jobs(connection)
    return [(run_id, attempt) for run_id, attempt in waiting if queue.job_id(run_id, attempt) not in enqueued]


def ready_after(run_id: str) -> list[tuple[str, int]]:
    """Return what a worker may start once this run is out of its hands: the run itself where it was put
    back, and the one that waited behind it."""
    now = database_now(db.session.connection())
    this = aliased(ScheduledExportRun)
    schedule = select(this.schedule_id).where(this.public_id == run_id)
    rows = db.session.execute(
        select(ScheduledExportRun.public_id, ScheduledExportRun.attempt)
        .where(
            ScheduledExportRun.status == RunStatus.QUEUED,
            waits_for_no_retry(ScheduledExportRun, now),
            or_(
                ScheduledExportRun.public_id == run_id,
                and_(
                    ScheduledExportRun.schedule_id == schedule.scalar_subquery(),
                    ScheduledExportRun.one_at_a_time,
                ),
            ),
            ~behind_another(now),
        )
        .order_by(ScheduledExportRun.due_at)
    ).all()
    db.session.rollback()
    return [(public_id, attempt) for public_id, attempt in rows]


def _release_expired(now: datetime) -> list[tuple[str, int]]:
    """Take runs from workers that stopped renewing their lease."""
    database_time = database_now(db.session.connection())
    expired = (
        ScheduledExportRun.status == RunStatus.RUNNING,
        ScheduledExportRun.lease_expires_at < database_time,
    )
    again: list[tuple[str, int]] = []

    def take(run: ScheduledExportRun) -> None:
        if _queue_again_or_end(run, now):
            again.append((run.public_id, run.attempt))

    _one_by_one(take, *expired)
    return again


def _one_by_one(act: Callable[[ScheduledExportRun], None], *conditions: ColumnElement[bool]) -> None:
    """Do something to each run of which the conditions hold, locked, in a transaction of its own.

    In one for all, ending several runs would lock rows in an order that deadlocks with workers that end
    theirs, and one that can't be ended would keep all others.
    """
    ids = db.session.scalars(select(ScheduledExportRun.id).where(*conditions).limit(SWEEP_LIMIT)).all()
    db.session.rollback()
    for run_pk in ids:
        try:
            run = db.session.scalars(
                select(ScheduledExportRun)
                .where(ScheduledExportRun.id == run_pk, *conditions)
                .with_for_update(skip_locked=True)
            ).first()
            if run is not None:
                act(run)
            db.session.commit()
        except Exception:
            db.session.rollback()
            log.exception("a run could not be swept; the next sweep tries again")


def _queue_again_or_end(run: ScheduledExportRun, now: datetime) -> bool:
    """Say whether the run is to be enqueued again."""
    close_abandoned_attempts(run.id, now)
    if run.cancel_requested_at:
        finish.close_cancelled(run, now=now)
        return False
    if run.retries_left > 0:
        finish.release(run, RunStatus.QUEUED)
        run.retries_left -= 1
        note(run, WORKER_LOST, now=now, tone="failed", detail="Another worker takes the run over.")
        return True
    run.error_code, run.error_message = "worker lost", WORKER_LOST
    finish.close_failed(run, f"{WORKER_LOST} No retry is left.", now=now)
    note(run, WORKER_LOST, now=now, tone="failed", detail="No retry is left.")
    return False


def _close_late_starts(now: datetime) -> None:
    """Record as MISSED what did not start within its window."""
    database_time = database_now(db.session.connection())

    def miss(run: ScheduledExportRun) -> None:
        if run.start_by is not None:
            reason = too_late(run.start_by - run.due_at)
            finish.close(run, RunStatus.MISSED, reason, now=now)
            note(run, reason, now=now, tone="missed")

    _one_by_one(
        miss,
        ScheduledExportRun.status == RunStatus.QUEUED,
        ScheduledExportRun.started_at.is_(None),
        ScheduledExportRun.start_by <= database_time,
    )


def _waiting_long(settings: Settings) -> Iterator[tuple[str, int]]:
    """Yield all queued runs that a worker should have claimed by now, however many, page by page."""
    now = database_now(db.session.connection())
    lost_before = now - timedelta(seconds=settings.lost_job_after)
    last = 0
    while True:
        rows = db.session.execute(
            select(ScheduledExportRun.id, ScheduledExportRun.public_id, ScheduledExportRun.attempt)
            .where(
                ScheduledExportRun.id > last,
                ScheduledExportRun.status == RunStatus.QUEUED,
                or_(
                    ScheduledExportRun.not_before <= now,
                    and_(
                        ScheduledExportRun.not_before.is_(None), ScheduledExportRun.created_at <= lost_before
                    ),
                ),
                ~behind_another(now),
            )
            .order_by(ScheduledExportRun.id)
            .limit(SWEEP_LIMIT)
        ).all()
        yield from ((public_id, attempt) for _, public_id, attempt in rows)
        if len(rows) < SWEEP_LIMIT:
            return
        last = rows[-1].id


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
