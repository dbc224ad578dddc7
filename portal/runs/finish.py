"""How a run ends: delivered, waiting for mail servers, to be retried, or failed."""

import random
import traceback
from datetime import datetime, timedelta

from sqlalchemy import or_, update

from portal.alerts import service as alerts
from portal.alerts.models import Cause
from portal.audit import service as audit
from portal.config import Settings
from portal.database import database_now
from portal.delivery import service as delivery
from portal.delivery.service import Outcome
from portal.errors import LeaseLost, PortalError, RunCancelled, RunReleased, RunTimeout
from portal.extensions import db
from portal.runs import drift
from portal.runs.leases import Claim, fenced
from portal.runs.log import note
from portal.runs.models import DELIVERED, RunAttempt, RunStatus, ScheduledExportRun
from portal.schedules.models import ScheduledExport

JITTER = 0.2


class Unexpected(PortalError):
    """An error nobody foresaw. The message names its kind only: its text may hold anything."""

    code = "unexpected"
    retryable = True

    def __init__(self, error: Exception) -> None:
        super().__init__(f"An unexpected error stopped the run ({type(error).__name__}).")
        self.details = "".join(traceback.format_tb(error.__traceback__))[-4000:]


def finish(claim: Claim, *, now: datetime) -> RunStatus:
    """Give the run the status its deliveries earned; while some are open it stands at DELIVERING."""
    with fenced(claim, stops=False) as run:
        standing = delivery.outcome(run.id)
        status, reason = _status(run, standing)
        if status is RunStatus.DELIVERING and run.cancel_requested_at:
            close_cancelled(run, now=now)
        elif status is RunStatus.DELIVERING:
            run.one_at_a_time = False  # its file is made: it may be mailed beside later runs
            release(run, status)
        else:
            close(run, status, reason, now=now)
        end_attempt(claim, run.status.value, now)
        note(run, _in_words(run, standing), now=now, tone=run.status.value.lower())
        return run.status


def stop(claim: Claim, error: PortalError, settings: Settings, *, now: datetime) -> RunStatus:
    """Record that a run did not come to its end: cancelled, left to another worker, or failed.

    Raises LeaseLost where it is not ours to record.
    """
    db.session.rollback()  # whatever was left half done
    if isinstance(error, LeaseLost):
        raise error
    if isinstance(error, RunCancelled):
        return _cancel(claim, now)
    if isinstance(error, RunReleased):
        return _put_back(claim, now)
    return fail(claim, error, settings, now=now)


def fail(claim: Claim, error: PortalError, settings: Settings, *, now: datetime) -> RunStatus:
    """Record why the attempt failed; queue the run again where a retry can help and one is left."""
    db.session.rollback()  # whatever the failure left half done
    with fenced(claim, stops=False) as run:
        run.error_code, run.error_message = error.code, str(error)
        run.error_details = getattr(error, "details", None)
        what_follows = _again_or_not(run, error, settings, now)
        end_attempt(claim, error.code, now, str(error))
        note(run, str(error), now=now, tone="failed", detail=what_follows)
        return run.status


def _cancel(claim: Claim, now: datetime) -> RunStatus:
    with fenced(claim, stops=False) as run:
        close_cancelled(run, now=now)
        end_attempt(claim, run.status.value, now)
        return run.status


def _put_back(claim: Claim, now: datetime) -> RunStatus:
    """Queue the run again as it stands; its worker's end is no failure and costs no retry."""
    with fenced(claim, stops=False) as run:
        if run.cancel_requested_at:
            close_cancelled(run, now=now)
        else:
            release(run, RunStatus.QUEUED)
        end_attempt(claim, "released", now)
        note(run, "The worker was told to end; another one goes on", now=now)
        return run.status


def release(run: ScheduledExportRun, status: RunStatus) -> None:
    """Let go of a run that is not over: no worker owns it, a later claim may."""
    run.status = status
    run.lease_token = run.lease_expires_at = run.stage = None


def close(run: ScheduledExportRun, status: RunStatus, reason: str | None, *, now: datetime) -> None:
    """End a run: its final status is audited and shown on its schedule."""
    release(run, status)
    run.reason, run.completed_at = reason and reason[:300], now
    if status in DELIVERED:
        drift.keep_shape(run)
    if run.schedule_id is not None:
        is_news = db.session.execute(
            update(ScheduledExport)
            .where(
                ScheduledExport.id == run.schedule_id,
                # mending an old run must not pass for news
                or_(ScheduledExport.last_run_at.is_(None), ScheduledExport.last_run_at <= run.due_at),
            )
            .values(last_run_at=run.due_at, last_status=status.value)
            .returning(ScheduledExport.id)
        ).first()
        _tell(run, is_news is not None, now)
    audit.record(
        run.organization_id,
        actor="system",
        action="run.finish",
        target=f"run:{run.public_id}",
        now=now,
        after={"status": status.value, "rows": run.row_count, "error": run.error_code},
    )


