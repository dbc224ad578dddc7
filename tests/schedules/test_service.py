"""Schedules: what is refused and where, what changes when, and who may."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.config import Settings
from portal.datasets import service as datasets
from portal.datasets.models import Dataset
from portal.errors import Forbidden, InvalidInput, NotFound
from portal.exporters.options import CsvOptions
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.permissions import Permission, Role
from portal.runs.models import ScheduledExportRun
from portal.runs.service import run_now
from portal.schedules import drafts, policies, service
from portal.schedules.models import (
    Channel,
    Drift,
    Empty,
    ExportFormat,
    Misfire,
    Overlap,
    ScheduledExport,
    ScheduleState,
    Unchanged,
)
from portal.schedules.rules import Kind, Rule
from tests import factories
from tests.factories import NOW
from tests.schedules.pages import instants

FIRST = datetime(2025, 3, 10, 7, 0, tzinfo=UTC)  # Monday 08:00 in Berlin
WEEK = timedelta(days=7)
ALL_SCHEDULES = select(ScheduledExport.name)


def test_it_makes_an_active_schedule_that_is_due(manager: User, dataset: Dataset) -> None:
    made = factories.schedule(manager, dataset, name="  Weekly cases ", recipients=("ANN@Example.org",))

    assert (made.name, made.active, made.next_run_at) == ("Weekly cases", True, FIRST)
    assert made.recipients == ["ann@example.org"]
    assert (made.owner, made.organization_id) == (manager, manager.organization_id)
    assert made.location is None
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "schedule.create")).one()
    assert entry.target == f"schedule:{made.public_id}"
    assert entry.after == {**service.describe(made), "accepted_version": 1}


def test_it_keeps_each_recipient_once(manager: User, dataset: Dataset) -> None:
    made = factories.schedule(
        manager, dataset, recipients=("bob@example.org", "ann@example.org", "BOB@example.org")
    )

    assert made.recipients == ["bob@example.org", "ann@example.org"]


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("name", {"name": "   "}),
    ("name", {"name": "x" * 121}),
    ("name", {"name": "Cases\r\nBcc: evil@example.org"}),
    ("name", {"name": "Cases\x00"}),
    ("timezone", {"timezone": "Europe/Berlim"}),
    ("timezone", {"timezone": ""}),
    ("timezone", {"timezone": "../../etc/localtime"}),
    ("dataset", {"dataset_id": "unknown"}),
    ("dataset", {"dataset_id": ""}),
    ("columns", {"columns": ("case_number", "nonsense")}),
    ("filters", {"filters": {"nonsense": 1}}),
    ("period", {"filters": {"period": {"preset": "someday"}}}),
    ("statuses", {"filters": {"statuses": ["GONE"]}}),
    ("recipients", {"recipients": ()}),
    ("recipients", {"recipients": ("ann@example.org", "bob")}),
    ("recipients", {"recipients": ("ann@example.org, evil@example.org",)}),
    ("recipients", {"recipients": ("ann@example.org\r\nBcc: evil@example.org",)}),
    ("recipients", {"recipients": tuple(f"p{n}@example.org" for n in range(201))}),
    ("location", {"channel": Channel.STORAGE, "location": ""}),
    ("location", {"channel": Channel.STORAGE, "location": "../globex"}),
    ("start_window", {"start_window": 0}),
    ("start_window", {"start_window": 1441}),
    ("ends_on", {"rule": Rule(Kind.DAILY, time(8), ends_on=date(2025, 3, 3))}),
]


@pytest.mark.parametrize(("field", "changes"), WRONG)
def test_it_names_the_wrong_field_and_keeps_nothing(
    manager: User, dataset: Dataset, field: str, changes: dict[str, Any]
) -> None:
    draft = factories.draft(dataset, **changes)

    with pytest.raises(InvalidInput) as refused:
        service.create_schedule(manager, draft, now=NOW)
    db.session.commit()

    assert refused.value.field == field
    assert db.session.scalars(ALL_SCHEDULES).all() == []
    assert not db.session.scalars(select(AuditEntry).where(AuditEntry.action == "schedule.create")).all()


@pytest.mark.parametrize(("field", "changes"), WRONG)
def test_it_leaves_a_schedule_as_it_stood_when_a_change_is_wrong(
    manager: User, schedule: ScheduledExport, settings: Settings, field: str, changes: dict[str, Any]
) -> None:
    other = factories.dataset(manager.organization, settings, "Other cases")
    db.session.commit()
    before = service.describe(schedule), schedule.next_run_at
    changed = factories.draft(other, **{"name": "Another", "format": ExportFormat.PDF, **changes})

    with pytest.raises(InvalidInput) as refused:
        service.update_schedule(manager, schedule, changed, now=NOW)
    db.session.commit()
    db.session.refresh(schedule)

    assert refused.value.field == field
    assert (service.describe(schedule), schedule.next_run_at) == before


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("reports", "reports"),
        (" reports/weekly/ ", "reports/weekly"),
        ("reports//weekly/./2025", "reports/weekly/2025"),
        ("Berichte/Fälle 2025", "Berichte/Fälle 2025"),
        ("..hidden", "..hidden"),
    ],
)
def test_it_keeps_one_spelling_of_a_location(written: str, kept: str) -> None:
    assert drafts.valid_location(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        ".",
        "/",
        "/etc",
        "..",
        "../globex",
        "reports/../../globex",
        "reports/..",
        "C:\\reports",
        "reports\\weekly",
        "reports/\x00",
        "reports\nweekly",
        "re*ports",
        "a?b",
        'a"b',
        "a<b",
        "a|b",
        "x" * 301,
    ],
)
def test_it_refuses_locations_outside_the_organizations_folder(written: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        drafts.valid_location(written)

    assert refused.value.field == "location"


def test_it_keeps_a_folder_instead_of_recipients(manager: User, dataset: Dataset) -> None:
    made = factories.schedule(manager, dataset, channel=Channel.STORAGE, location="reports")

    assert (made.location, made.recipients) == ("reports", [])


def test_it_keeps_chosen_columns_in_order_and_once(manager: User, dataset: Dataset) -> None:
    made = factories.schedule(manager, dataset, columns=("status", "case_number", "status"))

    assert made.columns == ["status", "case_number"]


# Changing


def test_it_changes_from_now_on(manager: User, schedule: ScheduledExport, dataset: Dataset) -> None:
    later = NOW + timedelta(days=1)
    changed = factories.draft(
        dataset, name="Daily cases", rule=Rule(Kind.DAILY, time(6, 30)), timezone="America/New_York"
    )

    service.update_schedule(manager, schedule, changed, now=later)
    db.session.commit()

    assert (schedule.name, schedule.updated_at) == ("Daily cases", later)
    assert schedule.next_run_at == datetime(2025, 3, 5, 11, 30, tzinfo=UTC)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "schedule.update")).one()
    assert (entry.before or {})["name"] == "Weekly cases"
    assert (entry.after or {})["name"] == "Daily cases"


def test_it_pauses_once_and_resumes_from_now(manager: User, schedule: ScheduledExport) -> None:
    service.pause_schedule(manager, schedule, now=NOW)
    service.pause_schedule(manager, schedule, now=NOW, reason="again")
    assert (schedule.active, schedule.next_run_at) == (False, None)
    assert schedule.paused_reason == "Paused by Manager"
    db.session.commit()

    five_weeks_on = NOW + 5 * WEEK
    service.resume_schedule(manager, schedule, now=five_weeks_on)
    service.resume_schedule(manager, schedule, now=five_weeks_on + WEEK)
    db.session.commit()

    assert schedule.active
    assert not schedule.paused_reason
    # in Berlin 08:00 is 06:00 UTC by then; the five Mondays in between are not caught up
    assert schedule.next_run_at == datetime(2025, 4, 14, 6, 0, tzinfo=UTC)
    actions = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)).all()
    assert actions[-2:] == ["schedule.pause", "schedule.resume"]


def test_it_stays_paused_when_it_is_changed(
    manager: User, schedule: ScheduledExport, dataset: Dataset
) -> None:
    service.pause_schedule(manager, schedule, now=NOW)

    service.update_schedule(manager, schedule, factories.draft(dataset, name="Renamed"), now=NOW)
    db.session.commit()

    assert (schedule.name, schedule.active, schedule.next_run_at) == ("Renamed", False, None)


def test_the_trail_names_the_version_that_saving_accepted(manager: User, dataset: Dataset) -> None:
    schedule = factories.schedule(manager, dataset)
    datasets.choose_csv(dataset, CsvOptions(decimal_comma=True), now=NOW)

    service.update_schedule(manager, schedule, factories.draft(dataset, name="Again"), now=NOW)

    made = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "schedule.create")).one()
    saved = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "schedule.update")).one()
    assert made.after is not None
    assert saved.before is not None
    assert saved.after is not None
    assert made.after["accepted_version"] == 1
    assert (saved.before["accepted_version"], saved.after["accepted_version"]) == (1, 2)


def test_it_deletes_without_taking_history_along(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    run = run_now(manager, schedule, settings=settings, now=NOW)
    service.delete_schedule(manager, schedule, now=NOW)
    db.session.commit()

    assert service.list_schedules(manager) == []
    with pytest.raises(NotFound):
        service.get_schedule(manager, schedule.public_id)
    assert db.session.scalars(select(ScheduledExportRun)).all() == [run]
    assert run.schedule is schedule
    assert schedule.next_run_at is None
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "schedule.delete")).one()
    assert (entry.before or {})["name"] == "Weekly cases"


# Policies, and the end of a rule


def test_it_keeps_policies_for_the_trail_and_for_runs(manager: User, dataset: Dataset) -> None:
    made = factories.schedule(manager, dataset, misfire=Misfire.ALL, overlap=Overlap.SKIP, start_window=90)
    plain = factories.schedule(manager, dataset)

    assert (made.misfire, made.overlap, made.start_window) == (Misfire.ALL, Overlap.SKIP, 90)
    assert policies.in_words(service.describe(made)) == [
        ("After downtime", "Run all that were missed, one after the other"),
        ("While another run is under way", "Skip the new run"),
        ("Starts", "Within 90 minutes"),
        ("Without rows", "Send the file without rows"),
        ("With the same rows as last time", "Send them again"),
        ("When columns change", "Stop before anything is sent"),
    ]
    before_results = {
        name: chosen
        for name, chosen in service.describe(plain).items()
        if name not in ("empty", "unchanged", "drift")
    }
    assert [words for _, words in policies.in_words(before_results)] == [
        "Run the latest missed one",
        "Wait for it",
        "However late",
    ]
    assert policies.in_words({"name": "a run of the first release"}) == []


def test_it_keeps_for_the_trail_what_becomes_of_results(manager: User, dataset: Dataset) -> None:
    made = factories.schedule(manager, dataset)
    changed = factories.draft(dataset, empty=Empty.SKIP, unchanged=Unchanged.SKIP, drift=Drift.GO_ON)

    service.update_schedule(manager, made, changed, now=NOW)

    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "schedule.update")).one()
    names = ("empty", "unchanged", "drift")
    assert [(entry.before or {})[name] for name in names] == ["send", "send", "stop"]
    assert [(entry.after or {})[name] for name in names] == ["skip", "skip", "go on"]


def test_saving_accepts_the_columns_that_the_dataset_has_now(manager: User, dataset: Dataset) -> None:
    made = factories.schedule(manager, dataset)
    first = dataset.versions[0].id
    assert (made.revision, made.accepted_version_id) == (1, first)
    made.shape = {"case_number": ["text"]}
    newer = datasets.choose_csv(dataset, CsvOptions(), now=NOW)
    assert made.accepted_version_id == first

    service.pause_schedule(manager, made, now=NOW)
    assert (made.revision, made.shape) == (1, {"case_number": ["text"]}), "pausing saves nothing"

    service.update_schedule(manager, made, factories.draft(dataset), now=NOW)
    assert (made.revision, made.accepted_version_id, made.shape) == (2, newer.id, None)


def test_it_refuses_to_tell_a_folder(manager: User, dataset: Dataset) -> None:
    with pytest.raises(InvalidInput, match="nobody who could be told") as caught:
        factories.schedule(
            manager, dataset, channel=Channel.STORAGE, recipients=(), location="a", empty=Empty.TELL
        )

    assert caught.value.field == "empty"


LAST_DAY = Rule(Kind.DAILY, time(8), ends_on=date(2025, 3, 4))
OVER = datetime(2025, 3, 5, tzinfo=UTC)


def finished(manager: User, dataset: Dataset) -> ScheduledExport:
    """Return a schedule whose last run was dispatched."""
    made = factories.schedule(manager, dataset, name="Over", rule=LAST_DAY)
    made.next_run_at = service.next_due(made, OVER)
    db.session.commit()
    return made


def test_it_is_finished_once_its_last_run_has_passed(manager: User, dataset: Dataset) -> None:
    made = finished(manager, dataset)
    other = factories.schedule(manager, dataset)

    assert (made.active, made.next_run_at, made.state) == (True, None, ScheduleState.FINISHED)
    assert service.list_schedules(manager, state="finished") == [made]
    assert service.list_schedules(manager, state="active") == [other]
    assert service.list_schedules(manager, state="paused") == []


def test_a_finished_schedule_can_be_renamed_and_goes_on_with_a_later_end(
    manager: User, dataset: Dataset
) -> None:
    made = finished(manager, dataset)
    longer = replace(LAST_DAY, ends_on=date(2025, 3, 31))

    service.update_schedule(manager, made, factories.draft(dataset, name="Old", rule=LAST_DAY), now=OVER)
    assert (made.name, made.state) == ("Old", ScheduleState.FINISHED)
    service.update_schedule(manager, made, factories.draft(dataset, rule=longer), now=OVER)
    assert (made.state, made.next_run_at) == (ScheduleState.ACTIVE, datetime(2025, 3, 5, 7, 0, tzinfo=UTC))


# Who


def test_it_shows_schedules_to_their_organization_only(
    manager: User, auditor: User, outsider: User, schedule: ScheduledExport
) -> None:
    assert service.list_schedules(auditor) == service.list_schedules(manager) == [schedule]
    assert service.list_schedules(outsider) == []
    assert service.get_schedule(auditor, schedule.public_id) is schedule
    for public_id in (schedule.public_id, "unknown"):
        with pytest.raises(NotFound, match=r"There is no such schedule\."):
            service.get_schedule(outsider, public_id)


def test_it_answers_strangers_with_not_found_before_it_speaks_of_roles(
    schedule: ScheduledExport, globex: Organization
) -> None:
    stranger = factories.user(globex, Role.AUDITOR, "auditor@globex.example")

    with pytest.raises(NotFound):
        service.get_schedule(stranger, schedule.public_id, Permission.MANAGE_SCHEDULES)


def test_it_lets_an_auditor_change_nothing(
    auditor: User, schedule: ScheduledExport, dataset: Dataset
) -> None:
    before = service.describe(schedule)
    draft = factories.draft(dataset, name="Mine")
    for attempt in (
        lambda: service.create_schedule(auditor, draft, now=NOW),
        lambda: service.update_schedule(auditor, schedule, draft, now=NOW),
        lambda: service.pause_schedule(auditor, schedule, now=NOW),
        lambda: service.resume_schedule(auditor, schedule, now=NOW),
        lambda: service.delete_schedule(auditor, schedule, now=NOW),
        lambda: service.get_schedule(auditor, schedule.public_id, Permission.MANAGE_SCHEDULES),
    ):
        with pytest.raises(Forbidden):
            attempt()

    db.session.commit()
    assert service.describe(schedule) == before
    assert (schedule.active, schedule.deleted_at) == (True, None)


def test_it_takes_no_dataset_of_another_organization(outsider: User, dataset: Dataset) -> None:
    with pytest.raises(InvalidInput) as refused:
        service.create_schedule(outsider, factories.draft(dataset), now=NOW)

    assert refused.value.field == "dataset"


# Lists and previews


def test_it_lists_by_state_and_name_newest_first(manager: User, dataset: Dataset) -> None:
    first, second, third = (
        factories.schedule(manager, dataset, name=name) for name in ("Cases 100%", "cases daily", "Gifts")
    )
    service.pause_schedule(manager, second, now=NOW)
    db.session.commit()

    assert service.list_schedules(manager) == [third, second, first]
    assert service.list_schedules(manager, state="active") == [third, first]
    assert service.list_schedules(manager, state="paused") == [second]
    assert service.list_schedules(manager, search="CASES") == [second, first]
    assert service.list_schedules(manager, search="%") == [first]
    assert service.list_schedules(manager, search="_") == []
    assert service.list_schedules(manager, before_id=second.id) == [first]


def test_it_previews_what_the_dispatcher_will_see(schedule: ScheduledExport) -> None:
    coming = instants(schedule.recurrence, schedule.timezone, after=NOW)

    assert coming[0] == schedule.next_run_at == FIRST
    assert [instant.hour for instant in coming] == [7, 7, 7, 6, 6]
    with pytest.raises(InvalidInput):
        instants(schedule.recurrence, "Nowhere", after=NOW)
