"""A small table of an organization's, whose rows and columns tests change between two runs."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from portal.config import Settings
from portal.datasets import service as datasets
from portal.datasets.export_type import ExportType
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.service import current_version
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import pipeline
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.schedules import service as schedules
from portal.schedules.models import Channel, ScheduledExport
from portal.sources import service as source_service
from portal.storage.local import LocalStorage
from portal.table import Column, ColumnType
from tests import factories
from tests.runs.pages import run_of

COLUMNS = (
    Column("id", "Number", ColumnType.INTEGER),
    Column("amount", "Amount"),
    Column("note", "Note"),
)


@dataclass(frozen=True)
class Items:
    """The table, the dataset over it, and runs of its schedules through the real pipeline."""

    app: Flask
    owner: User
    dataset: Dataset
    path: Path

    @property
    def settings(self) -> Settings:
        found: Settings = self.app.config["PORTAL"]
        return found

    def sql(self, *statements: str) -> None:
        """Change the source, with no transaction open: PostgreSQL ends one that waits for a slow disk."""
        db.session.commit()
        with closing(sqlite3.connect(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def fill(self, count: int, amount: str = "1.5", note: str = "'x'") -> None:
        """Let the table have so many rows and no others."""
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        self.sql("DELETE FROM items")
        if count:
            self.sql(f"INSERT INTO items {numbers} SELECT i, {amount}, {note} FROM n")

    def version(self, *columns: Column) -> DatasetVersion:
        """Let the dataset have these columns from now on."""
        old = current_version(self.dataset)
        made = DatasetVersion(
            dataset=self.dataset,
            number=old.number + 1,
            sql=old.sql,
            parameters=old.parameters,
            columns=[column.to_dict() for column in columns],
            key_columns=old.key_columns,
            created_at=factories.NOW,
        )
        db.session.add(made)
        db.session.commit()
        return made

    def schedule(self, **changes: Any) -> ScheduledExport:
        """Return a schedule into a folder, unless it is to be mailed."""
        if "recipients" not in changes:
            changes |= {"channel": Channel.STORAGE, "recipients": (), "location": "items"}
        return factories.schedule(self.owner, self.dataset, **changes)

    def save(self, schedule: ScheduledExport, **changes: Any) -> None:
        """Save a schedule into a folder again, as somebody does who opens its form."""
        values = {"channel": Channel.STORAGE, "recipients": (), "location": "items", **changes}
        draft = factories.draft(self.dataset, **values)
        schedules.update_schedule(self.owner, schedule, draft, now=factories.NOW)
        db.session.commit()

    def run(self, schedule: ScheduledExport, trigger: Trigger = Trigger.SCHEDULE) -> ScheduledExportRun:
        """Make a run of the schedule's rhythm, a day after its last one, and take it as far as it gets."""
        before = db.session.scalar(select(func.max(ScheduledExportRun.due_at)))
        run = run_of(
            schedule,
            RunStatus.QUEUED,
            trigger=trigger,
            due_at=(before or factories.NOW) + timedelta(days=1),
            started_at=None,
        )
        self.execute(run)
        return run

    def execute(self, run: ScheduledExportRun) -> RunStatus | None:
        run_id, storage = run.public_id, LocalStorage(self.settings.files_dir)
        db.session.commit()
        return pipeline.execute(run_id, worker="worker-1", settings=self.settings, storage=storage)

    def files(self) -> list[Path]:
        """Return what was delivered into the folder."""
        return sorted(self.settings.folders_dir.glob("*/items/*"))


def items_of(app: Flask, owner: User) -> Items:
    """Make the table with three rows."""
    settings: Settings = app.config["PORTAL"]
    path = settings.effective_sources_dir / owner.organization.slug / "items.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE items (id, amount, note)")
    source = source_service.create_source(
        owner.organization, "Items source", f"sqlite:///{path}", settings=settings, now=factories.NOW
    )
    made = datasets.create_dataset(
        source,
        name="Items",
        description="",
        export_type=ExportType.CUSTOM,
        sql="SELECT * FROM items ORDER BY id",
        parameters=(),
        columns=COLUMNS,
        key_columns=("id",),
        now=factories.NOW,
    )
    db.session.commit()
    found = Items(app, owner, made, path)
    found.fill(3)
    return found


def lines(run: ScheduledExportRun) -> list[str]:
    """Return the run's log."""
    db.session.expire(run)
    return [event.message for event in run.events]
