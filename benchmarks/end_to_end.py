"""From a database to a workbook: ours beside SQLAlchemy Core and openpyxl's write-only mode.

    python benchmarks/end_to_end.py [--rows 25000] [--rounds 3] [--database sqlite …] [--record]

Ours is `query.open_rows` into `XlsxExporter`; the peer streams `select(table)` with typed columns by
`yield_per` and appends each row. openpyxl uses lxml where it is installed, which is faster. Both read the
same table in a process of their own, in turn; every file of every round is read back by calamine and compared
with what the table was filled with, cell by cell. Instants are `timestamptz`, in SQLite UTC's text as its own
functions write it; both show them in Europe/Berlin, the peer by `astimezone`, as openpyxl takes no zone.

Prints a line a database: CPU seconds (user and system, reading included, medians), the peer's by ours, peak
RSS in MB, bytes of the file. Only ratios within one run mean anything: machines differ and are shared.
Linux only: memory is read from /proc.
"""

import argparse
import json
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    create_engine,
    select,
)
from sqlalchemy.exc import SAWarning
from stage import services, tables
from stage.cases import COLUMNS, DOCUMENT, INSTANTS, KEYS, LABELS, wall_time
from stage.pairs import measured, medians, pair, parser, print_header, print_line, run_child
from stage.workbooks import verify

from portal.datasets.query import open_rows
from portal.exporters.as_xlsx import XlsxExporter
from portal.hosts import EVERYWHERE
from portal.sources.connection import Source
from portal.sources.url import parse_url
from portal.table import ColumnType, Row

DATABASES = ("sqlite", "postgresql")
WIDTH = 36  # of the names that are printed
TYPES: dict[ColumnType, Any] = {
    ColumnType.INTEGER: Integer,
    ColumnType.TEXT: Text,
    ColumnType.DATETIME: DateTime(timezone=True),
    ColumnType.CURRENCY: Numeric(14, 2),
    ColumnType.BOOLEAN: Boolean,
}


def write_ours(url: str, path: Path) -> None:
    with (
        open_rows(Source(parse_url(url), EVERYWHERE), tables.SQL, {}, columns=COLUMNS, timeout=3600) as read,
        path.open("wb") as out,
    ):
        XlsxExporter().write(read.batches, read.columns, out, DOCUMENT)


def write_openpyxl(url: str, path: Path) -> None:
    warnings.simplefilter("ignore", SAWarning)  # SQLite keeps decimals as floats
    table = Table("cases", MetaData(), *(Column(column.key, TYPES[column.type]) for column in COLUMNS))
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Benchmark")
    sheet.append(KEYS)
    engine = create_engine(url)
    with engine.connect() as connection:
        reading = connection.execution_options(yield_per=1000)
        for row in reading.execute(select(table).order_by(table.c.id)):
            sheet.append(shown(row))
    engine.dispose()
    book.save(path)


def shown(row: Row) -> list[Any]:
    """Return what openpyxl takes: a list, with wall times. SQLAlchemy gives SQLite's instants without UTC."""
    values = list(row)
    for place in INSTANTS:
        instant = values[place]
        values[place] = wall_time(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    return values


WRITERS: dict[str, Callable[[str, Path], None]] = {"ours": write_ours, "openpyxl": write_openpyxl}


def compare(database: str, count: int, rounds: int) -> dict[str, Any]:
    """Return the line of one database."""
    with tempfile.TemporaryDirectory() as folder, tables.filled(database, Path(folder), count) as url:
        found = medians(
            {name: Path(folder) / f"{name}.xlsx" for name in WRITERS},
            rounds,
            lambda name, path: run_child(__file__, name, path, "--url", url),
            lambda name, path: verify(path, LABELS if name == "ours" else KEYS, count),
        )
    return pair(f"end-to-end-{count}-{database}/openpyxl", found["ours"], found["openpyxl"])


def main(databases: list[str], count: int, rounds: int, *, recorded: bool) -> None:
    services.end_on_signals()
    print_header(WIDTH)
    for database in databases:
        print_line(compare(database, count, rounds), WIDTH, recorded=recorded)


if __name__ == "__main__":
    arguments = parser(__doc__, WRITERS)
    arguments.add_argument("--rows", type=int, default=25_000)
    arguments.add_argument("--database", choices=DATABASES, nargs="+", default=DATABASES)
    arguments.add_argument("--url", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.child:
        writing = partial(WRITERS[options.child], options.url, options.file)
        print(json.dumps(asdict(measured(writing, options.file))))
    else:
        main(list(options.database), options.rows, options.rounds, recorded=options.record)
