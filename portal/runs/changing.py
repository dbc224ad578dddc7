"""Changing a schedule whose runs fall due meanwhile."""

from collections.abc import Callable

from portal.config import Settings
from portal.extensions import db
from portal.runs import dispatch, handover
from portal.schedules.models import ScheduledExport


def change_schedule(
    schedule: ScheduledExport, change: Callable[[], None], *, settings: Settings
) -> ScheduledExport:
    """Dispatch what is due as it stood, change the schedule, commit, and hand over what was dispatched."""
    due = dispatch.dispatch_before_change(schedule, settings=settings)
    change()
    db.session.commit()
    handover.hand_over(due, settings)
    return schedule
