"""Accounts after they were made: shut, opened again, given another role."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations import people, service
from portal.organizations.models import User, UserSession
from portal.permissions import Permission, Role
from tests.factories import NOW, PASSWORD

HOUR = timedelta(hours=1)


def start(user: User) -> str:
    return service.start_session(user, lifetime=HOUR, ip=None, agent=None, now=NOW)


def entries(action: str) -> list[AuditEntry]:
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


def test_it_shuts_an_account_and_ends_its_sign_ins(admin: User, manager: User) -> None:
    tokens = [start(manager), start(manager)]
    other = start(admin)

    people.disable_user(manager, actor=admin.email, now=NOW, ip="192.0.2.1")
    people.disable_user(manager, actor=admin.email, now=NOW + HOUR)
    db.session.commit()

    assert manager.disabled_at == NOW
    assert service.authenticate(manager.email, PASSWORD) is None
    assert [service.session_for(token, now=NOW) for token in tokens] == [None, None]
    assert db.session.scalars(
        select(UserSession.ended_at).where(UserSession.user_id == manager.id)
    ).all() == [
        NOW,
        NOW,
    ]
    assert service.session_for(other, now=NOW) is not None
    (entry,) = entries("user.disable")
    assert (entry.actor, entry.target, entry.ip) == (admin.email, f"user:{manager.public_id}", "192.0.2.1")
    assert entry.after == {"sessions_ended": 2}


def test_it_opens_an_account_again(admin: User, manager: User) -> None:
    people.disable_user(manager, now=NOW)

    people.enable_user(manager, now=NOW)
    people.enable_user(manager, now=NOW)
    db.session.commit()

    assert manager.is_enabled
    assert [entry.actor for entry in entries("user.enable")] == ["system"]


def test_it_gives_another_role(admin: User, manager: User) -> None:
    people.change_role(manager, Role.AUDITOR, now=NOW)
    people.change_role(manager, Role.AUDITOR, now=NOW)
    db.session.commit()

    assert not manager.may(Permission.MANAGE_SCHEDULES)
    (entry,) = entries("user.change_role")
    assert (entry.before, entry.after) == ({"role": "manager"}, {"role": "auditor"})


def test_it_keeps_the_last_admin(admin: User, manager: User, outsider: User) -> None:
    people.change_role(outsider, Role.ADMIN, now=NOW)  # of another organization: no help to this one

    with pytest.raises(InvalidInput, match=r"admin@acme\.example is the last admin of Acme Co\."):
        people.disable_user(admin, now=NOW)
    with pytest.raises(InvalidInput, match="make another first"):
        people.change_role(admin, Role.MANAGER, now=NOW)
    people.change_role(manager, Role.ADMIN, now=NOW)
    people.disable_user(admin, now=NOW)

    assert not admin.is_enabled
    with pytest.raises(InvalidInput, match="last admin"):
        people.disable_user(manager, now=NOW)


def test_it_finds_people_by_any_spelling_of_their_address(manager: User) -> None:
    assert people.user_by_email(" Manager@ACME.example ") is manager
    with pytest.raises(NotFound, match=r"There is no account for nobody@acme\.example\."):
        people.user_by_email("nobody@acme.example")
    with pytest.raises(InvalidInput, match="is not an e-mail address"):
        people.user_by_email("nobody")
