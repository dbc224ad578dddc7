"""How much memory a worker's child takes to read and write many rows, above its level when it claims a run.

    python benchmarks/memory.py [--rows 200000] [--format xlsx …] [--database sqlite …] [--record]

A process imports what `portal worker` imports before it forks, then forks as RQ does. The child waits, as
at its claim, then reads all rows by `query.open_rows` and writes them with the format's exporter to a file.
Meanwhile its parent reads /proc/CHILD/smaps_rollup every 50 ms. Private memory is what only the child has
(Private_Clean + Private_Dirty); it includes pages of its parent's which it copied by touching them. RSS
includes what it shares. That every row was written is checked. Linux only.

Prints a line a case: private memory and RSS in MB at the claim and at most, growth, bytes of the file.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import configure_mappers
from stage import pairs, services, tables
from stage.cases import COLUMNS

from portal.datasets.query import open_rows
from portal.datasets.sources import parse_url
from portal.exporters.base import Document
from portal.exporters.options import Options
from portal.exporters.registry import EXPORTERS
from portal.jobs import worker  # noqa: F401 - with all that it imports before it forks

DATABASES = ("sqlite", "postgresql")
FORMATS = ("xlsx", "csv", "json")
EVERY = 0.05  # seconds


@dataclass(frozen=True)
class Level:
    """Memory of a process in MB."""

    private: float
    rss: float


def level(pid: int) -> Level | None:
    """Return what a process holds now, or None once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return None
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    if not kib:
        return None
    return Level((kib["Private_Clean"] + kib["Private_Dirty"]) / 1024, kib["Rss"] / 1024)


def write(url: str, form: str, path: Path, count: int) -> None:
    document = Document("Benchmark", "Acme Co.", datetime(2025, 1, 1, tzinfo=UTC))
    with (
        open_rows(parse_url(url), tables.SQL, {}, columns=COLUMNS, timeout=3600) as rows,
        path.open("wb") as out,
    ):
        written = EXPORTERS[form](Options()).write(rows.batches, rows.columns, out, document)
    assert written.rows == count, f"{written.rows:,} rows were written"


def measure(url: str, form: str, path: Path, count: int) -> tuple[Level, Level]:
    """Fork a child that writes the file; return its memory at the claim, and the most of each."""
    configure_mappers()
    gc.collect()
    gc.freeze()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _work_and_exit(reading, url, form, path, count)
    time.sleep(0.2)
    claim = level(pid)
    assert claim is not None, "the child did not wait"
    os.write(writing, b"!")
    peak = claim
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if now := level(pid):
            peak = Level(max(peak.private, now.private), max(peak.rss, now.rss))
        time.sleep(EVERY)
    if not path.exists() or not path.with_suffix(".done").exists():
        raise RuntimeError(f"the child that wrote {form} failed")
    return claim, peak


def _work_and_exit(reading: int, url: str, form: str, path: Path, count: int) -> None:
    code = 1
    try:
        os.read(reading, 1)
        write(url, form, path, count)
        path.with_suffix(".done").touch()
        code = 0
    finally:
        os._exit(code)


def child(url: str, form: str, path: Path, count: int) -> dict[str, float]:
    claim, peak = measure(url, form, path, count)
    return {
        **{f"claim_{name}": round(value, 1) for name, value in asdict(claim).items()},
        **{f"peak_{name}": round(value, 1) for name, value in asdict(peak).items()},
        "growth_private": round(peak.private - claim.private, 1),
        "growth_rss": round(peak.rss - claim.rss, 1),
        "bytes": path.stat().st_size,
    }


def run_child(url: str, form: str, path: Path, count: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", url, "--file", str(path)]
    command += ["--format", form, "--rows", str(count)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


SHOWN = (
    "claim_private",
    "peak_private",
    "growth_private",
    "claim_rss",
    "peak_rss",
    "growth_rss",
    "bytes",
)


def main(databases: list[str], forms: list[str], count: int, *, record: bool) -> None:
    services.end_on_signals()
    print(f"{'name':<28}", *(f"{column:>14}" for column in SHOWN), " (MB, bytes)")
    for database in databases:
        with tempfile.TemporaryDirectory() as name, tables.filled(database, Path(name), count) as url:
            for form in forms:
                path = Path(name) / f"out.{form}"
                line = {"name": f"memory-{count}-{database}-{form}", **run_child(url, form, path, count)}
                path.unlink()
                path.with_suffix(".done").unlink()
                print(f"{line['name']:<28}", *(f"{line[column]:>14}" for column in SHOWN), flush=True)
                if record:
                    pairs.record(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--format", choices=tuple(EXPORTERS), nargs="+", default=FORMATS)
    parser.add_argument("--database", choices=DATABASES, nargs="+", default=DATABASES)
    parser.add_argument("--record", action="store_true", help="append the results to results.jsonl")
    parser.add_argument("--child", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options.format[0], options.file, options.rows)))
    else:
        main(list(options.database), list(options.format), options.rows, record=options.record)
