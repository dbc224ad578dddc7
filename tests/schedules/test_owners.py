"""Whose rights a schedule runs with, and how an admin hands it on."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.alerts.models import Alert, Cause
from portal.alerts.service import raise_alert
from portal.audit.models import AuditEntry
from portal.errors import Forbidden, InvalidInput
from portal.extensions import db
from portal.organizations import people
from portal.organizations.models import User
from portal.permissions import Role
from portal.schedules import owners
from portal.schedules.models import ScheduledExport, ScheduleState
from portal.schedules.service import suspend
from tests import factories
from tests.conftest import sign_in
from tests.factories import NOW
from tests.schedules.pages import text_of


def test_it_says_why_an_owner_can_not_go_on(admin: User, manager: User, schedule: ScheduledExport) -> None:
    assert owners.problem(schedule) == ""

    people.change_role(manager, Role.AUDITOR, now=NOW)
    assert owners.problem(schedule) == "Manager may no longer manage schedules"
    people.disable_user(manager, now=NOW)
    assert owners.problem(schedule) == "The account of Manager is disabled"


def test_it_offers_who_may_manage_schedules(
    admin: User, manager: User, auditor: User, outsider: User, schedule: ScheduledExport
) -> None:
    zoe = factories.user(manager.organization, Role.MANAGER, "zoe@acme.example")
    gone = factories.user(manager.organization, Role.ADMIN, "gone@acme.example")
    people.disable_user(gone, now=NOW)

    assert owners.eligible(schedule) == [admin, zoe]


def test_it_hands_a_schedule_on(admin: User, manager: User, schedule: ScheduledExport) -> None:
    next_run, later = schedule.next_run_at, NOW + timedelta(days=1)

    owners.reassign_schedule(admin, schedule, admin.public_id, now=later, ip="192.0.2.1")
    db.session.commit()

    assert (schedule.owner, schedule.owner_id) == (admin, admin.id)
    assert (schedule.next_run_at, schedule.updated_at) == (next_run, later)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "schedule.reassign")).one()
    assert (entry.before, entry.after) == ({"owner": manager.email}, {"owner": admin.email})
    assert (entry.actor, entry.ip) == (admin.email, "192.0.2.1")


@pytest.mark.parametrize("who", ["auditor", "outsider", "manager"])
def test_it_hands_it_to_nobody_who_can_not_own_it(
    admin: User, manager: User, schedule: ScheduledExport, request: pytest.FixtureRequest, who: str
) -> None:
    person = request.getfixturevalue(who)

    with pytest.raises(InvalidInput, match=r"Choose somebody who may manage schedules\.") as refused:
        owners.reassign_schedule(admin, schedule, person.public_id, now=NOW)

    assert refused.value.field == "owner"
    assert schedule.owner is manager


def test_it_lets_only_admins_hand_on(admin: User, manager: User, schedule: ScheduledExport) -> None:
    with pytest.raises(Forbidden):
        owners.reassign_schedule(manager, schedule, admin.public_id, now=NOW)


def test_the_page_offers_it_where_the_owner_is_gone(
    client: FlaskClient, admin: User, manager: User, schedule: ScheduledExport
) -> None:
    people.disable_user(manager, now=NOW)
    db.session.commit()
    sign_in(client, admin)

    page = text_of(client.get(f"/schedules/{schedule.public_id}"))
    done = client.post(
        f"/schedules/{schedule.public_id}/reassign", data={"owner": admin.public_id}, follow_redirects=True
    )

    assert "The account of Manager is disabled" in page
    assert "Admin, Admin (admin@acme.example)" in page
    assert "“Weekly cases” runs with the rights of Admin from now on." in text_of(done)
    # It was overdue: before the change it paused, since its owner could not go on.
    assert "It is still paused: resume it to go on." in text_of(done)
    assert "and it runs with those rights" not in text_of(done)


def test_the_page_says_when_the_new_owner_can_not_own_it(
    client: FlaskClient, admin: User, auditor: User, schedule: ScheduledExport
) -> None:
    sign_in(client, admin)

    page = client.post(
        f"/schedules/{schedule.public_id}/reassign", data={"owner": auditor.public_id}, follow_redirects=True
    )

    assert "Choose somebody who may manage schedules." in text_of(page)
    db.session.refresh(schedule)
    assert schedule.owner.email == "manager@acme.example"


@pytest.mark.parametrize(("who", "status"), [("outsider", 403), ("manager", 403), ("auditor", 403)])
def test_the_page_is_for_admins(
    client: FlaskClient, request: pytest.FixtureRequest, schedule: ScheduledExport, who: str, status: int
) -> None:
    sign_in(client, request.getfixturevalue(who))

    assert client.post(f"/schedules/{schedule.public_id}/reassign").status_code == status


def test_a_schedule_goes_on_only_once_somebody_can_own_it(
    client: FlaskClient, admin: User, manager: User, schedule: ScheduledExport
) -> None:
    """What the portal paused, with the alert that told of it."""
    people.disable_user(manager, now=NOW)
    suspend(schedule, "The account of its owner is disabled.", now=NOW)
    raise_alert(schedule, Cause.SCHEDULE_PAUSED, "The account is disabled.", run_id=None, now=NOW)
    db.session.commit()
    sign_in(client, admin)
    address = f"/schedules/{schedule.public_id}"

    refused = client.post(f"{address}/resume", follow_redirects=True)
    assert "somebody else must own it before it can go on" in text_of(refused)
    assert schedule.state is ScheduleState.PAUSED

    client.post(f"{address}/reassign", data={"owner": admin.public_id})
    client.post(f"{address}/resume")

    db.session.refresh(schedule)
    assert schedule.state is ScheduleState.ACTIVE
    assert db.session.scalars(select(Alert)).one().closed_at is not None
