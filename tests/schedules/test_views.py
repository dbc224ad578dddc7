"""The pages of schedules as a browser meets them, but for the form."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import func, select

from portal import queue
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import User
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.schedules import service
from portal.schedules.models import ScheduledExport
from tests import factories
from tests.conftest import sign_in
from tests.schedules.pages import actions, instants, text_of


class TestList:
    def test_it_says_what_runs_when_and_how_it_went(
        self, client: FlaskClient, auditor: User, schedule: ScheduledExport
    ) -> None:
        sign_in(client, auditor)

        page = text_of(client.get("/schedules"))

        assert "Weekly cases CSV to 1 recipient Every Monday at 08:00 Europe/Berlin" in page
        assert "No run yet" in page
        assert "New schedule" not in page, "an auditor makes none"

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("", ["Paused one", "Weekly cases"]),
            ("?state=active", ["Weekly cases"]),
            ("?state=paused", ["Paused one"]),
            ("?q=WEEK", ["Weekly cases"]),
            ("?q=week&state=paused", []),
            ("?q=%25", []),
            ("?state=nonsense&before=x", ["Paused one", "Weekly cases"]),
        ],
    )
    def test_it_narrows_by_the_address(
        self,
        client: FlaskClient,
        manager: User,
        dataset: Dataset,
        schedule: ScheduledExport,
        query: str,
        names: list[str],
    ) -> None:
        paused = factories.schedule(manager, dataset, name="Paused one")
        service.pause_schedule(manager, paused, now=factories.NOW)
        db.session.commit()
        sign_in(client, manager)

        body = client.get(f"/schedules{query}").get_data(as_text=True)

        assert re.findall(r'class="lead-cell"[^>]*>([^<]+)</a>', body) == names

    def test_it_pages_by_the_address(
        self, client: FlaskClient, manager: User, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "PAGE_SIZE", 2)
        for number in range(5):
            factories.schedule(manager, dataset, name=f"Report {number}")
        sign_in(client, manager)

        seen, url = [], "/schedules?q=report"
        while url:
            body = client.get(url).get_data(as_text=True)
            seen.append(re.findall(r'class="lead-cell"[^>]*>([^<]+)</a>', body))
            older = re.search(r'href="([^"]+)" rel="next"', body)
            url = html.unescape(older[1]) if older else ""

        assert seen == [["Report 4", "Report 3"], ["Report 2", "Report 1"], ["Report 0"]]

    def test_it_says_when_there_is_none_and_when_none_matches(
        self, client: FlaskClient, manager: User
    ) -> None:
        sign_in(client, manager)

        assert "No schedules yet." in text_of(client.get("/schedules"))
        assert "No schedule matches “x” among the paused ones." in text_of(
            client.get("/schedules?q=x&state=paused")
        )


class TestShow:
    def test_it_says_what_a_schedule_does(
        self, client: FlaskClient, auditor: User, manager: User, dataset: Dataset
    ) -> None:
        made = factories.schedule(
            manager,
            dataset,
            description="For the board.",
            recipients=("ann@example.org", "bob@example.org"),
            filters={"statuses": ["NEW"], "period": {"preset": "previous_week"}},
            columns=("case_number", "creator_email"),
        )
        sign_in(client, auditor)

        response = client.get(f"/schedules/{made.public_id}")

        page = text_of(response)
        for words in (
            "Every Monday at 08:00, Europe/Berlin. CSV to 2 recipients.",
            "For the board.",
            "Opened Previous week Status New Category all",
            "2 columns, 1 with personal data",
            "ann@example.org bob@example.org",
            "Runs with the rights of Manager",
            "No run yet.",
        ):
            assert words in page
        body = response.get_data(as_text=True)
        assert re.findall(r'action="(/schedules/[^"]+)"', body) == [], "an auditor changes nothing"
        shown = [
            datetime.fromisoformat(at) for at in re.findall(r'class="fw-medium"\s+datetime="([^"]+)"', body)
        ]
        assert shown == instants(made.recurrence, made.timezone, after=datetime.now(UTC))

    def test_it_shows_the_last_runs_and_leads_to_all(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        runs = [
            ScheduledExportRun(
                organization_id=schedule.organization_id,
                schedule_id=schedule.id,
                due_at=factories.NOW + timedelta(weeks=week),
                trigger=Trigger.SCHEDULE,
                status=RunStatus.MISSED,
                reason="The scheduler was away.",
                completed_at=factories.NOW,
                snapshot=service.describe(schedule),
                created_at=factories.NOW,
            )
            for week in range(12)
        ]
        db.session.add_all(runs)
        db.session.commit()
        sign_in(client, manager)

        body = client.get(f"/schedules/{schedule.public_id}").get_data(as_text=True)

        assert body.count('class="bar"') == 12
        assert body.count("The scheduler was away.") == 10
        assert f'href="/runs?schedule={schedule.public_id}"' in body

    def test_it_says_that_a_schedule_is_finished_and_how_it_goes_on(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        schedule.next_run_at = None
        db.session.commit()
        sign_in(client, manager)

        page = text_of(client.get(f"/schedules/{schedule.public_id}"))
        listed = text_of(client.get("/schedules?state=finished"))

        assert "Weekly cases Finished" in page
        assert "Finished: its last run has passed. With a later end it goes on ." in page
        assert "None: it is finished." in page
        assert "Resume" not in page
        assert "Finished no further run" in listed
        assert "Resume" not in listed

    def test_it_says_what_happens_when_something_goes_wrong(
        self, client: FlaskClient, auditor: User, manager: User, dataset: Dataset
    ) -> None:
        made = factories.schedule(manager, dataset, start_window=1)
        sign_in(client, auditor)

        page = text_of(client.get(f"/schedules/{made.public_id}"))

        assert "After downtime Run the latest missed one" in page
        assert "Starts Within 1 minute" in page


class TestPauseAndResume:
    def test_it_pauses_and_resumes(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        sign_in(client, manager)

        paused = client.post(f"/schedules/{schedule.public_id}/pause", follow_redirects=True)
        db.session.refresh(schedule)
        assert (schedule.active, schedule.next_run_at) == (False, None)
        assert "“Weekly cases” is paused. Its one recipient gets nothing until you resume it." in text_of(
            paused
        )
        assert "None while it is paused." in text_of(paused)

        resumed = client.post(f"/schedules/{schedule.public_id}/resume", follow_redirects=True)
        db.session.refresh(schedule)
        assert schedule.active
        assert schedule.next_run_at is not None
        assert "“Weekly cases” is active again. Next run:" in text_of(resumed)
        assert actions() == ["schedule.create", "schedule.pause", "schedule.resume"]

    def test_it_goes_back_to_the_list_as_it_was_filtered(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        sign_in(client, manager)
        listed = client.get("/schedules?q=week&state=active").get_data(as_text=True)
        button = re.search(r'action="([^"]+/pause[^"]*)"', listed)
        assert button is not None

        response = client.post(html.unescape(button[1]))

        assert response.location == "/schedules?q=week&state=active"


class TestRunNow:
    def test_it_makes_a_run_and_enqueues_it_after_the_commit(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport, redis: Redis
    ) -> None:
        sign_in(client, manager)

        response = client.post(f"/schedules/{schedule.public_id}/run-now")

        run = db.session.scalars(select(ScheduledExportRun)).one()
        assert response.location == f"/runs/{run.public_id}"
        assert (run.trigger, run.requested_by) == (Trigger.MANUAL, "manager@acme.example")
        assert queue.run_queue(redis).get_job_ids() == [queue.job_id(run.public_id, 0)]
        assert "The run is queued. A worker takes it as soon as one is free." in text_of(
            client.get(response.location)
        )

    def test_it_makes_one_run_of_a_double_click(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport, redis: Redis
    ) -> None:
        sign_in(client, manager)

        first = client.post(f"/schedules/{schedule.public_id}/run-now")
        second = client.post(f"/schedules/{schedule.public_id}/run-now")

        assert first.location == second.location
        assert db.session.scalars(select(func.count()).select_from(ScheduledExportRun)).one() == 1
        assert len(queue.run_queue(redis).get_job_ids()) == 1

    def test_it_keeps_the_run_while_redis_is_away(
        self, client: FlaskClient, app: Flask, manager: User, schedule: ScheduledExport, settings: Settings
    ) -> None:
        sign_in(client, manager)
        app.config["PORTAL"] = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})

        response = client.post(f"/schedules/{schedule.public_id}/run-now", follow_redirects=True)

        run = db.session.scalars(select(ScheduledExportRun)).one()
        assert run.status is RunStatus.QUEUED
        assert "the run is kept and starts within two minutes" in text_of(response)


class TestDelete:
    def test_it_names_the_consequence_first(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        people = tuple(f"p{number}@example.org" for number in range(12))
        made = factories.schedule(manager, dataset, recipients=people)
        sign_in(client, manager)

        page = client.get(f"/schedules/{made.public_id}/delete")

        assert "12 recipients will stop receiving this." in text_of(page)
        db.session.refresh(made)
        assert made.deleted_at is None

    def test_it_takes_the_schedule_out_of_use(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        sign_in(client, manager)

        response = client.post(f"/schedules/{schedule.public_id}/delete", follow_redirects=True)

        assert "“Weekly cases” is deleted." in text_of(response)
        db.session.refresh(schedule)
        assert schedule.deleted_at is not None
        assert schedule.next_run_at is None
        assert client.get(f"/schedules/{schedule.public_id}").status_code == 404


PAGES = ("", "/edit", "/delete")
DEEDS = ("/edit", "/pause", "/resume", "/run-now", "/delete")


@pytest.mark.parametrize("page", PAGES)
def test_it_is_not_there_for_another_organization(
    client: FlaskClient, outsider: User, schedule: ScheduledExport, page: str
) -> None:
    sign_in(client, outsider)

    assert client.get(f"/schedules/{schedule.public_id}{page}").status_code == 404
    assert client.get(f"/schedules/unknown{page}").status_code == 404


@pytest.mark.parametrize("deed", DEEDS)
def test_it_can_not_be_touched_by_another_organization(
    client: FlaskClient, outsider: User, schedule: ScheduledExport, deed: str
) -> None:
    before = service.describe(schedule)
    sign_in(client, outsider)

    assert client.post(f"/schedules/{schedule.public_id}{deed}").status_code == 404

    db.session.refresh(schedule)
    assert (service.describe(schedule), schedule.active, schedule.deleted_at) == (before, True, None)
    assert db.session.scalars(select(ScheduledExportRun)).all() == []


@pytest.mark.parametrize("deed", DEEDS)
def test_it_can_not_be_touched_by_an_auditor(
    client: FlaskClient, auditor: User, schedule: ScheduledExport, deed: str
) -> None:
    sign_in(client, auditor)

    assert client.post(f"/schedules/{schedule.public_id}{deed}").status_code == 403

    db.session.refresh(schedule)
    assert (schedule.active, schedule.deleted_at) == (True, None)
