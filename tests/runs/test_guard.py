"""A run whose personal data would go outside stops before it reads anything. On both databases."""

from dataclasses import replace

from sqlalchemy import func, select, update

from portal.alerts.models import Alert, Cause
from portal.delivery.models import Delivery, DeliveryStatus
from portal.extensions import db
from portal.organizations.models import User
from portal.permissions import Role
from portal.runs import service as runs
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.schedules.approval import unapproved_of
from portal.schedules.approving import approve_schedule, withdraw_approval
from portal.schedules.models import ScheduledExport
from tests import factories
from tests.factories import NOW
from tests.runs.items import COLUMNS, Items, lines
from tests.runs.pages import run_of

OUT = ("eve@elsewhere.example",)
MARKED = (COLUMNS[0], COLUMNS[1], replace(COLUMNS[2], tags=frozenset({"SENSITIVE"})))


def run_of_it(items: Items, schedule: ScheduledExport) -> ScheduledExportRun:
    run = run_of(schedule, RunStatus.QUEUED, due_at=NOW, started_at=None)
    items.execute(run)
    return run


def admin_of(items: Items) -> User:
    made = factories.user(items.owner.organization, Role.ADMIN, "admin@acme.example")
    db.session.commit()
    return made


def refused(run: ScheduledExportRun) -> bool:
    if run.error_code != "not approved":
        return False
    assert run.status is RunStatus.FAILED
    assert "“note” (personal or sensitive) would go outside, to eve@elsewhere.example" in (
        run.error_message or ""
    )
    assert not any(line.startswith("Reading") for line in lines(run))
    assert (run.resolved_parameters, run.row_count, run.artifact) == (None, None, None)
    return True


def test_a_column_marked_later_stops_the_run_and_tells_people(items: Items) -> None:
    schedule = items.schedule(recipients=OUT)
    items.version(*MARKED)

    run = run_of_it(items, schedule)

    assert refused(run)
    assert db.session.scalars(select(Alert.cause)).one() is Cause.RUN_FAILED


def test_a_domain_that_is_no_more_ours_stops_the_run(items: Items) -> None:
    items.version(*MARKED)
    items.owner.organization.email_domains = ["acme.example", "elsewhere.example"]
    schedule = items.schedule(recipients=OUT)
    assert schedule.active
    items.owner.organization.email_domains = ["acme.example"]
    db.session.commit()

    assert refused(run_of_it(items, schedule))


def test_a_stopped_run_can_be_retried_once_it_is_approved(items: Items) -> None:
    admin, schedule = admin_of(items), items.schedule(recipients=OUT)
    items.version(*MARKED)
    run = run_of_it(items, schedule)
    assert refused(run)
    out = unapproved_of(schedule, schedule.organization)
    assert out is not None
    approve_schedule(admin, schedule, seen=out.digest, now=NOW)
    run.status, run.completed_at = RunStatus.QUEUED, None

    items.execute(run)

    assert not refused(run)
    assert run.row_count == 3


def test_what_is_left_out_or_stays_inside_runs(items: Items) -> None:
    items.version(*MARKED)

    for choices in (
        {"recipients": OUT, "excluded_tags": ("SENSITIVE",)},
        {"recipients": ("a@example.org",)},
        {},
    ):
        assert items.run(items.schedule(**choices)).row_count == 3


def approve(admin: User, schedule: ScheduledExport) -> None:
    out = unapproved_of(schedule, schedule.organization)
    assert out is not None
    approve_schedule(admin, schedule, seen=out.digest, now=NOW)
    db.session.commit()


def sent_count() -> int:
    sent = select(func.count()).where(Delivery.status == DeliveryStatus.SENT)
    return db.session.scalar(sent) or 0


def test_a_mark_that_came_after_the_run_was_made_counts(items: Items) -> None:
    schedule = items.schedule(recipients=OUT)
    run = run_of(schedule, RunStatus.QUEUED, due_at=NOW, started_at=None)
    items.version(*MARKED)

    items.execute(run)

    assert refused(run)


def test_a_stored_file_is_kept_back_once_its_approval_is_withdrawn(items: Items) -> None:
    admin = admin_of(items)
    items.version(*MARKED)
    schedule = items.schedule(recipients=OUT)
    approve(admin, schedule)
    run = run_of_it(items, schedule)  # no server of the tests takes mail: its file waits
    assert (run.status, sent_count()) == (RunStatus.DELIVERING, 0)
    withdraw_approval(admin, schedule, now=NOW)
    db.session.execute(update(Delivery).values(next_attempt_at=NOW))

    items.execute(run)

    assert (run.status, run.error_code, sent_count()) == (RunStatus.FAILED, "not approved", 0)
    assert "The stored file was kept back." in (run.error_message or "")

    runs.resend_failed(admin, run, settings=items.settings, now=NOW)
    items.execute(run)

    assert (run.status, run.error_code) == (RunStatus.FAILED, "not approved")

    approve(admin, schedule)
    runs.resend_failed(admin, run, settings=items.settings, now=NOW)
    items.execute(run)

    assert run.status is RunStatus.DELIVERING


def test_an_approval_for_one_dataset_is_none_for_another(items: Items) -> None:
    admin = admin_of(items)
    items.version(*MARKED)
    schedule = items.schedule(recipients=OUT)
    approve(admin, schedule)
    run = run_of(schedule, RunStatus.QUEUED, due_at=NOW, started_at=None)
    run.snapshot = {**run.snapshot, "dataset": "another"}

    items.execute(run)

    assert refused(run)
