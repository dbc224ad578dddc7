"""From a database to a workbook: ours beside SQLAlchemy Core and openpyxl's write-only mode.

    python benchmarks/end_to_end.py [--rows 50000] [--rounds 3] [--database sqlite …] [--record]

Ours is `query.open_rows` into `XlsxExporter`; the peer streams `select(table)` with typed columns by
`yield_per` and appends each row. openpyxl uses lxml where it is installed, which is faster. Both read the
same table in a process of their own, in turn; every file is read back by calamine and compared with what
the table was filled with, cell by cell.

Prints a line a database: CPU seconds (user and system, reading included, medians), the peer's by ours, peak
RSS in MB, bytes of the file. Only ratios within one run mean anything: machines differ and are shared.
Linux only: memory is read from /proc.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from openpyxl import Workbook
from python_calamine import CalamineWorkbook
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
from stage.cases import COLUMNS, rows

from portal.datasets.query import open_rows
from portal.datasets.sources import parse_url
from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Document
from portal.table import ColumnType

DATABASES = ("sqlite", "postgresql")
RESULTS = Path(__file__).with_name("results.jsonl")
TYPES: dict[ColumnType, Any] = {
    ColumnType.INTEGER: Integer,
    ColumnType.TEXT: Text,
    ColumnType.DATETIME: DateTime,
    ColumnType.CURRENCY: Numeric(14, 2),
    ColumnType.BOOLEAN: Boolean,
}


@dataclass(frozen=True)
class Measured:
    """One round: CPU seconds, peak RSS in MB, bytes of the file."""

    cpu: float
    rss: float
    bytes: float


def write_ours(url: str, path: Path) -> None:
    document = Document("Benchmark", "Acme Co.", datetime(2025, 1, 1, tzinfo=UTC))
    with (
        open_rows(parse_url(url), tables.SQL, {}, columns=COLUMNS, timeout=3600) as read,
        path.open("wb") as out,
    ):
        XlsxExporter().write(read.batches, read.columns, out, document)


def write_openpyxl(url: str, path: Path) -> None:
    warnings.simplefilter("ignore", SAWarning)  # SQLite keeps decimals as floats
    table = Table("cases", MetaData(), *(Column(column.key, TYPES[column.type]) for column in COLUMNS))
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Benchmark")
    sheet.append([column.key for column in COLUMNS])
    engine = create_engine(url)
    with engine.connect() as connection:
        reading = connection.execution_options(yield_per=1000)
        for row in reading.execute(select(table).order_by(table.c.id)):
            sheet.append(tuple(row))  # it refuses a Row
    engine.dispose()
    book.save(path)


WRITERS: dict[str, Callable[[str, Path], None]] = {"ours": write_ours, "openpyxl": write_openpyxl}


def child(writer: str, url: str, path: Path) -> Measured:
    started = process_time()
    WRITERS[writer](url, path)
    cpu = process_time() - started
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    return Measured(cpu, peak, path.stat().st_size)


def run_child(writer: str, url: str, path: Path) -> Measured:
    command = [sys.executable, __file__, "--child", writer, "--url", url, "--file", str(path)]
    return Measured(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def verify(path: Path, count: int) -> None:
    """Every cell of the file equals what the table was filled with."""
    found = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows()
    next(found)  # the header
    for number, (got, want) in enumerate(zip(found, rows(count), strict=True), 2):
        assert got == [_as_read(value) for value in want], f"row {number} of {path.name}: {got}"


def _as_read(value: Any) -> Any:
    if value is None:
        return ""
    return float(value) if isinstance(value, Decimal) else value


def measure(database: str, count: int, rounds: int) -> dict[str, Any]:
    found: dict[str, list[Measured]] = {name: [] for name in WRITERS}
    with tempfile.TemporaryDirectory() as name, tables.filled(database, Path(name), count) as url:
        for number in range(rounds):
            for writer in WRITERS:
                path = Path(name) / f"{writer}.xlsx"
                found[writer].append(run_child(writer, url, path))
                if number == 0:
                    verify(path, count)
    ours, peer = (
        Measured(*(median(getattr(one, field) for one in found[writer]) for field in ("cpu", "rss", "bytes")))
        for writer in WRITERS
    )
    return {
        "name": f"end-to-end-{count}-{database}/openpyxl",
        **{f"ours_{name}": round(value, 3) for name, value in asdict(ours).items()},
        **{f"peer_{name}": round(value, 3) for name, value in asdict(peer).items()},
        "ratio": round(peer.cpu / ours.cpu, 2),
    }


SHOWN = ("ours_cpu", "peer_cpu", "ratio", "ours_rss", "peer_rss", "ours_bytes", "peer_bytes")


def main(databases: list[str], count: int, rounds: int, *, record: bool) -> None:
    services.end_on_signals()
    print(f"{'name':<36}", *(f"{column:>11}" for column in SHOWN), " (s, MB, bytes)")
    for database in databases:
        line = measure(database, count, rounds)
        print(f"{line['name']:<36}", *(f"{line[column]:>11}" for column in SHOWN), flush=True)
        if record:
            with RESULTS.open("a") as out:
                out.write(json.dumps({"at": datetime.now(UTC).isoformat(), **line}) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=DATABASES, nargs="+", default=DATABASES)
    parser.add_argument("--record", action="store_true", help="append the results to results.jsonl")
    parser.add_argument("--child", choices=WRITERS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asdict(child(options.child, options.url, options.file))))
    else:
        main(list(options.database), options.rows, options.rounds, record=options.record)
