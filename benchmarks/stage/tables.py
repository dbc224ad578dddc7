"""The rows of `stage.cases` in a table of a real database, for benchmarks that read them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from portal.table import ColumnType

from . import services
from .cases import COLUMNS, rows

READER = "reader"
SQL = f"SELECT {', '.join(column.key for column in COLUMNS)} FROM cases ORDER BY id"
_POSTGRESQL = {
    ColumnType.INTEGER: "bigint",
    ColumnType.TEXT: "text",
    ColumnType.DATETIME: "timestamptz",
    ColumnType.CURRENCY: "numeric(14, 2)",
    ColumnType.BOOLEAN: "boolean",
}


@contextmanager
def filled(database: str, folder: Path, count: int) -> Iterator[str]:
    """Fill a table `cases` in a database of its own, `sqlite` or `postgresql`; yield a reader's URL."""
    if database == "sqlite":
        path = folder / "cases.db"
        fill_sqlite(path, count)
        yield f"sqlite:///{path}"
        path.unlink()
        return
    with services.postgresql(folder / "postgresql") as url:
        fill_postgresql(url.replace("+psycopg", "", 1), count)
        yield make_url(url).set(username=READER).render_as_string(hide_password=False)


def fill_sqlite(path: Path, count: int) -> None:
    """Instants as SQLite's own functions write them, in UTC without saying so; amounts as REAL."""
    names = ", ".join(
        f"{column.key}{' INTEGER PRIMARY KEY' if column.key == 'id' else ''}" for column in COLUMNS
    )
    values = ", ".join("?" for _ in COLUMNS)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE cases ({names})")
        connection.executemany(
            f"INSERT INTO cases VALUES ({values})",
            ([_for_sqlite(value) for value in row] for row in rows(count)),
        )


def fill_postgresql(url: str, count: int) -> None:
    names = ", ".join(f"{column.key} {_POSTGRESQL[column.type]}" for column in COLUMNS)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE cases ({names}, PRIMARY KEY (id))".encode())
        with cursor.copy("COPY cases FROM STDIN") as copy:
            for row in rows(count):
                copy.write_row(row)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE cases")
        connection.execute(f"CREATE ROLE {READER} LOGIN")
        connection.execute(f"GRANT SELECT ON cases TO {READER}")


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, datetime):
        return str(value.replace(tzinfo=None))
    return float(value) if isinstance(value, Decimal) else value
