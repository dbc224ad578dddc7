"""Retry, resend and revoke from the pages of runs: each once, and only by those who may."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import func, select

from portal.audit.models import AuditEntry
from portal.config import Settings
from portal.delivery.models import Delivery, DeliveryStatus
from portal.downloads.models import DownloadLink
from portal.extensions import db
from portal.organizations.models import User
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.schedules.models import ScheduledExport
from tests.conftest import sign_in
from tests.runs.pages import queued, run_of
from tests.schedules.pages import text_of


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

        assert "Only a run that failed or was missed can be retried." in text_of(page)
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
