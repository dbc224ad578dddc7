"""Our XLSX writer beside openpyxl's write-only mode, XlsxWriter's constant_memory and rustpy-xlsxwriter.

    python benchmarks/xlsx.py [--rows 20000] [--rounds 3] [--record]

Each writes the same rows (`stage/cases.py`) into one sheet, in a process of its own, in turn. Every file is
read back by calamine and compared with what went in, cell by cell. openpyxl uses lxml where it is installed,
which is faster. rustpy-xlsxwriter packs as zlib's level 6 does and can't be told otherwise, so it stands
beside our small files, which have about the size of its own, as well as beside our fast ones.

Prints a line a pair: CPU seconds (user and system, without making the rows, medians), the peer's by ours,
peak RSS in MB, bytes of the file. Only ratios within one run mean anything: machines differ and are shared.
Linux only: memory is read from /proc.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rustpy_xlsxwriter
import xlsxwriter
from openpyxl import Workbook
from stage.cases import COLUMNS, batches, rows
from stage.pairs import (
    Measured,
    measured,
    medians,
    pair,
    print_header,
    print_line,
    run_child,
    seconds_to_make,
)
from stage.workbooks import verify

from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Document
from portal.exporters.options import XlsxSize

KEYS = [column.key for column in COLUMNS]
WIDTH = 28  # of the names that are printed


def write_ours(size: XlsxSize) -> Callable[[Path, int], None]:
    def write(path: Path, count: int) -> None:
        document = Document("Benchmark", "Acme Co.", datetime(2025, 1, 1, tzinfo=UTC))
        with path.open("wb") as out:
            XlsxExporter(size).write(batches(count), COLUMNS, out, document)

    return write


def write_openpyxl(path: Path, count: int) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Benchmark")
    sheet.append(KEYS)
    for values in rows(count):
        sheet.append(values)
    book.save(path)


def write_xlsxwriter(path: Path, count: int) -> None:
    options = {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet("Benchmark")
        sheet.write_row(0, 0, KEYS)
        for number, values in enumerate(rows(count), 1):
            sheet.write_row(number, 0, values)


def write_rustpy(path: Path, count: int) -> None:
    rustpy_xlsxwriter.write_worksheet(records(count), str(path), sheet_name="Benchmark")


def records(count: int) -> Iterator[dict[str, Any]]:
    for values in rows(count):
        yield dict(zip(KEYS, values, strict=True))


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "fast": write_ours(XlsxSize.FAST),
    "small": write_ours(XlsxSize.SMALL),
    "openpyxl": write_openpyxl,
    "xlsxwriter": write_xlsxwriter,
    "rustpy": write_rustpy,
}
PAIRS = (("fast", "openpyxl"), ("fast", "xlsxwriter"), ("fast", "rustpy"), ("small", "rustpy"))


def child(writer: str, path: Path, count: int) -> Measured:
    """Measure one writer in this process. What makes the rows is measured as it takes them, dicts and all."""
    make = {"rustpy": records, "openpyxl": rows, "xlsxwriter": rows}.get(writer, batches)
    return measured(lambda: WRITERS[writer](path, count), path, seconds_to_make(make(count)))


def main(count: int, rounds: int, *, recorded: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = medians(
            {name: Path(folder) / f"{name}.xlsx" for name in WRITERS},
            rounds,
            lambda name, path: run_child(__file__, name, path, "--rows", str(count)),
            lambda _, path: verify(path, count),
        )
    print_header(WIDTH)
    for ours, peer in PAIRS:
        line = pair(f"xlsx-{count}-{ours}/{peer}", found[ours], found[peer])
        print_line(line, WIDTH, recorded=recorded)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="append the results to results.jsonl")
    parser.add_argument("--child", choices=WRITERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asdict(child(options.child, options.file, options.rows))))
    else:
        main(options.rows, options.rounds, recorded=options.record)
