"""A period since the last success: which run counts, settled once, shown with its instants."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.config import Settings
from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import pipeline, since
from portal.runs.chosen import filters_of
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.runs.service import run_now
from portal.schedules.models import ScheduledExport
from tests import factories
from tests.conftest import sign_in
from tests.schedules.pages import text_of

SINCE = {"preset": "since_last_success"}
MONDAY = datetime(2025, 3, 3, 7, tzinfo=UTC)
NEXT_MONDAY = MONDAY + timedelta(days=7)


@pytest.fixture
def schedule(manager: User, dataset: Dataset) -> ScheduledExport:
    return factories.schedule(manager, dataset, filters={"period": SINCE})


def a_run(
    schedule: ScheduledExport,
    settings: Settings,
    due_at: datetime,
    status: RunStatus = RunStatus.QUEUED,
    trigger: Trigger = Trigger.SCHEDULE,
) -> ScheduledExportRun:
    """Return a run with a given fate."""
    run = run_now(schedule.owner, schedule, settings=settings, now=due_at)
    run.trigger = trigger
    if status is not RunStatus.QUEUED:
        run.status, run.started_at, run.completed_at, run.row_count = status, due_at, due_at, 3
    db.session.commit()
    return run


@pytest.mark.parametrize("status", [RunStatus.SUCCESS, RunStatus.PARTIAL])
@pytest.mark.parametrize("trigger", [Trigger.SCHEDULE, Trigger.MANUAL])
def test_it_begins_when_the_last_run_that_delivered_was_due(
    schedule: ScheduledExport, settings: Settings, status: RunStatus, trigger: Trigger
) -> None:
    a_run(schedule, settings, MONDAY - timedelta(days=7), RunStatus.SUCCESS)
    a_run(schedule, settings, MONDAY, status, trigger)
    a_run(schedule, settings, MONDAY + timedelta(days=2), RunStatus.FAILED)
    run = a_run(schedule, settings, NEXT_MONDAY)

    since.settle(run)

    assert run.period_since == MONDAY


@pytest.mark.parametrize(
    "status", [RunStatus.FAILED, RunStatus.SKIPPED, RunStatus.MISSED, RunStatus.CANCELLED]
)
def test_what_nobody_got_stays_in_the_period(
    schedule: ScheduledExport, settings: Settings, status: RunStatus
) -> None:
    a_run(schedule, settings, MONDAY, RunStatus.SUCCESS)
    a_run(schedule, settings, MONDAY + timedelta(days=2), status)
    run = a_run(schedule, settings, NEXT_MONDAY)

    since.settle(run)

    assert run.period_since == MONDAY


def test_neither_tests_nor_other_schedules_nor_later_runs_count(
    manager: User, dataset: Dataset, schedule: ScheduledExport, settings: Settings
) -> None:
    other = factories.schedule(manager, dataset, name="Other", filters={"period": SINCE})
    a_run(other, settings, MONDAY, RunStatus.SUCCESS)
    a_run(schedule, settings, MONDAY, RunStatus.SUCCESS, Trigger.TEST)
    a_run(schedule, settings, NEXT_MONDAY + timedelta(days=1), RunStatus.SUCCESS)
    run = a_run(schedule, settings, NEXT_MONDAY)

    since.settle(run)

    assert run.period_since == NEXT_MONDAY - timedelta(days=30)


def test_it_is_settled_once(schedule: ScheduledExport, settings: Settings) -> None:
    """A retry next day exports the same rows, whatever was delivered meanwhile."""
    run = a_run(schedule, settings, NEXT_MONDAY)
    since.settle(run)
    first = run.period_since
    run.status, run.completed_at = RunStatus.FAILED, NEXT_MONDAY
    db.session.commit()
    a_run(schedule, settings, MONDAY, RunStatus.SUCCESS)

    since.settle(run)

    assert run.period_since == first == NEXT_MONDAY - timedelta(days=30)


def test_a_run_without_such_a_period_has_none(manager: User, dataset: Dataset, settings: Settings) -> None:
    other = factories.schedule(manager, dataset, filters={"period": {"preset": "today"}, "statuses": ["NEW"]})
    run = a_run(other, settings, MONDAY)

    since.settle(run)

    assert run.period_since is None


def test_a_waiting_run_shows_no_days_yet(schedule: ScheduledExport, settings: Settings) -> None:
    run = a_run(schedule, settings, MONDAY)

    assert ("Opened", "Since last success", "") in filters_of(run)


def test_a_run_reads_its_period_and_says_it_with_its_instants(
    app: Flask, client: FlaskClient, manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    a_run(schedule, settings, MONDAY, RunStatus.SUCCESS)
    run = a_run(schedule, settings, NEXT_MONDAY)

    pipeline.execute(run.public_id, worker="worker-1", settings=settings, storage=app.extensions["storage"])

    assert run.status is RunStatus.SUCCESS
    assert run.resolved_parameters is not None
    assert run.resolved_parameters["period_start"] == "2025-03-03 07:00:00"
    assert run.resolved_parameters["period_end"] == "2025-03-10 07:00:00"
    sign_in(client, manager)
    page = text_of(client.get(f"/runs/{run.public_id}"))
    assert "Since last success 3 Mar 2025, 08:00 to 10 Mar 2025, 08:00" in page
