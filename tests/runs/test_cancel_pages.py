"""Cancelling a run from its page: asked first, done once, and only by those who may."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.organizations.models import User
from portal.runs.models import RunStatus, Trigger
from portal.schedules.models import ScheduledExport
from tests.conftest import sign_in
from tests.factories import NOW
from tests.runs.pages import run_of
from tests.schedules.pages import text_of

LEASED: dict[str, Any] = {"lease_token": "t", "stage": "read"}


@pytest.mark.parametrize(
    ("status", "changes", "offered"),
    [
        (RunStatus.QUEUED, {"started_at": None}, True),
        (RunStatus.RUNNING, LEASED, True),
        (RunStatus.DELIVERING, {}, True),
        (RunStatus.RUNNING, {**LEASED, "cancel_requested_at": NOW, "cancel_requested_by": "a@b.org"}, False),
        (RunStatus.SUCCESS, {}, False),
        (RunStatus.CANCELLED, {}, False),
    ],
)
def test_it_is_offered_while_the_run_is_not_over(
    client: FlaskClient,
    manager: User,
    schedule: ScheduledExport,
    status: RunStatus,
    changes: dict[str, Any],
    offered: bool,
) -> None:
    run = run_of(schedule, status, **changes)
    sign_in(client, manager)

    body = client.get(f"/runs/{run.public_id}").get_data(as_text=True)

    assert (f'action="/runs/{run.public_id}/cancel"' in body) is offered
    assert ("Cancel this run?" in body) is offered


def test_it_ends_a_waiting_run_and_says_by_whom(
    client: FlaskClient, manager: User, schedule: ScheduledExport
) -> None:
    run = run_of(schedule, RunStatus.QUEUED, started_at=None)
    sign_in(client, manager)

    page = text_of(client.post(f"/runs/{run.public_id}/cancel", follow_redirects=True))

    db.session.refresh(run)
    assert run.status is RunStatus.CANCELLED
    assert "The run is cancelled." in page
    assert "Cancelled by manager@acme.example." in page


def test_it_asks_the_worker_of_a_running_one_once(
    client: FlaskClient, manager: User, schedule: ScheduledExport
) -> None:
    run = run_of(schedule, RunStatus.RUNNING, **LEASED)
    sign_in(client, manager)

    for _ in range(2):
        page = text_of(client.post(f"/runs/{run.public_id}/cancel", follow_redirects=True))
        assert "Its worker was asked to stop, which takes a few seconds." in page

    assert "manager@acme.example asked to cancel it; its worker stops at its next step." in page
    db.session.refresh(run)
    assert run.status is RunStatus.RUNNING
    asked = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "run.cancel")
    assert db.session.scalars(asked).one() == 1


def test_it_says_when_the_run_is_over_already(
    client: FlaskClient, manager: User, schedule: ScheduledExport
) -> None:
    run = run_of(schedule, RunStatus.SUCCESS)
    sign_in(client, manager)

    page = client.post(f"/runs/{run.public_id}/cancel", follow_redirects=True)

    assert "The run is over already." in text_of(page)
    db.session.refresh(run)
    assert run.status is RunStatus.SUCCESS


@pytest.mark.parametrize(("who", "status"), [("outsider", 404), ("auditor", 403)])
def test_it_is_not_for_others(
    client: FlaskClient, request: pytest.FixtureRequest, schedule: ScheduledExport, who: str, status: int
) -> None:
    run = run_of(schedule, RunStatus.QUEUED, started_at=None)
    sign_in(client, request.getfixturevalue(who))

    assert client.post(f"/runs/{run.public_id}/cancel").status_code == status
    assert "Cancel run" not in client.get(f"/runs/{run.public_id}").get_data(as_text=True)

    db.session.refresh(run)
    assert run.status is RunStatus.QUEUED


def test_it_says_what_a_run_waits_for(client: FlaskClient, manager: User, schedule: ScheduledExport) -> None:
    def planned(day: int, status: RunStatus, **changes: Any) -> str:
        values = {
            "due_at": NOW + timedelta(days=day),
            "trigger": Trigger.SCHEDULE,
            "one_at_a_time": True,
            "started_at": None,
            **changes,
        }
        return run_of(schedule, status, **values).public_id

    sign_in(client, manager)
    waiting = planned(2, RunStatus.QUEUED, catches_up=True, start_by=NOW + timedelta(days=2, minutes=90))
    alone = text_of(client.get(f"/runs/{waiting}"))
    planned(1, RunStatus.RUNNING, **LEASED)

    assert "Waiting for a worker." in alone
    assert "by 14:30:00 or not at all" in alone
    assert "Started by its schedule, catching up after downtime" in alone
    assert "Waiting for the run before it to end." in text_of(client.get(f"/runs/{waiting}/progress"))


def test_it_shows_how_many_rows_were_read_and_what_it_was_made_with(
    client: FlaskClient, manager: User, schedule: ScheduledExport
) -> None:
    run = run_of(schedule, RunStatus.RUNNING, rows_read=12_345, **LEASED)
    sign_in(client, manager)

    page = text_of(client.get(f"/runs/{run.public_id}"))

    assert "Reading the rows and writing the file. 12,345 rows read" in page
    assert "After downtime Run the latest missed one" in page
    assert "While another run is under way Wait for it" in page
    assert "Starts However late" in page
