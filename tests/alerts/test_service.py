import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal.alerts import service
from portal.alerts.models import Alert, Cause
from portal.audit.models import AuditEntry
from portal.errors import Forbidden, InvalidInput, NotFound
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


def raised(schedule: ScheduledExport, cause: Cause = Cause.RUN_FAILED) -> Alert:
    service.raise_alert(schedule, cause, "happened", run_id=None, now=NOW)
    db.session.commit()
    return db.session.scalars(select(Alert).order_by(Alert.id.desc())).first() or pytest.fail("no alert")


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


def test_workers_that_fail_at_once_make_one_alert_of_it(weekly: ScheduledExport, either_app: Flask) -> None:
    schedule_id = weekly.id
    db.session.remove()
    ready = threading.Barrier(4)

    def fail() -> None:
        with either_app.app_context():
            ready.wait(10)
            schedule = db.session.get_one(ScheduledExport, schedule_id)
            service.raise_alert(schedule, Cause.RUN_FAILED, "happened", run_id=None, now=NOW)
            db.session.commit()
            db.session.remove()

    threads = [threading.Thread(target=fail) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [alert.count for alert in alerts()] == [4]


class TestAcknowledging:
    def test_it_closes_the_alert_and_enters_the_trail(self, weekly: ScheduledExport) -> None:
        alert = raised(weekly)

        service.acknowledge(weekly.owner, alert, " known, ticket 12 ", now=LATER, ip="192.0.2.1")
        db.session.commit()

        assert (alert.acknowledged_at, alert.closed_at) == (LATER, LATER)
        assert (alert.acknowledged_by, alert.note) == ("manager@acme.example", "known, ticket 12")
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.acknowledge")).one()
        assert (entry.actor, entry.target, entry.ip) == (
            "manager@acme.example",
            f"alert:{alert.public_id}",
            "192.0.2.1",
        )
        assert entry.after == {"cause": "run failed", "count": 1, "note": "known, ticket 12"}

    def test_it_refuses_a_second_time_and_says_who_was_first(self, weekly: ScheduledExport) -> None:
        alert = raised(weekly)
        service.acknowledge(weekly.owner, alert, "", now=NOW)

        with pytest.raises(InvalidInput, match=r"manager@acme\.example has acknowledged it already"):
            service.acknowledge(weekly.owner, alert, "", now=LATER)
        assert alert.acknowledged_at == NOW
        assert alert.note is None

    def test_it_refuses_one_that_is_over(self, weekly: ScheduledExport) -> None:
        alert = raised(weekly)
        service.close_alert(weekly, (Cause.RUN_FAILED,), now=NOW)

        with pytest.raises(InvalidInput, match="over already"):
            service.acknowledge(weekly.owner, alert, "", now=LATER)

    def test_it_refuses_a_long_note(self, weekly: ScheduledExport) -> None:
        alert = raised(weekly)

        with pytest.raises(InvalidInput, match="300 characters"):
            service.acknowledge(weekly.owner, alert, "x" * 301, now=LATER)
        assert alert.is_open

    def test_an_auditor_may_not(self, weekly: ScheduledExport) -> None:
        auditor = factories.user(weekly.organization, Role.AUDITOR, "auditor@acme.example")
        alert = raised(weekly)

        with pytest.raises(Forbidden):
            service.acknowledge(auditor, alert, "", now=LATER)


FOUR = (Cause.RUN_FAILED, Cause.RUN_PARTIAL, Cause.RUN_MISSED, Cause.SCHEDULE_PAUSED)


class TestLists:
    def test_they_show_the_newest_first_a_page_at_a_time(self, weekly: ScheduledExport) -> None:
        made = [raised(weekly, cause) for cause in FOUR]
        service.close_alert(weekly, (Cause.RUN_PARTIAL,), now=LATER)
        owner = weekly.owner

        everything = service.list_alerts(owner, only_open=False)
        assert everything == made[::-1]
        assert service.list_alerts(owner, only_open=True) == [made[3], made[2], made[0]]
        assert service.list_alerts(owner, only_open=True, before_id=made[2].id) == [made[0]]
        assert service.list_alerts(owner, only_open=False, limit=2) == everything[:2]
        assert service.count_open(owner) == 3

    def test_strangers_find_nothing(self, weekly: ScheduledExport) -> None:
        alert = raised(weekly)
        stranger = factories.user(
            factories.organization("Globex", "globex"), Role.ADMIN, "admin@globex.example"
        )

        assert service.list_alerts(stranger, only_open=False) == []
        assert service.count_open(stranger) == 0
        assert service.standing(stranger) == service.Standing(0, 0, [])
        with pytest.raises(NotFound):
            service.get_alert(stranger, alert.public_id)
        assert service.get_alert(weekly.owner, alert.public_id) is alert

    def test_the_standing_counts_what_is_open_and_what_nobody_heard_of(self, weekly: ScheduledExport) -> None:
        failed, partial, missed, _paused = (raised(weekly, cause) for cause in FOUR)
        failed.send_error, failed.closed_at = "Admin: refused", NOW  # over, and nobody knows that it was
        partial.send_error, partial.told, partial.closed_at = "Admin: refused", 1, NOW  # over, and known
        missed.send_error, missed.told = "Admin: refused", 1
        db.session.commit()

        found = service.standing(weekly.owner)

        assert (found.open, found.unsent) == (2, 2)
        assert [alert.cause for alert in found.newest] == [
            Cause.SCHEDULE_PAUSED,
            Cause.RUN_MISSED,
            Cause.RUN_FAILED,
        ]
