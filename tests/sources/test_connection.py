"""Sources are opened read-only, and only where an organization may look."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import StatementError

from portal.datasets import query
from portal.errors import InvalidInput, QueryFailed, SourceRefused, SourceUnavailable
from portal.hosts import EVERYWHERE
from portal.sources.connection import Source, clean_message, connect
from portal.sources.url import checked_url, parse_url

PORTAL = "postgresql+psycopg://portal:hunter2@db.example/portal"
READ_ONLY = "A data source is read-only: the SQL may be a SELECT that reads tables, nothing else."


def read(source: Source, sql: str) -> list[tuple[object, ...]]:
    with query.open_rows(source, sql, {}, timeout=10) as rows:
        return [tuple(row) for batch in rows.batches for row in batch]


# URLs


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:///cases.db", "sqlite+pysqlite"),
        ("postgresql://db.example/cases", "postgresql+psycopg"),
        ("postgresql+psycopg://db.example/cases", "postgresql+psycopg"),
        ("mysql://db.example/cases", "mysql+pymysql"),
    ],
)
def test_it_opens_each_database_with_one_driver(text: str, driver: str) -> None:
    assert parse_url(text).drivername == driver


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cases.db",
        "oracle://db.example/cases",
        "postgresql+asyncpg://db.example/cases",
        "sqlite+pysqlcipher:///cases.db",
        "file:///etc/passwd",
        "nonsense+driver://x",
    ],
)
def test_it_refuses_other_databases_and_drivers(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_url(text)

    assert refused.value.field == "url"


def test_it_takes_a_file_of_the_organization(sqlite_file: Path) -> None:
    roundabout = sqlite_file.parent / "." / ".." / "acme" / "cases.db"

    url = checked_url(f"sqlite:///{roundabout}", sources_dir=sqlite_file.parent, portal_database=PORTAL)

    assert url.database == str(sqlite_file)


@pytest.mark.parametrize(
    "path",
    [
        "{acme}/../globex/cases.db",
        "{acme}/link.db",
        "{acme}/folder/cases.db",
        "{acme}x/cases.db",
        "/etc/passwd",
        "cases.db",
        ":memory:",
        "",
        "file:{acme}/../globex/cases.db",
    ],
)
def test_it_refuses_files_outside_the_organizations_folder(
    sqlite_file: Path, tmp_path: Path, path: str
) -> None:
    acme = sqlite_file.parent
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "cases.db").touch()
    (acme / "link.db").symlink_to(elsewhere / "cases.db")
    (acme / "folder").symlink_to(elsewhere)

    with pytest.raises(InvalidInput, match="must lie in the organization's part"):
        checked_url(f"sqlite:///{path.format(acme=acme)}", sources_dir=acme, portal_database=PORTAL)


@pytest.mark.parametrize(
    ("source", "own"),
    [
        (PORTAL, PORTAL),
        ("postgresql://other:password@db.example:5432/portal", PORTAL),
        ("postgresql://other@/portal?host=db.example", PORTAL),
        ("postgresql://other@/portal?host=/run/db", "postgresql://me@/portal?host=/run/db"),
    ],
)
def test_it_refuses_the_portals_own_database(tmp_path: Path, source: str, own: str) -> None:
    with pytest.raises(InvalidInput, match="own database"):
        checked_url(source, sources_dir=tmp_path, portal_database=own)


def test_it_refuses_the_portals_own_sqlite_file_wherever_it_lies(sqlite_file: Path) -> None:
    url = f"sqlite:///{sqlite_file}"

    with pytest.raises(InvalidInput, match="own database"):
        checked_url(url, sources_dir=sqlite_file.parent, portal_database=url)


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://me@db.example/cases",
        "postgresql://me@db.example:5433/portal",
        "postgresql://me@other.example/portal",
        "postgresql://me@/portal?host=/run/db",
    ],
)
def test_it_takes_another_database_of_the_same_server(tmp_path: Path, source: str) -> None:
    assert checked_url(source, sources_dir=tmp_path, portal_database=PORTAL)


# Opening


def test_it_says_that_a_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"there is no file gone\.db"):
        read(Source(parse_url(f"sqlite:///{tmp_path}/gone.db"), EVERYWHERE), "SELECT 1")

    assert not (tmp_path / "gone.db").exists(), "opening must not create it"


def test_it_says_that_a_file_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, but long enough to be looked at\n" * 30)

    with pytest.raises(SourceUnavailable, match="file is not a database"):
        read(Source(parse_url(f"sqlite:///{tmp_path}/text.db"), EVERYWHERE), "SELECT 1")


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
def test_it_says_that_a_server_is_away_without_the_password(driver: str) -> None:
    with pytest.raises(SourceUnavailable) as unavailable:
        read(Source(parse_url(f"{driver}://reader:hunter2@127.0.0.1:1/cases"), EVERYWHERE), "SELECT 1")

    assert unavailable.value.retryable
    assert str(unavailable.value).startswith("The data source did not answer: ")
    assert "hunter2" not in str(unavailable.value)


def test_it_shows_no_password_of_a_refusal(postgresql_source: Source) -> None:
    wrong = Source(postgresql_source.url.set(username="nobody_hunter2", password="hunter2"), EVERYWHERE)

    with pytest.raises(SourceUnavailable) as unavailable:
        read(wrong, "SELECT 1")

    assert "hunter2" not in str(unavailable.value)


def test_it_removes_passwords_that_a_driver_repeats() -> None:
    url = make_url("postgresql://reader:hunter2@db.example/cases")
    engine = create_engine("sqlite://")
    with engine.connect() as connection, pytest.raises(Exception, match="no such table") as failed:
        connection.exec_driver_sql('SELECT * FROM "postgresql://reader:hunter2@db.example hunter2"')
    engine.dispose()

    assert clean_message(failed.value, url) == "no such table: postgresql://…@db.example …"  # type: ignore[arg-type]


# Read-only (A1-A5)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO cases (id) VALUES (99)",
        "INSERT INTO cases (id) VALUES (99) RETURNING id",
        "UPDATE cases SET status = 'CLOSED'",
        "DELETE FROM cases",
        "REPLACE INTO cases (id) VALUES (1)",
        "CREATE TABLE more (a)",
        "CREATE TEMP TABLE more (a)",
        "DROP TABLE cases",
        "ALTER TABLE cases ADD COLUMN more",
        "ATTACH '{folder}/other.db' AS other",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO '{folder}/copy.db'",
        "PRAGMA user_version",
        "PRAGMA user_version = 7",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "SELECT * FROM pragma_table_info('cases')",
        "ANALYZE",
        "BEGIN IMMEDIATE",
        "SAVEPOINT a",
    ],
)
def test_it_only_reads_sqlite(sqlite_source: Source, sqlite_file: Path, sql: str) -> None:
    before = sqlite_file.read_bytes()

    with pytest.raises(QueryFailed) as refused:
        read(sqlite_source, sql.format(folder=sqlite_file.parent))

    assert str(refused.value) == READ_ONLY
    assert sqlite_file.read_bytes() == before
    assert [path.name for path in sqlite_file.parent.iterdir()] == ["cases.db"]


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT load_extension('evil')", "not authorized to use function: load_extension"),
        ("SELECT readfile('/etc/passwd')", "no such function: readfile"),
        ("SELECT 1; DELETE FROM cases", "one statement at a time"),
        ("REINDEX", "returns no rows"),
        ("", "returns no rows"),
    ],
)
def test_it_loads_no_code_and_runs_one_statement(sqlite_source: Source, sql: str, complaint: str) -> None:
    with pytest.raises(QueryFailed, match=complaint):
        read(sqlite_source, sql)


def test_it_still_computes_joins_and_recurs_on_sqlite(sqlite_source: Source) -> None:
    sql = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
        SELECT upper(c.status), count(*) OVER (), json_extract('{"a":1}', '$.a'), j.value
        FROM n JOIN cases c ON c.id = n.i JOIN json_each('[7]') j WHERE c.status IS NOT NULL ORDER BY c.id"""

    assert read(sqlite_source, sql) == [("OPEN", 2, 1, 7), ("NEW", 2, 1, 7)]


