"""The overview, failed runs and probes, over rows of the database and a real Redis."""

import re
from datetime import datetime, timedelta

import pytest
import tzdata
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import event

from portal.app import create_app
from portal.clock import utcnow
from portal.config import Settings
from portal.delivery.models import Delivery, DeliveryStatus
from portal.extensions import db
from portal.operations import service
from portal.organizations.models import User
from portal.queue import HEARTBEAT_KEY
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.runs.snapshot import snapshot_of
from portal.schedules.models import Channel, ScheduledExport
from tests.conftest import Browser, settings_below, sign_in

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def run_of(
    schedule: ScheduledExport, status: RunStatus, due_at: datetime, **changes: object
) -> ScheduledExportRun:
    """Add a run that ended, where it did, a minute after it was due."""
    open_run = status in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.DELIVERING)
    values: dict[str, object] = {
        "organization_id": schedule.organization_id,
        "schedule_id": schedule.id,
        "due_at": due_at,
        "trigger": Trigger.SCHEDULE,
        "status": status,
        "snapshot": snapshot_of(schedule),
        "created_at": due_at,
        "started_at": None if status in (RunStatus.QUEUED, RunStatus.MISSED) else due_at,
        "completed_at": None if open_run else due_at + MINUTE,
        "row_count": 60 if status in (RunStatus.SUCCESS, RunStatus.PARTIAL) else None,
        **changes,
    }
    made = ScheduledExportRun(**values)
    db.session.add(made)
    db.session.commit()
    return made


def delivered_to(run: ScheduledExportRun, *statuses: DeliveryStatus) -> None:
    for number, status in enumerate(statuses):
        target = f"{number}@example.org"
        db.session.add(Delivery(run_id=run.id, channel=Channel.EMAIL, target=target, status=status))
    db.session.commit()


def page_for(client: FlaskClient, user: User, path: str = "/") -> str:
    sign_in(client, user)
    response = client.get(path)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def tiles(page: str) -> dict[str, tuple[str, str]]:
    """Return number and words of each tile by its label."""
    found = re.findall(
        r'<div class="tile"[^>]*>\s*<span>(.*?)</span>\s*<strong>(.*?)</strong>\s*<span>(.*?)</span>',
        page,
        re.DOTALL,
    )
    return {label: (number, re.sub(r"<[^>]+>", "", words).strip()) for label, number, words in found}


def test_it_welcomes_an_empty_organization(client: FlaskClient, manager: User) -> None:
    page = page_for(client, manager)
    assert "<title>Overview · Export Portal</title>" in page
    assert tiles(page)["Failed, last 24 h"] == ("0", "nothing failed")
    assert tiles(page)["On time, last 30 days"] == ("\N{EN DASH}", "no planned run yet")
    assert "All quiet." in page
    assert "Nothing is planned." in page
    assert 'href="/schedules/new"' in page


def test_it_counts_the_last_day(client: FlaskClient, manager: User, schedule: ScheduledExport) -> None:
    now = utcnow()
    delivered_to(run_of(schedule, RunStatus.PARTIAL, now - HOUR), DeliveryStatus.SENT, DeliveryStatus.REFUSED)
    delivered_to(run_of(schedule, RunStatus.SUCCESS, now - 2 * HOUR), DeliveryStatus.SENT)
    run_of(schedule, RunStatus.FAILED, now - 3 * HOUR, error_message="The source is away.")
    run_of(schedule, RunStatus.MISSED, now - 4 * HOUR)
    run_of(schedule, RunStatus.FAILED, now - 25 * HOUR)
    page = page_for(client, manager)
    assert "<title>(2 failed) Overview · Export Portal</title>" in page
    assert tiles(page)["Failed, last 24 h"] == ("2", "in 1 schedule")
    assert tiles(page)["Delivered, last 24 h"] == ("2", "to 2 of 3 recipients")


