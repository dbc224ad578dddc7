"""The page of an organization's days off, and the schedules that follow them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations import own_days
from portal.organizations.models import User
from portal.schedules import service as schedules
from portal.schedules.rules import HolidayPolicy, Rule
from tests import factories
from tests.conftest import sign_in
from tests.factories import NOW
from tests.schedules.pages import error_at, text_of

PAGE = "/organization/days-off"


def test_it_adds_a_day_and_removes_it(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)
    assert "No days off yet." in text_of(client.get(PAGE))

    added = client.post(PAGE, data={"day": "2026-12-24", "name": "Christmas Eve"}, follow_redirects=True)
    (day,) = own_days.list_days(admin)
    removed = client.post(f"{PAGE}/{day.public_id}/remove", follow_redirects=True)

    assert "1 day is added." in text_of(added)
    assert "2026 1 day Thu 24 Dec Christmas Eve" in text_of(added)
    assert "24 December 2026, Christmas Eve, is a working day again." in text_of(removed)
    assert own_days.list_days(admin) == []


def test_it_takes_a_pasted_list_by_year(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)
    client.post(PAGE, data={"day": "2026-12-24", "name": "Christmas Eve"})

    page = text_of(
        client.post(
            f"{PAGE}/several",
            data={"lines": "2027-01-02 Bridge\n2026-12-24\n2026-12-31"},
            follow_redirects=True,
        )
    )

    assert "2 days are added. 1 was there already." in page
    assert page.index("2026 2 days") < page.index("Thu 31 Dec Day off") < page.index("2027 1 day")


@pytest.mark.parametrize(
    ("path", "data", "field", "message", "kept"),
    [
        (PAGE, {"day": "", "name": "Kept"}, "day", "is not a date such as 2026-12-24.", 'value="Kept"'),
        (PAGE, {"day": "2026-12-24", "name": "x" * 121}, "name", "at most 120 characters", "2026-12-24"),
        (f"{PAGE}/several", {"lines": "2026-12-24 A\nnever"}, "lines", "Line 2: “never”", "2026-12-24 A"),
    ],
)
def test_it_says_at_the_field_what_is_wrong_and_keeps_the_rest(
    client: FlaskClient, admin: User, path: str, data: dict[str, str], field: str, message: str, kept: str
) -> None:
    sign_in(client, admin)

    response = client.post(path, data=data)

    assert message in error_at(response, field)
    assert kept in response.get_data(as_text=True)
    assert own_days.list_days(admin) == []


def test_others_read_it_only(client: FlaskClient, admin: User, manager: User) -> None:
    own_days.add_days(admin, {date(2026, 12, 24): "Christmas Eve"}, now=NOW)
    db.session.commit()
    sign_in(client, manager)

    page = client.get(PAGE)

    assert "Christmas Eve" in text_of(page)
    assert "Add day" not in text_of(page)
    assert "/remove" not in page.get_data(as_text=True)


def test_it_is_not_there_for_another_organization(client: FlaskClient, admin: User, outsider: User) -> None:
    own_days.add_days(admin, {date(2026, 12, 24): "Christmas Eve"}, now=NOW)
    db.session.commit()
    (day,) = own_days.list_days(admin)
    outsider.role = admin.role
    db.session.commit()
    sign_in(client, outsider)

    assert "Thu 24 Dec" not in text_of(client.get(PAGE))
    assert client.post(f"{PAGE}/{day.public_id}/remove").status_code == 404


# Schedules follow

MONDAY = datetime(2025, 3, 10, 7, 0, tzinfo=UTC)


def weekly(holidays: HolidayPolicy) -> Rule:
    return Rule.from_dict({"kind": "weekly", "time": "08:00", "weekdays": [0], "holidays": holidays.value})


@pytest.mark.parametrize(
    ("holidays", "following"),
    [
        (HolidayPolicy.RUN, MONDAY),
        (HolidayPolicy.SKIP, MONDAY + timedelta(weeks=1)),
        (HolidayPolicy.BEFORE, MONDAY - timedelta(days=3)),
        (HolidayPolicy.AFTER, MONDAY + timedelta(days=1)),
    ],
)
def test_schedules_follow_a_day_off_and_come_back(
    admin: User, dataset: Dataset, holidays: HolidayPolicy, following: datetime
) -> None:
    made = factories.schedule(admin, dataset, rule=weekly(holidays))
    own_days.add_days(admin, {MONDAY.date(): "Retreat"}, now=NOW)

    changed = schedules.follow_days_off(admin, admin.organization, now=NOW, ip="192.0.2.1")

    assert made.next_run_at == following
    assert changed == ([made] if following != MONDAY else [])
    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "schedule.follow_days_off")
    ).all()
    assert [entry.before for entry in entries] == [{"next_run_at": "2025-03-10T07:00+00:00"}] * len(changed)

    (day,) = own_days.list_days(admin)
    own_days.remove_day(admin, day, now=NOW)
    schedules.follow_days_off(admin, admin.organization, now=NOW)
    assert made.next_run_at == MONDAY


def test_what_is_due_already_stays_due(admin: User, dataset: Dataset) -> None:
    made = factories.schedule(admin, dataset, rule=weekly(HolidayPolicy.SKIP))
    own_days.add_days(admin, {MONDAY.date(): "Retreat"}, now=MONDAY)

    assert schedules.follow_days_off(admin, admin.organization, now=MONDAY) == []
    assert made.next_run_at == MONDAY


def test_paused_and_other_organizations_schedules_stay(admin: User, outsider: User, dataset: Dataset) -> None:
    paused = factories.schedule(admin, dataset, rule=weekly(HolidayPolicy.SKIP))
    schedules.pause_schedule(admin, paused, now=NOW)
    own_days.add_days(admin, {MONDAY.date(): "Retreat"}, now=NOW)
    db.session.commit()

    assert schedules.follow_days_off(admin, admin.organization, now=NOW) == []
    assert schedules.follow_days_off(outsider, outsider.organization, now=NOW) == []
    assert paused.next_run_at is None
    schedules.resume_schedule(admin, paused, now=NOW)
    assert paused.next_run_at == MONDAY + timedelta(weeks=1)
