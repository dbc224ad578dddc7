"""Logo and colour of an organization: what is kept, who may change it, and what the trail says of it."""

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.audit.models import AuditEntry
from portal.errors import Forbidden, InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.branding import Branding, branding_of, remove_logo, set_colour, set_logo
from portal.organizations.logos import read_logo
from portal.organizations.models import Organization, OrganizationBranding, User
from portal.permissions import Role
from tests import factories
from tests.factories import NOW
from tests.organizations.pictures import png

LOGO = read_logo(png(300, 100))


def trail() -> list[tuple[str, str, object, object]]:
    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action.startswith("branding.")).order_by(AuditEntry.id)
    )
    return [(entry.action, entry.actor, entry.before, entry.after) for entry in entries]


def kept(organization: Organization) -> Branding:
    """Return what another session would read."""
    db.session.commit()
    db.session.expire_all()
    return branding_of(organization)


def test_it_is_the_portals_where_nothing_was_chosen(acme: Organization) -> None:
    assert branding_of(acme) == Branding(
        colour="#0b6075", ink_on_colour="#ffffff", logo=None, width=0, height=0
    )


def test_it_keeps_what_was_chosen_on_either_database(either_app: Flask) -> None:
    acme = factories.organization("Acme Co.", "acme")
    admin = factories.user(acme, Role.ADMIN, "admin@acme.example")

    set_colour(admin, acme, " #7A3E9D", now=NOW)
    set_logo(admin, acme, LOGO, now=NOW)

    assert kept(acme) == Branding("#7a3e9d", "#ffffff", LOGO.png, 300, 100)
    remove_logo(admin, acme, now=NOW)
    assert kept(acme) == Branding("#7a3e9d", "#ffffff", None, 0, 0)
    set_colour(admin, acme, None, now=NOW)
    assert kept(acme) == Branding()


def test_the_trail_has_the_sha256_of_a_logo_and_never_the_picture(acme: Organization, admin: User) -> None:
    set_logo(admin, acme, LOGO, now=NOW, ip="192.0.2.1")
    set_colour(admin, acme, "#7a3e9d", now=NOW)
    remove_logo(admin, acme, now=NOW)

    none, sha256 = {"logo_sha256": None}, {"logo_sha256": LOGO.sha256}
    assert trail() == [
        ("branding.set_logo", "admin@acme.example", none, sha256),
        ("branding.set_colour", "admin@acme.example", {"colour": None}, {"colour": "#7a3e9d"}),
        ("branding.remove_logo", "admin@acme.example", sha256, none),
    ]
    first = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "branding.set_logo")).one()
    assert (first.target, first.ip, first.at) == (f"organization:{acme.public_id}", "192.0.2.1", NOW)


def test_what_changes_nothing_leaves_no_trace(acme: Organization, admin: User) -> None:
    remove_logo(admin, acme, now=NOW)
    set_colour(admin, acme, None, now=NOW)
    assert db.session.scalars(select(OrganizationBranding)).all() == []

    set_logo(admin, acme, LOGO, now=NOW)
    set_logo(admin, acme, LOGO, now=NOW)
    assert [action for action, *_ in trail()] == ["branding.set_logo"]


def test_it_takes_no_colour_that_is_too_light(acme: Organization, admin: User) -> None:
    with pytest.raises(InvalidInput, match="#ffcc00 is too light"):
        set_colour(admin, acme, "#ffcc00", now=NOW)
    assert branding_of(acme) == Branding()


@pytest.mark.parametrize("role", ["manager", "auditor"])
def test_only_admins_change_it(acme: Organization, role: str, request: pytest.FixtureRequest) -> None:
    person: User = request.getfixturevalue(role)
    for change in (
        lambda: set_colour(person, acme, "#7a3e9d", now=NOW),
        lambda: set_logo(person, acme, LOGO, now=NOW),
        lambda: remove_logo(person, acme, now=NOW),
    ):
        with pytest.raises(Forbidden):
            change()
    assert trail() == []


def test_admins_of_another_organization_find_nothing(acme: Organization, admin: User, outsider: User) -> None:
    set_logo(admin, acme, LOGO, now=NOW)
    outsider.role = Role.ADMIN

    with pytest.raises(NotFound):
        set_colour(outsider, acme, "#7a3e9d", now=NOW)
    with pytest.raises(NotFound):
        remove_logo(outsider, acme, now=NOW)
    set_colour(outsider, outsider.organization, "#7a3e9d", now=NOW)

    assert kept(acme) == Branding(logo=LOGO.png, width=300, height=100)
    assert kept(outsider.organization) == Branding(colour="#7a3e9d")


def test_the_portal_itself_may_choose(acme: Organization) -> None:
    set_colour(None, acme, "#7a3e9d", now=NOW)
    assert trail() == [("branding.set_colour", "system", {"colour": None}, {"colour": "#7a3e9d"})]


def test_the_database_refuses_half_a_logo(acme: Organization) -> None:
    db.session.add(
        OrganizationBranding(organization_id=acme.id, logo=b"PNG", updated_at=NOW, updated_by="system")
    )
    with pytest.raises(IntegrityError, match="logo_complete"):
        db.session.flush()


def test_pages_read_no_picture_to_know_that_there_is_one(acme: Organization, admin: User) -> None:
    set_logo(admin, acme, LOGO, now=NOW)
    db.session.commit()
    db.session.expire_all()

    assert acme.branding is not None
    assert acme.branding.logo_sha256 == LOGO.sha256
    assert "logo" not in acme.branding.__dict__
