"""A portal under fire: 200 schedules a minute for 10 minutes while its processes are killed one by one.

    python benchmarks/soak.py [--database sqlite] [--per-minute 200] [--minutes 10] [--kill-every 10]

Real `portal scheduler` and `portal worker` processes on a real database, Valkey and mail server, with
production's lease, sweep and retries. Every `--kill-every` seconds a random one of them is killed (SIGKILL,
a worker with what it forked) and started again; Redis is flushed twice. When nothing is unfinished any
more, the database, the stored files and the mailbox are read: each occurrence has one run, each recipient
one mail or the history says why not, each file is whole. Prints the ledger; exits with status 1 when a
promise did not hold, and then keeps the mailbox, the logs and the history of the runs concerned.

`--short` has a lease, a sweep and retries of seconds: a trial of this script, not of the portal.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from flask_migrate import upgrade
from redis import Redis
from sqlalchemy import Engine, create_engine, func, insert, select
from stage import books, services
from stage.fleet import Fault, Fleet
from stage.ledger import SHOWN, Broken, Ledger
from stage.tenants import schedule, tenant

from portal.app import create_app
from portal.clock import utcnow
from portal.config import load
from portal.extensions import db
from portal.runs.models import UNFINISHED, ScheduledExportRun
from portal.schedules.models import ExportFormat, ScheduledExport

SCHEDULERS, WORKERS = 2, 4
TENANTS = 5
ROWS = 30  # of each dataset
FORMATS = (ExportFormat.CSV, ExportFormat.XLSX, ExportFormat.JSON)
STARTS_IN = timedelta(seconds=25)  # for two schedulers and four workers to import everything on two cores
SHORT = {
    "PORTAL_LEASE_SECONDS": "4",
    "PORTAL_LEASE_RENEWAL": "1",
    "PORTAL_SWEEP_INTERVAL": "1",
    "PORTAL_LOST_JOB_AFTER": "4",
    "PORTAL_RETRY_DELAYS": "2,4,8",
    "PORTAL_DELIVERY_RETRY_DELAYS": "2,4,8",
}
TICK = 0.2


@dataclass(frozen=True)
class Plan:
    """What to do to the portal; lengths in seconds."""

    database: str
    per_minute: int
    minutes: int
    kill_every: float
    short: bool
    seed: int

    @property
    def length(self) -> float:
        return self.minutes * 60

    @property
    def patience(self) -> float:
        """How long the portal may take, after the last minute, to finish everything."""
        return 60 if self.short else 600

    def begins(self, now: datetime) -> datetime:
        """Return when the first schedules are due: a full minute, unless time is short."""
        soonest = now + STARTS_IN
        if self.short:
            return soonest.replace(microsecond=0)
        return soonest.replace(second=0, microsecond=0) + timedelta(minutes=1)

    def faults(self) -> list[tuple[float, str]]:
        """Return what happens when: seconds from the beginning, `kill` or `flush`."""
        kills = int(self.length // self.kill_every)
        flushes = [self.length / 3 + 5, self.length * 2 / 3 + 5]  # 5 s after schedules were due
        return sorted(
            [(one * self.kill_every, "kill") for one in range(1, kills + 1)]
            + [(one, "flush") for one in flushes]
        )


@dataclass(frozen=True)
class Site:
    """Where the portal under fire lives."""

    folder: Path
    redis_url: str
    database_url: str
    variables: dict[str, str]


@contextmanager
def site(folder: Path, plan: Plan) -> Iterator[Site]:
    """Start what the portal needs; all of it ends with the block."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(services.redis(folder))
        mail_port = stack.enter_context(services.catcher(folder / "mailbox"))
        database_url = f"sqlite:///{folder / 'portal.db'}"
        if plan.database == "postgresql":
            database_url = stack.enter_context(services.postgresql(folder / "postgresql"))
        ours = services.variables(folder, redis_url, database_url, mail_port=mail_port)
        yield Site(folder, redis_url, database_url, {**ours, **(SHORT if plan.short else {})})


