"""Our XLSX encoder beside openpyxl's write-only mode: same rows, interleaved processes, both verified.

    python benchmarks/xlsx.py [rows] [rounds]

Prints one line: CPU seconds of ours and the peer's (median, without making the rows), their ratio, peak RSS
and bytes of each. Only the ratio within one run means anything: machines differ and are shared.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from openpyxl import Workbook, load_workbook

from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Document
from portal.table import Batch, Column, ColumnType

START = datetime(2025, 1, 1, 8, 0)  # noqa: DTZ001 - a wall time, as a cell holds it
COLUMNS = (
    Column("id", "Id", ColumnType.INTEGER),
    Column("number", "Case number"),
    Column("status", "Status"),
    Column("title", "Title"),
    Column("opened", "Opened", ColumnType.DATETIME),
    Column("due", "Due", ColumnType.DATE),
    Column("amount", "Amount", ColumnType.CURRENCY),
    Column("share", "Share", ColumnType.PERCENTAGE),
    Column("closed", "Closed", ColumnType.BOOLEAN),
    Column("owner", "Owner"),
    Column("note", "Note"),
    Column("score", "Score", ColumnType.INTEGER),
)


def rows(count: int) -> Iterator[Batch]:
    """Yield the same realistic rows on every call, 1,000 a batch."""
    for first in range(0, count, 1000):
        yield [row(number) for number in range(first, min(first + 1000, count))]


def row(number: int) -> tuple[Any, ...]:
    opened = START + timedelta(minutes=37 * number)
    return (
        number,
        f"AC-2025-{number:06}",
        ("NEW", "OPEN", "CLOSED")[number % 3],
        f"Überprüfung №{number} <Müller & Søn>",
        opened,
        opened.date() + timedelta(days=30),
        Decimal(number * 137 % 1_000_000) / 100,
        Decimal(number % 100) / 100,
        number % 3 == 2,
        f"owner{number % 50}@acme.example",
        None if number % 4 else "Called back; waits for the auditor's answer.",
        number % 101,
    )


def write_ours(path: Path, count: int) -> None:
    document = Document("Benchmark", "Acme Co.", datetime(2025, 1, 1, tzinfo=UTC))
    with path.open("wb") as out:
        XlsxExporter().write(rows(count), COLUMNS, out, document)


def write_openpyxl(path: Path, count: int) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Benchmark")
    sheet.append([column.label for column in COLUMNS])
    for batch in rows(count):
        for values in batch:
            sheet.append(values)
    book.save(path)


WRITERS: dict[str, Callable[[Path, int], None]] = {"ours": write_ours, "openpyxl": write_openpyxl}


def child(writer: str, path: Path, count: int) -> None:
    """Measure one writer in this process; print CPU seconds net of the rows, and peak RSS."""
    started = process_time()
    for _ in rows(count):
        pass
    making = process_time() - started
    started = process_time()
    WRITERS[writer](path, count)
    net = process_time() - started - making
    print(json.dumps({"cpu": net, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def measure(writer: str, path: Path, count: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", writer, str(path), str(count)]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return result


def verify(path: Path, count: int) -> None:
    """Every cell of the file equals what went in."""
    sheet = load_workbook(path, read_only=True).worksheets[0]
    found = sheet.iter_rows(min_row=2, values_only=True)
    expected = (values for batch in rows(count) for values in batch)
    for number, (got, want) in enumerate(zip(found, expected, strict=True)):
        assert [_plain(value) for value in got] == [_plain(value) for value in want], (
            f"row {number} of {path}"
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | float | int) and not isinstance(value, bool):
        return round(float(value), 9)
    # openpyxl reads a date as its midnight
    return value.date() if isinstance(value, datetime) and value.time() == time.min else value


def main(count: int, rounds: int) -> None:
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WRITERS}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.xlsx" for name in WRITERS}
        for _ in range(rounds):
            for name in WRITERS:
                found[name].append(measure(name, paths[name], count))
        for path in paths.values():
            verify(path, count)
        cpu = {name: median(one["cpu"] for one in ones) for name, ones in found.items()}
        rss = {name: median(one["rss"] for one in ones) for name, ones in found.items()}
        size = {name: path.stat().st_size for name, path in paths.items()}
    print(
        f"xlsx {count:,} rows: ours {cpu['ours']:.2f} s, openpyxl write-only {cpu['openpyxl']:.2f} s,"
        f" ratio {cpu['openpyxl'] / cpu['ours']:.1f};"
        f" RSS {rss['ours']:.0f} / {rss['openpyxl']:.0f} MB; {size['ours']:,} / {size['openpyxl']:,} bytes"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main(*(int(word) for word in (sys.argv[1:] + ["20000", "3"][len(sys.argv) - 1 :])))
