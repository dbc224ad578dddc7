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
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import rustpy_xlsxwriter
import xlsxwriter
from openpyxl import Workbook
from python_calamine import CalamineWorkbook
from stage.cases import COLUMNS, batches, rows

from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Document
from portal.exporters.options import XlsxSize

KEYS = [column.key for column in COLUMNS]
RESULTS = Path(__file__).with_name("results.jsonl")


@dataclass(frozen=True)
class Measured:
    """One round: seconds of CPU without making the rows, peak RSS in MB, bytes of the file."""

    cpu: float
    rss: float
    bytes: float


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
    started = process_time()
    for _ in make(count):
        pass
    making = process_time() - started
    started = process_time()
    WRITERS[writer](path, count)
    cpu = process_time() - started - making
    return Measured(cpu, peak_memory(), path.stat().st_size)


def peak_memory() -> float:
    """Return the most memory this process had, in MB; `ru_maxrss` would count its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def run_child(writer: str, path: Path, count: int) -> Measured:
    command = [sys.executable, __file__, "--child", writer, "--file", str(path), "--rows", str(count)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Measured(**json.loads(result.stdout))


def verify(path: Path, count: int) -> None:
    """Every cell of the file equals what went in."""
    found = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows()
    next(found)  # the header
    for number, (got, want) in enumerate(zip(found, rows(count), strict=True), 2):
        assert got == [_as_read(value) for value in want], f"row {number} of {path.name}: {got}"


def _as_read(value: Any) -> Any:
    if value is None:
        return ""
    return float(value) if isinstance(value, Decimal) else value


def measure(count: int, rounds: int) -> dict[str, Measured]:
    """Return the medians of each writer."""
    found: dict[str, list[Measured]] = {name: [] for name in WRITERS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for name in WRITERS:
                path = Path(folder) / f"{name}.xlsx"
                found[name].append(run_child(name, path, count))
                if number == 0:
                    verify(path, count)
    return {
        name: Measured(*(median(getattr(one, field) for one in ones) for field in ("cpu", "rss", "bytes")))
        for name, ones in found.items()
    }


def pair(ours: str, peer: str, count: int, found: dict[str, Measured]) -> dict[str, Any]:
    return {
        "name": f"xlsx-{count}-{ours}/{peer}",
        **{f"ours_{name}": round(value, 3) for name, value in asdict(found[ours]).items()},
        **{f"peer_{name}": round(value, 3) for name, value in asdict(found[peer]).items()},
        "ratio": round(found[peer].cpu / found[ours].cpu, 2),
    }


SHOWN = ("ours_cpu", "peer_cpu", "ratio", "ours_rss", "peer_rss", "ours_bytes", "peer_bytes")


def main(count: int, rounds: int, *, record: bool) -> None:
    found = measure(count, rounds)
    print(f"{'name':<28}", *(f"{column:>11}" for column in SHOWN), " (s, MB, bytes)")
    for line in (pair(ours, peer, count, found) for ours, peer in PAIRS):
        print(f"{line['name']:<28}", *(f"{line[column]:>11}" for column in SHOWN))
        if record:
            with RESULTS.open("a") as out:
                out.write(json.dumps({"at": datetime.now(UTC).isoformat(), **line}) + "\n")


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
        main(options.rows, options.rounds, record=options.record)
