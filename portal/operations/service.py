"""What the overview and the page of failed runs show. A fixed number of queries each, whatever there is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, extract, func, select
from sqlalchemy.orm import joinedload

from portal.delivery.models import Delivery, DeliveryStatus
from portal.extensions import db
from portal.operations.chart import Day
from portal.organizations.models import Organization, User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.runs.models import NEEDS_MENDING, UNFINISHED, RunStatus, ScheduledExportRun, Trigger
from portal.runs.service import list_runs
from portal.schedules.models import ScheduledExport

ON_TIME = timedelta(minutes=5)
CHART_DAYS = 30
ATTENTION_DAYS = 7
ATTENTION_LENGTH = 6
ATTENTION_RUNS = 50
NEXT_LENGTH = 5
FAILED_PAGE = 200

_Run = ScheduledExportRun
_DELIVERED = (RunStatus.SUCCESS, RunStatus.PARTIAL)
_NOT_DELIVERED = (RunStatus.FAILED, RunStatus.MISSED)


@dataclass(frozen=True)
class LastDay:
    """Runs that fell due in the last 24 hours."""

    failed: int
    failed_schedules: int
    delivered: int
    recipients_reached: int
    recipients: int


@dataclass(frozen=True)
class Late:
    """Runs that should be over by now, the longest waiting first; `total` counts all, `runs` holds some."""

    total: int
    runs: list[ScheduledExportRun]


@dataclass(frozen=True)
class Concern:
    """The newest of a schedule's runs that ended alike, and how many there were."""

    run: ScheduledExportRun
    times: int


@dataclass(frozen=True)
class Reached:
    """How many of a run's recipients have the file."""

    sent: int
    total: int


@dataclass(frozen=True)
class Cause:
    """Failed runs with the same error, newest first."""

    message: str
    runs: list[ScheduledExportRun]

    @property
    def schedules(self) -> int:
        return len({run.schedule_id for run in self.runs})


def last_day(actor: User, now: datetime) -> LastDay:
    """Count what fell due in the 24 hours before `now`. Two queries."""
    require(actor, Permission.VIEW_DASHBOARD)
    due = (_Run.organization_id == actor.organization_id, *_between(now - timedelta(days=1), now))
    failed = _Run.status.in_(_NOT_DELIVERED)
    runs = db.session.execute(
        select(
            func.count(case((failed, 1))),
            func.count(case((failed, _Run.schedule_id)).distinct()),
            func.count(case((_Run.status.in_(_DELIVERED), 1))),
        ).where(*due)
    ).one()
    people = db.session.execute(
        select(func.count(case((Delivery.status == DeliveryStatus.SENT, 1))), func.count())
        .join(_Run, _Run.id == Delivery.run_id)
        .where(*due)
    ).one()
    return LastDay(*runs, *people)


def late(actor: User, now: datetime, limit: int = ATTENTION_LENGTH) -> Late:
    """Return unfinished runs due more than ON_TIME ago, the longest waiting first."""
    require(actor, Permission.VIEW_DASHBOARD)
    rows = db.session.execute(
        select(_Run, func.count().over())
        .where(
            _Run.organization_id == actor.organization_id,
            _Run.status.in_(UNFINISHED),
            _Run.due_at < now - ON_TIME,
        )
        .options(joinedload(_Run.schedule))
        .order_by(_Run.due_at)
        .limit(limit)
    ).all()
    return Late(total=rows[0][1] if rows else 0, runs=[row[0] for row in rows])


def attention(actor: User, now: datetime) -> list[Concern]:
    """Return what failed, was missed or partly delivered in the last days, repeats of a schedule as one."""
    latest = list_runs(actor, statuses=NEEDS_MENDING, limit=ATTENTION_RUNS)
    found: dict[tuple[int | None, RunStatus], list[ScheduledExportRun]] = {}
    for run in latest:
        if run.due_at > now - timedelta(days=ATTENTION_DAYS):
            found.setdefault((run.schedule_id, run.status), []).append(run)
    return [Concern(runs[0], len(runs)) for runs in found.values()][:ATTENTION_LENGTH]


