"""Whether a run has about as many rows as those before it: a warning where it has not."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from sqlalchemy import select

from portal.alerts import service as alerts
from portal.alerts.models import Cause
from portal.extensions import db
from portal.runs.log import note
from portal.runs.models import DELIVERED, ScheduledExportRun

RUNS = 10
"""How many good runs before it a run is compared with."""
FEWEST = 5
"""With fewer than these nothing is usual yet."""
FACTOR = 2
ROWS = 20
"""Differences of so few rows are no news, whatever the factor."""


def unusual(rows: int, before: Sequence[int]) -> str | None:
    """Say how a number of rows stands out from those of earlier runs; None where it does not. Pure."""
    if len(before) < FEWEST:
        return None
    usual = median(before)
    if usual / FACTOR <= rows <= usual * FACTOR or abs(rows - usual) <= ROWS:
        return None
    much = "less than half" if rows < usual else "more than double"
    return (
        f"It has {rows:,} row{'s' if rows != 1 else ''}, {much} of what is usual:"
        f" the median of the last {len(before)} runs is {usual:,.0f}."
    )


def watch(run: ScheduledExportRun, rows: int, *, now: datetime) -> None:
    """Warn of an unusual number of rows: in the run's log, on its page, and by an alert.

    Within the transaction that records the rows, so that a run is warned of once. The run itself goes on.
    """
    warning = unusual(rows, _rows_before(run))
    if warning is None:
        return
    run.warning = warning
    note(run, warning, now=now, tone="partial")
    if run.schedule is not None:
        alerts.raise_alert(run.schedule, Cause.ROWS_UNUSUAL, warning, run_id=run.public_id, now=now)


def _rows_before(run: ScheduledExportRun) -> list[int]:
    counts = db.session.scalars(
        select(ScheduledExportRun.row_count)
        .where(
            ScheduledExportRun.schedule_id == run.schedule_id,
            ScheduledExportRun.id != run.id,
            ScheduledExportRun.status.in_(DELIVERED),
        )
        .order_by(ScheduledExportRun.id.desc())
        .limit(RUNS)
    )
    return [count for count in counts if count is not None]