def test_it_reads_a_file_that_somebody_is_writing(sqlite_source: Source, sqlite_file: Path) -> None:
    with closing(sqlite3.connect(sqlite_file)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO cases (id) VALUES (4)")

        assert read(sqlite_source, "SELECT count(*) FROM cases") == [(3,)]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO cases (id) VALUES (99)",
        "WITH made AS (INSERT INTO cases (id) VALUES (99) RETURNING id) SELECT * FROM made",
        "SELECT add_case()",
        "SELECT set_config('transaction_read_only', 'off', false), add_case()",
        "SET TRANSACTION READ WRITE",
        "SELECT 1; SET TRANSACTION READ WRITE; INSERT INTO cases (id) VALUES (99)",
        "SELECT 1; COMMIT; BEGIN READ WRITE; INSERT INTO cases (id) VALUES (99); COMMIT; SELECT 1",
        "CREATE TABLE more (a integer)",
        "COPY cases TO PROGRAM 'touch /tmp/never'",
        "SELECT lo_import('/etc/hostname')",
        "SELECT nextval(pg_get_serial_sequence('cases', 'id')), add_case()",
        "DO 'BEGIN PERFORM add_case(); END'",
        "",
    ],
)
def test_it_only_reads_postgresql(postgresql_source: Source, sql: str) -> None:
    with pytest.raises(QueryFailed):
        read(postgresql_source, sql)

    assert read(postgresql_source, "SELECT id FROM cases ORDER BY id") == [(1,), (2,), (3,)]


def test_it_begins_read_only_again_whatever_a_query_set(postgresql_source: Source) -> None:
    assert read(postgresql_source, "SELECT set_config('default_transaction_read_only', 'off', false)")

    assert read(postgresql_source, "SELECT current_setting('transaction_read_only')") == [("on",)]
    with pytest.raises(QueryFailed, match="read-only transaction"):
        read(postgresql_source, "SELECT add_case()")


def test_a_postgresql_server_ends_the_query_of_a_client_that_is_gone(postgresql_source: Source) -> None:
    with connect(postgresql_source, timeout=5) as connection:
        assert connection.scalar(text("SHOW client_connection_check_interval")) == "5s"
        assert connection.scalar(text("SHOW transaction_read_only")) == "on"


def test_an_error_shows_no_value(either_source: Source) -> None:
    with connect(either_source, timeout=10) as connection, pytest.raises(StatementError) as refused:
        connection.execute(
            text("SELECT nothing FROM cases WHERE status = :email"), {"email": "ann@acme.example"}
        )

    assert "ann@acme.example" not in str(refused.value)


def test_a_value_of_sqlite_can_not_take_all_memory(sqlite_source: Source) -> None:
    with pytest.raises(QueryFailed, match="too big"):
        read(sqlite_source, "SELECT zeroblob(1000000000)")
    # Asked for more than the limit, printf gives NULL.
    assert read(sqlite_source, "SELECT printf('%.*c', 100000000, 'x')") == [(None,)]


def test_it_refuses_a_sqlite_file_of_a_portal(migrated_sqlite: Path) -> None:
    with pytest.raises(SourceRefused, match="database of a portal"):
        read(Source(parse_url(f"sqlite:///{migrated_sqlite}")), "SELECT 1")
