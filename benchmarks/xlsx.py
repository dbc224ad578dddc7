"""Our XLSX writer beside openpyxl's write-only mode, XlsxWriter's constant_memory and rustpy-xlsxwriter.

    python benchmarks/xlsx.py [--rows 20000] [--rounds 3] [--record]

Each writes the same rows (`stage/cases.py`) into one sheet, in a process of its own, in turn. Every file of
every round is read back by calamine and compared with what went in, cell by cell. Both columns of instants
are aware and shown in Europe/Berlin: we are told the zone; the peers know none, so they are given wall times
as their users would, by `astimezone`, which counts as theirs as it does as ours. openpyxl uses lxml where it
is installed, which is faster. The peers pack as zlib's level 6 does, rustpy-xlsxwriter can't even be told
otherwise, so each stands beside our small files, about as large as its own, as well as beside our fast ones.

Prints a line a pair: CPU seconds (user and system, without making the rows, medians), the peer's by ours,
peak RSS in MB, bytes of the file. Only ratios within one run mean anything: machines differ and are shared.
Linux only: memory is read from /proc.
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import rustpy_xlsxwriter
import xlsxwriter  # type: ignore[import-untyped]
from openpyxl import Workbook
from stage.cases import (
    COLUMNS,
    DOCUMENT,
    INSTANTS,
    KEYS,
    LABELS,
    batches,
    rows,
    wall_time,
    with_wall_times,
)
from stage.pairs import (
    Measured,
    measured,
    medians,
    pair,
    parser,
    print_header,
    print_line,
    run_child,
    seconds_to_make,
)
from stage.workbooks import verify

from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.options import XlsxSize

WIDTH = 28  # of the names that are printed


def write_ours(size: XlsxSize) -> Callable[[Path, int], None]:
    def write(path: Path, count: int) -> None:
        with path.open("wb") as out:
            XlsxExporter(size).write(batches(count), COLUMNS, out, DOCUMENT)

    return write


def write_openpyxl(path: Path, count: int) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Benchmark")
    sheet.append(KEYS)
    for values in rows(count):
        sheet.append(with_wall_times(values))
    book.save(path)


def write_xlsxwriter(path: Path, count: int) -> None:
    options = {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet("Benchmark")
        sheet.write_row(0, 0, KEYS)
        for number, values in enumerate(rows(count), 1):
            sheet.write_row(number, 0, with_wall_times(values))


def write_rustpy(path: Path, count: int) -> None:
    rustpy_xlsxwriter.write_worksheet(shown_records(count), str(path), sheet_name="Benchmark")


def shown_records(count: int) -> Iterator[dict[str, Any]]:
    keys = [KEYS[place] for place in INSTANTS]
    for record in records(count):
        for key in keys:
            record[key] = wall_time(record[key])
        yield record


def records(count: int) -> Iterator[dict[str, Any]]:
    for values in rows(count):
        yield dict(zip(KEYS, values, strict=True))


Writer = Callable[[Path, int], None]
OURS: dict[str, Writer] = {"fast": write_ours(XlsxSize.FAST), "small": write_ours(XlsxSize.SMALL)}
PEERS: dict[str, Writer] = {
    "openpyxl": write_openpyxl,
    "xlsxwriter": write_xlsxwriter,
    "rustpy": write_rustpy,
}
WRITERS = {**OURS, **PEERS}


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
            lambda name, path: verify(path, LABELS if name in OURS else KEYS, count),
        )
    print_header(WIDTH)
    for ours, peer in product(OURS, PEERS):
        line = pair(f"xlsx-{count}-{ours}/{peer}", found[ours], found[peer])
        print_line(line, WIDTH, recorded=recorded)


if __name__ == "__main__":
    arguments = parser(__doc__, WRITERS)
    arguments.add_argument("--rows", type=int, default=20_000)
    options = arguments.parse_args()
    if options.child:
        print(json.dumps(asdict(child(options.child, options.file, options.rows))))
    else:
        main(options.rows, options.rounds, recorded=options.record)
