"""Real MariaDB as a source: nothing written, nothing reached beyond tables, values exact (A1-A3, A6-A7)."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pymysql
import pytest

from portal.datasets import query
from portal.errors import (
    InvalidInput,
    LimitExceeded,
    QueryFailed,
    QueryTimeout,
    SourceRefused,
    SourceUnavailable,
)
from portal.hosts import EVERYWHERE, PUBLIC_ONLY
from portal.sources import mysql
from portal.sources.connection import Source, connect
from portal.sources.opening import PORTAL_TABLES
from portal.sources.url import parse_url
from portal.table import Column, ColumnType
from tests.mariadb import MariaDB, running

READ_ONLY = "A data source is read-only: the SQL may be a SELECT that reads tables, nothing else."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with running(tmp_path_factory.mktemp("mariadb")) as found:
        found.run(
            "CREATE DATABASE cases CHARACTER SET utf8mb4",
            "CREATE TABLE cases.cases (id integer PRIMARY KEY, status text, amount decimal(30, 10),"
            " opened_at datetime(6), day date, secret boolean, bits bit(1), bytes blob)",
            "INSERT INTO cases.cases VALUES (1, 'OPEN ü 案', 12345678901234567890.0123456789,"
            " '2025-03-03 08:00:00.123456', '1899-12-31', true, b'1', x'00ff'),"
            " (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
            "CREATE USER reader@localhost IDENTIFIED BY 'hunter2 ä'",
            "GRANT ALL ON cases.* TO reader@localhost",
            "CREATE FUNCTION cases.add_case() RETURNS integer BEGIN"
            " INSERT INTO cases.cases (id) VALUES (99); RETURN 99; END",
        )
        yield found


@pytest.fixture
def source(server: MariaDB) -> Source:
    return a_source(server)


def a_source(server: MariaDB, user: str = "reader", database: str = "cases") -> Source:
    password = "hunter2 ä"
    text = f"mysql://{user}:{password}@127.0.0.1:{server.port}/{database}?sslmode=disable"
    return Source(parse_url(text), EVERYWHERE)


def read(source: Source, sql: str, parameters: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    with query.open_rows(source, sql, parameters or {}, **{"timeout": 20, **options}) as rows:
        return [tuple(row) for batch in rows.batches for row in batch]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO cases (id) VALUES (99)",
        "UPDATE cases SET status = 'x'",
        "DELETE FROM cases",
        "REPLACE INTO cases (id) VALUES (1)",
        "DROP TABLE cases",
        "CREATE TABLE more (a integer)",
        "CREATE TEMPORARY TABLE more (a integer)",
        "TRUNCATE cases",
        "SELECT add_case()",
        "SELECT id FROM cases FOR UPDATE",
        "SELECT * FROM cases INTO OUTFILE '/tmp/never'",
        "SELECT status FROM cases LIMIT 1 INTO DUMPFILE '/tmp/never'",
        "SELECT 1; DELETE FROM cases",
        "SET SESSION TRANSACTION READ WRITE",
        "START TRANSACTION READ WRITE",
        "KILL 1",
        "FLUSH TABLES",
        "SET GLOBAL max_connections = 1",
        "/*!50000 DELETE FROM cases */",
        "/*M!100000 DELETE FROM cases */",
        "SELECT 1 /*!50000 INTO OUTFILE '/tmp/never' */",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE cases",
        "CALL add_case()",
        "HANDLER cases OPEN",
        "LOCK TABLES cases WRITE",
        "",
    ],
)
def test_it_only_reads(source: Source, sql: str) -> None:
    with pytest.raises(QueryFailed):
        read(source, sql)

    assert read(source, "SELECT id FROM cases ORDER BY id") == [(1,), (2,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        " \n select 1",
        "-- why\nSELECT 1",
        "# why\nSELECT 1",
        "/* why; */ SELECT 1",
        "(SELECT 1)",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "VALUES (1)",
        "SELECT '--', 'a;b'",
    ],
)
def test_it_takes_statements_that_read(sql: str) -> None:
    mysql.check_statement(sql)


@pytest.mark.parametrize(
    "sql", ["-- SELECT\nDELETE FROM cases", "#SELECT\nKILL 1", "/* SELECT */ KILL 1", "SELECTED"]
)
def test_it_is_not_misled_by_comments(sql: str) -> None:
    with pytest.raises(QueryFailed) as refused:
        mysql.check_statement(sql)

    assert str(refused.value) == READ_ONLY


def test_it_reads_values_exactly(source: Source) -> None:
    columns = [
        Column("id", "Id", ColumnType.INTEGER),
        Column("status", "Status"),
        Column("amount", "Amount", ColumnType.DECIMAL),
        Column("opened_at", "Opened", ColumnType.DATETIME),
        Column("day", "Day", ColumnType.DATE),
        Column("secret", "Secret", ColumnType.BOOLEAN),
        Column("bits", "Bits", ColumnType.BOOLEAN),
        Column("bytes", "Bytes"),
    ]

    first, second = read(source, "SELECT * FROM cases ORDER BY id", columns=columns)

    assert first == (
        1,
        "OPEN ü 案",
        Decimal("12345678901234567890.0123456789"),
        datetime.fromisoformat("2025-03-03T08:00:00.123456"),
        date(1899, 12, 31),
        True,
        True,
        b"\x00\xff",
    )
    assert second == (2, *[None] * 7)


def test_it_binds_values_and_lists(source: Source) -> None:
    assert read(source, "SELECT id FROM cases WHERE id IN :ids", {"ids": [2, 7]}) == [(2,)]
    assert read(source, "SELECT id FROM cases WHERE status = :s", {"s": "x' OR '1'='1"}) == []
    assert read(source, "SELECT :at < '2025-03-04'", {"at": datetime(2025, 3, 3, tzinfo=UTC)}) == [(1,)]
    assert read(source, "SELECT '100%', id FROM cases WHERE id = :id", {"id": 1}) == [("100%", 1)]


@pytest.mark.parametrize(
    "sql",
    [
        "# don't list the others\nSELECT id, 'chosen: :status !' AS note FROM cases WHERE id = 1",
        r"SELECT id, 'isn\'t it :status ?' AS note FROM cases WHERE id = 1",
    ],
)
@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES"])
def test_a_value_never_becomes_sql(server: MariaDB, source: Source, sql: str, mode: str) -> None:
    evil = ", (SELECT status FROM cases WHERE id=1) AS stolen FROM cases WHERE id=1 #"
    server.run(f"SET GLOBAL sql_mode = '{mode}'")
    try:
        (row,) = read(source, sql, {"status": evil})
    finally:
        server.run("SET GLOBAL sql_mode = DEFAULT")

    assert row in [(1, "chosen: :status !"), (1, "isn't it :status ?")]


def test_it_cuts_no_list_whatever_the_server_says(server: MariaDB, source: Source) -> None:
    server.run("SET GLOBAL group_concat_max_len = 1024")
    try:
        assert read(source, "SELECT LENGTH(GROUP_CONCAT(seq)) FROM seq_1_to_3000") == [(13_892,)]
    finally:
        server.run("SET GLOBAL group_concat_max_len = DEFAULT")


def test_rights_of_roles_are_laid_down(server: MariaDB) -> None:
    server.run(
        "CREATE ROLE filer",
        "GRANT FILE ON *.* TO filer",
        "CREATE USER viarole@localhost IDENTIFIED BY 'hunter2 ä'",
        "GRANT SELECT ON cases.* TO viarole@localhost",
        "GRANT filer TO viarole@localhost",
        "SET DEFAULT ROLE filer FOR viarole@localhost",
    )
    assert read(a_source(server, "viarole"), "SELECT LOAD_FILE('/etc/hostname')") == [(None,)]
    with pytest.raises(QueryFailed, match="Access denied"):
        read(a_source(server, "viarole"), "SELECT 1 INTO OUTFILE '/tmp/never'")
    server.run("DROP USER viarole@localhost", "DROP ROLE filer")


def test_a_user_that_reads_every_table_is_no_danger(server: MariaDB) -> None:
    server.run(
        "CREATE USER wide@localhost IDENTIFIED BY 'hunter2 ä'", "GRANT SELECT ON *.* TO wide@localhost"
    )
    assert read(a_source(server, "wide"), "SELECT 1") == [(1,)]
    server.run("DROP USER wide@localhost")


def test_it_streams(source: Source) -> None:
    sql = "SELECT a.seq, b.seq FROM seq_1_to_3000 a JOIN seq_1_to_100 b"
    with query.open_rows(source, sql, {}, timeout=30) as rows:
        assert sum(len(batch) for batch in rows.batches) == 300_000


LARGE = "SELECT REPEAT('x', 1000) FROM seq_1_to_300000"  # 300 MB


def bytes_sent(server: MariaDB) -> int:
    """Return what the server has sent so far, once the sessions of sources are over."""
    connection: Any = pymysql.connect(unix_socket=server.socket, user="root")
    with connection, connection.cursor() as cursor:
        sessions = 1
        while sessions:
            cursor.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'reader'")
            (sessions,) = cursor.fetchone()
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Bytes_sent'")
        return int(cursor.fetchone()[1])


def test_giving_up_half_way_does_not_read_the_rest(server: MariaDB, source: Source) -> None:
    before = bytes_sent(server)

    with query.open_rows(source, LARGE, {}, timeout=60) as rows:
        assert len(next(iter(rows.batches))) > 1

    assert bytes_sent(server) - before < 50_000_000


def test_neither_does_passing_a_limit(server: MariaDB, source: Source) -> None:
    before = bytes_sent(server)

    with pytest.raises(LimitExceeded):
        read(source, LARGE, timeout=60, maximum_rows=20)

    assert bytes_sent(server) - before < 50_000_000


def test_the_server_ends_a_query_past_its_time(source: Source) -> None:
    with pytest.raises(QueryTimeout, match="past its limit of 1 s"):
        read(source, "SELECT SLEEP(30) FROM cases", timeout=1)


def test_the_watchdog_ends_one_that_the_server_does_not(source: Source) -> None:
    """Rows that come one a moment keep every limit on a single wait."""
    sql = "SELECT SLEEP(0.4), REPEAT('x', 20000) FROM seq_1_to_100"
    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        read(source, sql, timeout=1)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("privilege", ["FILE", "SUPER"])
def test_it_refuses_users_that_reach_beyond_tables(server: MariaDB, privilege: str) -> None:
    server.run(
        "CREATE USER mighty@localhost IDENTIFIED BY 'hunter2 ä'",
        f"GRANT {privilege} ON *.* TO mighty@localhost",
        "GRANT SELECT ON cases.* TO mighty@localhost",
    )
    with pytest.raises(SourceRefused, match=f"“mighty@localhost” has the privilege {privilege}"):
        read(a_source(server, "mighty"), "SELECT 1")
    server.run("DROP USER mighty@localhost")


def test_it_refuses_the_database_of_a_portal(server: MariaDB) -> None:
    server.run("CREATE DATABASE elsewhere", "GRANT SELECT ON elsewhere.* TO reader@localhost")
    server.run(*(f"CREATE TABLE elsewhere.{table} (id integer)" for table in PORTAL_TABLES))
    with pytest.raises(SourceRefused, match="database of a portal"):
        read(a_source(server, database="elsewhere"), "SELECT 1")
    server.run("DROP DATABASE elsewhere")


def test_it_says_what_is_wrong_with_the_sql(source: Source) -> None:
    with pytest.raises(QueryFailed, match=r"right syntax to use near '' at line 2"):
        read(source, "SELECT id,\n FORM cases WHERE")
    with pytest.raises(QueryFailed, match="Unknown column 'nothing'"):
        read(source, "SELECT nothing FROM cases")


def test_it_shows_no_password_of_a_refusal(server: MariaDB) -> None:
    wrong = Source(a_source(server).url.set(password="hunter3"), EVERYWHERE)

    with pytest.raises(SourceUnavailable, match="Access denied for user 'reader'@'localhost'") as refused:
        read(wrong, "SELECT 1")

    assert "hunter3" not in str(refused.value)


def test_encryption_that_is_required_is_not_given_up(server: MariaDB) -> None:
    """This server has no certificate."""
    url = a_source(server).url
    for mode in ("require", "verify-full"):
        strict = Source(url.update_query_dict({"sslmode": mode}), EVERYWHERE)
        with pytest.raises(SourceUnavailable):
            read(strict, "SELECT 1")


def test_addresses_within_are_refused_before_anything_is_sent(source: Source) -> None:
    with (
        pytest.raises(InvalidInput, match="PORTAL_SOURCE_HOSTS"),
        connect(Source(source.url, PUBLIC_ONLY), timeout=5),
    ):
        pass


def test_it_connects_to_the_address_that_was_checked(
    server: MariaDB, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers otherwise the second time is not asked a second time."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def once(host: str, *rest: Any, **more: Any) -> Any:
        if host == "rebinding.example":
            asked.append(host)
            host = "127.0.0.1"
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", once)

    assert read(Source(source.url.set(host="rebinding.example"), EVERYWHERE), "SELECT 1") == [(1,)]
    assert asked == ["rebinding.example"]
