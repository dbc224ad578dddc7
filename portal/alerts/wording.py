"""What an alert is called and what happens next: the same words by mail and on pages."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from portal.alerts.models import Alert, Cause
from portal.schedules.models import ScheduledExport, ScheduleState

_TITLES: Mapping[Cause, str] = {
    Cause.RUN_FAILED: "Export failed",
    Cause.RUN_PARTIAL: "Export partly delivered",
    Cause.RUN_MISSED: "Export missed",
    Cause.ROWS_UNUSUAL: "Unusual number of rows",
    Cause.SCHEDULE_PAUSED: "Schedule paused",
}
_MENDING: Mapping[Cause, str] = {
    Cause.RUN_FAILED: "This run is not tried again by itself; its page can retry it.",
    Cause.RUN_PARTIAL: "The run's page can resend it to those who lack it.",
    Cause.RUN_MISSED: "This run is not made up for by itself; its page can start it.",
    Cause.ROWS_UNUSUAL: "The run went on all the same: look whether its source or its filters are right.",
}


def title(cause: Cause) -> str:
    """Say what happened in a word or two: `Export failed`."""
    return _TITLES[cause]


def next_step(alert: Alert, zone: str) -> str:
    """Say what the portal does next and what it leaves to people. `zone` is the one times are shown in."""
    outlook = _outlook(alert.schedule, zone)
    return f"{_MENDING[alert.cause]} {outlook}" if alert.cause in _MENDING else outlook


def _outlook(schedule: ScheduledExport, zone: str) -> str:
    if schedule.deleted_at:
        return "The schedule was deleted."
    if schedule.state is ScheduleState.PAUSED:
        return "Nothing more is exported until somebody resumes the schedule."
    if schedule.next_run_at is None:
        return "The schedule has no further run."
    due = schedule.next_run_at.astimezone(ZoneInfo(zone))
    return f"The schedule goes on: its next run is due {due:%A %-d %B %Y, %H:%M}."
