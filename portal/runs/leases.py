"""Owning a run: claiming it, and refusing every write of a worker that lost it or must stop."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from portal.config import Settings
from portal.database import database_now, new_public_id
from portal.delivery.models import Delivery
from portal.errors import LeaseLost, RunCancelled
from portal.extensions import db
from portal.runs.models import RunAttempt, RunStatus, ScheduledExportRun, Trigger

WORKER_LOST = "The worker stopped answering."


@dataclass(frozen=True)
class Claim:
    """Proof of owning a run. `token` fences every write: a newer claim makes it worthless.

    `since` is when it was claimed, by this machine's monotonic clock; `check` raises why its worker must
    stop, if it must.
    """

    run_pk: int
    run_id: str
    attempt: int
    token: str
    worker: str
    since: float
    check: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)


def claim(run_id: str, *, worker: str, settings: Settings) -> Claim | None:
    """Take a run that waits, that a dead worker held, or that has mail to send again; commit.

    Returns None when it is somebody else's, finished, not yet due, behind another one, or unknown.
    """
    since = time.monotonic()
    now = database_now(db.session.connection())
    token = new_public_id()
    try:
        row = _take(run_id, token, now, settings)
    except IntegrityError:  # another run of a schedule that runs one at a time was faster
        row = None
    if row is None:
        db.session.rollback()
        return None
    run_pk, attempt = row
    close_abandoned_attempts(run_pk, now)
    db.session.add(RunAttempt(run_id=run_pk, number=attempt, worker=worker, started_at=now))
    db.session.commit()
    return Claim(run_pk=run_pk, run_id=run_id, attempt=attempt, token=token, worker=worker, since=since)


def _take(run_id: str, token: str, now: datetime, settings: Settings) -> tuple[int, int] | None:
    row = db.session.execute(
        update(ScheduledExportRun)
        .where(ScheduledExportRun.public_id == run_id, _claimable(now), ~behind_another(now))
        .values(
            status=RunStatus.RUNNING,
            attempt=ScheduledExportRun.attempt + 1,
            lease_token=token,
            lease_expires_at=now + timedelta(seconds=settings.lease_seconds),
            started_at=db.func.coalesce(ScheduledExportRun.started_at, now),
            stage="claim",
            not_before=None,
            error_code=None,
            error_message=None,
            error_details=None,
        )
        .returning(ScheduledExportRun.id, ScheduledExportRun.attempt)
    ).first()
    return (row.id, row.attempt) if row else None


def _claimable(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(
            ScheduledExportRun.status == RunStatus.QUEUED,
            waits_for_no_retry(ScheduledExportRun, now),
            or_(
                ScheduledExportRun.start_by.is_(None),
                ScheduledExportRun.start_by > now,
                ScheduledExportRun.started_at.is_not(None),
            ),
        ),
        and_(ScheduledExportRun.status == RunStatus.RUNNING, ScheduledExportRun.lease_expires_at < now),
        and_(
            ScheduledExportRun.status == RunStatus.DELIVERING,
            exists().where(Delivery.run_id == ScheduledExportRun.id, Delivery.next_attempt_at <= now),
        ),
    )


def waits_for_no_retry(run: type[ScheduledExportRun], now: datetime) -> ColumnElement[bool]:
    """Say of a queued run whether a worker may take it as far as its own pause goes."""
    return or_(run.not_before.is_(None), run.not_before <= now)


def behind_another(now: datetime) -> ColumnElement[bool]:
    """Say of a run that is one at a time whether another of its schedule runs, or an older one waits.

    One that waits for its retry keeps nobody waiting: a failure never blocks the next run.
    """
    other = aliased(ScheduledExportRun)
    older_waits = and_(
        other.status == RunStatus.QUEUED,
        other.due_at < ScheduledExportRun.due_at,
        waits_for_no_retry(other, now),
    )
    return and_(
        ScheduledExportRun.one_at_a_time,
        exists()
        .where(
            other.schedule_id == ScheduledExportRun.schedule_id,
            other.id != ScheduledExportRun.id,
            other.trigger == Trigger.SCHEDULE,
            other.status.in_((RunStatus.QUEUED, RunStatus.RUNNING)),
            or_(other.status == RunStatus.RUNNING, older_waits),
        )
        .correlate(ScheduledExportRun),
    )


def close_abandoned_attempts(run_pk: int, now: datetime) -> None:
    """Record of a run's unended attempts that their worker was lost."""
    db.session.execute(
        update(RunAttempt)
        .where(RunAttempt.run_id == run_pk, RunAttempt.ended_at.is_(None))
        .values(ended_at=now, outcome="worker lost", error_message=WORKER_LOST)
    )


@contextmanager
def fenced(claim: Claim, *, stops: bool = True) -> Iterator[ScheduledExportRun]:
    """Yield the run inside a transaction that commits only while the claim holds.

    Raises LeaseLost and, unless `stops` is False, why the run must stop: what was done already is recorded
    all the same. The conditional UPDATE comes first: it locks the row, so the claim can't be lost before
    the commit.
    """
    if stops:
        claim.check()
    held = db.session.execute(
        update(ScheduledExportRun)
        .where(
            ScheduledExportRun.id == claim.run_pk,
            ScheduledExportRun.lease_token == claim.token,
            ScheduledExportRun.status == RunStatus.RUNNING,
        )
        .values(attempt=claim.attempt)
        .returning(ScheduledExportRun.id, ScheduledExportRun.cancel_requested_at)
    ).first()
    if held is None:
        db.session.rollback()
        raise LeaseLost(f"Run {claim.run_id} belongs to another worker by now.")
    if stops and held.cancel_requested_at:
        db.session.rollback()
        raise RunCancelled("The run was cancelled.")
    try:
        yield db.session.scalars(
            select(ScheduledExportRun)
            .where(ScheduledExportRun.id == claim.run_pk)
            .execution_options(populate_existing=True)
        ).one()
    except BaseException:
        db.session.rollback()
        raise
    db.session.commit()
