"""What a column of the flat file costs, beside one of CASES_ONLY: 200,000 cases with 3 investigations each.

    python benchmarks/flat_file.py [--cases 200000] [--rounds 3] [--database sqlite …] [--record]

Both are built-in datasets of `portal.datasets.compliance`, the flat file with N = 3, five custom fields and
overflow. Each is read from `query.open_rows` to the last batch, in a process of its own, in turn; nothing is
written. The demo's generator makes cases, users and places; each case then gets 3 investigations.

Prints a line a database: columns; seconds of reading and of them CPU of this process, medians, in all and a
column; the flat file's by CASES_ONLY's. The target is 2. SQLite works within the process; PostgreSQL's CPU is
not counted, so look at its seconds. Only ratios within one run mean anything: machines differ and are shared.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from sqlalchemy.engine import make_url
from stage import pairs, services

from portal.datasets.compliance.choice import BuiltIn
from portal.datasets.compliance.export_types import definition
from portal.datasets.export_type import ExportType
from portal.datasets.filters import bindings
from portal.datasets.query import open_rows
from portal.demo import acme
from portal.demo.acme_datasets import SLOTS
from portal.demo.acme_schema import TABLES
from portal.hosts import EVERYWHERE
from portal.sources.connection import Source
from portal.sources.url import parse_url

DATABASES = ("sqlite", "postgresql")
READER = "reader"
TODAY = date(2025, 11, 25)
DUE = datetime(2025, 11, 25, tzinfo=UTC)
CHOSEN = {
    "cases": BuiltIn(ExportType.CASES_ONLY),
    "flat": BuiltIn(ExportType.FLAT_FILE, 3, SLOTS, overflow=True),
}
INVESTIGATIONS = """
DELETE FROM investigations;
INSERT INTO investigations SELECT 3 * c.id + n.n, c.id, c.number || '-I' || n.n, 'Interview', 'CLOSED',
  c.creator_id, datetime(c.opened_at, '+' || n.n || ' days'),
  datetime(c.opened_at, '+' || (n.n + 5) || ' days'), 'Said what was asked for', 1.5 * n.n
FROM cases c, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3) AS n;
ANALYZE;
"""
# SQLite's types as docs/compliance-schema.md has PostgreSQL's.
INSTANTS = frozenset({"opened_at", "due_at", "closed_at", "updated_at", "submitted_at", "decided_at"})
OTHERS = {
    **dict.fromkeys(INSTANTS, "timestamptz"),
    **dict.fromkeys(("custom_fields", "assignee_ids"), "jsonb"),
    **dict.fromkeys(("estimated_loss", "recovered", "amount", "risk_score", "hours"), "numeric"),
    **dict.fromkeys(("anonymous", "active", "public_official"), "boolean"),
    **dict.fromkeys(("incident_date", "event_date"), "date"),
}


@contextmanager
def filled(database: str, folder: Path, cases: int) -> Iterator[str]:
    """Fill a database of its own with so many cases; yield a reader's URL."""
    path = folder / "compliance.db"
    acme.build(path, "Acme Co.", cases, seed=7, today=TODAY)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(INVESTIGATIONS)
    if database == "sqlite":
        yield f"sqlite:///{path}"
        return
    with services.postgresql(folder / "postgresql") as url:
        copy(path, url.replace("+psycopg", "", 1))
        yield make_url(url).set(username=READER).render_as_string(hide_password=False)


def copy(path: Path, url: str) -> None:
    """Copy a SQLite database to PostgreSQL, with its indexes."""
    with closing(sqlite3.connect(path)) as source, psycopg.connect(url) as target:
        target.execute("SET TIME ZONE 'UTC'")
        tables = [name for (name,) in source.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in (name for name in tables if f"CREATE TABLE {name} " in TABLES):
            found = source.execute(f"SELECT * FROM {table}")
            kinds = {name: kind for _, name, kind, *_ in source.execute(f"PRAGMA table_info({table})")}
            target.execute(_create(table, kinds).encode())
            with target.cursor().copy(f"COPY {table} FROM STDIN".encode()) as rows:
                for row in found:
                    rows.write_row(row)
        for (index,) in source.execute(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        ):
            target.execute(index.encode())
        target.execute(f"CREATE ROLE {READER} LOGIN".encode())
        target.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}".encode())
    with psycopg.connect(url, autocommit=True) as target:
        target.execute("VACUUM ANALYZE")


def _create(table: str, kinds: dict[str, str]) -> str:
    columns = ", ".join(
        f"{name} {OTHERS.get(name, 'bigint' if kind == 'INTEGER' else 'text')}"
        f"{' PRIMARY KEY' if name == 'id' else ''}"
        for name, kind in kinds.items()
    )
    return f"CREATE TABLE {table} ({columns})"


def read(which: str, url: str) -> dict[str, float]:
    """Read a dataset to its end in this process."""
    source = Source(parse_url(url), EVERYWHERE)
    dataset = definition(CHOSEN[which], source.backend)
    sqlite = source.backend == "sqlite"
    values = bindings(dataset.parameters, {}, due_at=DUE, timezone="UTC", sqlite=sqlite)
    started, cpu = time.perf_counter(), time.process_time()
    with open_rows(source, dataset.sql, values, columns=dataset.columns, timeout=3600) as rows:
        count = sum(map(len, rows.batches))
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "columns": len(dataset.columns),
        "rows": count,
    }


def compare(database: str, cases: int, rounds: int) -> dict[str, Any]:
    """Return the line of one database."""
    found: dict[str, list[dict[str, float]]] = {which: [] for which in CHOSEN}
    with tempfile.TemporaryDirectory() as folder, filled(database, Path(folder), cases) as url:
        for _ in range(rounds):
            for which in CHOSEN:
                command = [sys.executable, __file__, "--child", which, "--url", url]
                one = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
                assert one["rows"] == cases, one
                found[which].append(one)
    line: dict[str, Any] = {"name": f"flat-file-{cases}-{database}"}
    for which, rounds_of in found.items():
        line[f"{which}_columns"] = columns = rounds_of[0]["columns"]
        for what in ("seconds", "cpu"):
            taken = median(one[what] for one in rounds_of)
            line[f"{which}_{what}"] = round(taken, 2)
            line[f"{which}_{what}_a_column"] = round(taken / columns, 4)
    for what in ("seconds", "cpu"):
        line[f"{what}_ratio"] = round(line[f"flat_{what}_a_column"] / line[f"cases_{what}_a_column"], 2)
    return line


def main(databases: list[str], cases: int, rounds: int, *, recorded: bool) -> None:
    services.end_on_signals()
    for database in databases:
        line = compare(database, cases, rounds)
        print(*(f"{name} {value}" for name, value in line.items()), sep="  ", flush=True)
        if recorded:
            pairs.record(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=DATABASES, nargs="+", default=DATABASES)
    parser.add_argument("--record", action="store_true", help="append the results to results.jsonl")
    parser.add_argument("--child", choices=tuple(CHOSEN), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(read(options.child, options.url)))
    else:
        main(list(options.database), options.cases, options.rounds, recorded=options.record)
