"""Runs that ended in a certain way, and what waits in Redis."""

from datetime import timedelta
from typing import Any

from redis import Redis

from portal import queue
from portal.extensions import db
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.runs.snapshot import snapshot_of
from portal.schedules.models import ScheduledExport
from tests import factories


def run_of(schedule: ScheduledExport, status: RunStatus, **changes: Any) -> ScheduledExportRun:
    """Return a run that ended this way, committed."""
    final = status not in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.DELIVERING)
    values: dict[str, Any] = {
        "organization_id": schedule.organization_id,
        "schedule_id": schedule.id,
        "due_at": factories.NOW,
        "trigger": Trigger.MANUAL,
        "requested_by": "manager@acme.example",
        "status": status,
        "snapshot": snapshot_of(schedule),
        "created_at": factories.NOW,
        "started_at": factories.NOW + timedelta(seconds=2),
        "completed_at": factories.NOW + timedelta(seconds=14) if final else None,
        "row_count": 7 if status in (RunStatus.SUCCESS, RunStatus.PARTIAL) else None,
        **changes,
    }
    made = ScheduledExportRun(**values)
    db.session.add(made)
    db.session.commit()
    return made


def queued(redis: Redis) -> list[str]:
    return queue.run_queue(redis).get_job_ids()
