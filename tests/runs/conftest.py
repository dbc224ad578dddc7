"""A run that really was delivered."""

import pytest
from flask import Flask
from sqlalchemy import select

from portal.clock import utcnow
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import User
from portal.permissions import Role
from portal.runs import pipeline, service
from portal.runs.models import RunStatus, ScheduledExportRun
from tests import factories
from tests.runs.items import Items, items_of


@pytest.fixture
def config(either_app: Flask) -> Settings:
    """The settings of an application over each database in turn."""
    found: Settings = either_app.config["PORTAL"]
    return found


@pytest.fixture
def items(either_app: Flask) -> Items:
    """A small table to export, over each database in turn."""
    acme = factories.organization("Acme Co.", "acme")
    owner = factories.user(acme, Role.MANAGER, "manager@acme.example")
    db.session.commit()
    return items_of(either_app, owner)


@pytest.fixture
def delivered(app: Flask, manager: User, dataset: Dataset, settings: Settings) -> ScheduledExportRun:
    """A run through the real pipeline that one of two recipients' servers refused."""
    schedule = factories.schedule(
        manager,
        dataset,
        recipients=("ann@example.org", "refused@example.org"),
        filters={"statuses": ["NEW"], "period": {"preset": "previous_year"}},
    )
    run = service.run_now(manager, schedule, settings=settings, now=utcnow())
    db.session.commit()
    run_id = run.public_id
    pipeline.execute(run_id, worker="worker-1", settings=settings, storage=app.extensions["storage"])
    found = db.session.scalars(select(ScheduledExportRun)).one()
    assert found.status is RunStatus.PARTIAL
    return found
