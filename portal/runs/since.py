"""What “since the last success” means to a run: settled once, so that a retry exports the same rows.

A success is any run of the schedule that delivered, by its rhythm or by hand: both reach the same recipients.
Tests don't count, nor do skipped runs, whose rows nobody got. What is in no delivered run stays in the next
one's period, so nothing is left out but what a schedule's own row limit leaves out; rows can come twice where
runs overlap or an older one is retried.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from portal.datasets.periods import is_since_last_success
from portal.extensions import db
from portal.runs.models import DELIVERED, ScheduledExportRun, Trigger

FIRST_TIME = timedelta(days=30)
"""How far back the period reaches where nothing was delivered yet."""


def settle(run: ScheduledExportRun) -> None:
    """Record when the period of a run begins, if it has such a one and nobody did so before."""
    if run.period_since is None and any(map(is_since_last_success, run.snapshot["filters"].values())):
        run.period_since = _last_success(run) or run.due_at - FIRST_TIME


def _last_success(run: ScheduledExportRun) -> datetime | None:
    """Return when the last run before this one that delivered was due."""
    return db.session.scalar(
        select(func.max(ScheduledExportRun.due_at)).where(
            ScheduledExportRun.schedule_id == run.schedule_id,
            ScheduledExportRun.due_at < run.due_at,
            ScheduledExportRun.status.in_(DELIVERED),
            ScheduledExportRun.trigger != Trigger.TEST,
        )
    )
