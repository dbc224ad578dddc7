"""What becomes of a result that may not be worth a file: skipped, or told, or delivered like any other.

What is decided is recorded before anything is sent, in one transaction: a run that is skipped is over, one
that tells of no rows does so on every later attempt, and one with a file has it.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal.extensions import db
from portal.runs import finish, volume
from portal.runs.leases import Claim, fenced
from portal.runs.log import note
from portal.runs.models import DELIVERED, RunStatus, ScheduledExportRun, Trigger
from portal.runs.plan import Plan, targets_of
from portal.runs.reading import Result
from portal.runs.snapshot import is_report
from portal.schedules.models import Empty, Unchanged

NO_ROWS = "There were no rows."


@dataclass(frozen=True)
class NoRows:
    """The recipients are told that there were no rows."""


@dataclass(frozen=True)
class Skip:
    """Nothing is sent, because of `reason`, a sentence."""

    reason: str
    result: Result


def worth_nothing(plan: Plan, result: Result) -> Skip | None:
    """Say why nothing of a result is sent; None where something is.

    What would go out is compared with what went out last, be it a file or word of no rows. A run that
    somebody started by hand is never skipped for being the same.
    """
    if result.rendered is None and plan.empty is Empty.SKIP:
        return Skip(NO_ROWS, result)
    if plan.unchanged is Unchanged.SKIP and plan.trigger is not Trigger.MANUAL:
        with fenced(plan.claim) as run:
            same = _same_as(run, result)
            if same is not None:
                return Skip(_same_in_words(same, plan.snapshot["timezone"]), result)
    return None


def record(run: ScheduledExportRun, result: Result, *, now: datetime) -> None:
    """Keep with a run what it read, and warn of a number of rows that is unusual. In its transaction."""
    run.row_count = run.rows_read = result.rows
    run.content_hash, run.more_rows = result.content_hash, result.more
    run.shape = result.shape.to_dict() if result.shape else None
    if not is_report(run.snapshot):  # whose rows say little
        volume.watch(run, result.rows, now=now)


def tell(plan: Plan, result: Result, *, now: datetime) -> NoRows:
    """Decide for good that the recipients are told, and get no file."""
    with fenced(plan.claim) as run:
        run.told_empty = True
        note(run, f"{NO_ROWS} The recipients are told so", now=now)
        record(run, result, now=now)
        return NoRows()


def skip(owned: Claim, skipped: Skip, *, now: datetime) -> RunStatus:
    """End a run that has nothing to send. Its rows are kept as a number, and none of them is a file."""
    with fenced(owned) as run:
        run.row_count = run.rows_read = skipped.result.rows
        run.content_hash, run.more_rows = skipped.result.content_hash, skipped.result.more
        finish.close(run, RunStatus.SKIPPED, skipped.reason, now=now)
        finish.end_attempt(owned, RunStatus.SKIPPED.value, now)
        note(run, skipped.reason, now=now, tone="skipped")
        return run.status


def _same_as(run: ScheduledExportRun, result: Result) -> ScheduledExportRun | None:
    """Return the last run that delivered if it delivered these rows, and to all who would get them now."""
    last = db.session.scalars(
        select(ScheduledExportRun)
        .where(
            ScheduledExportRun.schedule_id == run.schedule_id,
            ScheduledExportRun.id != run.id,
            ScheduledExportRun.status.in_(DELIVERED),
        )
        .order_by(ScheduledExportRun.id.desc())
        .limit(1)
    ).first()
    if last is None or last.content_hash is None or last.content_hash != result.content_hash:
        return None
    reached_all = set(targets_of(run.snapshot)) <= set(targets_of(last.snapshot))
    return last if reached_all else None


def _same_in_words(last: ScheduledExportRun, timezone: str) -> str:
    due = last.due_at.astimezone(ZoneInfo(timezone))
    return f"The rows are the same as those of the run of {due:%-d %B %Y, %H:%M}."
