"""Real PostgreSQL as a source: whose rights are too many, at which address it is reached (A1-A3, A6-A7)."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from portal.datasets import query
from portal.errors import InvalidInput, QueryFailed, SourceRefused
from portal.hosts import EVERYWHERE, PUBLIC_ONLY
from portal.sources import watchdog
from portal.sources.connection import Source, connect
from portal.sources.opening import PORTAL_TABLES
from portal.sources.url import parse_url
from tests.conftest import fresh_database


def value(source: Source, sql: str) -> object:
    with query.open_rows(source, sql, {}, timeout=10) as rows:
        return next(row[0] for batch in rows.batches for row in batch)


@contextmanager
def a_role(server: str, name: str, *grants: str) -> Iterator[Source]:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
        for grant in grants:
            connection.exec_driver_sql(grant)
        url = make_url(server).set(username=name).render_as_string(hide_password=False)
        yield Source(parse_url(url), EVERYWHERE)
        connection.exec_driver_sql(f"DROP OWNED BY {name}")
        connection.exec_driver_sql(f"DROP ROLE {name}")
    engine.dispose()


def test_it_refuses_a_superuser(postgresql: str) -> None:
    with pytest.raises(SourceRefused, match="The user “postgres” is a superuser"):
        value(Source(parse_url(postgresql), EVERYWHERE), "SELECT 1")


@pytest.mark.parametrize(
    "dangerous",
    ["pg_read_server_files", "pg_write_server_files", "pg_execute_server_program", "pg_signal_backend"],
)
def test_it_refuses_roles_that_reach_beyond_tables(postgresql: str, dangerous: str) -> None:
    with (
        a_role(
            postgresql,
            "mighty",
            "CREATE ROLE middle",
            f"GRANT {dangerous} TO middle",
            "GRANT middle TO mighty",
        ) as source,
        pytest.raises(SourceRefused, match=f"has the role {dangerous}"),
    ):
        value(source, "SELECT 1")
    engine = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP ROLE middle")
    engine.dispose()


def test_it_refuses_a_role_that_could_become_a_superuser(postgresql: str) -> None:
    grants = ("CREATE ROLE boss SUPERUSER", "ALTER ROLE modest NOINHERIT", "GRANT boss TO modest")
    with (
        a_role(postgresql, "modest", *grants) as source,
        pytest.raises(SourceRefused, match="is a superuser, or can become one"),
    ):
        value(source, "SELECT 1")
    engine = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP ROLE boss")
    engine.dispose()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/hostname')",
        "SELECT pg_reload_conf()",
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'postgres'",
        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE usename = 'postgres'",
    ],
)
def test_an_ordinary_role_reaches_nothing_beyond_tables(postgresql: str, sql: str) -> None:
    other = create_engine(postgresql)
    with a_role(postgresql, "ordinary") as source, other.connect() as held:
        held.exec_driver_sql("SELECT 1")
        with pytest.raises(QueryFailed, match=r"permission denied|read-only transaction"):
            value(source, sql)

        assert held.exec_driver_sql("SELECT 2").scalar() == 2, "nobody's session was ended"
    other.dispose()


def test_it_refuses_the_database_of_a_portal_whatever_it_is_called(postgresql: str) -> None:
    with fresh_database(postgresql) as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for table in PORTAL_TABLES:
                connection.exec_driver_sql(f"CREATE TABLE {table} (id integer)")
        engine.dispose()
        with (
            a_role(url, "curious") as source,
            pytest.raises(SourceRefused, match="database of a portal"),
        ):
            value(source, "SELECT 1")


def test_the_marks_of_a_portal_are_tables_it_has(migrated_postgresql: tuple[str, str]) -> None:
    server, database = migrated_postgresql
    engine = create_engine(make_url(server).set(database=database))
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT relname FROM pg_class WHERE relkind = 'r'").scalars().all()
    engine.dispose()
    assert set(PORTAL_TABLES) <= set(found)


def test_a_socket_is_refused_unless_its_folder_is_open(postgresql_source: Source) -> None:
    closed = Source(postgresql_source.url, PUBLIC_ONLY)

    with pytest.raises(InvalidInput, match="PORTAL_SOURCE_HOSTS"), connect(closed, timeout=5):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"])
def test_addresses_within_are_refused_before_anything_is_sent(host: str) -> None:
    source = Source(parse_url(f"postgresql://reader:hunter2@{host}:1/cases"), PUBLIC_ONLY)

    with pytest.raises(InvalidInput, match="PORTAL_SOURCE_HOSTS"), connect(source, timeout=5):
        pass


@pytest.mark.parametrize(
    "option",
    [
        *("options=-c%20default_transaction_read_only%3Doff", "service=evil", "passfile=/etc/passwd"),
        *("sslcert=/etc/passwd", "sslkey=/x", "sslrootcert=/x", "hostaddr=127.0.0.1", "sslmode=odd"),
        "host=a&host=b",
    ],
)
def test_a_url_can_not_bring_options_of_the_driver(option: str) -> None:
    with pytest.raises(InvalidInput):
        parse_url(f"postgresql://reader@db.example/cases?{option}")


def test_nothing_of_this_machines_user_is_used(
    postgresql_source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_read_only=off")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGAPPNAME", "somebody")

    assert value(postgresql_source, "SELECT current_setting('transaction_read_only')") == "on"


OPENED = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("condition", "values", "ids"),
    [
        ("(:s IS NULL OR day >= :s) AND (:e IS NULL OR day < :e)", {"s": None, "e": None}, [1, 2]),
        ("(:s IS NULL OR day >= :s) AND (:e IS NULL OR day < :e)", {"s": OPENED, "e": None}, [2]),
        ("(:any = 1 OR mood IN :moods)", {"any": 1, "moods": []}, [1, 2]),
        ("(:any = 1 OR mood IN :moods)", {"any": 0, "moods": ["calm", "cross"]}, [1, 2]),
        ("(:m IS NULL OR id >= :m)", {"m": None}, [1, 2]),
        ("(:m IS NULL OR id >= :m)", {"m": 1.5}, [2]),
        ("(:m IS NULL OR mood = :m)", {"m": "calm"}, [1]),
        ("(:m IS NULL OR key = :m)", {"m": "00000000-0000-0000-0000-000000000002"}, [2]),
        ("(:m IS NULL OR open = :m)", {"m": True}, [1]),
        ("note = :m", {"m": 'it\'s \\ a % "quoted" :m %s'}, [2]),
    ],
)
def test_what_was_chosen_fits_columns_of_any_type(
    typed: Source, condition: str, values: dict[str, Any], ids: list[int]
) -> None:
    sql = f"SELECT id FROM typed WHERE {condition} ORDER BY id"
    with query.open_rows(typed, sql, values, timeout=10) as rows:
        assert [row[0] for batch in rows.batches for row in batch] == ids


@pytest.fixture(scope="module")
def typed(postgresql_source: Source) -> Source:
    engine = create_engine(postgresql_source.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TYPE feeling AS ENUM ('calm', 'cross')")
        connection.exec_driver_sql(
            "CREATE TABLE typed"
            " (id integer, day timestamptz, mood feeling, key uuid, open boolean, note text)"
        )
        connection.execute(
            text(
                "INSERT INTO typed VALUES (1, '2024-01-01', 'calm', :a, true, NULL),"
                " (2, '2025-02-01', 'cross', :b, false, :n)"
            ),
            {"a": UUID(int=1), "b": UUID(int=2), "n": 'it\'s \\ a % "quoted" :m %s'},
        )
    engine.dispose()
    return postgresql_source


def test_a_server_that_no_longer_answers_keeps_nobody_waiting(
    postgresql_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "GRACE", 0.5)
    with connect(postgresql_source, timeout=30) as connection:
        backend = int(connection.scalar(text("SELECT pg_backend_pid()")))
        waits = watchdog.Watchdog(connection, 0.5)
        os.kill(backend, signal.SIGSTOP)
        try:
            with pytest.raises(DBAPIError), waits.waiting():
                connection.exec_driver_sql("SELECT 1")
        finally:
            os.kill(backend, signal.SIGCONT)

        assert waits.expired
