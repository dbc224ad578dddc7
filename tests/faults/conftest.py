"""The portal of each test: SQLite and the Redis of the test process, unless a module says otherwise."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from portal.app import create_app
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import User
from tests.conftest import SmtpServer, fresh_database, settings_below
from tests.faults.portal import Portal


@pytest.fixture
def changes() -> dict[str, object]:
    """What a test sets otherwise: `@pytest.mark.parametrize("changes", [{"worker_grace": 2}])`."""
    return {}


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    shutil.copy(migrated_sqlite, tmp_path / "portal.db")
    return f"sqlite:///{tmp_path / 'portal.db'}"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The portal's database; a module that wants another one says so."""
    return sqlite_url


@pytest.fixture
def postgresql_url(migrated_postgresql: tuple[str, str]) -> Iterator[str]:
    """A database of the test's own on the PostgreSQL server of this test process."""
    with fresh_database(*migrated_postgresql) as url:
        yield url


@pytest.fixture
def settings(
    tmp_path: Path, redis_url: str, smtp: SmtpServer, database_url: str, changes: dict[str, object]
) -> Settings:
    values = {"database_url": database_url, "retry_delays": (1.0, 2.0, 4.0), **changes}
    return settings_below(tmp_path, redis_url, mail_port=smtp.port, **values)


@pytest.fixture
def app(settings: Settings, redis: Redis) -> Iterator[Flask]:
    """The application as the test uses it, beside the processes."""
    made = create_app(settings)
    made.testing = True
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def portal(
    settings: Settings, manager: User, dataset: Dataset, smtp: SmtpServer, tmp_path: Path
) -> Iterator[Portal]:
    folder = tmp_path / "processes"
    folder.mkdir()
    db.session.rollback()
    made = Portal(settings, manager, dataset, smtp, folder)
    try:
        yield made
    finally:
        made.end()
