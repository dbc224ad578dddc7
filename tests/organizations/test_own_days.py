"""An organization's own days off: what is read from a list, and who may change them."""

from datetime import date

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.errors import Forbidden, InvalidInput, NotFound
from portal.extensions import db
from portal.organizations import own_days, service
from portal.organizations.models import User
from tests.factories import NOW

CHRISTMAS_EVE, NEW_YEARS_EVE = date(2026, 12, 24), date(2026, 12, 31)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2026-12-24 Christmas Eve", {CHRISTMAS_EVE: "Christmas Eve"}),
        ("2026-12-24", {CHRISTMAS_EVE: "Day off"}),
        ("\n 2026-12-24\tChristmas  Eve \r\n\r\n", {CHRISTMAS_EVE: "Christmas  Eve"}),
        ('2026-12-24;"Christmas Eve"', {CHRISTMAS_EVE: "Christmas Eve"}),
        ("2026-12-24, Christmas Eve", {CHRISTMAS_EVE: "Christmas Eve"}),
        ("2026-12-24 First\n2026-12-24 Second", {CHRISTMAS_EVE: "First"}),
        ("2026-12-31 Süße Pause\n2026-12-24", {NEW_YEARS_EVE: "Süße Pause", CHRISTMAS_EVE: "Day off"}),
    ],
)
def test_it_reads_a_pasted_list(text: str, days: dict[date, str]) -> None:
    assert own_days.parse_lines(text) == days


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Paste at least one line, such as 2026-12-24 Christmas Eve."),
        (" \n ", "Paste at least one line, such as 2026-12-24 Christmas Eve."),
        ("2026-12-24 A\nB 2026-12-31", "Line 2: “B” is not a date such as 2026-12-24."),
        ("2026-12-24\n\n2026-13-01", "Line 3: “2026-13-01” is not a date such as 2026-12-24."),
        ("2026-02-30 Never", "Line 1: “2026-02-30” is not a date such as 2026-12-24."),
        ("20261224 Basic", "Line 1: “20261224” is not a date such as 2026-12-24."),
        ("24.12.2026 Local", "Line 1: “24.12.2026” is not a date such as 2026-12-24."),
        ("0026-12-24 Typo", "Line 1: A day off lies between 2000 and 2100."),
        (f"2026-12-24 {'x' * 121}", "Line 1: A name is one line of at most 120 characters."),
        ("2026-12-24 a\x00b", "Line 1: A name is one line of at most 120 characters."),
        ("2026-12-24\n" * 401, "At most 400 lines at once, please."),
    ],
)
def test_it_names_the_wrong_line(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        own_days.parse_lines(text)

    assert (str(refused.value), refused.value.field) == (message, "lines")


def test_it_adds_days_once_and_keeps_their_names(admin: User) -> None:
    assert own_days.add_days(admin, {CHRISTMAS_EVE: "Christmas Eve"}, now=NOW, ip="192.0.2.1") == [
        CHRISTMAS_EVE
    ]
    assert own_days.add_days(admin, {NEW_YEARS_EVE: "B", CHRISTMAS_EVE: "A"}, now=NOW) == [NEW_YEARS_EVE]
    assert own_days.add_days(admin, {CHRISTMAS_EVE: "A"}, now=NOW) == []
    db.session.commit()

    assert [(day.day, day.name) for day in own_days.list_days(admin)] == [
        (CHRISTMAS_EVE, "Christmas Eve"),
        (NEW_YEARS_EVE, "B"),
    ]
    assert service.days_off(admin.organization) == {CHRISTMAS_EVE, NEW_YEARS_EVE}
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "days_off.add")).all()
    assert [entry.after for entry in entries] == [{"2026-12-24": "Christmas Eve"}, {"2026-12-31": "B"}]
    assert (entries[0].actor, entries[0].ip) == (admin.email, "192.0.2.1")


def test_it_removes_a_day(admin: User) -> None:
    own_days.add_days(admin, {CHRISTMAS_EVE: "Christmas Eve"}, now=NOW)
    (day,) = own_days.list_days(admin)

    own_days.remove_day(admin, own_days.get_day(admin, day.public_id), now=NOW)
    db.session.commit()

    assert service.days_off(admin.organization) == frozenset()
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "days_off.remove")).one()
    assert entry.before == {"2026-12-24": "Christmas Eve"}


def test_it_keeps_days_to_their_organization(admin: User, outsider: User) -> None:
    own_days.add_days(admin, {CHRISTMAS_EVE: "Christmas Eve"}, now=NOW)
    (day,) = own_days.list_days(admin)

    assert own_days.list_days(outsider) == []
    assert service.days_off(outsider.organization) == frozenset()
    with pytest.raises(NotFound):
        own_days.get_day(outsider, day.public_id)


def test_it_lets_only_admins_change_them(admin: User, manager: User) -> None:
    own_days.add_days(admin, {CHRISTMAS_EVE: "Christmas Eve"}, now=NOW)
    (day,) = own_days.list_days(manager)

    with pytest.raises(Forbidden):
        own_days.add_days(manager, {NEW_YEARS_EVE: "Mine"}, now=NOW)
    with pytest.raises(Forbidden):
        own_days.remove_day(manager, day, now=NOW)
    assert service.days_off(admin.organization) == {CHRISTMAS_EVE}
