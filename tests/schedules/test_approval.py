"""Personal data to recipients outside: it waits for an admin, who approves exactly what goes."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.alerts.models import Alert
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.errors import Forbidden, InvalidInput
from portal.extensions import db
from portal.organizations.models import User
from portal.schedules import service
from portal.schedules.approval import approval_of, unapproved_of
from portal.schedules.approving import approve_schedule, withdraw_approval
from portal.schedules.models import Channel, ScheduledExport
from tests import factories
from tests.conftest import sign_in
from tests.factories import NOW
from tests.schedules.pages import actions, filled_in, text_of

OUT = "eve@elsewhere.example"
PII = "creator_name"
PLAIN = ("case_number", "status")


def made(manager: User, dataset: Dataset, **changes: Any) -> ScheduledExport:
    return factories.schedule(
        manager, dataset, **{"columns": (*PLAIN, PII), "recipients": ("ann@example.org", OUT), **changes}
    )


def approved(admin: User, schedule: ScheduledExport) -> ScheduledExport:
    out = unapproved_of(schedule, schedule.organization)
    assert out is not None
    approve_schedule(admin, schedule, seen=out.digest, now=NOW)
    db.session.commit()
    return schedule


def save(manager: User, schedule: ScheduledExport, **changes: Any) -> None:
    values = {"columns": (*PLAIN, PII), "recipients": ("ann@example.org", OUT), **changes}
    service.update_schedule(manager, schedule, factories.draft(schedule.dataset, **values), now=NOW)
    db.session.commit()


def test_it_waits_for_an_admin_and_names_what_would_go_outside(manager: User, dataset: Dataset) -> None:
    schedule = made(manager, dataset)

    assert (schedule.active, schedule.waits_for_approval, schedule.next_run_at) == (False, True, None)
    assert schedule.paused_reason == (
        "Waits for an admin's approval: “creator_name” (personal or sensitive) would go outside, to"
        " eve@elsewhere.example"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"recipients": ("ann@example.org", "bob@acme.example")},
        {"columns": PLAIN},
        {"excluded_tags": ("PII", "SENSITIVE")},
        {"channel": Channel.STORAGE, "recipients": (), "location": "reports"},
    ],
)
def test_what_stays_inside_or_is_not_personal_needs_no_approval(
    manager: User, dataset: Dataset, changes: dict[str, Any]
) -> None:
    schedule = made(manager, dataset, **changes)

    assert schedule.active
    assert schedule.next_run_at is not None


@pytest.mark.parametrize("address", ["a@sub.example.org", "a@notexample.org", "a@example.org.elsewhere.com"])
def test_a_domain_that_only_looks_alike_is_outside(manager: User, dataset: Dataset, address: str) -> None:
    assert made(manager, dataset, recipients=(address,)).waits_for_approval


def test_an_approval_lets_it_go_on(admin: User, manager: User, dataset: Dataset) -> None:
    schedule = approved(admin, made(manager, dataset))

    assert (schedule.active, schedule.waits_for_approval, schedule.paused_reason) == (True, False, None)
    assert schedule.next_run_at is not None
    approval = approval_of(schedule)
    assert approval is not None
    assert (approval.by, approval.given_at) == (admin.email, NOW)
    assert (approval.columns, approval.recipients) == ((PII,), (OUT,))
    assert actions() == ["schedule.create", "schedule.approve"]


def test_only_admins_approve_and_nobody_resumes_without(manager: User, dataset: Dataset) -> None:
    schedule = made(manager, dataset)

    with pytest.raises(Forbidden):
        approve_schedule(manager, schedule, seen="", now=NOW)
    with pytest.raises(Forbidden):
        withdraw_approval(manager, schedule, now=NOW)
    with pytest.raises(InvalidInput, match="an admin must approve that"):
        service.resume_schedule(manager, schedule, now=NOW)


def test_nobody_approves_what_he_has_not_seen(admin: User, manager: User, dataset: Dataset) -> None:
    schedule = made(manager, dataset)
    seen = unapproved_of(schedule, schedule.organization)
    assert seen is not None
    save(manager, schedule, recipients=(OUT, "mallory@elsewhere.example"))

    with pytest.raises(InvalidInput, match="look at it again"):
        approve_schedule(admin, schedule, seen=seen.digest, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"recipients": (OUT, "mallory@elsewhere.example")},
        {"columns": (*PLAIN, PII, "creator_email")},
        {"columns": ()},
    ],
)
def test_it_ends_when_more_would_go_outside(
    admin: User, manager: User, dataset: Dataset, changes: dict[str, Any]
) -> None:
    schedule = approved(admin, made(manager, dataset))

    save(manager, schedule, **changes)

    assert (schedule.active, schedule.waits_for_approval, schedule.approval) == (False, True, None)
    assert actions()[-2:] == ["schedule.withdraw_approval", "schedule.update"]


def test_it_ends_with_another_dataset_of_the_same_columns(
    admin: User, manager: User, dataset: Dataset, settings: Settings
) -> None:
    schedule = approved(admin, made(manager, dataset))
    other = factories.dataset(manager.organization, settings, "Others")

    values = {"columns": (*PLAIN, PII), "recipients": ("ann@example.org", OUT)}
    service.update_schedule(manager, schedule, factories.draft(other, **values), now=NOW)

    assert (schedule.active, schedule.waits_for_approval, schedule.approval) == (False, True, None)


def test_it_holds_while_no_more_goes_outside(admin: User, manager: User, dataset: Dataset) -> None:
    schedule = approved(admin, made(manager, dataset))

    save(manager, schedule, name="Other", columns=(PII, "title"), recipients=("bob@example.org", OUT))

    assert schedule.active
    assert approval_of(schedule) is not None


def test_it_goes_on_by_itself_once_nothing_goes_outside(manager: User, dataset: Dataset) -> None:
    schedule = made(manager, dataset)

    save(manager, schedule, columns=PLAIN)

    assert (schedule.active, schedule.waits_for_approval, schedule.paused_reason) == (True, False, None)
    assert schedule.next_run_at is not None


def test_one_paused_by_hand_stays_so_when_approved(admin: User, manager: User, dataset: Dataset) -> None:
    schedule = made(manager, dataset, columns=PLAIN)
    service.pause_schedule(manager, schedule, now=NOW)
    save(manager, schedule)

    approved(admin, schedule)

    assert not schedule.active
    assert schedule.paused_reason == "Paused by Manager"


def test_an_admin_takes_it_back_and_it_waits_again(admin: User, manager: User, dataset: Dataset) -> None:
    schedule = approved(admin, made(manager, dataset))

    withdraw_approval(admin, schedule, now=NOW)
    db.session.commit()

    assert (schedule.active, schedule.waits_for_approval, schedule.approval) == (False, True, None)
    assert actions()[-1] == "schedule.withdraw_approval"


def test_pages_ask_for_it_tell_admins_and_take_it(
    client: FlaskClient, admin: User, manager: User, dataset: Dataset
) -> None:
    sign_in(client, manager)
    data = filled_in(dataset, recipients=OUT, columns=[*PLAIN, PII])
    response = client.post("/schedules/new", data=data)
    shown = text_of(client.get(response.location))
    assert "is saved. It waits for an admin's approval." in shown
    assert "Approve exactly this" not in shown
    assert OUT in db.session.scalars(select(Alert.message)).one()
    client.post("/logout")
    sign_in(client, admin)
    page = client.get(response.location).get_data(as_text=True)
    seen = re.search(r'name="seen"\s+value="(\w+)"', page)
    assert seen is not None

    odd = client.post(f"{response.location}/approve", data={"seen": "odd"}, follow_redirects=True)
    assert "look at it again" in text_of(odd)
    answered = client.post(f"{response.location}/approve", data={"seen": seen[1]}, follow_redirects=True)

    assert "is approved. Next run:" in text_of(answered)
    assert "admin@acme.example approved" in text_of(answered)
    db.session.expire_all()
    assert db.session.scalars(select(Alert)).one().closed_at is not None
    back = client.post(f"{response.location}/withdraw-approval", follow_redirects=True)
    assert "is withdrawn. It waits for an admin's approval." in text_of(back)
