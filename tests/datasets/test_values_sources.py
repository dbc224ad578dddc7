"""Each type of a real database arrives with all its digits, or as the text that the database shows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from portal.datasets.query import open_rows
from portal.errors import QueryFailed
from portal.hosts import EVERYWHERE
from portal.sources.connection import Source
from portal.sources.loaders import UNDECODABLE
from portal.sources.url import parse_url
from portal.table import Column, ColumnType


def value(source: Source, expression: str, type_: ColumnType = ColumnType.TEXT) -> Any:
    columns = [Column("v", "V", type_)]
    with open_rows(source, f"SELECT {expression} AS v", {}, columns=columns, timeout=10) as rows:
        ((row,),) = rows.batches
        return row[0]


POSTGRESQL = [
    ("12345678901234567890.12345678901234567::numeric", Decimal("12345678901234567890.12345678901234567")),
    ("1.50::numeric", Decimal("1.50")),
    ("'Infinity'::numeric", Decimal("Infinity")),
    ("9223372036854775807::bigint", 9223372036854775807),
    ("0.1::double precision", 0.1),
    ("1.1::real", 1.1),
    ("DATE '2025-03-09'", date(2025, 3, 9)),
    ("DATE '0044-03-15 BC'", "0044-03-15 BC"),
    ("DATE '10000-01-01'", "10000-01-01"),
    ("DATE 'infinity'", "infinity"),
    ("TIMESTAMP '2025-03-09 07:30:00.123456'", datetime(2025, 3, 9, 7, 30, 0, 123456)),  # noqa: DTZ001
    ("TIMESTAMP '-infinity'", "-infinity"),
    ("TIMESTAMPTZ '2025-03-09 13:00:00+05:30'", datetime(2025, 3, 9, 7, 30, tzinfo=UTC)),
    ("TIMESTAMPTZ 'infinity'", "infinity"),
    ("TIME '24:00:00'", "24:00:00"),
    ("TIME '07:30:00.5'", "07:30:00.5"),
    ("TIMETZ '07:30:00+05:30'", "07:30:00+05:30"),
    ("INTERVAL '1 year 1 month 3 days 04:05:06.7'", "1 year 1 mon 3 days 04:05:06.7"),
    ("ARRAY[1, NULL, 3]", [1, None, 3]),
    ("ARRAY[1.10, 2.20]::numeric[]", [Decimal("1.10"), Decimal("2.20")]),
    ("ARRAY['a,b', 'c\"d']", ["a,b", 'c"d']),
    ("ARRAY[DATE 'infinity', DATE '2025-03-09']", ["infinity", date(2025, 3, 9)]),
    ("'{\"n\": 1.10000000000000000001}'::json", '{"n": 1.10000000000000000001}'),
    ("'{\"n\": 12345678901234567890.10}'::jsonb", '{"n": 12345678901234567890.10}'),
    ("'\\x00ff'::bytea", b"\x00\xff"),
    ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("'10.0.0.1/24'::inet", "10.0.0.1/24"),
    ("'10.0.0.1'::inet", "10.0.0.1"),
    ("'10.0.0.0/8'::cidr", "10.0.0.0/8"),
    ("'1234.50'::money", "$1,234.50"),
    ("'calm'::mood", "calm"),
    ("int4range(1, 10)", "[1,10)"),
    ("tstzrange('2025-03-09 07:30+00', NULL)", '["2025-03-09 07:30:00+00",)'),
    ("true", True),
    ("''", ""),
    ("NULL", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def moody(postgresql_source: Source) -> Source:
    engine = create_engine(postgresql_source.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TYPE mood AS ENUM ('calm', 'cross')")
        name = postgresql_source.url.database
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET datestyle = 'German, DMY'")
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET intervalstyle = 'iso_8601'")
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET timezone = 'UTC'")
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET lc_monetary = 'C'")
    engine.dispose()
    return postgresql_source


@pytest.mark.parametrize(("expression", "expected"), POSTGRESQL, ids=[one[0] for one in POSTGRESQL])
def test_it_reads_postgresqls_values_exactly(moody: Source, expression: str, expected: Any) -> None:
    found = value(moody, expression)

    assert found == expected
    assert isinstance(found, type(expected))
    if isinstance(expected, Decimal):
        assert str(found) == str(expected)


def test_it_reads_postgresqls_nan(moody: Source) -> None:
    assert value(moody, "'NaN'::numeric").is_nan()


def test_it_knows_json_by_the_sources_own_word(moody: Source) -> None:
    sql = "SELECT '[1.10]'::jsonb AS a, '{}'::json AS b, '[1]' AS c, ARRAY[1] AS d"
    with open_rows(moody, sql, {}, timeout=10) as rows:
        types = [column.type for column in rows.columns]

    assert types == [ColumnType.JSON, ColumnType.JSON, ColumnType.TEXT, ColumnType.JSON]


SQLITE = [
    ("9223372036854775807", ColumnType.INTEGER, 9223372036854775807),
    ("9007199254740993", ColumnType.DECIMAL, Decimal(9007199254740993)),
    ("0.1", ColumnType.DECIMAL, Decimal("0.1")),
    ("0.1", ColumnType.TEXT, 0.1),
    ("1e999", ColumnType.DECIMAL, float("inf")),
    ("'12345678901234567890.10'", ColumnType.CURRENCY, Decimal("12345678901234567890.10")),
    ("x'00ff'", ColumnType.TEXT, b"\x00\xff"),
    ("'2025-03-09'", ColumnType.DATE, date(2025, 3, 9)),
    ("'2025-03-09 07:30:00'", ColumnType.DATETIME, datetime(2025, 3, 9, 7, 30, tzinfo=UTC)),
    ("'2025-03-09T07:30:00.5Z'", ColumnType.DATETIME, datetime(2025, 3, 9, 7, 30, 0, 500000, tzinfo=UTC)),
    ("'2025-03-09 13:00:00+05:30'", ColumnType.DATETIME, datetime(2025, 3, 9, 7, 30, tzinfo=UTC)),
    ("'2025-03-09 07:30:00.1234567'", ColumnType.DATETIME, "2025-03-09 07:30:00.1234567"),
    ("'10000-01-01 00:00:00'", ColumnType.DATETIME, "10000-01-01 00:00:00"),
    ("'a' || char(0) || 'b'", ColumnType.TEXT, "a\0b"),
    ("''", ColumnType.TEXT, ""),
    ("NULL", ColumnType.TEXT, None),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "type_", "expected"), SQLITE, ids=[one[0] for one in SQLITE])
def test_it_reads_sqlites_values_exactly(
    sqlite_source: Source, expression: str, type_: ColumnType, expected: Any
) -> None:
    found = value(sqlite_source, expression, type_)

    assert (found, type(found)) == (expected, type(expected))


# Text that is none (F19)


def test_it_replaces_and_counts_invalid_utf8_of_sqlite(sqlite_source: Source, sqlite_file: Path) -> None:
    with closing(sqlite3.connect(sqlite_file)) as writer:
        writer.execute("INSERT INTO cases VALUES (4, CAST(x'4dfc6c6c6572' AS TEXT), 'Müller')")
        writer.execute("INSERT INTO cases VALUES (5, CAST(x'ff' AS TEXT), CAST(x'fe' AS TEXT))")
        writer.commit()
    with open_rows(sqlite_source, "SELECT * FROM cases WHERE id > 3", {}, timeout=10) as rows:
        (batch,) = rows.batches

    assert batch == [(4, "M\ufffdller", "Müller"), (5, "\ufffd", "\ufffd")]
    assert rows.tally.notes() == (f"{UNDECODABLE}: 3 cells.",)


def test_it_counts_nothing_where_nothing_was_replaced(either_source: Source) -> None:
    with open_rows(either_source, "SELECT * FROM cases", {}, timeout=10) as rows:
        list(rows.batches)

    assert rows.tally.notes() == ()


@pytest.fixture
def bytes_only(postgresql: str) -> Iterator[Source]:
    """A database whose encoding is SQL_ASCII: it keeps whatever bytes it is given."""
    engine = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(
            text("CREATE DATABASE bytes_only TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
        )
        connection.execute(text("CREATE ROLE bytes_reader LOGIN"))
        url = make_url(postgresql).set(database="bytes_only", username="bytes_reader")
        yield Source(parse_url(url.render_as_string(hide_password=False)), EVERYWHERE)
        connection.execute(text("DROP DATABASE bytes_only WITH (FORCE)"))
        connection.execute(text("DROP ROLE bytes_reader"))
    engine.dispose()


def test_it_reads_text_of_a_database_without_encoding(bytes_only: Source) -> None:
    sql = """SELECT convert_from('\\x4dfc6c6c6572', 'SQL_ASCII') AS latin, :name AS utf8,
        convert_from('\\x225ac3bc7269636822', 'SQL_ASCII')::json AS json"""
    with open_rows(bytes_only, sql, {"name": "Müller"}, timeout=10) as rows:
        (batch,) = rows.batches

    assert batch == [("M\ufffdller", "Müller", '"Zürich"')]
    assert rows.tally.notes() == (f"{UNDECODABLE}: 1 cell.",)


def test_it_says_that_a_database_without_encoding_takes_no_such_sql(bytes_only: Source) -> None:
    with (
        pytest.raises(QueryFailed, match="characters that the database's encoding lacks"),
        open_rows(bytes_only, "SELECT 'Müller'", {}, timeout=10),
    ):
        pass
