"""Moving a run that just happened back to when it would have happened, with all that hangs on it."""

from datetime import datetime, timedelta

from sqlalchemy import select

from portal.database import Base
from portal.delivery.models import Delivery, DeliveryAttempt
from portal.downloads.models import DownloadLink
from portal.extensions import db
from portal.runs.models import Artifact, RunAttempt, RunEvent, ScheduledExportRun

_LATENESS = timedelta(seconds=2)


def backdate(run_id: str, due: datetime) -> None:
    """Shift every instant of the run so that it began two seconds after it was due; commit."""
    run = db.session.scalars(select(ScheduledExportRun).where(ScheduledExportRun.public_id == run_id)).one()
    run_pk = run.id
    shift = due + _LATENESS - (run.started_at or run.created_at)
    deliveries = select(Delivery.id).where(Delivery.run_id == run_pk)
    artifacts = select(Artifact.id).where(Artifact.run_id == run_pk)
    _shift(
        ScheduledExportRun, ScheduledExportRun.id == run_pk, shift, "created_at", "started_at", "completed_at"
    )
    _shift(RunAttempt, RunAttempt.run_id == run_pk, shift, "started_at", "ended_at")
    _shift(RunEvent, RunEvent.run_id == run_pk, shift, "at")
    _shift(Artifact, Artifact.run_id == run_pk, shift, "created_at", "expires_at")
    _shift(Delivery, Delivery.run_id == run_pk, shift, "first_tried_at", "sent_at")
    _shift(DeliveryAttempt, DeliveryAttempt.delivery_id.in_(deliveries), shift, "at")
    _shift(DownloadLink, DownloadLink.artifact_id.in_(artifacts), shift, "created_at", "expires_at")
    db.session.commit()


def _shift(table: type[Base], which: object, shift: timedelta, *names: str) -> None:
    for row in db.session.scalars(select(table).where(which)):  # type: ignore[arg-type]
        for name in names:
            value = getattr(row, name)
            if value is not None:
                setattr(row, name, value + shift)