def seed(at: Site, plan: Plan, begin: datetime) -> dict[int, datetime]:
    """Fill the new database; return each schedule's only occurrence by the schedule's key."""
    app = create_app(settings := load(**at.variables))
    with app.app_context():
        upgrade()
        tenants = [tenant(number, ROWS, settings, now=utcnow()) for number in range(TENANTS)]
        db.session.flush()
        db.session.execute(
            insert(ScheduledExport),
            [
                schedule(
                    tenants[number % TENANTS],
                    f"Export {number}",
                    due := begin + timedelta(minutes=number // plan.per_minute),
                    rule={"kind": "daily", "time": f"{due:%H:%M}"},
                    timezone="UTC",
                    form=FORMATS[number % len(FORMATS)],
                    recipients=[f"reader{number}.{one}@example.org" for one in range(1 + number % 3)],
                )
                for number in range(plan.per_minute * plan.minutes)
            ],
        )
        db.session.commit()
        rows = db.session.execute(select(ScheduledExport.id, ScheduledExport.next_run_at)).all()
        db.session.remove()
        db.engine.dispose()
    return {key: due for key, due in rows if due is not None}


def endure(fleet: Fleet, at: Site, plan: Plan, begin: datetime) -> list[Fault]:
    """Kill and flush as planned, from the beginning to the end of the last minute."""
    chance, done = Random(plan.seed), []  # noqa: S311 - repeatable, not secret
    for second, kind in plan.faults():
        tend_until(fleet, begin + timedelta(seconds=second))
        if kind == "kill":
            done.append(fleet.strike(chance))
        else:
            with Redis.from_url(at.redis_url) as redis:
                redis.flushall()
            done.append(Fault(utcnow(), "flush"))
    tend_until(fleet, begin + timedelta(seconds=plan.length))
    return done


def tend_until(fleet: Fleet, instant: datetime) -> None:
    while utcnow() < instant:
        fleet.tend()
        time.sleep(TICK)


def settle(fleet: Fleet, at: Site, plan: Plan, last_due: datetime) -> float:
    """Wait until nothing is due or unfinished, as long as `plan` allows; return the seconds it took."""
    began = time.monotonic()
    engine, said = create_engine(at.database_url), 0
    try:
        while (left := unfinished(engine, last_due)) and time.monotonic() < began + plan.patience:
            if left != said:
                say(f"{left:,} occurrences are not finished")
            said = left
            tend_until(fleet, utcnow() + timedelta(seconds=5))
    finally:
        engine.dispose()
    return time.monotonic() - began


def unfinished(engine: Engine, last_due: datetime) -> int:
    """Count the schedules still due and the runs not yet over."""
    with engine.connect() as connection:
        due = connection.scalar(select(func.count()).where(ScheduledExport.next_run_at <= last_due))
        runs = connection.scalar(select(func.count()).where(ScheduledExportRun.status.in_(UNFINISHED)))
    return (due or 0) + (runs or 0)


def say(line: str) -> None:
    print(f"{utcnow():%H:%M:%S} {line}", file=sys.stderr, flush=True)


def soak(folder: Path, plan: Plan) -> bool:
    """Run it and print the ledger; return whether every promise held."""
    with site(folder, plan) as at:
        begin = plan.begins(utcnow())
        due = seed(at, plan, begin)
        fleet = Fleet(SCHEDULERS, WORKERS, services.environment(at.variables), folder)
        try:
            say(f"{len(due):,} schedules, the first due at {begin:%H:%M:%S}; logs in {folder}")
            faults = endure(fleet, at, plan, begin)
            took = settle(fleet, at, plan, max(due.values()))
        finally:
            fleet.end()
        found = books.read(at.database_url, folder, folder / "mailbox")
    ledger = Ledger(found, due, faults)
    broken = ledger.broken()
    account(ledger, broken, plan, took, fleet.crashed)
    about = {one.run_id for one in broken}
    histories = (found.history(run) for run in found.runs if run.public_id in about)
    (folder / "history.txt").write_text("\n".join(line for history in histories for line in history))
    return not broken


def account(
    ledger: Ledger, broken: Sequence[Broken], plan: Plan, took: float, crashed: Sequence[str]
) -> None:
    """Print the ledger."""
    print(
        f"soak         {plan.database}, {plan.per_minute} schedules a minute for {plan.minutes} min,"
        f" {SCHEDULERS} schedulers, {WORKERS} workers, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}{', short lease' if plan.short else ''}, seed {plan.seed}"
    )
    print(*ledger.lines(), sep="\n")
    print(f"settled      {took:.0f} s after the last minute; {len(crashed)} processes ended by themselves")
    print(*(f"  {line}" for line in crashed[:SHOWN]), sep="\n", end="\n" if crashed else "")
    print(f"promises     {'all held' if not broken else f'{len(broken)} broken'}")
    print(*(f"  {one}" for one in broken[:SHOWN]), sep="\n", end="\n" if broken else "")


def main(plan: Plan) -> int:
    services.end_on_signals()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    held = False
    try:
        held = soak(folder, plan)
    finally:
        if held:
            shutil.rmtree(folder)
        else:
            say(f"what is left lies in {folder}")
    return 0 if held else 1


def arguments() -> Plan:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--per-minute", type=int, default=200)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--kill-every", type=float, default=10, help="seconds")
    parser.add_argument("--short", action="store_true", help="lease, sweep and retries of seconds")
    parser.add_argument("--seed", type=int, default=1, help="chooses who is killed")
    return Plan(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main(arguments()))
