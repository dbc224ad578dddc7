"""Lines of a run's own log."""

from datetime import datetime

from portal.extensions import db
from portal.runs.models import RunEvent, ScheduledExportRun


def note(
    run: ScheduledExportRun,
    message: str,
    *,
    now: datetime,
    tone: str | None = None,
    detail: str | None = None,
) -> None:
    """Add a line within the caller's transaction. `tone` is a status name that colours it."""
    db.session.add(RunEvent(run_id=run.id, at=now, tone=tone, message=message, detail=detail))
