"""A portal whose only dataset is the table of `stage.tables`, for benchmarks of whole runs."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select

from portal.app import create_app
from portal.clock import utcnow
from portal.config import Settings, load
from portal.datasets import service as datasets
from portal.datasets.export_type import ExportType
from portal.extensions import db
from portal.organizations import service as organizations
from portal.organizations.models import User
from portal.permissions import Role
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.runs.service import run_now
from portal.schedules import service as schedules
from portal.schedules.drafts import Draft
from portal.schedules.models import Channel, ExportFormat
from portal.schedules.rules import Kind, Rule
from portal.sources import service as source_service

from . import services, tables
from .cases import COLUMNS, DOCUMENT

SLUG = "acme"
NO_REDIS = "redis://127.0.0.1:1"  # a run itself does without


@dataclass(frozen=True)
class Site:
    """The portal and the variables by which another process finds it."""

    app: Flask
    variables: dict[str, str]

    @property
    def settings(self) -> Settings:
        settings: Settings = self.app.config["PORTAL"]
        return settings

    def queue_run(self, form: str) -> str:
        """Queue a run of a new schedule that delivers the whole table to a folder; return its public id."""
        with self.app.app_context():
            owner = db.session.scalars(select(User)).one()
            draft = Draft(
                name=f"Cases as {form.upper()}",
                dataset_id=datasets.dataset_by_name(SLUG, "Cases").public_id,
                format=ExportFormat(form),
                rule=Rule(Kind.DAILY, time(7, 0)),
                timezone=DOCUMENT.timezone,
                channel=Channel.STORAGE,
                location=form,
            )
            schedule = schedules.create_schedule(owner, draft, now=utcnow())
            run = run_now(owner, schedule, settings=self.settings, now=utcnow())
            db.session.commit()
            return run.public_id

    def take_delivered(self, run_id: str, count: int) -> int:
        """Check that a run delivered so many rows, whole; remove its files; return their size in bytes."""
        with self.app.app_context():
            run = db.session.scalars(
                select(ScheduledExportRun).where(ScheduledExportRun.public_id == run_id)
            ).one()
            artifact = run.artifact
            assert run.status is RunStatus.SUCCESS, f"the run is {run.status}: {run.error_message}"
            assert artifact is not None
            assert artifact.rows == count, f"{artifact.rows:,} rows were written"
            delivered = self.settings.folders_dir / SLUG / run.snapshot["location"] / artifact.filename
            with delivered.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            assert digest == artifact.sha256, f"{delivered.name} is not what was written"
            for path in (delivered, self.settings.files_dir / artifact.storage_key):
                path.unlink()
            return artifact.size


@contextmanager
def with_cases(database: str, folder: Path, count: int) -> Iterator[Site]:
    """Fill the table in a source `sqlite` or `postgresql`; yield a portal, on SQLite, that exports it."""
    variables = services.variables(folder, NO_REDIS, f"sqlite:///{folder / 'portal.db'}")
    app = create_app(settings := load(**variables))
    place = settings.effective_sources_dir / SLUG
    place.mkdir(parents=True)
    with tables.filled(database, place, count) as url:
        site = Site(app, variables)
        _seed(site, url)
        yield site
        with app.app_context():
            db.engine.dispose()


def _seed(site: Site, url: str) -> None:
    now = utcnow()
    with site.app.app_context():
        upgrade()
        organization = organizations.create_organization("Acme Co.", SLUG, DOCUMENT.timezone, now=now)
        organizations.create_user(
            organization,
            email="manager@acme.example",
            name="Ann Manager",
            role=Role.MANAGER,
            password="not used to sign in",  # noqa: S106 - nobody can: there is no web server
            now=now,
        )
        source = source_service.create_source(organization, "Cases", url, settings=site.settings, now=now)
        datasets.create_dataset(
            source,
            name="Cases",
            description="The table that was filled",
            export_type=ExportType.CUSTOM,
            sql=tables.SQL,
            parameters=(),
            columns=COLUMNS,
            key_columns=("id",),
            now=now,
        )
        db.session.commit()
