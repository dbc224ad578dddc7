"""Migrations: what they build is what the models say, on both databases, also when two run at once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import CheckConstraint, inspect, text

from portal.app import create_app
from portal.extensions import db
from tests.conftest import SECRET, fresh_database, settings_below

MIGRATE = [sys.executable, "-m", "portal.cli", "migrate"]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/portal.db"
        return
    with fresh_database(request.getfixturevalue("postgresql")) as url:
        yield url


@contextmanager
def application(data_dir: Path, url: str) -> Iterator[Flask]:
    app = create_app(settings_below(data_dir, "redis://127.0.0.1:1", database_url=url))
    with app.app_context():
        yield app
        db.engine.dispose()


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names())


def differences() -> list[Any]:
    """Return what Alembic would still change to make the database what the models say."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, db.metadata))


def test_it_builds_what_the_models_say_and_takes_it_down_again(tmp_path: Path, database_url: str) -> None:
    with application(tmp_path, database_url):
        upgrade()
        assert tables() == {*db.metadata.tables, "alembic_version"}
        assert differences() == []

        upgrade()
        assert differences() == [], "a second time changes nothing"

        downgrade(revision="base")
        assert tables() == {"alembic_version"}

        upgrade()
        assert differences() == []


def test_it_has_the_checks_and_partial_indexes_that_comparing_overlooks(
    tmp_path: Path, database_url: str
) -> None:
    with application(tmp_path, database_url):
        upgrade()
        inspector = inspect(db.engine)
        for table in db.metadata.sorted_tables:
            declared = {
                db.engine.dialect.identifier_preparer.format_constraint(constraint)
                for constraint in table.constraints
                if isinstance(constraint, CheckConstraint)
            }
            found = {str(check["name"]) for check in inspector.get_check_constraints(table.name)}
            assert found == declared, table.name
        (occurrence,) = (
            index
            for index in inspector.get_indexes("scheduled_export_runs")
            if index["name"] == "uq_scheduled_export_runs_occurrence"
        )
        assert occurrence["unique"]
        dialect = db.engine.dialect.name
        assert "schedule" in str(occurrence["dialect_options"][f"{dialect}_where"])


def test_it_may_run_in_two_processes_at_once(tmp_path: Path, database_url: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PORTAL_SECRET_KEY": SECRET,
        "PORTAL_DATA_DIR": str(tmp_path),
        "PORTAL_DATABASE_URL": database_url,
        "PORTAL_PUBLIC_URL": "http://portal.example",
        "REDIS_URL": "redis://127.0.0.1:1",
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_SENDER": "exports@portal.example",
    }
    both = [
        subprocess.Popen(MIGRATE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "The database is up to date.\n"), err

    with application(tmp_path, database_url):
        assert differences() == []
        with db.engine.connect() as connection:
            versions = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
        assert len(versions) == 1
