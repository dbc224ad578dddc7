"""People, passwords and sign-ins."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.errors import Forbidden, InvalidInput
from portal.extensions import db
from portal.organizations import service
from portal.organizations.models import Organization, User, UserSession
from portal.permissions import Permission, Role
from tests import factories
from tests.factories import NOW, PASSWORD

DAY = timedelta(days=1)


# Addresses


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ann@example.org", "ann@example.org"),
        ("  Ann.Smith@Example.ORG ", "ann.smith@example.org"),
        ("ann+reports@example.org", "ann+reports@example.org"),
        ("ann@münchen.de", "ann@xn--mnchen-3ya.de"),
        ("o'brien@example.org", "o'brien@example.org"),
    ],
)
def test_it_keeps_one_spelling_of_an_address(written: str, kept: str) -> None:
    assert service.normalize_email(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "ann@localhost",
        "ann@example.org, evil@example.org",
        "ann@example.org,evil@example.org",
        "ann@example.org evil@example.org",
        "ann@example.org;evil@example.org",
        "Ann <ann@example.org>",
        "ann@example.org\r\nBcc: evil@example.org",
        "ann@example.org\nevil@example.org",
        "ann\r\n@example.org",
        "ann@example.org\x00",
        "jürgen@example.org",
        '"ann@evil"@example.org',
        f"ann@{'a' * 64}.org",
    ],
)
def test_it_refuses_none_several_and_malformed_addresses(written: str) -> None:
    with pytest.raises(InvalidInput, match="is not an e-mail address") as refused:
        service.normalize_email(written)

    assert len(str(refused.value)) < 300


# Organizations


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme Co.", "acme-co"),
        ("  Müller & Söhne GmbH ", "muller-sohne-gmbh"),
        ("../../etc", "etc"),
        ("a" * 59 + " bc", "a" * 59),
        ("x" * 100, "x" * 60),
    ],
)
def test_it_makes_a_folder_safe_slug(name: str, slug: str) -> None:
    assert service.slug_for(name) == slug


@pytest.mark.parametrize("name", ["", "...", "株式会社"])
def test_it_refuses_a_name_without_a_slug(name: str) -> None:
    with pytest.raises(InvalidInput):
        service.slug_for(name)


def test_it_makes_an_organization_with_the_first_entry_of_its_trail(app: Flask) -> None:
    made = factories.organization("Acme Co.", "acme")

    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.chain == made.id)).one()
    assert (entry.seq, entry.action, entry.after) == (
        1,
        "organization.create",
        {"name": "Acme Co.", "slug": "acme"},
    )


def test_it_refuses_a_taken_slug_and_an_unknown_zone(acme: Organization) -> None:
    with pytest.raises(InvalidInput) as taken:
        service.create_organization("Acme, again", "acme", "Europe/Berlin", now=NOW)
    with pytest.raises(InvalidInput) as unknown:
        service.create_organization("Globex", "globex", "Europe/Berlim", now=NOW)

    assert (taken.value.field, unknown.value.field) == ("slug", "timezone")
    assert db.session.scalars(select(Organization.slug)).all() == ["acme"]


# People


def new_user(of: Organization, email: str = "ann@acme.example", password: str = PASSWORD) -> User:
    return service.create_user(of, email=email, name="Ann", role=Role.MANAGER, password=password, now=NOW)


def test_it_keeps_a_password_only_as_argon2id(acme: Organization) -> None:
    user = new_user(acme)

    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in user.password_hash
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "user.create")).one()
    assert PASSWORD not in str(entry.after)
    assert "argon2" not in str(entry.after)


def test_it_refuses_a_taken_address_a_bad_one_and_a_short_password(acme: Organization) -> None:
    new_user(acme)
    for email, password, field in (
        ("ANN@acme.example", PASSWORD, "email"),
        ("bob@acme.example", "eleven chars", "password"),
    ):
        with pytest.raises(InvalidInput) as refused:
            new_user(acme, email, password[:11] if field == "password" else password)
        assert refused.value.field == field
    with pytest.raises(InvalidInput):
        new_user(acme, "bob")

    assert db.session.scalars(select(User.email)).all() == ["ann@acme.example"]


def test_it_knows_a_person_by_address_and_password(manager: User) -> None:
    assert service.authenticate("manager@acme.example", PASSWORD) is manager
    assert service.authenticate("  MANAGER@Acme.Example ", PASSWORD) is manager


def test_it_answers_all_wrong_sign_ins_alike(manager: User, acme: Organization) -> None:
    assert service.authenticate("nobody@acme.example", PASSWORD) is None
    assert service.authenticate("manager@acme.example", PASSWORD + "!") is None
    assert service.authenticate("manager@acme.example", "") is None
    assert service.authenticate("", "") is None
    manager.disabled_at = NOW
    db.session.commit()
    assert service.authenticate("manager@acme.example", PASSWORD) is None
    manager.disabled_at, acme.archived_at = None, NOW
    db.session.commit()
    assert service.authenticate("manager@acme.example", PASSWORD) is None


def test_it_hashes_as_much_for_an_unknown_address(manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is not measured here; the work that takes it is counted."""
    checked: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, hash: str, password: str) -> bool:  # noqa: A002
        checked.append(hash.rpartition("$")[0].rpartition("$")[0])
        return verify(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)

    service.authenticate("manager@acme.example", "wrong password")
    service.authenticate("nobody@acme.example", "wrong password")

    known, unknown = checked
    assert known == unknown, "the same algorithm with the same costs"


