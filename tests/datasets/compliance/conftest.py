"""The compliance schema on SQLite, PostgreSQL and MariaDB."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pymysql
import pytest

from portal.hosts import EVERYWHERE
from portal.sources.connection import Source
from portal.sources.url import parse_url
from tests.conftest import fresh_database, owned_by_nobody_special
from tests.datasets.compliance.schema import created, filled
from tests.mariadb import running


@pytest.fixture(scope="session")
def compliance_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file, to be read only, or copied."""
    path = tmp_path_factory.mktemp("compliance") / "compliance.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in created("sqlite"):
            connection.execute(statement)
        for statement, values in filled("sqlite"):
            connection.execute(statement, values)
    return path


@pytest.fixture(scope="session")
def sqlite_compliance(compliance_file: Path) -> Source:
    return Source(parse_url(f"sqlite:///{compliance_file}"))


@pytest.fixture(scope="session")
def postgresql_compliance(postgresql: str) -> Iterator[Source]:
    with fresh_database(postgresql) as url, owned_by_nobody_special(url) as text:
        with psycopg.connect(text.replace("+psycopg", "", 1)) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            for statement in created("postgresql"):
                connection.execute(statement.encode())
            for statement, values in filled("postgresql"):
                connection.execute(statement.replace("?", "%s").encode(), values)
        yield Source(parse_url(text), EVERYWHERE)


@pytest.fixture(scope="session")
def mysql_compliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    with running(tmp_path_factory.mktemp("mariadb")) as server:
        server.run(
            "CREATE DATABASE compliance CHARACTER SET utf8mb4",
            "CREATE USER reader@localhost IDENTIFIED BY 'for tests'",
            "GRANT SELECT ON compliance.* TO reader@localhost",
        )
        connection = pymysql.connect(
            unix_socket=server.socket, user="root", database="compliance", charset="utf8mb4", autocommit=True
        )
        with connection, connection.cursor() as cursor:
            for statement in created("mysql"):
                cursor.execute(statement)
            for statement, values in filled("mysql"):
                cursor.execute(statement.replace("?", "%s"), values)
        text = f"mysql://reader:for tests@127.0.0.1:{server.port}/compliance?sslmode=disable"
        yield Source(parse_url(text), EVERYWHERE)


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def compliance(request: pytest.FixtureRequest) -> Source:
    found: Source = request.getfixturevalue(f"{request.param}_compliance")
    return found
