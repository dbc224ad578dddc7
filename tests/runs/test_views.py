"""The pages of runs as a browser meets them."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import func, select

from portal import queue
from portal.audit.models import AuditEntry
from portal.clock import utcnow
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.delivery.models import Delivery, DeliveryStatus
from portal.downloads.models import DownloadEvent, DownloadLink
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import pipeline, service
from portal.runs.dispatch import snapshot_of
from portal.runs.models import RunEvent, RunStatus, ScheduledExportRun, Trigger
from portal.schedules.models import ScheduledExport
from tests import factories
from tests.conftest import sign_in
from tests.schedules.pages import text_of


def run_of(schedule: ScheduledExport, status: RunStatus, **changes: Any) -> ScheduledExportRun:
    """Return a run that ended this way, committed."""
    final = status not in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.DELIVERING)
    values: dict[str, Any] = {
        "organization_id": schedule.organization_id,
        "schedule_id": schedule.id,
        "due_at": factories.NOW,
        "trigger": Trigger.MANUAL,
        "requested_by": "manager@acme.example",
        "status": status,
        "snapshot": snapshot_of(schedule),
        "created_at": factories.NOW,
        "started_at": factories.NOW + timedelta(seconds=2),
        "completed_at": factories.NOW + timedelta(seconds=14) if final else None,
        "row_count": 7 if status in (RunStatus.SUCCESS, RunStatus.PARTIAL) else None,
        **changes,
    }
    made = ScheduledExportRun(**values)
    db.session.add(made)
    db.session.commit()
    return made


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


def queued(redis: Redis) -> list[str]:
    return queue.run_queue(redis).get_job_ids()


class TestList:
    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("", ["Other", "Weekly cases", "Weekly cases"]),
            ("?status=FAILED", ["Weekly cases"]),
            ("?status=failed&status=success", ["Other", "Weekly cases"]),
            ("?status=SKIPPED", []),
            ("?status=odd", ["Other", "Weekly cases", "Weekly cases"]),
        ],
    )
    def test_it_narrows_by_status_in_the_address(
        self,
        client: FlaskClient,
        auditor: User,
        manager: User,
        dataset: Dataset,
        schedule: ScheduledExport,
        query: str,
        shown: list[str],
    ) -> None:
        run_of(schedule, RunStatus.FAILED, reason="no such table")
        run_of(schedule, RunStatus.QUEUED, started_at=None)
        run_of(factories.schedule(manager, dataset, name="Other"), RunStatus.SUCCESS)
        sign_in(client, auditor)

        body = client.get(f"/runs{query}").get_data(as_text=True)

        assert re.findall(r'class="lead-cell"[^>]*>([^<]+)<', body) == shown
        assert ("No run matches these filters." in body) is (shown == [])

    def test_it_narrows_by_schedule_in_the_address(
        self,
        client: FlaskClient,
        manager: User,
        dataset: Dataset,
        schedule: ScheduledExport,
    ) -> None:
        other = factories.schedule(manager, dataset, name="Other")
        run_of(schedule, RunStatus.FAILED)
        run_of(other, RunStatus.SUCCESS)
        sign_in(client, manager)

        body = client.get(f"/runs?schedule={other.public_id}&status=SUCCESS").get_data(as_text=True)

        assert re.findall(r'class="lead-cell"[^>]*>([^<]+)<', body) == ["Other"]
        assert 'href="/runs?status=SUCCESS"' in body, "the schedule can be taken off, the status stays"

    def test_it_pages_by_the_address(
        self,
        client: FlaskClient,
        manager: User,
        schedule: ScheduledExport,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(service, "PAGE_SIZE", 50)
        runs = [run_of(schedule, RunStatus.FAILED).public_id for _ in range(52)]
        sign_in(client, manager)

        first = client.get("/runs?status=FAILED").get_data(as_text=True)
        older = re.search(r'href="([^"]+)" rel="next"', first)
        assert older is not None
        second = client.get(html.unescape(older[1])).get_data(as_text=True)

        seen = re.findall(r'class="lead-cell" href="/runs/([^"]+)"', first + second)
        assert seen == runs[::-1]
        assert 'rel="next"' not in second

    def test_it_says_when_there_is_none_yet(self, client: FlaskClient, manager: User) -> None:
        sign_in(client, manager)

        assert "No runs yet." in text_of(client.get("/runs"))

    def test_it_shows_nothing_of_another_organization(
        self, client: FlaskClient, outsider: User, schedule: ScheduledExport
    ) -> None:
        run_of(schedule, RunStatus.FAILED)
        sign_in(client, outsider)

        assert "Weekly cases" not in client.get("/runs").get_data(as_text=True)
        assert client.get(f"/runs?schedule={schedule.public_id}").status_code == 404


class TestShow:
    def test_it_says_all_that_is_known(
        self, client: FlaskClient, auditor: User, delivered: ScheduledExportRun
    ) -> None:
        assert delivered.artifact is not None
        sha256, rows = delivered.artifact.sha256, delivered.artifact.rows
        to_ann = select(DownloadLink).join(Delivery).where(Delivery.target == "ann@example.org")
        link = db.session.scalars(to_ann).one()
        db.session.add(
            DownloadEvent(artifact_id=link.artifact_id, link_id=link.id, at=utcnow(), bytes=9, completed=True)
        )
        db.session.commit()
        sign_in(client, auditor)

        response = client.get(f"/runs/{delivered.public_id}")

        page = text_of(response)
        for words in (
            "Partly delivered",
            "1 of 2 recipients have the file. Nothing more is tried by itself.",
            "after due",
            f"{rows:,} rows",
            "Attempt 1 worker-1",
            sha256,
            "Status NEW",
            "Opened Previous year 1 Jan",
            "statuses_any 0",
            "Run with the rights of manager@acme.example",
            "2 links open until",
            "Started by Manager",
        ):
            assert words in page, words
        assert re.search(r"refused@example\.org 1 attempt, [\d:]+ Refused for good 550 5\.1\.1 ", page)
        assert re.search(r"ann@example\.org 1 attempt, [\d:]+ Accepted 250 .* 1 ", page)
        assert 'aria-current="page"' in response.get_data(as_text=True), "the strip marks this run"
        assert "Download" in page
        assert "Resend" not in page, "an auditor mends nothing"
        assert "Revoke" not in page

    def test_it_shows_deferred_mail_with_its_answers_and_next_try(
        self, client: FlaskClient, manager: User, delivered: ScheduledExportRun
    ) -> None:
        delivery = db.session.scalars(select(Delivery).where(Delivery.status == DeliveryStatus.REFUSED)).one()
        delivery.status, delivery.next_attempt_at = DeliveryStatus.DEFERRED, factories.NOW
        delivered.status, delivered.completed_at = RunStatus.DELIVERING, None
        db.session.commit()
        sign_in(client, manager)

        page = text_of(client.get(f"/runs/{delivered.public_id}"))

        assert "Put off again 3 Mar 13:00" in page
        assert "1 of 2 have the file; the others are tried again by themselves." in page

    @pytest.mark.parametrize(
        ("status", "button"),
        [
            (RunStatus.FAILED, True),
            (RunStatus.MISSED, True),
            (RunStatus.SUCCESS, False),
            (RunStatus.SKIPPED, False),
            (RunStatus.QUEUED, False),
        ],
    )
    def test_it_offers_a_retry_where_one_helps(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport, status: RunStatus, button: bool
    ) -> None:
        run = run_of(schedule, status)
        sign_in(client, manager)

        body = client.get(f"/runs/{run.public_id}").get_data(as_text=True)

        assert (f'action="/runs/{run.public_id}/retry"' in body) is button

    def test_it_escapes_what_servers_answer(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        run = run_of(schedule, RunStatus.FAILED, reason="<script>alert(1)</script>")
        db.session.add(RunEvent(run_id=run.id, at=factories.NOW, message="<b>bold</b>"))
        db.session.commit()
        sign_in(client, manager)

        body = client.get(f"/runs/{run.public_id}").get_data(as_text=True)

        assert "<script>alert" not in body
        assert "<b>bold" not in body
        assert "&lt;b&gt;bold" in body


class TestProgress:
    @pytest.mark.parametrize(
        ("status", "changes", "words", "finished"),
        [
            (RunStatus.QUEUED, {"started_at": None}, "Queued Waiting for a worker.", False),
            (
                RunStatus.RUNNING,
                {"lease_token": "t", "stage": "store", "row_count": 1284, "attempt": 2},
                "Running Storing the file. 1,284 rows Attempt 2",
                False,
            ),
            (RunStatus.FAILED, {"reason": "No."}, "Failed No. Nothing more is tried by itself.", True),
        ],
    )
    def test_it_says_how_the_run_stands_and_when_it_is_over(
        self,
        client: FlaskClient,
        auditor: User,
        schedule: ScheduledExport,
        status: RunStatus,
        changes: dict[str, Any],
        words: str,
        finished: bool,
    ) -> None:
        run = run_of(schedule, status, **changes)
        sign_in(client, auditor)

        response = client.get(f"/runs/{run.public_id}/progress")
        page = client.get(f"/runs/{run.public_id}").get_data(as_text=True)

        assert words in text_of(response)
        assert ("data-finished" in response.get_data(as_text=True)) is finished
        assert ("run-progress.js" in page) is not finished
        assert ("<noscript>" in page) is not finished


class TestRetry:
    def test_it_queues_the_run_again(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport, redis: Redis
    ) -> None:
        run = run_of(schedule, RunStatus.FAILED, attempt=3)
        sign_in(client, manager)

        response = client.post(f"/runs/{run.public_id}/retry")

        db.session.refresh(run)
        assert (run.status, run.completed_at) == (RunStatus.QUEUED, None)
        assert queued(redis) == [f"{run.public_id}_3"]
        assert "The run is queued again." in text_of(client.get(response.location))

    def test_it_makes_one_attempt_of_a_double_click(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport, redis: Redis
    ) -> None:
        run = run_of(schedule, RunStatus.FAILED, attempt=3)
        sign_in(client, manager)

        client.post(f"/runs/{run.public_id}/retry")
        second = client.post(f"/runs/{run.public_id}/retry", follow_redirects=True)

        assert "The run is under way already." in text_of(second)
        assert queued(redis) == [f"{run.public_id}_3"]
        retries = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "run.retry")
        assert db.session.scalars(retries).one() == 1

    def test_it_says_why_a_delivered_run_is_not_retried(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport, redis: Redis
    ) -> None:
        run = run_of(schedule, RunStatus.SUCCESS)
        sign_in(client, manager)

        page = client.post(f"/runs/{run.public_id}/retry", follow_redirects=True)

        assert "Only a run that failed before its file was stored can be retried." in text_of(page)
        db.session.refresh(run)
        assert run.status is RunStatus.SUCCESS
        assert queued(redis) == []

    def test_it_keeps_the_run_queued_while_redis_is_away(
        self, client: FlaskClient, app: Flask, manager: User, schedule: ScheduledExport, settings: Settings
    ) -> None:
        run = run_of(schedule, RunStatus.FAILED)
        sign_in(client, manager)
        app.config["PORTAL"] = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})

        page = client.post(f"/runs/{run.public_id}/retry", follow_redirects=True)

        assert page.status_code == 200
        assert "The queue can't be reached right now" in text_of(page)
        db.session.refresh(run)
        assert run.status is RunStatus.QUEUED


class TestResend:
    def test_it_sends_to_those_who_lack_the_file_only_and_once(
        self, client: FlaskClient, manager: User, delivered: ScheduledExportRun, redis: Redis
    ) -> None:
        sign_in(client, manager)
        page = client.get(f"/runs/{delivered.public_id}").get_data(as_text=True)
        assert "Resend to the one who lacks it" in page

        client.post(f"/runs/{delivered.public_id}/resend")
        second = client.post(f"/runs/{delivered.public_id}/resend", follow_redirects=True)

        standing = {found.target: found.status for found in db.session.scalars(select(Delivery))}
        assert standing == {
            "ann@example.org": DeliveryStatus.SENT,
            "refused@example.org": DeliveryStatus.PENDING,
        }
        assert queued(redis) == [f"{delivered.public_id}_1"]
        assert "The run is under way already." in text_of(second)

    def test_it_says_when_there_is_no_file_to_send(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport, redis: Redis
    ) -> None:
        run = run_of(schedule, RunStatus.FAILED)
        sign_in(client, manager)

        page = client.post(f"/runs/{run.public_id}/resend", follow_redirects=True)

        assert "There is no stored file that somebody still lacks." in text_of(page)
        assert queued(redis) == []


class TestRevokeLinks:
    def test_it_withdraws_every_open_link_once(
        self, client: FlaskClient, manager: User, delivered: ScheduledExportRun
    ) -> None:
        sign_in(client, manager)

        first = client.post(f"/runs/{delivered.public_id}/revoke-links", follow_redirects=True)
        second = client.post(f"/runs/{delivered.public_id}/revoke-links", follow_redirects=True)

        assert all(link.revoked_at for link in db.session.scalars(select(DownloadLink)))
        assert "The links no longer work." in text_of(first)
        assert "none open" in text_of(first)
        assert "No link was open any more." in text_of(second)


@pytest.mark.parametrize("page", ["", "/progress"])
def test_it_is_not_there_for_another_organization(
    client: FlaskClient, outsider: User, schedule: ScheduledExport, page: str
) -> None:
    run = run_of(schedule, RunStatus.FAILED)
    sign_in(client, outsider)

    assert client.get(f"/runs/{run.public_id}{page}").status_code == 404
    assert client.get(f"/runs/unknown{page}").status_code == 404


@pytest.mark.parametrize("deed", ["retry", "resend", "revoke-links"])
@pytest.mark.parametrize(("who", "status"), [("outsider", 404), ("auditor", 403)])
def test_it_can_not_be_mended_by_others(
    client: FlaskClient,
    request: pytest.FixtureRequest,
    schedule: ScheduledExport,
    redis: Redis,
    deed: str,
    who: str,
    status: int,
) -> None:
    run = run_of(schedule, RunStatus.FAILED)
    sign_in(client, request.getfixturevalue(who))

    assert client.post(f"/runs/{run.public_id}/{deed}").status_code == status

    db.session.refresh(run)
    assert run.status is RunStatus.FAILED
    assert queued(redis) == []
