"""F15: a query that does not end is cancelled at its limit, and its connection is closed."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from portal.config import Settings
from portal.datasets.models import Dataset
from portal.encryption import encrypt
from portal.extensions import db
from portal.runs.models import RunStatus
from tests.conftest import fresh_database, owned_by_nobody_special
from tests.faults.portal import Portal

pytestmark = [pytest.mark.faults, pytest.mark.parametrize("changes", [{"query_timeout": 1}])]

ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS case_number FROM n"
)
ASLEEP = "SELECT pg_sleep(600)::text AS case_number"


def assert_it_times_out(portal: Portal) -> None:
    portal.schedule(recipients=("ann@example.org",), columns=("case_number",))
    portal.start("scheduler")
    worker = portal.start("worker")
    (run,) = portal.await_end()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "timeout")
    assert "limit of 1 s" in (run.error_message or "")
    assert len(run.attempts) == 1, "a retry would not help"
    assert portal.mail() == []
    assert portal.stored_files() == portal.work_files() == []
    assert not worker.has_ended()


def test_it_is_cancelled_on_sqlite(portal: Portal) -> None:
    portal.read_with(ENDLESS)

    assert_it_times_out(portal)


@pytest.fixture
def source_on_postgresql(postgresql: str, dataset: Dataset, settings: Settings) -> Iterator[str]:
    """Let the dataset read from a database of its own there; yield the URL by which all of it is seen."""
    with fresh_database(postgresql) as url, owned_by_nobody_special(url) as theirs:
        dataset.source.kind, dataset.source.url_encrypted = "postgresql", encrypt(theirs, settings)
        db.session.commit()
        yield url


def test_it_is_cancelled_on_postgresql_and_its_connection_closed(
    source_on_postgresql: str, portal: Portal
) -> None:
    portal.read_with(ASLEEP)

    assert_it_times_out(portal)
    server = create_engine(source_on_postgresql)
    with server.connect() as connection:
        others = connection.execute(
            text(
                "SELECT pid, state, query FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).all()
    server.dispose()
    assert others == []
