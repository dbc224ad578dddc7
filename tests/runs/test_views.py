"""The pages of runs as a browser meets them."""

import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.clock import utcnow
from portal.datasets.models import Dataset
from portal.delivery.models import Delivery, DeliveryStatus
from portal.downloads.models import DownloadEvent, DownloadLink
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import service
from portal.runs.models import RunEvent, RunStatus, ScheduledExportRun
from portal.schedules.models import Channel, Empty, ScheduledExport, Unchanged
from tests import factories
from tests.conftest import sign_in
from tests.runs.pages import run_of
from tests.schedules.pages import text_of


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

        seen = re.findall(r'class="lead-cell"\s+href="/runs/([^"]+)"', first + second)
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
            "Status New",
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

    def test_it_says_what_was_changed_in_the_file(
        self, client: FlaskClient, auditor: User, delivered: ScheduledExportRun
    ) -> None:
        assert delivered.artifact is not None
        delivered.artifact.notes = [
            "Labels of columns are cut: 2 cells.",
            "Characters < became \ufffd: 1 cell.",
        ]
        db.session.commit()
        sign_in(client, auditor)

        page = text_of(client.get(f"/runs/{delivered.public_id}"))

        assert "In this file Labels of columns are cut: 2 cells. Characters < became \ufffd: 1 cell." in page

    def test_it_warns_of_what_is_unusual_and_says_what_its_policies_were(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        schedule = factories.schedule(manager, dataset, empty=Empty.TELL, unchanged=Unchanged.SKIP)
        warning = "It has 3 rows, less than half of what is usual."
        run = run_of(schedule, RunStatus.SUCCESS, told_empty=True, warning=warning, content_hash="ab" * 32)
        db.session.add(
            Delivery(
                run_id=run.id, channel=Channel.EMAIL, target="ann@example.org", status=DeliveryStatus.SENT
            )
        )
        db.session.commit()
        sign_in(client, manager)

        page = text_of(client.get(f"/runs/{run.public_id}"))

        for words in (
            f"{warning} Look whether its source or its filters are right.",
            "There were no rows. The recipient was told so.",
            "Without rows Tell the recipients by mail",
            "With the same rows as last time Skip the run",
            "When columns change Stop before anything is sent",
            f"Hash of the rows {'ab' * 32}",
        ):
            assert words in page, words
        assert "In this file" not in page
        dash = "\N{EN DASH}"
        assert re.search(rf"ann@example\.org .* Accepted {dash} {dash} ", page), "nothing can be downloaded"

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


@pytest.mark.parametrize("page", ["", "/progress"])
def test_it_is_not_there_for_another_organization(
    client: FlaskClient, outsider: User, schedule: ScheduledExport, page: str
) -> None:
    run = run_of(schedule, RunStatus.FAILED)
    sign_in(client, outsider)

    assert client.get(f"/runs/{run.public_id}{page}").status_code == 404
    assert client.get(f"/runs/unknown{page}").status_code == 404
