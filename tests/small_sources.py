"""Small sources to read: one SQLite file, one PostgreSQL database, with the same table."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from portal.hosts import EVERYWHERE
from portal.sources.connection import Source
from portal.sources.url import parse_url
from tests.conftest import fresh_database, owned_by_nobody_special

TABLE = "CREATE TABLE cases (id integer PRIMARY KEY, status text, opened_at text)"
ROWS = "INSERT INTO cases VALUES (1, 'OPEN', '2025-03-03'), (2, 'NEW', '2025-03-04'), (3, NULL, NULL)"


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    path = tmp_path / "sources" / "acme" / "cases.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(TABLE)
        connection.execute(ROWS)
        connection.commit()
    return path


@pytest.fixture
def sqlite_source(sqlite_file: Path) -> Source:
    return Source(parse_url(f"sqlite:///{sqlite_file}"))


@pytest.fixture(scope="module")
def postgresql_source(postgresql: str) -> Iterator[Source]:
    """A source whose role may do anything in its database: what is refused is refused by us."""
    with fresh_database(postgresql) as url, owned_by_nobody_special(url) as text:
        engine = create_engine(text)
        with engine.begin() as connection:
            connection.exec_driver_sql(TABLE)
            connection.exec_driver_sql(ROWS)
            connection.exec_driver_sql(
                "CREATE FUNCTION add_case() RETURNS integer LANGUAGE plpgsql AS"
                " 'BEGIN INSERT INTO cases (id) VALUES (99); RETURN 99; END'"
            )
        engine.dispose()
        yield Source(parse_url(text), EVERYWHERE)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_source(request: pytest.FixtureRequest) -> Source:
    found: Source = request.getfixturevalue(f"{request.param}_source")
    return found
