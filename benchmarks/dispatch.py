"""10,000 schedules due in the same minute: ours records and enqueues each, stock rq-scheduler enqueues.

    python benchmarks/dispatch.py [--schedules 10000] [--rounds 3] [--record]

Ours is `runs.dispatch.enqueue_due`, what one tick of `portal scheduler` does, on SQLite and on PostgreSQL;
the peer is `rq_scheduler.Scheduler.enqueue_jobs` with entries that are due once (`enqueue_at`) and with
cron entries. A process a case, interleaved; inserting the schedules and scheduling the entries is not
measured. What each did is checked: ours made exactly one QUEUED run and one job for each schedule, advanced
every schedule, and makes none when asked again; the peer enqueued every entry. Linux only: peak memory is
read from /proc.

Prints a line a pair: CPU seconds (user and system) of the dispatching process, wall seconds, which also see
the servers at work, and the megabytes by which its memory rose at most; ratios are the peer's by ours.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from flask_migrate import upgrade
from redis import Redis
from rq import Queue
from rq_scheduler import Scheduler
from sqlalchemy import create_engine, func, insert, select, text
from sqlalchemy.orm import Session
from stage import pairs, services
from stage.tenants import Tenant, schedule, tenant

from portal import queue
from portal.app import create_app
from portal.config import load
from portal.extensions import db
from portal.runs import dispatch
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.schedules.models import ExportFormat, ScheduledExport

DUE = datetime(2025, 3, 3, 7, 0, tzinfo=UTC)  # a Monday
NOW = DUE + timedelta(seconds=20)
ORGANIZATIONS = 20
STOCK_QUEUE = "stock"


@dataclass(frozen=True)
class Measured:
    """One round: seconds of CPU and of the clock, peak memory in MB above the level before."""

    cpu: float
    wall: float
    rss: float


@dataclass(frozen=True)
class Servers:
    """Where the databases with everything due lie, to be copied for each round."""

    folder: Path
    redis_url: str
    postgresql_url: str
    count: int

    def connect(self) -> Redis:
        return Redis.from_url(self.redis_url)


# ---- the measured process


def measure(work: Callable[[], object]) -> Measured:
    """Do the work once and say what it took."""
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): the peak begins anew
    before, cpu, wall = _memory("VmRSS"), time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Measured(cpu, wall, _memory("VmHWM") - before)


def _memory(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def dispatch_ours() -> Measured:
    """One tick over what is due, after one with nothing due, as a running scheduler would have had."""
    app = create_app()
    settings = app.config["PORTAL"]
    with app.app_context(), queue.connect(settings) as connection:
        dispatch.enqueue_due(connection, settings=settings, now=DUE - timedelta(days=400))
        db.session.remove()
        found = measure(lambda: dispatch.enqueue_due(connection, settings=settings, now=NOW))
        again = dispatch.enqueue_due(connection, settings=settings, now=NOW)
        assert again == 0, f"{again} were enqueued again"
    return found


def dispatch_stock() -> Measured:
    warnings.simplefilter("ignore", FutureWarning)  # rq-scheduler asks crontab in a way that it warns about
    with Redis.from_url(load().redis_url) as connection:
        connection.ping()
        return measure(Scheduler(STOCK_QUEUE, connection=connection).enqueue_jobs)


CHILDREN = {"ours": dispatch_ours, "stock": dispatch_stock}


def run_child(kind: str, servers: Servers, database_url: str = "") -> Measured:
    variables = services.variables(servers.folder, servers.redis_url, database_url)
    command = [sys.executable, __file__, "--child", kind]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=services.environment(variables))
    return Measured(**json.loads(result.stdout))


# ---- our side: schedules, and what must have become of them


def seed(variables: dict[str, str], count: int) -> None:
    """Fill a new database with schedules that are all due at DUE, each with yesterday's run behind it."""
    app = create_app(settings := load(**variables))
    with app.app_context():
        upgrade()
        tenants = [tenant(number, 20, settings, now=DUE) for number in range(ORGANIZATIONS)]
        db.session.flush()
        schedules = [due_schedule(number, tenants[number % ORGANIZATIONS]) for number in range(count)]
        db.session.execute(insert(ScheduledExport), schedules)
        pairs = db.session.execute(select(ScheduledExport.id, ScheduledExport.organization_id)).all()
        db.session.execute(insert(ScheduledExportRun), [past_run(*pair) for pair in pairs])
        db.session.commit()
        db.session.execute(text("ANALYZE"))
        db.session.commit()
        db.engine.dispose()


