"""The trail: one unbroken line an organization, whoever writes, and no change that its hashes don't show."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from portal.audit.models import AuditEntry, AuditHead
from portal.audit.service import GENESIS, SYSTEM_CHAIN, entry_hash, record
from portal.extensions import db
from portal.organizations.models import Organization
from tests import factories
from tests.factories import NOW

WRITERS, ENTRIES = 4, 10


@pytest.fixture
def acme(either_app: Flask) -> Organization:
    made = factories.organization("Acme Co.", "acme")
    db.session.commit()
    return made


def write(organization_id: int | None, action: str = "schedule.create", **details: object) -> AuditEntry:
    return record(
        organization_id,
        actor="ann@example.org",
        action=action,
        target="schedule:abc",
        now=NOW,
        **details,  # type: ignore[arg-type]
    )


def chain(organization_id: int) -> list[AuditEntry]:
    return list(
        db.session.scalars(
            select(AuditEntry)
            .where(AuditEntry.chain == organization_id)
            .order_by(AuditEntry.seq)
            .execution_options(populate_existing=True)
        )
    )


def first_bad(organization_id: int) -> int | None:
    """Walk a chain as a verifier would; return the number of the first entry that does not fit."""
    previous = GENESIS
    for expected, entry in enumerate(chain(organization_id), start=1):
        fits = entry.seq == expected and entry.previous_hash == previous
        if not fits or entry.hash != entry_hash(entry):
            return expected
        previous = entry.hash
    head = db.session.get_one(AuditHead, organization_id, populate_existing=True)
    return None if (head.seq, head.hash) == (len(chain(organization_id)), previous) else head.seq


def test_it_chains_each_entry_to_the_one_before(acme: Organization) -> None:
    first = write(acme.id, after={"name": "Weekly cases", "recipients": ["ann@example.org"], "ü": None})
    second = write(acme.id, before={"a": 1.5}, after={}, ip="192.0.2.1")
    db.session.commit()

    assert [entry.seq for entry in chain(acme.id)] == [1, 2, 3], "the organization's own creation is first"
    assert second.previous_hash == first.hash
    assert first_bad(acme.id) is None


def test_it_verifies_what_was_recorded_in_another_zone(acme: Organization) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    record(
        acme.id,
        actor="system",
        action="run.finish",
        target="run:abc",
        now=datetime(2025, 3, 3, 17, 30, 0, 123456, tzinfo=india),
    )
    db.session.commit()

    assert chain(acme.id)[-1].at == datetime(2025, 3, 3, 12, 0, 0, 123456, tzinfo=UTC)
    assert first_bad(acme.id) is None


def test_it_keeps_organizations_apart(acme: Organization) -> None:
    globex = factories.organization("Globex", "globex")
    for organization_id in (acme.id, globex.id, acme.id):
        write(organization_id)
    db.session.commit()

    assert [entry.seq for entry in chain(acme.id)] == [1, 2, 3]
    assert [entry.seq for entry in chain(globex.id)] == [1, 2]
    assert first_bad(acme.id) is first_bad(globex.id) is None
    assert chain(acme.id)[0].hash != chain(globex.id)[0].hash


def test_it_has_a_chain_for_what_belongs_to_no_organization(acme: Organization) -> None:
    entry = write(None, "server.start")
    db.session.commit()

    assert (entry.chain, entry.seq) == (SYSTEM_CHAIN, 1)


def test_it_stands_or_falls_with_what_it_records(acme: Organization) -> None:
    write(acme.id)
    db.session.rollback()

    assert [entry.action for entry in chain(acme.id)] == ["organization.create"]
    assert first_bad(acme.id) is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "eve@example.org"),
        ("action", "schedule.delete"),
        ("target", "schedule:xyz"),
        ("at", NOW + timedelta(microseconds=1)),
        ("before", {"name": "Another"}),
        ("after", None),
        ("ip", "192.0.2.2"),
        ("previous_hash", "f" * 64),
        ("hash", "f" * 64),
        ("seq", 7),
    ],
)
def test_it_shows_an_altered_entry(acme: Organization, column: str, value: object) -> None:
    write(acme.id, before={"name": "Weekly"}, after={"name": "Daily"}, ip="192.0.2.1")
    write(acme.id)
    db.session.commit()
    assert first_bad(acme.id) is None

    tampered = update(AuditEntry).where(AuditEntry.chain == acme.id, AuditEntry.seq == 2)
    db.session.execute(tampered.values({column: value}))
    db.session.commit()

    assert first_bad(acme.id) == 2


@pytest.mark.parametrize(("gone", "bad"), [(1, 1), (2, 2), (3, 3)])
def test_it_shows_a_missing_entry_and_a_missing_end(acme: Organization, gone: int, bad: int) -> None:
    write(acme.id)
    write(acme.id)
    db.session.execute(
        text("DELETE FROM audit_entries WHERE chain = :chain AND seq = :seq"), {"chain": acme.id, "seq": gone}
    )
    db.session.commit()

    assert first_bad(acme.id) == bad


def test_it_lets_no_two_entries_take_one_place(acme: Organization) -> None:
    entry = write(acme.id)
    twin = AuditEntry(
        **{
            column.name: getattr(entry, column.name)
            for column in AuditEntry.__table__.columns
            if column.name != "id"
        }
    )
    db.session.add(twin)

    with pytest.raises(IntegrityError):
        db.session.flush()


def test_it_forms_one_line_of_writers_that_come_at_once(either_app: Flask, acme: Organization) -> None:
    organization_id = acme.id
    db.session.commit()
    failures: list[BaseException] = []

    def write_some(name: str) -> None:
        with either_app.app_context():
            try:
                for number in range(ENTRIES):
                    write(organization_id, after={"writer": name, "number": number})
                    db.session.commit()
            except BaseException as error:  # noqa: BLE001 - shown below, by the thread that can fail the test
                failures.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=write_some, args=(f"writer {n}",)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert len(chain(organization_id)) == 1 + WRITERS * ENTRIES
    assert first_bad(organization_id) is None
