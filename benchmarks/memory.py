"""How much memory a worker's child takes for a whole run of many rows, above its level when it claims it.

    python benchmarks/memory.py [--rows 200000] [--format xlsx …] [--database sqlite …] [--record]

A real portal, on SQLite, has a schedule over a table that is filled with rows (`stage/sites.py`). A process
imports what `portal worker` imports before it forks, then forks as RQ does. The child waits, then does what
RQ would have it do, `tasks.execute_run`: claim, count where that is quick, read, render, hash, store, deliver
to a folder, finish, with fences and the thread that oversees it. Left out is what RQ itself does beside it.
The delivered file's rows and hash are checked.

Meanwhile its parent looks at /proc/PID/smaps_rollup every 50 ms. Private memory is what only that process has
(Private_Clean + Private_Dirty); it includes pages of its parent's which it copied by touching them. RSS
includes what it shares. What the child starts, the process that makes a PDF, is looked at the same way and
stands apart: its peaks add to the child's. Linux only.

Prints a line a case: the child's private memory and RSS in MB at the claim and at most, the growth, the most
of what it started (0 if nothing), bytes of the file. No row is held anywhere: `--rows 5000000` takes time,
and disk beneath TMPDIR.
"""

import argparse
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import psutil  # type: ignore[import-untyped]
from flask import Flask
from sqlalchemy.orm import configure_mappers
from stage import pairs, services, sites

from portal.app import create_app
from portal.exporters.registry import EXPORTERS
from portal.extensions import db
from portal.jobs import tasks, worker

DATABASES = ("sqlite", "postgresql")
FORMATS = ("xlsx", "csv", "json")
EVERY = 0.05  # seconds


@dataclass(frozen=True)
class Level:
    """Memory of a process in MB."""

    private: float = 0
    rss: float = 0

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return what a process holds now; nothing once it has ended."""
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except (FileNotFoundError, ProcessLookupError):
            return cls()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        if not kib:
            return cls()
        return cls((kib["Private_Clean"] + kib["Private_Dirty"]) / 1024, kib["Rss"] / 1024)

    def most(self, other: Self) -> Self:
        return type(self)(max(self.private, other.private), max(self.rss, other.rss))


@dataclass(frozen=True)
class Levels:
    """A child's memory at the claim, the most of it, and the most of any process it started."""

    claim: Level
    peak: Level
    started: Level

    def figures(self) -> dict[str, float]:
        found = {
            f"{what}_{name}": round(value, 1)
            for what, level in (("claim", self.claim), ("peak", self.peak), ("started", self.started))
            for name, value in asdict(level).items()
        }
        growth = {
            f"growth_{name}": round(found[f"peak_{name}"] - found[f"claim_{name}"], 1)
            for name in ("private", "rss")
        }
        return {**found, **growth}


# ---- the worker's process


def measure(run_id: str) -> Levels:
    """Fork a child that takes the run through, from the same level as a worker's; watch it."""
    app = create_app()
    configure_mappers()
    gc.collect()
    gc.freeze()
    parent = os.getpid()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _work_and_exit(app, parent, reading, run_id)
    time.sleep(0.2)
    claim = Level.of(pid)
    assert claim.rss, "the child did not wait"
    os.write(writing, b"!")
    return _watched(pid, claim)


def _watched(pid: int, claim: Level) -> Levels:
    """Look at a child, and at what it starts, until it ends."""
    peak, started, child = claim, Level(), psutil.Process(pid)
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        peak = peak.most(Level.of(pid))
        for one in child.children(recursive=True):
            started = started.most(Level.of(one.pid))
        time.sleep(EVERY)
    assert ended[1] == 0, f"the child ended with status {ended[1]}"
    return Levels(claim, peak, started)


def _work_and_exit(app: Flask, parent: int, reading: int, run_id: str) -> None:
    """Do as `PortalWorker.main_work_horse` does."""
    code = 1
    try:
        worker.die_with_parent(parent)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        os.read(reading, 1)
        with app.app_context():
            db.engine.dispose(close=False)
            tasks.execute_run(run_id)
        code = 0
    finally:
        os._exit(code)


# ---- the one that prepares and checks


def run_child(site: sites.Site, form: str, count: int) -> dict[str, Any]:
    """Have a run made in a process of its own; return its figures."""
    run_id = site.queue_run(form)
    command = [sys.executable, __file__, f"--child={run_id}"]  # an id may begin with "-"
    env = services.environment(site.variables)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=env)
    return {**json.loads(done.stdout), "bytes": site.take_delivered(run_id, count)}


SHOWN = (
    "claim_private",
    "peak_private",
    "growth_private",
    "claim_rss",
    "peak_rss",
    "growth_rss",
    "started_private",
    "started_rss",
    "bytes",
)


def main(databases: list[str], forms: list[str], count: int, *, record: bool) -> None:
    services.end_on_signals()
    print(f"{'name':<28}", *(f"{column:>15}" for column in SHOWN), " (MB, bytes)")
    for database in databases:
        with tempfile.TemporaryDirectory() as name, sites.with_cases(database, Path(name), count) as site:
            for form in forms:
                line = {"name": f"memory-{count}-{database}-{form}", **run_child(site, form, count)}
                print(f"{line['name']:<28}", *(f"{line[column]:>15}" for column in SHOWN), flush=True)
                if record:
                    pairs.record(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--format", choices=tuple(EXPORTERS), nargs="+", default=FORMATS)
    parser.add_argument("--database", choices=DATABASES, nargs="+", default=DATABASES)
    parser.add_argument("--record", action="store_true", help="append the results to results.jsonl")
    parser.add_argument("--child", metavar="RUN", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child).figures()))
    else:
        main(list(options.database), list(options.format), options.rows, record=options.record)
