"""The demo's content: two organizations with people, sources, datasets, schedules, and runs of past weeks.

Past runs are real: each went through the pipeline, its file lies in the storage and its mail in the inbox.
Only their times are moved back to when they would have happened.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path

from sqlalchemy import select

from portal.clock import utcnow
from portal.config import Settings
from portal.datasets import service as datasets
from portal.datasets.definition import Definition
from portal.datasets.export_type import ExportType
from portal.datasets.models import Dataset
from portal.demo import acme
from portal.demo.acme_datasets import acme_datasets
from portal.demo.acme_logo import acme_logo
from portal.demo.history import backdate
from portal.demo.plans import ACME_PLANS, FIRST_DELIVERY, GLOBEX_PLANS, Plan, first_delivery
from portal.extensions import db
from portal.organizations import branding
from portal.organizations import service as organizations
from portal.organizations.logos import read_logo
from portal.organizations.models import Organization, User
from portal.permissions import Role
from portal.reports import board
from portal.reports.models import Report
from portal.runs import pipeline
from portal.runs.models import ScheduledExportRun, Trigger
from portal.runs.snapshot import snapshot_of
from portal.schedules import service as schedules
from portal.schedules.models import ScheduledExport
from portal.schedules.recurrence import occurrences_after
from portal.sources import service as source_service
from portal.sources.models import DataSource
from portal.storage.base import Storage
from portal.table import Column, ColumnType

PASSWORD = "export-portal-demo"  # noqa: S105 - printed at every start of the demo
LOGINS = (
    ("admin", "admin@acme.example", PASSWORD),
    ("manager", "manager@acme.example", PASSWORD),
    ("auditor", "auditor@acme.example", PASSWORD),
    ("manager", "manager@globex.example", PASSWORD),
)
_NAMES = {
    "admin@acme.example": "Ada Keller",
    "manager@acme.example": "Miriam Okafor",
    "auditor@acme.example": "Jonas Lindqvist",
    "manager@globex.example": "Glen Torres",
}
ACME_CASES, GLOBEX_CASES, SEED = 20_000, 500, 20_26
GLOBEX_COLOUR = "#7a3e9d"
HISTORY_DAYS = 30


def seed(settings: Settings, storage: Storage, *, now: datetime, say: Callable[[str], None]) -> None:
    """Fill an empty portal; continue where an earlier start was interrupted; else leave it as it is."""
    if db.session.scalar(select(ScheduledExport.id).where(ScheduledExport.name == FIRST_DELIVERY)):
        say("The demo's data is there already.")
        return
    begun = now - timedelta(days=HISTORY_DAYS)
    company = db.session.scalars(select(Organization).where(Organization.slug == "acme")).first()
    if company is None:
        company = _fill(settings, begun, now)
        db.session.commit()
    say("Organizations, people, datasets and schedules are there; running what is past …")
    for plan in ACME_PLANS:
        _run_past(_schedule_of(company, plan), plan, settings, storage, now)
    _first_delivery(company, utcnow())
    db.session.commit()


def _fill(settings: Settings, begun: datetime, now: datetime) -> Organization:
    globex = _organization("Globex", "globex", "Europe/London", GLOBEX_CASES, settings, begun)
    _people(globex, begun)
    _schedules(globex, GLOBEX_PLANS, begun, now)
    branding.set_colour(None, globex, GLOBEX_COLOUR, now=begun)
    company = _organization("Acme Co.", "acme", "America/New_York", ACME_CASES, settings, begun)
    _people(company, begun)
    _schedules(company, ACME_PLANS, begun, now)
    branding.set_logo(None, company, read_logo(acme_logo()), now=begun)
    return company


def _organization(
    name: str, slug: str, timezone: str, cases: int, settings: Settings, now: datetime
) -> Organization:
    organization = organizations.create_organization(name, slug, timezone, now=now)
    path = source_service.sources_folder(settings, organization) / "compliance.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    acme.build(path, name, cases, SEED, today=(now + timedelta(days=HISTORY_DAYS)).date())
    source = source_service.create_source(
        organization, "Compliance cases", f"sqlite:///{path}", settings=settings, now=now
    )
    for definition in acme_datasets():
        _dataset(source, definition, now)
    board.add_board_report(organization, source, actor="system", now=now)
    if slug == "acme":
        _broken_dataset(organization, path, settings, now)
    return organization


def _dataset(source: DataSource, definition: Definition, now: datetime) -> Dataset:
    return datasets.create_dataset(
        source,
        name=definition.name,
        description=definition.description,
        export_type=definition.export_type,
        sql=definition.sql,
        parameters=definition.parameters,
        columns=definition.columns,
        key_columns=definition.key_columns,
        built_in=definition.built_in,
        now=now,
    )


def _broken_dataset(organization: Organization, beside: Path, settings: Settings, now: datetime) -> None:
    """A dataset over a legacy system whose table has since been renamed: its runs fail, as some do."""
    path = beside.with_name("hotline.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE hotline_calls_v2 (id INTEGER PRIMARY KEY, called_at TEXT, topic TEXT)"
        )
        connection.commit()
    source = source_service.create_source(
        organization, "Hotline (legacy)", f"sqlite:///{path}", settings=settings, now=now
    )
    datasets.create_dataset(
        source,
        name="Hotline calls",
        description="Calls to the legacy hotline. Its table was renamed, so these runs fail.",
        export_type=ExportType.CUSTOM,
        sql="SELECT id, called_at, topic FROM hotline_calls",
        parameters=(),
        columns=(
            Column("id", "Call", ColumnType.INTEGER),
            Column("called_at", "Called at", ColumnType.DATETIME),
            Column("topic", "Topic"),
        ),
        key_columns=("id",),
        now=now,
    )


def _people(organization: Organization, begun: datetime) -> None:
    for role, email, password in LOGINS:
        if email.endswith(f"@{organization.slug}.example"):
            organizations.create_user(
                organization,
                email=email,
                name=_NAMES[email],
                role=Role(role),
                password=password,
                now=begun,
                operator=role == "admin",
            )


def _schedules(organization: Organization, plans: Sequence[Plan], begun: datetime, now: datetime) -> None:
    owner = _manager(organization)
    for plan in plans:
        found = _report_id if plan.report else _dataset_id
        draft = plan.draft(found(organization, plan.report or plan.dataset))
        schedule = schedules.create_schedule(owner, draft, now=begun)
        schedule.next_run_at = schedules.next_due(schedule, now)
        if plan.paused:
            schedules.pause_schedule(owner, schedule, now=now, reason=plan.paused)


def _schedule_of(organization: Organization, plan: Plan) -> ScheduledExport:
    return db.session.scalars(
        select(ScheduledExport).where(
            ScheduledExport.organization_id == organization.id, ScheduledExport.name == plan.name
        )
    ).one()


def _manager(organization: Organization) -> User:
    return db.session.scalars(
        select(User).where(User.organization_id == organization.id, User.role == Role.MANAGER)
    ).one()


def _dataset_id(organization: Organization, name: str) -> str:
    return db.session.scalars(
        select(Dataset.public_id).where(Dataset.organization_id == organization.id, Dataset.name == name)
    ).one()


def _report_id(organization: Organization, name: str) -> str:
    return db.session.scalars(
        select(Report.public_id).where(Report.organization_id == organization.id, Report.name == name)
    ).one()


def _run_past(
    schedule: ScheduledExport, plan: Plan, settings: Settings, storage: Storage, now: datetime
) -> None:
    """Execute the schedule's last occurrences, unless they were, and move each back to its own time."""
    begun = now - timedelta(days=HISTORY_DAYS)
    past = list(
        takewhile(lambda due: due < now, occurrences_after(schedule.recurrence, schedule.timezone, begun))
    )
    done = set(
        db.session.scalars(
            select(ScheduledExportRun.due_at).where(ScheduledExportRun.schedule_id == schedule.id)
        )
    )
    for due in past[len(past) - plan.past :]:
        if due not in done:
            run_id = _past_run(schedule, due, now)
            pipeline.execute(run_id, worker="worker-1", settings=settings, storage=storage)
            backdate(run_id, due)


def _past_run(schedule: ScheduledExport, due: datetime, now: datetime) -> str:
    run = ScheduledExportRun(
        organization_id=schedule.organization_id,
        schedule_id=schedule.id,
        due_at=due,
        trigger=Trigger.SCHEDULE,
        snapshot=snapshot_of(schedule),
        created_at=now,
        retries_left=0,
    )
    db.session.add(run)
    db.session.commit()
    return run.public_id


def _first_delivery(company: Organization, now: datetime) -> None:
    """A schedule whose next run is a minute or two away, so that a mail arrives while somebody watches."""
    owner = _manager(company)
    draft = first_delivery(_dataset_id(company, "Overdue high-severity cases"), now)
    schedules.create_schedule(owner, draft, now=now)
