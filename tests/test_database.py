"""Instants, transactions and pragmas, on SQLite and PostgreSQL."""

import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError, StatementError

from portal.audit.models import AuditHead
from portal.database import begin_deferred, database_now, new_public_id, read_only, to_json
from portal.extensions import db
from portal.organizations.models import Organization
from tests.conftest import wait_until

INDIA = timezone(timedelta(hours=5, minutes=30))


def organization(at: datetime, slug: str = "acme") -> Organization:
    return Organization(name="Acme Co.", slug=slug, created_at=at)


# Instants


@pytest.mark.parametrize(
    "written",
    [
        datetime(2025, 3, 9, 7, 30, 0, 123456, tzinfo=UTC),
        datetime(2025, 3, 9, 13, 0, 0, 123456, tzinfo=INDIA),
    ],
    ids=["UTC", "India"],
)
def test_it_reads_an_instant_back_aware_and_in_utc(either_app: Flask, written: datetime) -> None:
    db.session.add(organization(written))
    db.session.commit()

    read = db.session.scalars(select(Organization.created_at)).one()

    assert read.isoformat() == "2025-03-09T07:30:00.123456+00:00"


def test_it_compares_instants_whatever_zone_they_came_in(either_app: Flask) -> None:
    db.session.add(organization(datetime(2025, 3, 9, 7, 30, tzinfo=UTC)))
    db.session.commit()

    same = datetime(2025, 3, 9, 13, 0, tzinfo=INDIA)
    assert db.session.scalars(select(Organization.slug).where(Organization.created_at == same)).all() == [
        "acme"
    ]
    later = Organization.created_at > same - timedelta(seconds=1)
    assert db.session.scalars(select(Organization.slug).where(later)).all() == ["acme"]


def test_it_refuses_an_instant_without_a_zone(either_app: Flask) -> None:
    db.session.add(organization(datetime(2025, 3, 9, 7, 30)))  # noqa: DTZ001 - the mistake itself

    with pytest.raises(StatementError, match="an instant needs its time zone"):
        db.session.flush()


def test_it_keeps_a_missing_instant_missing(either_app: Flask) -> None:
    db.session.add(organization(datetime(2025, 3, 9, tzinfo=UTC)))
    db.session.commit()

    assert db.session.scalars(select(Organization.archived_at)).one() is None


def test_it_asks_the_database_for_the_time(either_app: Flask) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    with db.engine.connect() as connection:
        first, second = database_now(connection), database_now(connection)

    assert before <= first <= second <= datetime.now(UTC) + timedelta(seconds=1)
    assert first.utcoffset() == timedelta(0)


# Ids and JSON


def test_it_draws_ids_that_fit_urls_and_never_repeat() -> None:
    drawn = {new_public_id() for _ in range(1000)}

    assert len(drawn) == 1000
    assert all(len(id_) == 22 and id_.replace("-", "").replace("_", "").isalnum() for id_ in drawn)


def test_it_writes_json_the_same_way_every_time() -> None:
    assert to_json({"b": [1, 2], "a": "Ü"}) == '{"a":"Ü","b":[1,2]}'


# How transactions begin on SQLite


def pragma(name: str) -> Any:
    return db.session.scalar(text(f"PRAGMA {name}"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)],
)
def test_it_opens_sqlite_with_the_portals_pragmas(app: Flask, name: str, expected: object) -> None:
    assert pragma(name) == expected


def test_it_lets_sqlite_keep_its_foreign_keys(app: Flask) -> None:
    db.session.add(AuditHead(chain=7, seq=0, hash="0" * 64, organization_id=4711))

    with pytest.raises(StatementError, match="FOREIGN KEY"):
        db.session.flush()


class OtherWriter:
    """A second connection that writes in a transaction of its own, from another thread."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.error: Exception | None = None
        self.began = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        with self._app.app_context():
            try:
                self.began.set()
                db.session.scalars(select(Organization)).all()  # reads first, as most writers do
                db.session.add(organization(datetime.now(UTC), "other"))
                db.session.commit()
            except OperationalError as error:
                self.error = error
            finally:
                db.session.remove()

    def start(self) -> None:
        self._thread.start()
        assert self.began.wait(10)

    def finished(self) -> bool:
        return not self._thread.is_alive()


def test_it_lets_a_writer_that_read_first_wait_for_another_writer(app: Flask) -> None:
    db.session.scalars(select(Organization)).all()
    other = OtherWriter(app)
    other.start()

    db.session.add(organization(datetime.now(UTC)))
    db.session.flush()
    assert not other.finished(), "it waits until the first transaction is over"
    db.session.commit()

    wait_until(other.finished, "the other writer had its turn")
    assert other.error is None
    assert set(db.session.scalars(select(Organization.slug))) == {"acme", "other"}


def test_it_would_fail_at_once_if_writers_began_deferred(app: Flask) -> None:
    """The reason for BEGIN IMMEDIATE: without it SQLite refuses, whatever the timeout."""
    with read_only():
        db.session.scalars(select(Organization)).all()
        other = OtherWriter(app)
        other.start()
        wait_until(other.finished, "the other writer is not kept waiting by a reader")
        assert other.error is None

        db.session.add(organization(datetime.now(UTC)))
        with pytest.raises(OperationalError, match="database is locked"):
            db.session.flush()


def test_it_keeps_no_writer_waiting_for_a_reader(app: Flask) -> None:
    begin_deferred(True)
    try:
        db.session.scalars(select(Organization)).all()
        other = OtherWriter(app)
        other.start()
        wait_until(other.finished, "the other writer is not kept waiting by a reader")
        assert other.error is None
    finally:
        begin_deferred(False)


def test_it_writes_again_after_a_block_that_only_read(app: Flask) -> None:
    with read_only():
        db.session.scalars(select(Organization)).all()
        db.session.rollback()

    db.session.add(organization(datetime.now(UTC)))
    db.session.commit()

    assert db.session.scalars(select(Organization.slug)).all() == ["acme"]
