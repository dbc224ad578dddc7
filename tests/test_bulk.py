"""Rows inserted by the hundred come out as they went in, and only those that are new."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import Table, select
from sqlalchemy.exc import StatementError

from portal.bulk import insert_new
from portal.database import new_public_id
from portal.extensions import db
from portal.permissions import Role
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from tests import factories

AT = datetime(2025, 3, 9, 7, 30, 0, 123456, tzinfo=UTC)
RUNS = cast(Table, ScheduledExportRun.__table__)


@pytest.fixture
def schedule_id(either_app: Flask) -> int:
    settings = either_app.config["PORTAL"]
    acme = factories.organization("Acme Co.", "acme")
    manager = factories.user(acme, Role.MANAGER, "manager@acme.example")
    return factories.schedule(manager, factories.dataset(acme, settings)).id


def row(schedule_id: int, due_at: datetime = AT, **changes: Any) -> dict[str, Any]:
    return {
        "public_id": new_public_id(),
        "organization_id": 1,
        "schedule_id": schedule_id,
        "due_at": due_at,
        "trigger": Trigger.SCHEDULE,
        "status": RunStatus.QUEUED,
        "reason": None,
        "completed_at": None,
        "snapshot": {"name": "Größe “∑” \\ \n\t", "columns": [1, None, True, {"a": ""}]},
        "created_at": AT,
        "one_at_a_time": True,
        **changes,
    }


def insert(*rows: dict[str, Any]) -> frozenset[str]:
    return insert_new(db.session.connection(), RUNS, rows, key="public_id")


def test_it_inserts_what_it_was_given(schedule_id: int) -> None:
    queued = row(schedule_id)
    skipped = row(
        schedule_id,
        AT + timedelta(days=1),
        status=RunStatus.SKIPPED,
        reason="null",
        completed_at=AT,
        one_at_a_time=False,
    )

    assert insert(queued, skipped) == {queued["public_id"], skipped["public_id"]}

    found = db.session.scalars(select(ScheduledExportRun).order_by(ScheduledExportRun.due_at)).all()
    assert [{name: getattr(run, name) for name in queued} for run in found] == [queued, skipped]


def test_it_leaves_out_what_is_there_already(schedule_id: int) -> None:
    first = row(schedule_id)
    insert(first)
    again, other = row(schedule_id), row(schedule_id, AT + timedelta(days=1))

    assert insert(again, other) == {other["public_id"]}

    ids = db.session.scalars(select(ScheduledExportRun.public_id)).all()
    assert set(ids) == {first["public_id"], other["public_id"]}


def test_it_inserts_nothing_of_nothing(schedule_id: int) -> None:
    assert insert() == frozenset()


def test_it_refuses_an_instant_without_a_zone(schedule_id: int) -> None:
    with pytest.raises((StatementError, ValueError), match="time zone"):
        insert(row(schedule_id, AT.replace(tzinfo=None)))