def test_it_measures_punctuality_of_planned_runs(
    client: FlaskClient, manager: User, schedule: ScheduledExport
) -> None:
    now = utcnow()
    run_of(schedule, RunStatus.SUCCESS, now - 24 * HOUR)
    run_of(schedule, RunStatus.SUCCESS, now - 48 * HOUR, completed_at=now - 48 * HOUR + 5 * MINUTE)
    run_of(schedule, RunStatus.SUCCESS, now - 72 * HOUR, completed_at=now - 72 * HOUR + 6 * MINUTE)
    run_of(schedule, RunStatus.MISSED, now - 96 * HOUR)
    run_of(schedule, RunStatus.SKIPPED, now - 120 * HOUR)
    run_of(schedule, RunStatus.FAILED, now - 24 * HOUR, trigger=Trigger.MANUAL)
    run_of(schedule, RunStatus.SUCCESS, now - 32 * 24 * HOUR)
    assert tiles(page_for(client, manager))["On time, last 30 days"] == (
        "50.0 %",
        "2 of 4 within 5&nbsp;min",
    )


def test_it_says_what_is_late(client: FlaskClient, manager: User, schedule: ScheduledExport) -> None:
    now = utcnow()
    run_of(schedule, RunStatus.QUEUED, now - 42 * MINUTE)
    run_of(schedule, RunStatus.QUEUED, now - 4 * MINUTE)
    page = page_for(client, manager)
    assert tiles(page)["Late now"][0] == "1"
    assert "42 min ago" in page


def test_it_shows_what_needs_attention_once(
    client: FlaskClient, manager: User, schedule: ScheduledExport
) -> None:
    now = utcnow()
    for hours in (1, 25, 49):
        run_of(schedule, RunStatus.FAILED, now - hours * HOUR, error_message="No such table: calls")
    run_of(schedule, RunStatus.FAILED, now - 8 * 24 * HOUR, error_message="Long ago")
    page = page_for(client, manager)
    assert page.count("No such table: calls") == 1
    assert "3 times in seven days" in page
    assert "Long ago" not in page


def test_it_shows_the_next_runs(client: FlaskClient, manager: User, schedule: ScheduledExport) -> None:
    schedule.next_run_at = utcnow() + 3 * HOUR
    db.session.commit()
    page = page_for(client, manager)
    assert f'href="/schedules/{schedule.public_id}">Weekly cases</a>' in page
    assert "in 3 h" in page


def test_it_draws_a_bar_a_day_without_styles(
    client: FlaskClient, manager: User, schedule: ScheduledExport
) -> None:
    run_of(schedule, RunStatus.FAILED, utcnow() - MINUTE)
    page = page_for(client, manager)
    assert page.count("<title>") == 1 + 30
    assert "0 delivered, 0 partly, 1 failed</title>" in page
    assert "1 runs, 1 not fully delivered" in page
    assert "style=" not in page
    assert not re.search(r"<script(?! src=)", page)


def test_it_shows_nothing_of_another_organization(
    client: FlaskClient, outsider: User, schedule: ScheduledExport
) -> None:
    now = utcnow()
    run_of(schedule, RunStatus.FAILED, now - HOUR)
    run_of(schedule, RunStatus.QUEUED, now - 2 * HOUR)
    page = page_for(client, outsider)
    assert "Weekly cases" not in page
    assert tiles(page)["Failed, last 24 h"][0] == tiles(page)["Late now"][0] == "0"


def test_it_asks_the_database_a_fixed_number_of_times(
    client: FlaskClient, manager: User, schedule: ScheduledExport
) -> None:
    def count() -> int:
        asked: list[str] = []

        def listen(_c: object, _k: object, statement: str, *_: object) -> None:
            asked.append(statement)

        event.listen(db.engine, "before_cursor_execute", listen)
        assert client.get("/").status_code == 200
        event.remove(db.engine, "before_cursor_execute", listen)
        return len(asked)

    sign_in(client, manager)
    run_of(schedule, RunStatus.FAILED, utcnow() - HOUR)
    few = count()
    for minutes in range(20):
        run = run_of(schedule, RunStatus.PARTIAL, utcnow() - 2 * HOUR - minutes * MINUTE)
        delivered_to(run, DeliveryStatus.SENT, DeliveryStatus.REFUSED)
    assert count() == few


def test_it_tells_the_health_of_scheduler_and_workers(
    client: FlaskClient, manager: User, redis: Redis
) -> None:
    redis.set(HEARTBEAT_KEY, utcnow().isoformat())
    page = page_for(client, manager)
    assert re.search(r"heard \d+ s ago", page)
    assert "Look here" in page  # no worker is registered


