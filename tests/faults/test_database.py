"""F11, F12: PostgreSQL restarts under a run; somebody else holds SQLite's write lock."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from flask_migrate import upgrade

from portal.app import create_app
from portal.extensions import db
from portal.runs.models import RunStatus
from tests.conftest import fresh_database, settings_below, wait_until
from tests.faults.portal import Portal
from tests.faults.process import Fault
from tests.faults.services import DatabaseServer

pytestmark = pytest.mark.faults

SHORT_WAIT = {"portal.database:BUSY_TIMEOUT_MS": 1000}
on_postgresql = pytest.mark.parametrize("database", ["postgresql"])


@pytest.fixture
def database() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    made = DatabaseServer(tmp_path_factory.mktemp("restarted") / "postgresql")
    app = create_app(
        settings_below(tmp_path_factory.mktemp("migrated"), "redis://127.0.0.1:1", database_url=made.url)
    )
    with app.app_context():
        upgrade()
        db.engine.dispose()
    yield made
    made.remove()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database: str) -> Iterator[str]:
    """On SQLite, or on a server that only these tests use, to be restarted."""
    if database == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    with fresh_database(request.getfixturevalue("server").url, "postgres") as url:
        yield url


@on_postgresql
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_run_survives_a_restart_of_postgresql(portal: Portal, server: DatabaseServer, mode: str) -> None:
    """F11: the same processes complete it, or it is rescued."""
    portal.schedule(recipients=("ann@example.org",))
    scheduler = portal.start("scheduler")
    worker = portal.start("worker", Fault("portal.runs.pipeline:store", do="wait"))
    worker.await_fault()
    server.stop(mode)
    worker.release()
    wait_until(lambda: "database" in scheduler.said, "the scheduler notices")
    server.start()

    (run,) = portal.await_end()
    assert run.status is RunStatus.SUCCESS
    assert portal.mail_by_recipient() == {"ann@example.org": 1}
    assert len(portal.stored_files()) == 1
    assert not scheduler.has_ended()
    assert not worker.has_ended()


@on_postgresql
@pytest.mark.parametrize("changes", [{"lease_seconds": 30, "lease_renewal": 5}])
def test_what_the_mail_server_answered_survives_a_restart_of_postgresql(
    portal: Portal, server: DatabaseServer
) -> None:
    """P9: a message goes out twice only if we die, or freeze past the lease. Nobody did."""
    portal.schedule(recipients=("ann@example.org", "bob@example.org"))
    scheduler = portal.start("scheduler")
    worker = portal.start("worker", Fault("portal.delivery.email:send", when="after", do="wait"))
    worker.await_fault()
    server.stop("fast")
    worker.release()
    wait_until(lambda: "database" in scheduler.said, "the scheduler notices")
    server.start()

    (run,) = portal.await_end()
    assert run.status is RunStatus.SUCCESS
    assert portal.mail_by_recipient() == {"ann@example.org": 1, "bob@example.org": 1}


@contextmanager
def write_lock(portal: Portal) -> Iterator[None]:
    """Hold what only one transaction can hold at a time."""
    path = portal.settings.data_dir / "portal.db"
    with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("changes", [{"lease_seconds": 30, "lease_renewal": 5}])
def test_everybody_waits_for_a_write_lock_of_four_seconds(portal: Portal) -> None:
    """F12"""
    portal.schedule(recipients=("ann@example.org",))
    scheduler = portal.start("scheduler")
    worker = portal.start("worker", Fault("portal.runs.pipeline:store", do="wait"))
    worker.await_fault()
    portal.schedule(recipients=("bob@example.org",))
    with write_lock(portal):
        worker.release()
        time.sleep(4)

    runs = portal.await_end(2)
    assert [run.status for run in runs] == [RunStatus.SUCCESS] * 2
    assert [len(run.attempts) for run in runs] == [1, 1]
    assert portal.mail_by_recipient() == {"ann@example.org": 1, "bob@example.org": 1}
    assert "locked" not in scheduler.said + worker.said


def test_nothing_is_lost_when_the_write_lock_is_held_for_longer(portal: Portal) -> None:
    """F12: past the time that anybody waits for it, ten times shorter here."""
    portal.schedule(recipients=("ann@example.org",))
    scheduler = portal.start("scheduler", Fault(lengths=SHORT_WAIT))
    worker = portal.start("worker", Fault("portal.runs.pipeline:store", do="wait", lengths=SHORT_WAIT))
    worker.await_fault()
    portal.schedule(recipients=("bob@example.org",))
    with write_lock(portal):
        worker.release()
        worker.await_end_of_child()
        wait_until(lambda: "locked" in scheduler.said, "the scheduler gave up a tick")

    runs = portal.await_end(2)
    assert [run.status for run in runs] == [RunStatus.SUCCESS] * 2
    assert portal.mail_by_recipient() == {"ann@example.org": 1, "bob@example.org": 1}
    assert len(portal.stored_files()) == 2
    assert not scheduler.has_ended()
    assert not worker.has_ended()


@pytest.mark.parametrize("changes", [{"lease_seconds": 30, "lease_renewal": 5}])
def test_what_the_mail_server_answered_survives_a_long_write_lock(portal: Portal) -> None:
    """P9, F12: the answer is recorded once that is possible again, well within the lease."""
    portal.schedule(recipients=("ann@example.org", "bob@example.org"))
    portal.start("scheduler", Fault(lengths=SHORT_WAIT))
    worker = portal.start(
        "worker", Fault("portal.delivery.email:send", when="after", do="wait", lengths=SHORT_WAIT)
    )
    worker.await_fault()
    with write_lock(portal):
        worker.release()
        time.sleep(4)

    (run,) = portal.await_end()
    assert run.status is RunStatus.SUCCESS
    assert portal.mail_by_recipient() == {"ann@example.org": 1, "bob@example.org": 1}
