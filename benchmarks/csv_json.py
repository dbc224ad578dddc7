"""Our CSV, JSON and NDJSON beside what a user would write them with: csv, polars, pyarrow, json and orjson.

    python benchmarks/csv_json.py [--rows 30000] [--rounds 3] [--record]

Each writes the same rows (`stage/cases.py`) in a process of its own, in turn. Every file is read back by
another program and compared with what went in, value by value. What the peers leave out: none puts a guard
before text that a spreadsheet would run, csv writes NULL and the empty text alike, polars and pyarrow hold
a batch as a typed frame first and refuse a column of mixed types; json and orjson are given a function for
dates and decimals, and trust readers with integers of any size.

Prints a line a pair: CPU seconds (user and system, without making the rows, medians), the peer's by ours,
peak RSS in MB (imports of polars and pyarrow included), bytes of the file, and our rows a second. Only ratios
within one run mean anything: machines differ and are shared. Linux only: memory is read from /proc.
"""

import argparse
import csv
import importlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from stage.cases import COLUMNS, batches, rows
from stage.pairs import (
    SHOWN,
    Measured,
    measured,
    medians,
    pair,
    print_header,
    print_line,
    run_child,
    seconds_to_make,
)

from portal.exporters.as_csv import CsvExporter
from portal.exporters.as_json import JsonExporter, NdjsonExporter
from portal.exporters.base import Document, Exporter, header
from portal.exporters.options import CsvOptions, Encoding

DOCUMENT = Document("Benchmark", "Acme Co.", datetime(2025, 1, 1, tzinfo=UTC))
KEYS = [column.key for column in COLUMNS]
WIDTH = 24  # of the names that are printed
COLUMNS_SHOWN = (*SHOWN, "rows/s")

Writer = Callable[[BinaryIO, int], None]


def ours(exporter: Exporter) -> Writer:
    def write(out: BinaryIO, count: int) -> None:
        exporter.write(batches(count), COLUMNS, out, DOCUMENT)

    return write


def write_csv(out: BinaryIO, count: int) -> None:
    with open(out.fileno(), "w", encoding="utf-8", newline="", closefd=False) as text:
        writer = csv.writer(text)
        writer.writerow(KEYS)
        writer.writerows(rows(count))


def write_polars(out: BinaryIO, count: int) -> None:
    polars = importlib.import_module("polars")
    for number, batch in enumerate(batches(count)):
        # the whole batch decides on the types
        frame = polars.DataFrame(batch, schema=KEYS, orient="row", infer_schema_length=None)
        frame.write_csv(out, include_header=number == 0, datetime_format="%Y-%m-%dT%H:%M:%S")


def write_pyarrow(out: BinaryIO, count: int) -> None:
    pyarrow, arrow_csv = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.csv")
    for number, batch in enumerate(batches(count)):
        columns = [pyarrow.array(column) for column in zip(*batch, strict=True)]
        options = arrow_csv.WriteOptions(include_header=number == 0)
        arrow_csv.write_csv(pyarrow.table(columns, names=KEYS), out, options)


def write_json(out: BinaryIO, count: int) -> None:
    dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=as_text).encode
    out.writelines(dumps(dict(zip(KEYS, values, strict=True))).encode() + b"\n" for values in rows(count))


def write_orjson(out: BinaryIO, count: int) -> None:
    options = orjson.OPT_APPEND_NEWLINE
    for batch in batches(count):
        lines = [orjson.dumps(dict(zip(KEYS, row, strict=True)), as_text, options) for row in batch]
        out.write(b"".join(lines))


def as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


WRITERS: dict[str, Writer] = {
    "csv": ours(CsvExporter(CsvOptions(encoding=Encoding.UTF_8))),
    "csv.writer": write_csv,
    "polars": write_polars,
    "pyarrow": write_pyarrow,
    "json": ours(JsonExporter()),
    "ndjson": ours(NdjsonExporter()),
    "json.dumps": write_json,
    "orjson": write_orjson,
}
PAIRS = (
    *(("csv", peer) for peer in ("csv.writer", "polars", "pyarrow")),
    *(("json", peer) for peer in ("json.dumps", "orjson")),
    *(("ndjson", peer) for peer in ("json.dumps", "orjson")),
)
BY_ROW = ("csv.writer", "json.dumps")
"""What takes rows one by one, as it is then measured without making them."""


def child(writer: str, path: Path, count: int) -> Measured:
    """Measure one writer in this process, imports apart; what makes the rows is measured as it takes them."""
    for module in ("polars", "pyarrow.csv"):
        if module.startswith(writer):
            importlib.import_module(module)
    make: Callable[[int], Iterable[Any]] = rows if writer in BY_ROW else batches
    making = seconds_to_make(make(count))

    def work() -> None:
        with path.open("wb") as out:
            WRITERS[writer](out, count)

    return measured(work, path, making)


def verify(writer: str, path: Path, count: int) -> None:
    """Every value of the file, read by the standard library, equals what went in."""
    found = read_csv(path) if writer in ("csv", "csv.writer", "polars", "pyarrow") else read_json(path)
    labels = [header(column, DOCUMENT) for column in COLUMNS] if writer == "csv" else KEYS
    for number, (got, want) in enumerate(zip(found, chain([labels], rows(count)), strict=True), 1):
        as_read = [convert(one) for convert, one in zip(CONVERTERS, got, strict=True)] if number > 1 else got
        expected = [_plain(value) for value in want]
        assert as_read == expected, f"row {number} of {writer}: {got}, not {expected}"


def read_csv(path: Path) -> Iterator[list[Any]]:
    with path.open(encoding="utf-8", newline="") as text:
        yield from csv.reader(text)


def read_json(path: Path) -> Iterator[list[Any]]:
    """Yield the keys, then the values; both layouts have a row a line."""
    with path.open(encoding="utf-8", newline="\n") as text:
        for number, row in enumerate(json.loads(line.rstrip(",\n")) for line in text if line[0] == "{"):
            if number == 0:
                yield list(row)
            yield list(row.values())


def _plain(value: Any) -> Any:
    return "" if value is None else value


def _number(found: Any) -> Any:
    return found if found in (None, "") else Decimal(found)


BY_TYPE: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "currency": lambda found: _plain(_number(found)),
    "datetime": datetime.fromisoformat,
    "boolean": lambda found: str(found).lower() == "true",
}
CONVERTERS = [BY_TYPE.get(column.type.value, _plain) for column in COLUMNS]


def main(count: int, rounds: int, *, recorded: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = medians(
            {name: Path(folder) / name for name in WRITERS},
            rounds,
            lambda name, path: run_child(__file__, name, path, "--rows", str(count)),
            lambda name, path: verify(name, path, count),
        )
    print_header(WIDTH, COLUMNS_SHOWN)
    for name, peer in PAIRS:
        line = pair(f"{name}-{count}/{peer}", found[name], found[peer])
        line["rows/s"] = round(count / found[name].cpu)
        print_line(line, WIDTH, COLUMNS_SHOWN, recorded=recorded)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="append the results to results.jsonl")
    parser.add_argument("--child", choices=WRITERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asdict(child(options.child, options.file, options.rows))))
    else:
        main(options.rows, options.rounds, recorded=options.record)