def test_it_renews_a_hash_of_lesser_cost_at_sign_in(manager: User) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    manager.password_hash = weak
    db.session.commit()

    assert service.authenticate("manager@acme.example", PASSWORD) is manager

    assert manager.password_hash != weak
    assert not PasswordHasher().check_needs_rehash(manager.password_hash)
    assert service.authenticate("manager@acme.example", PASSWORD) is manager


def test_it_takes_a_broken_hash_for_no_password(manager: User) -> None:
    manager.password_hash = "disabled"
    db.session.commit()

    assert service.authenticate("manager@acme.example", "disabled") is None


# Sign-ins


def signed_in(user: User) -> str:
    return service.start_session(user, lifetime=DAY, ip="192.0.2.1", agent="x" * 500, now=NOW)


def test_it_keeps_only_the_hash_of_a_sign_ins_token(manager: User) -> None:
    token = signed_in(manager)

    kept = db.session.scalars(select(UserSession)).one()
    assert len(token) == 43
    assert token not in (kept.token_hash, kept.public_id)
    assert len(kept.agent or "") == 300


def test_it_finds_an_open_sign_in_and_no_other(manager: User) -> None:
    token, other = signed_in(manager), signed_in(manager)
    assert token != other

    found = service.session_for(token, now=NOW)
    assert found is not None
    assert found.user is manager
    assert service.session_for(token + "x", now=NOW) is None
    assert service.session_for("", now=NOW) is None
    assert service.session_for(found.token_hash, now=NOW) is None


def test_it_ends_sign_ins_in_time(manager: User) -> None:
    token = signed_in(manager)

    assert service.session_for(token, now=NOW + DAY - timedelta(seconds=1)) is not None
    assert service.session_for(token, now=NOW + DAY) is None


def test_it_ends_a_sign_in_that_was_signed_out_and_leaves_others(manager: User) -> None:
    token, other = signed_in(manager), signed_in(manager)
    found = service.session_for(token, now=NOW)
    assert found is not None

    service.end_session(found, now=NOW)

    assert service.session_for(token, now=NOW) is None
    assert service.session_for(other, now=NOW) is not None
    actions = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)).all()
    assert actions[-3:] == ["session.start", "session.start", "session.end"]


def test_it_ends_the_sign_ins_of_who_may_not_enter_any_more(manager: User, acme: Organization) -> None:
    token = signed_in(manager)

    manager.disabled_at = NOW
    assert service.session_for(token, now=NOW) is None
    manager.disabled_at, acme.archived_at = None, NOW
    assert service.session_for(token, now=NOW) is None


def test_it_requires_the_permission_at_that_moment(manager: User, auditor: User) -> None:
    service.require(manager, Permission.MANAGE_SCHEDULES)
    with pytest.raises(Forbidden, match="can't manage schedules"):
        service.require(auditor, Permission.MANAGE_SCHEDULES)

    manager.disabled_at = NOW
    with pytest.raises(Forbidden):
        service.require(manager, Permission.MANAGE_SCHEDULES)
