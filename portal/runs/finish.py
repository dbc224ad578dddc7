"""How a run ends: delivered, waiting for mail servers, to be retried, or failed."""

import random
import traceback
from datetime import datetime, timedelta

from sqlalchemy import or_, update

from portal.audit import service as audit
from portal.config import Settings
from portal.delivery import service as delivery
from portal.delivery.service import Outcome
from portal.errors import PortalError
from portal.extensions import db
from portal.runs.leases import Claim, fenced
from portal.runs.log import note
from portal.runs.models import RunAttempt, RunStatus, ScheduledExportRun
from portal.schedules.models import ScheduledExport

JITTER = 0.2


class RunTimeout(PortalError):
    """The run as a whole took longer than it may."""

    code = "timeout"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"The run took longer than its limit of {seconds:,} s and was stopped.")


class Unexpected(PortalError):
    """An error nobody foresaw. The message names its kind only: its text may hold anything."""

    code = "unexpected"
    retryable = True

    def __init__(self, error: Exception) -> None:
        super().__init__(f"An unexpected error stopped the run ({type(error).__name__}).")
        self.details = "".join(traceback.format_tb(error.__traceback__))[-4000:]


def finish(claim: Claim, *, now: datetime) -> RunStatus:
    """Give the run the status its deliveries earned; while some are open it stands at DELIVERING."""
    with fenced(claim) as run:
        standing = delivery.outcome(run.id)
        status, reason = _status(standing)
        if status is RunStatus.DELIVERING:
            release(run, status)
        else:
            close(run, status, reason, now=now)
        _end_attempt(claim, status.value, now)
        note(run, _in_words(run, standing), now=now, tone=status.value.lower())
        return status


def fail(claim: Claim, error: PortalError, settings: Settings, *, now: datetime) -> RunStatus:
    """Record why the attempt failed; queue the run again where a retry can help and one is left."""
    db.session.rollback()  # whatever the failure left half done
    with fenced(claim) as run:
        run.error_code, run.error_message = error.code, str(error)
        run.error_details = getattr(error, "details", None)
        what_follows = _again_or_not(run, error, settings, now)
        _end_attempt(claim, error.code, now, str(error))
        note(run, str(error), now=now, tone="failed", detail=what_follows)
        return run.status


def release(run: ScheduledExportRun, status: RunStatus) -> None:
    """Let go of a run that is not over: no worker owns it, a later claim may."""
    run.status = status
    run.lease_token = run.lease_expires_at = run.stage = None


def close(run: ScheduledExportRun, status: RunStatus, reason: str | None, *, now: datetime) -> None:
    """End a run: its final status is audited and shown on its schedule."""
    release(run, status)
    run.reason, run.completed_at = reason and reason[:300], now
    if run.schedule_id is not None:
        db.session.execute(
            update(ScheduledExport)
            .where(
                ScheduledExport.id == run.schedule_id,
                # mending an old run must not pass for news
                or_(ScheduledExport.last_run_at.is_(None), ScheduledExport.last_run_at <= run.due_at),
            )
            .values(last_run_at=run.due_at, last_status=status.value)
        )
    audit.record(
        run.organization_id,
        actor="system",
        action="run.finish",
        target=f"run:{run.public_id}",
        now=now,
        after={"status": status.value, "rows": run.row_count, "error": run.error_code},
    )


def close_cancelled(run: ScheduledExportRun, *, now: datetime) -> None:
    """End a run that somebody asked to cancel; say how far it had come. Within the caller's transaction."""
    standing = delivery.outcome(run.id)
    delivery.give_up(run.id, "The run was cancelled.")
    reason = f"Cancelled by {run.cancel_requested_by}."
    if standing.sent:
        reason += (
            f" {standing.sent} of {standing.sent + standing.failed + standing.open} had the file by then."
        )
    close(run, RunStatus.CANCELLED, reason, now=now)
    note(run, reason, now=now, tone="cancelled")


def _again_or_not(run: ScheduledExportRun, error: PortalError, settings: Settings, now: datetime) -> str:
    """Queue the run again if that can help, else close it as failed; say what follows, for the log."""
    if error.retryable and run.retries_left > 0 and settings.retry_delays:
        delay = settings.retry_delays[-run.retries_left :][0] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        release(run, RunStatus.QUEUED)
        run.retries_left -= 1
        run.not_before = now + timedelta(seconds=delay)
        return f"A retry can help: again in {_duration(delay)}."
    close(run, RunStatus.FAILED, str(error), now=now)
    return "No retry is left." if error.retryable else "A retry would not help."


def _status(standing: Outcome) -> tuple[RunStatus, str | None]:
    if standing.open:
        return RunStatus.DELIVERING, None
    if not standing.failed:
        return RunStatus.SUCCESS, None
    total = standing.sent + standing.failed
    if standing.sent:
        return RunStatus.PARTIAL, f"{standing.failed} of {total} recipients did not get the file."
    return RunStatus.FAILED, "No recipient got the file."


def _in_words(run: ScheduledExportRun, standing: Outcome) -> str:
    if run.status is RunStatus.SUCCESS:
        return f"Delivered to all {standing.sent}" if standing.sent > 1 else "Delivered"
    if run.status is RunStatus.DELIVERING:
        return f"{standing.open} still to be delivered"
    return run.reason or run.status.value


def _end_attempt(claim: Claim, outcome: str, now: datetime, message: str | None = None) -> None:
    db.session.execute(
        update(RunAttempt)
        .where(RunAttempt.run_id == claim.run_pk, RunAttempt.number == claim.attempt)
        .values(ended_at=now, outcome=outcome, error_message=message)
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