def next_runs(actor: User) -> list[ScheduledExport]:
    """Return the schedules that fall due next."""
    require(actor, Permission.VIEW_SCHEDULES)
    return list(
        db.session.scalars(
            select(ScheduledExport)
            .where(
                ScheduledExport.organization_id == actor.organization_id,
                ScheduledExport.next_run_at.is_not(None),
            )
            .order_by(ScheduledExport.next_run_at)
            .limit(NEXT_LENGTH)
        )
    )


def days(actor: User, now: datetime, count: int = CHART_DAYS) -> list[Day]:
    """Return how the runs of the last `count` local days ended, today last. One query."""
    require(actor, Permission.VIEW_DASHBOARD)
    begins = list(_midnights(actor.organization, now, count))
    # Days of 23 and 25 hours are why the database is given each day's limits instead of a date to group by.
    day = case(*((_Run.due_at < end, index) for index, end in enumerate(begins[1:])), else_=count - 1)
    planned = _Run.trigger == Trigger.SCHEDULE
    seconds = extract("epoch", _Run.completed_at) - extract("epoch", _Run.due_at)
    punctual = planned & (_Run.status == RunStatus.SUCCESS) & (seconds <= ON_TIME.total_seconds())
    rows = db.session.execute(
        select(
            day.label("day"),
            func.count(case((_Run.status == RunStatus.SUCCESS, 1))),
            func.count(case((_Run.status == RunStatus.PARTIAL, 1))),
            func.count(case((_Run.status.in_(_NOT_DELIVERED), 1))),
            func.count(case((planned & _Run.status.in_((*_DELIVERED, *_NOT_DELIVERED)), 1))),
            func.count(case((punctual, 1))),
        )
        .where(_Run.organization_id == actor.organization_id, *_between(begins[0], now))
        .group_by("day")
    )
    found = {row[0]: Day(begins[row[0]], *row[1:]) for row in rows}
    return [found.get(index, Day(begin)) for index, begin in enumerate(begins)]


def reached(runs: Sequence[ScheduledExportRun]) -> dict[int, Reached]:
    """Return how many recipients of each run have the file, by run id; runs without any are left out."""
    rows = db.session.execute(
        select(
            Delivery.run_id,
            func.count(case((Delivery.status == DeliveryStatus.SENT, 1))),
            func.count(),
        )
        .where(Delivery.run_id.in_([run.id for run in runs]))
        .group_by(Delivery.run_id)
    )
    return {run_id: Reached(sent, total) for run_id, sent, total in rows}


def failed_runs(actor: User, *, before_id: int | None = None) -> tuple[list[Cause], int | None]:
    """Return a page of runs that need mending, by cause, and where the next page begins.

    Causes come in the order of their newest run. A page holds FAILED_PAGE runs, of all causes together.
    """
    require(actor, Permission.VIEW_FAILED_RUNS)
    runs = list_runs(actor, statuses=NEEDS_MENDING, before_id=before_id, limit=FAILED_PAGE + 1)
    page, further = runs[:FAILED_PAGE], len(runs) > FAILED_PAGE
    newest: dict[str, int] = {}
    for run in page:
        newest.setdefault(cause_of(run), -run.id)
    by_cause = sorted(page, key=lambda run: (newest[cause_of(run)], -run.id))
    causes = [Cause(message, list(group)) for message, group in groupby(by_cause, key=cause_of)]
    return causes, page[-1].id if further else None


def cause_of(run: ScheduledExportRun) -> str:
    """Say in one sentence why a run needs mending."""
    return run.error_message or run.reason or "No reason was recorded."


def _between(begin: datetime, end: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _Run.due_at >= begin, _Run.due_at <= end


def _midnights(organization: Organization, now: datetime, count: int) -> Iterator[datetime]:
    """Yield the first instant of each of the last `count` local days, today's last."""
    zone = ZoneInfo(organization.timezone)
    today = now.astimezone(zone).date()
    for back in range(count - 1, -1, -1):
        yield datetime.combine(today - timedelta(days=back), time.min, tzinfo=zone)
