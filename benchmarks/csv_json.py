"""Our CSV, JSON and NDJSON beside what a user would write them with: csv, polars, pyarrow, json and orjson.

    python benchmarks/csv_json.py [--rows 20000] [--rounds 3] [--record]

Each writes the same rows (`stage/cases.py`) in a process of its own, in turn. Every file of every round is
read back by another program and compared with what went in, value by value. Both columns of instants are
aware: in CSV all show them in Europe/Berlin with the offset, the peers by their own conversion (`astimezone`,
`convert_time_zone`, `cast`); in JSON all write them in UTC. What the peers leave out: none puts a guard
before text that a spreadsheet would run, csv writes NULL and the empty text alike, polars and pyarrow hold
a batch as a typed frame first and refuse a column of mixed types; json and orjson are given a function for
dates and decimals, and trust readers with integers of any size.

Prints a line a pair: CPU seconds (user and system, without making the rows, medians), the peer's by ours,
peak RSS in MB (imports of polars and pyarrow included), bytes of the file, and our rows a second. Only ratios
within one run mean anything: machines differ and are shared. Linux only: memory is read from /proc.
"""

import csv
import importlib
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from stage.cases import COLUMNS, DOCUMENT, INSTANTS, KEYS, LABELS, ZONE, batches, rows
from stage.pairs import (
    SHOWN,
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
from stage.texts import CSV, JSON, verify

from portal.exporters.as_csv import CsvExporter
from portal.exporters.as_json import JsonExporter, NdjsonExporter
from portal.exporters.base import Exporter
from portal.exporters.options import CsvOptions, Encoding
from portal.table import Row

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
        writer.writerows(map(with_offsets, rows(count)))


def with_offsets(row: Row) -> list[Any]:
    values = list(row)
    for place in INSTANTS:
        values[place] = values[place].astimezone(ZONE).isoformat()
    return values


def write_polars(out: BinaryIO, count: int) -> None:
    polars = importlib.import_module("polars")
    for number, batch in enumerate(batches(count)):
        # the whole batch decides on the types
        frame = polars.DataFrame(batch, schema=KEYS, orient="row", infer_schema_length=None)
        instants = polars.col(*(KEYS[place] for place in INSTANTS))
        shown = frame.with_columns(instants.dt.convert_time_zone(ZONE.key))
        shown.write_csv(out, include_header=number == 0, datetime_format="%Y-%m-%dT%H:%M:%S%:z")


def write_pyarrow(out: BinaryIO, count: int) -> None:
    pyarrow, arrow_csv = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.csv")
    for number, batch in enumerate(batches(count)):
        columns = [pyarrow.array(column) for column in zip(*batch, strict=True)]
        for place in INSTANTS:
            columns[place] = columns[place].cast(pyarrow.timestamp("us", ZONE.key))
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
FORMS = {
    **dict.fromkeys(("csv", "csv.writer", "polars", "pyarrow"), CSV),
    **dict.fromkeys(("json", "ndjson", "json.dumps", "orjson"), JSON),
}
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


def main(count: int, rounds: int, *, recorded: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = medians(
            {name: Path(folder) / name for name in WRITERS},
            rounds,
            lambda name, path: run_child(__file__, name, path, "--rows", str(count)),
            lambda name, path: verify(path, FORMS[name], LABELS if name == "csv" else KEYS, count),
        )
    print_header(WIDTH, COLUMNS_SHOWN)
    for name, peer in PAIRS:
        line = pair(f"{name}-{count}/{peer}", found[name], found[peer])
        line["rows/s"] = round(count / found[name].cpu)
        print_line(line, WIDTH, COLUMNS_SHOWN, recorded=recorded)


if __name__ == "__main__":
    arguments = parser(__doc__, WRITERS)
    arguments.add_argument("--rows", type=int, default=20_000)
    options = arguments.parse_args()
    if options.child:
        print(json.dumps(asdict(child(options.child, options.file, options.rows))))
    else:
        main(options.rows, options.rounds, recorded=options.record)
