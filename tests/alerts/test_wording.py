import pytest

from portal.alerts import wording
from portal.alerts.models import Alert, Cause
from portal.extensions import db
from portal.schedules.models import ScheduledExport
from tests.factories import NOW

GOES_ON = "The schedule goes on: its next run is due Monday 10 March 2025, 08:00."


def next_step(schedule: ScheduledExport, cause: Cause) -> str:
    return wording.next_step(Alert(cause=cause, schedule=schedule), "Europe/Berlin")


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_title(cause: Cause) -> None:
    assert wording.title(cause)[0].isupper()


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.RUN_FAILED, f"This run is not tried again by itself; its page can retry it. {GOES_ON}"),
        (Cause.RUN_PARTIAL, f"The run's page can resend it to those who lack it. {GOES_ON}"),
        (Cause.RUN_MISSED, f"This run is not made up for by itself; its page can start it. {GOES_ON}"),
        (
            Cause.ROWS_UNUSUAL,
            f"The run went on all the same: look whether its source or its filters are right. {GOES_ON}",
        ),
        (Cause.SCHEDULE_PAUSED, GOES_ON),
    ],
)
def test_it_says_what_comes_next(schedule: ScheduledExport, cause: Cause, words: str) -> None:
    with db.session.no_autoflush:
        assert next_step(schedule, cause) == words


def test_it_says_that_a_paused_schedule_waits_for_somebody(schedule: ScheduledExport) -> None:
    schedule.active, schedule.next_run_at = False, None
    with db.session.no_autoflush:
        assert next_step(schedule, Cause.SCHEDULE_PAUSED) == (
            "Nothing more is exported until somebody resumes the schedule."
        )


def test_it_knows_schedules_that_are_finished_or_deleted(schedule: ScheduledExport) -> None:
    schedule.next_run_at = None
    with db.session.no_autoflush:
        assert next_step(schedule, Cause.RUN_FAILED).endswith("The schedule has no further run.")
        schedule.deleted_at = NOW
        assert next_step(schedule, Cause.RUN_FAILED).endswith("The schedule was deleted.")