@pytest.mark.parametrize(("age", "words"), [(None, "never heard of"), (3, "silent, heard 3 min ago")])
def test_it_turns_red_when_the_scheduler_is_silent(
    client: FlaskClient, manager: User, redis: Redis, age: int | None, words: str
) -> None:
    if age is not None:
        redis.set(HEARTBEAT_KEY, (utcnow() - age * MINUTE).isoformat())
    assert words in page_for(client, manager)


@pytest.fixture
def lonely(app: Flask, settings: Settings) -> FlaskClient:
    """A client of the same portal, with nobody where Redis should be."""
    away = settings_below(settings.data_dir, "redis://127.0.0.1:1")
    made = create_app(away)
    made.config["WTF_CSRF_ENABLED"] = False
    made.test_client_class = Browser
    return made.test_client()


def test_it_comes_without_redis(lonely: FlaskClient, manager: User) -> None:
    page = page_for(lonely, manager)
    assert "no answer" in page
    assert "Nothing is lost" in page


def test_it_groups_failed_runs_by_cause(client: FlaskClient, admin: User, schedule: ScheduledExport) -> None:
    now = utcnow()
    run_of(schedule, RunStatus.FAILED, now - 3 * HOUR, error_message="The source is away.")
    run_of(schedule, RunStatus.MISSED, now - 2 * HOUR, reason="The portal was down.")
    newest = run_of(schedule, RunStatus.FAILED, now - HOUR, error_message="The source is away.")
    run_of(schedule, RunStatus.SUCCESS, now - MINUTE)
    page = page_for(client, admin, "/failed-runs")
    assert "<title>(3) Failed runs · Export Portal</title>" in page
    assert "3 runs with 2 causes" in page
    assert re.findall(r'<span class="cause">(.*?)</span>', page) == [
        "The source is away.",
        "The portal was down.",
    ]
    assert "2 runs in 1 schedule" in page
    assert f'action="/runs/{newest.public_id}/retry"' in page
    assert "/resend" not in page


def test_it_pages_through_failed_runs(
    client: FlaskClient, admin: User, schedule: ScheduledExport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "FAILED_PAGE", 2)
    now = utcnow()
    for hours in (3, 2, 1):
        run_of(schedule, RunStatus.FAILED, now - hours * HOUR, error_message=f"Broken {hours} h ago")
    first = page_for(client, admin, "/failed-runs")
    assert "Broken 1 h ago" in first
    assert "Broken 3 h ago" not in first
    further = re.search(r'href="(/failed-runs\?before=\d+)"', first)
    assert further
    second = client.get(further[1]).get_data(as_text=True)
    assert "Broken 3 h ago" in second
    assert "Back to the newest" in second


def test_it_says_that_nothing_needs_mending(client: FlaskClient, admin: User) -> None:
    assert "No run needs mending." in page_for(client, admin, "/failed-runs")


def test_it_keeps_failed_runs_to_admins(client: FlaskClient, manager: User) -> None:
    sign_in(client, manager)
    response = client.get("/failed-runs")
    assert response.status_code == 403
    assert "Not for your role" in response.get_data(as_text=True)
    assert 'href="/failed-runs"' not in client.get("/").get_data(as_text=True)


def test_it_answers_probes_without_asking_anybody(lonely: FlaskClient) -> None:
    response = lonely.get("/healthz")
    assert (response.status_code, response.get_data()) == (200, b"ok")
    assert "Set-Cookie" not in response.headers


def test_it_is_ready_when_all_parts_answer(client: FlaskClient) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json == {
        "status": "ok",
        "checks": {"database": "ok", "redis": "ok", "storage": "ok"},
    }


def test_it_names_the_part_that_is_away(lonely: FlaskClient) -> None:
    response = lonely.get("/readyz")
    assert response.status_code == 503
    assert response.json == {
        "status": "unavailable",
        "checks": {"database": "ok", "redis": "no answer", "storage": "ok"},
    }


def test_it_notices_when_no_file_can_be_written(client: FlaskClient, settings: Settings) -> None:
    settings.files_dir.write_text("a file where the folder should be")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json is not None
    assert response.json["checks"]["storage"] == "no answer"
    assert str(settings.files_dir) not in response.get_data(as_text=True)


def test_it_says_whose_clock_changes_count(client: FlaskClient, admin: User) -> None:
    """Which offset a zone has, and from when, is a matter of the data: hosts must not differ in it."""
    sign_in(client, admin)
    assert f"tzdata {tzdata.IANA_VERSION}" in client.get("/").get_data(as_text=True)
