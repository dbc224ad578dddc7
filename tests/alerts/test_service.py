from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal.alerts import service
from portal.alerts.models import Alert, Cause
from portal.extensions import db
from portal.permissions import Role
from portal.schedules.models import ScheduledExport
from tests import factories
from tests.factories import NOW

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def weekly(either_app: Flask) -> ScheduledExport:
    """A schedule of Acme, over each database."""
    acme = factories.organization("Acme Co.", "acme")
    manager = factories.user(acme, Role.MANAGER, "manager@acme.example")
    return factories.schedule(manager, factories.dataset(acme, either_app.config["PORTAL"]))


def alerts() -> list[Alert]:
    return list(db.session.scalars(select(Alert).order_by(Alert.id)))


def test_it_opens_an_alert_with_what_happened(weekly: ScheduledExport) -> None:
    service.raise_alert(weekly, Cause.RUN_FAILED, "The source does not answer.", run_id="run-1", now=NOW)
    db.session.commit()

    [alert] = alerts()
    assert (alert.cause, alert.message, alert.run_id) == (
        Cause.RUN_FAILED,
        "The source does not answer.",
        "run-1",
    )
    assert (alert.organization_id, alert.schedule_id) == (weekly.organization_id, weekly.id)
    assert (alert.count, alert.first_at, alert.last_at) == (1, NOW, NOW)
    assert (alert.told, alert.sent_at, alert.closed_at) == (0, None, None)
    assert len(alert.public_id) == 22


def test_it_counts_the_open_one_up_and_keeps_what_happened_last(weekly: ScheduledExport) -> None:
    service.raise_alert(weekly, Cause.RUN_FAILED, "first", run_id="run-1", now=NOW)
    service.raise_alert(weekly, Cause.RUN_FAILED, "second", run_id="run-2", now=LATER)
    db.session.commit()

    [alert] = alerts()
    assert (alert.count, alert.first_at, alert.last_at) == (2, NOW, LATER)
    assert (alert.message, alert.run_id) == ("second", "run-2")


def test_it_keeps_causes_and_schedules_apart(weekly: ScheduledExport) -> None:
    other = factories.schedule(weekly.owner, weekly.dataset, name="Daily cases")
    for schedule, cause in (
        (weekly, Cause.RUN_FAILED),
        (weekly, Cause.RUN_MISSED),
        (other, Cause.RUN_FAILED),
    ):
        service.raise_alert(schedule, cause, "happened", run_id=None, now=NOW)
    db.session.commit()

    assert [(alert.schedule_id, alert.cause, alert.count) for alert in alerts()] == [
        (weekly.id, Cause.RUN_FAILED, 1),
        (weekly.id, Cause.RUN_MISSED, 1),
        (other.id, Cause.RUN_FAILED, 1),
    ]


def test_it_leaves_the_transaction_to_its_caller(weekly: ScheduledExport) -> None:
    service.raise_alert(weekly, Cause.RUN_FAILED, "happened", run_id=None, now=NOW)
    db.session.rollback()

    assert alerts() == []


def test_it_closes_the_named_causes_of_one_schedule(weekly: ScheduledExport) -> None:
    other = factories.schedule(weekly.owner, weekly.dataset, name="Daily cases")
    for schedule, cause in (
        (weekly, Cause.RUN_FAILED),
        (weekly, Cause.SCHEDULE_PAUSED),
        (other, Cause.RUN_FAILED),
    ):
        service.raise_alert(schedule, cause, "happened", run_id=None, now=NOW)
    service.close_alert(weekly, (Cause.RUN_FAILED, Cause.RUN_PARTIAL, Cause.RUN_MISSED), now=LATER)
    db.session.commit()

    assert [alert.closed_at for alert in alerts()] == [LATER, None, None]


def test_it_opens_a_new_one_after_the_last_was_closed(weekly: ScheduledExport) -> None:
    service.raise_alert(weekly, Cause.RUN_FAILED, "first", run_id=None, now=NOW)
    service.close_alert(weekly, (Cause.RUN_FAILED,), now=NOW)
    service.raise_alert(weekly, Cause.RUN_FAILED, "second", run_id=None, now=LATER)
    db.session.commit()

    assert [(alert.count, alert.message, alert.closed_at) for alert in alerts()] == [
        (1, "first", NOW),
        (1, "second", None),
    ]