def close_failed(run: ScheduledExportRun, reason: str, *, now: datetime) -> None:
    """End a run that failed: in part where some have its file, and not at all where all of them have."""
    standing = delivery.outcome(run.id)
    if run.row_count is None or not standing.sent:
        status = RunStatus.FAILED
    elif standing.failed or standing.open:
        status = RunStatus.PARTIAL
    else:  # only the end of the run itself was not recorded
        run.error_code = run.error_message = run.error_details = None
        close(run, RunStatus.SUCCESS, None, now=now)
        return
    delivery.give_up(run.id, "The run ended before it was delivered.")
    close(run, status, reason, now=now)


def close_cancelled(run: ScheduledExportRun, *, now: datetime) -> None:
    """End a run that somebody asked to cancel; say how far it had come. Within the caller's transaction."""
    standing = delivery.outcome(run.id)
    delivery.give_up(run.id, "The run was cancelled.")
    reason = f"Cancelled by {run.cancel_requested_by}."
    if standing.sent:
        reason += (
            f" {standing.sent} of {standing.sent + standing.failed + standing.open} had"
            f" {run.what_is_sent} by then."
        )
    close(run, RunStatus.CANCELLED, reason, now=now)
    note(run, reason, now=now, tone="cancelled")


_CAUSES = {
    RunStatus.FAILED: Cause.RUN_FAILED,
    RunStatus.PARTIAL: Cause.RUN_PARTIAL,
    RunStatus.MISSED: Cause.RUN_MISSED,
}


def _tell(run: ScheduledExportRun, is_news: bool, now: datetime) -> None:
    """Raise an alert for a run that nothing more is tried for; the newest one's success ends others.

    A run that had nothing to send is as good as delivered: whatever went wrong before is over.
    """
    if run.schedule is None:
        return
    if run.status in (RunStatus.SUCCESS, RunStatus.SKIPPED) and is_news:
        alerts.close_alert(run.schedule, tuple(_CAUSES.values()), now=now)
        if run.status is RunStatus.SUCCESS and run.warning is None:
            alerts.close_alert(run.schedule, [Cause.ROWS_UNUSUAL], now=now)
    elif run.status in _CAUSES:
        message = run.reason or run.error_message or ""
        alerts.raise_alert(run.schedule, _CAUSES[run.status], message, run_id=run.public_id, now=now)


def _again_or_not(run: ScheduledExportRun, error: PortalError, settings: Settings, now: datetime) -> str:
    """Queue the run again if that can help, else close it as failed; say what follows, for the log."""
    if run.cancel_requested_at:
        close_cancelled(run, now=now)
        return "It was to be cancelled anyway."
    if isinstance(error, RunTimeout) and run.stage == "deliver" and run.retries_left > 0:
        release(run, RunStatus.QUEUED)
        run.retries_left -= 1
        return f"Those who lack {run.what_is_sent} get it in a further attempt."
    if error.retryable and run.retries_left > 0 and settings.retry_delays:
        delay = settings.retry_delays[-run.retries_left :][0] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        release(run, RunStatus.QUEUED)
        run.retries_left -= 1
        # by the clock that a claim asks
        run.not_before = database_now(db.session.connection()) + timedelta(seconds=delay)
        return f"A retry can help: again in {_duration(delay)}."
    close_failed(run, str(error), now=now)
    return "No retry is left." if error.retryable else "A retry would not help."


def _status(run: ScheduledExportRun, standing: Outcome) -> tuple[RunStatus, str | None]:
    if standing.open:
        return RunStatus.DELIVERING, None
    if not standing.failed:
        return RunStatus.SUCCESS, None
    total = standing.sent + standing.failed
    if standing.sent:
        return RunStatus.PARTIAL, f"{standing.failed} of {total} recipients did not get {run.what_is_sent}."
    return RunStatus.FAILED, f"No recipient got {run.what_is_sent}."


def _in_words(run: ScheduledExportRun, standing: Outcome) -> str:
    if run.status is RunStatus.SUCCESS:
        return f"Delivered to all {standing.sent}" if standing.sent > 1 else "Delivered"
    if run.status is RunStatus.DELIVERING:
        return f"{standing.open} still to be delivered"
    return run.reason or run.status.value


def end_attempt(claim: Claim, outcome: str, now: datetime, message: str | None = None) -> None:
    """Record how the claim's attempt ended. Within its transaction."""
    db.session.execute(
        update(RunAttempt)
        .where(RunAttempt.run_id == claim.run_pk, RunAttempt.number == claim.attempt)
        .values(ended_at=now, outcome=outcome, error_message=message)
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
