"""Owning a run: claiming it, renewing the lease, and refusing every write of a worker that lost it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from portal.config import Settings
from portal.database import database_now, new_public_id
from portal.delivery.models import Delivery
from portal.errors import LeaseLost
from portal.extensions import db
from portal.runs.models import RunAttempt, RunStatus, ScheduledExportRun

WORKER_LOST = "The worker stopped answering."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """Proof of owning a run. `token` fences every write: a newer claim makes it worthless."""

    run_pk: int
    run_id: str
    attempt: int
    token: str
    worker: str


def claim(run_id: str, *, worker: str, settings: Settings) -> Claim | None:
    """Take a run that waits, that a dead worker held, or that has mail to send again; commit.

    Returns None when it is somebody else's, finished, not yet due, or unknown.
    """
    now = database_now(db.session.connection())
    token = new_public_id()
    row = db.session.execute(
        update(ScheduledExportRun)
        .where(ScheduledExportRun.public_id == run_id, _claimable(now))
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
    if row is None:
        db.session.rollback()
        return None
    close_abandoned_attempts(row.id, now)
    db.session.add(RunAttempt(run_id=row.id, number=row.attempt, worker=worker, started_at=now))
    db.session.commit()
    return Claim(run_pk=row.id, run_id=run_id, attempt=row.attempt, token=token, worker=worker)


def _claimable(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(
            ScheduledExportRun.status == RunStatus.QUEUED,
            or_(ScheduledExportRun.not_before.is_(None), ScheduledExportRun.not_before <= now),
        ),
        and_(ScheduledExportRun.status == RunStatus.RUNNING, ScheduledExportRun.lease_expires_at < now),
        and_(
            ScheduledExportRun.status == RunStatus.DELIVERING,
            exists().where(Delivery.run_id == ScheduledExportRun.id, Delivery.next_attempt_at <= now),
        ),
    )


def close_abandoned_attempts(run_pk: int, now: datetime) -> None:
    """Record of a run's unended attempts that their worker was lost."""
    db.session.execute(
        update(RunAttempt)
        .where(RunAttempt.run_id == run_pk, RunAttempt.ended_at.is_(None))
        .values(ended_at=now, outcome="worker lost", error_message=WORKER_LOST)
    )


@contextmanager
def fenced(claim: Claim) -> Iterator[ScheduledExportRun]:
    """Yield the run inside a transaction that commits only while the claim holds. Raises LeaseLost.

    The conditional UPDATE comes first: it locks the row, so the claim can't be lost before the commit.
    """
    held = db.session.execute(
        update(ScheduledExportRun)
        .where(
            ScheduledExportRun.id == claim.run_pk,
            ScheduledExportRun.lease_token == claim.token,
            ScheduledExportRun.status == RunStatus.RUNNING,
        )
        .values(attempt=claim.attempt)
        .returning(ScheduledExportRun.id)
    ).first()
    if held is None:
        db.session.rollback()
        raise LeaseLost(f"Run {claim.run_id} belongs to another worker by now.")
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


@contextmanager
def renewed(claim: Claim, settings: Settings) -> Iterator[None]:
    """Renew the lease from a thread with a connection of its own while the block lasts."""
    stop = threading.Event()
    thread = threading.Thread(
        target=_renew_until, args=(stop, claim, settings, db.engine), name="lease", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _renew_until(stop: threading.Event, claim: Claim, settings: Settings, engine: Engine) -> None:
    while not stop.wait(settings.lease_renewal):
        try:
            if not _renew(claim, settings, engine):
                return
        except SQLAlchemyError as error:
            log.warning("lease of run %s not renewed: %s", claim.run_id, type(error).__name__)


def _renew(claim: Claim, settings: Settings, engine: Engine) -> bool:
    with engine.begin() as connection:
        now = database_now(connection)
        renewed_rows = connection.execute(
            update(ScheduledExportRun)
            .where(ScheduledExportRun.id == claim.run_pk, ScheduledExportRun.lease_token == claim.token)
            .values(lease_expires_at=now + timedelta(seconds=settings.lease_seconds))
        )
        return renewed_rows.rowcount == 1