def due_schedule(number: int, of: Tenant) -> dict[str, Any]:
    zone = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")[number % 4]
    local = DUE.astimezone(ZoneInfo(zone))
    rhythm: dict[str, Any] = (
        {"kind": "daily"},
        {"kind": "weekly", "weekdays": [local.weekday()]},
        {"kind": "monthly", "monthday": local.day},
    )[number // 4 % 3]
    return schedule(
        of,
        f"Open cases of region {number}",
        DUE,
        rule={"time": f"{local:%H:%M}", **rhythm},
        timezone=zone,
        form=ExportFormat.XLSX,
        recipients=[f"reader{number}.{one}@company.example" for one in range(1 + number % 5)],
    )


def past_run(schedule_id: int, organization_id: int) -> dict[str, Any]:
    due = DUE - timedelta(days=1)
    return {
        "organization_id": organization_id,
        "schedule_id": schedule_id,
        "due_at": due,
        "trigger": Trigger.SCHEDULE,
        "status": RunStatus.SUCCESS,
        "snapshot": {},
        "created_at": due,
        "started_at": due,
        "completed_at": due,
        "row_count": 20,
    }


def check_ours(servers: Servers, database_url: str) -> None:
    """Every schedule has one run, one job, and its next occurrence ahead."""
    run = ScheduledExportRun
    engine = create_engine(database_url)
    with Session(engine) as session:
        made = session.execute(
            select(run.public_id, run.schedule_id, run.due_at).where(run.status == RunStatus.QUEUED)
        ).all()
        ahead = session.scalar(select(func.count()).where(ScheduledExport.next_run_at > NOW))
    engine.dispose()
    assert len(made) == servers.count, f"{len(made)} runs are queued"
    assert {due for _, _, due in made} == {DUE}, "a run is due at another instant"
    assert len({schedule_id for _, schedule_id, _ in made}) == servers.count, "a schedule has no run"
    assert ahead == servers.count, f"{ahead} schedules were advanced"
    with servers.connect() as connection:
        jobs = queue.run_queue(connection).job_ids
    assert len(jobs) == servers.count, f"{len(jobs)} jobs are in the queue"
    assert set(jobs) == {queue.job_id(public_id, 0) for public_id, _, _ in made}, "a run has no job"


def round_of_ours(database: str, servers: Servers) -> Measured:
    with _copy(database, servers) as url:
        found = run_child("ours", servers, url)
        check_ours(servers, url)
    return found


@contextmanager
def _copy(database: str, servers: Servers) -> Iterator[str]:
    if database == "sqlite":
        with services.copied_sqlite(servers.folder / "seeded.db", servers.folder / "round.db") as url:
            yield url
    else:
        with services.copied_postgresql(servers.postgresql_url, "seeded", "round") as url:
            yield url


# ---- the peer


def round_of_stock(kind: str, servers: Servers) -> Measured:
    warnings.simplefilter("ignore", FutureWarning)
    with servers.connect() as connection:
        scheduler = Scheduler(STOCK_QUEUE, connection=connection)
        for number in range(servers.count):
            if kind == "cron":
                scheduler.cron(
                    "0 7 * * *", queue.EXECUTE_RUN, args=(f"run-{number}",), queue_name=STOCK_QUEUE
                )
            else:
                scheduler.enqueue_at(DUE, queue.EXECUTE_RUN, f"run-{number}")
        entries = connection.zrange(scheduler.scheduled_jobs_key, 0, -1)
        connection.zadd(scheduler.scheduled_jobs_key, dict(zip(entries, cycle([DUE.timestamp()]))))
        found = run_child("stock", servers)
        enqueued = len(set(Queue(STOCK_QUEUE, connection=connection).job_ids))
        assert enqueued == servers.count, f"the peer enqueued {enqueued}"
    return found


OURS = ("sqlite", "postgresql")
STOCK = ("one-off", "cron")


def rounds_of(servers: Servers, rounds: int) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {case: [] for case in (*OURS, *STOCK)}
    for _ in range(rounds):
        for case in found:
            with servers.connect() as connection:
                connection.flushall()
            found[case].append((round_of_ours if case in OURS else round_of_stock)(case, servers))
    return found


def medians(rounds: list[Measured]) -> Measured:
    return Measured(*(median(getattr(one, name) for one in rounds) for name in ("cpu", "wall", "rss")))


def pair(ours: str, stock: str, count: int, found: dict[str, list[Measured]]) -> dict[str, Any]:
    mine, peer = medians(found[ours]), medians(found[stock])
    return {
        "name": f"dispatch-{count}-{ours}/rq-scheduler-{stock}",
        **{f"ours_{name}": round(value, 3) for name, value in asdict(mine).items()},
        **{f"peer_{name}": round(value, 3) for name, value in asdict(peer).items()},
        "cpu_ratio": round(peer.cpu / mine.cpu, 2),
        "wall_ratio": round(peer.wall / mine.wall, 2),
    }


COLUMNS = (
    "ours_cpu",
    "peer_cpu",
    "cpu_ratio",
    "ours_wall",
    "peer_wall",
    "wall_ratio",
    "ours_rss",
    "peer_rss",
)


def main(count: int, rounds: int, *, record: bool) -> None:
    services.end_on_signals()
    with (
        tempfile.TemporaryDirectory() as name,
        services.redis(Path(name)) as redis_url,
        services.postgresql(Path(name) / "postgresql") as postgresql_url,
    ):
        folder = Path(name)
        servers = Servers(folder, redis_url, postgresql_url, count)
        with services.copied_postgresql(postgresql_url, "template1", "seeded") as seeded:
            for url in (f"sqlite:///{folder / 'seeded.db'}", seeded):
                seed(services.variables(folder / url.partition(":")[0], redis_url, url), count)
            found = rounds_of(servers, rounds)
    print(f"{'name':<48}", *(f"{column:>10}" for column in COLUMNS), " (s, MB; no file is made)")
    for line in (pair(ours, stock, count, found) for ours in OURS for stock in STOCK):
        print(f"{line['name']:<48}", *(f"{line[column]:>10}" for column in COLUMNS))
        if record:
            pairs.record(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="append the results to results.jsonl")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asdict(CHILDREN[options.child]())))
    else:
        main(options.schedules, options.rounds, record=options.record)
