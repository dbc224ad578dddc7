"""What a run's page says of it, derived from what is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from portal.delivery.models import Delivery, DeliveryStatus
from portal.downloads.models import DownloadLink
from portal.extensions import db
from portal.runs.models import NEEDS_MENDING, UNFINISHED, RunStatus, ScheduledExportRun, Trigger
from portal.schedules.models import Channel

_STAGES = {
    "claim": "A worker has taken it.",
    "read": "Reading the rows and writing the file.",
    "store": "Storing the file.",
    "deliver": "Delivering the file.",
}


@dataclass(frozen=True)
class OpenLinks:
    """The links to a run's file that still work."""

    count: int
    until: datetime | None


def span(length: timedelta) -> str:
    """Say how long something took: `12 s`, `1 min 16 s`, `2 h 5 min`."""
    seconds = max(0, round(length.total_seconds()))
    if not seconds:
        return "under 1 s"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s" if seconds % 60 else f"{seconds // 60} min"
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def is_unfinished(run: ScheduledExportRun) -> bool:
    return run.status in UNFINISHED


def can_retry(run: ScheduledExportRun, deliveries: Sequence[Delivery]) -> bool:
    """Say whether a retry can mend the run: it failed, and not by recipients who lack its stored file."""
    return run.status in (RunStatus.FAILED, RunStatus.MISSED) and not lacking(run, deliveries)


def lacking(run: ScheduledExportRun, deliveries: Sequence[Delivery]) -> int:
    """Return how many would get what was to be sent by a resend; 0 while one is not possible."""
    if run.status not in NEEDS_MENDING or not run.can_send_again:
        return 0
    return sum(delivery.status is not DeliveryStatus.SENT for delivery in deliveries)


def summary(run: ScheduledExportRun, deliveries: Sequence[Delivery]) -> str:
    """Say in a sentence or two how the run stands and what happens next by itself."""
    sent = sum(delivery.status is DeliveryStatus.SENT for delivery in deliveries)
    if run.status is RunStatus.QUEUED:
        return _waiting(run)
    if run.status is RunStatus.RUNNING and run.cancel_requested_at:
        return f"{run.cancel_requested_by} asked to cancel it; its worker stops at its next step."
    if run.status is RunStatus.RUNNING:
        return _STAGES.get(run.stage or "claim", "A worker is on it.")
    if run.status is RunStatus.DELIVERING:
        return (
            f"{sent} of {len(deliveries)} have {run.what_is_sent}; the others are tried again by themselves."
        )
    if run.status is RunStatus.SUCCESS:
        return _everybody(run, len(deliveries))
    if run.status is RunStatus.PARTIAL:
        reached = f"{sent} of {len(deliveries)} recipients have {run.what_is_sent}."
        return f"{reached} Nothing more is tried by itself."
    if run.status is RunStatus.FAILED:
        return f"{_sentence(run.reason or run.error_message or 'It failed')} Nothing more is tried by itself."
    return run.reason or ""


def _waiting(run: ScheduledExportRun) -> str:
    """Say what a queued run waits for."""
    if run.not_before:
        return "Waiting for its next attempt."
    if _before(run) is not None:
        return "Waiting for the run before it to end."
    return "Waiting for a worker."


def _before(run: ScheduledExportRun) -> int | None:
    """Return a run of the same schedule that this one may not run beside, None when it is next."""
    if not run.one_at_a_time:
        return None
    running = ScheduledExportRun.status == RunStatus.RUNNING
    waits_ahead = (ScheduledExportRun.status == RunStatus.QUEUED) & (ScheduledExportRun.due_at < run.due_at)
    return db.session.scalars(
        select(ScheduledExportRun.id)
        .where(
            ScheduledExportRun.schedule_id == run.schedule_id,
            ScheduledExportRun.one_at_a_time,
            ScheduledExportRun.id != run.id,
            running | (waits_ahead & ScheduledExportRun.not_before.is_(None)),
        )
        .limit(1)
    ).first()


def started_by(run: ScheduledExportRun) -> str:
    """Say what made the run: a person, its schedule, or its schedule after downtime."""
    if run.trigger is Trigger.MANUAL:
        return run.requested_by or "somebody"
    return "its schedule, catching up after downtime" if run.catches_up else "its schedule"


def can_cancel(run: ScheduledExportRun) -> bool:
    """Say whether somebody may still ask to cancel the run."""
    return is_unfinished(run) and run.cancel_requested_at is None


def rows_read(run: ScheduledExportRun) -> int | None:
    """Return how many rows were read so far; None before the first and once the file is made."""
    return run.rows_read if run.status is RunStatus.RUNNING and run.row_count is None else None


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _everybody(run: ScheduledExportRun, count: int) -> str:
    if run.told_empty:
        told = "The recipient was" if count == 1 else f"All {count} recipients were"
        return f"There were no rows. {told} told so."
    if run.snapshot["channel"] == Channel.STORAGE:
        return f"The file is in the folder {run.snapshot['location']}."
    return "The recipient has the file." if count == 1 else f"All {count} recipients have the file."


def open_links(run: ScheduledExportRun, now: datetime) -> OpenLinks:
    """Count the links to the run's file that still work, and say until when."""
    if run.artifact is None:
        return OpenLinks(0, None)
    count, until = db.session.execute(
        select(func.count(), func.max(DownloadLink.expires_at)).where(
            DownloadLink.artifact_id == run.artifact.id,
            DownloadLink.revoked_at.is_(None),
            DownloadLink.expires_at > now,
        )
    ).one()
    return OpenLinks(count, until)
