"""The list of alerts, acknowledging, and what the overview and the navigation say of them."""

import html
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.alerts import service
from portal.alerts.models import Alert, Cause
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.organizations.models import User
from portal.schedules.models import ScheduledExport
from tests.conftest import Browser, sign_in
from tests.factories import NOW
from tests.schedules.pages import text_of


def raised(
    schedule: ScheduledExport, cause: Cause = Cause.RUN_FAILED, message: str = "It does not answer."
) -> Alert:
    service.raise_alert(schedule, cause, message, run_id=None, now=NOW)
    db.session.commit()
    return db.session.scalars(select(Alert).order_by(Alert.id.desc()).limit(1)).one()


def acknowledge(client: FlaskClient, alert: Alert, note: str = "") -> str:
    response = client.post(f"/alerts/{alert.public_id}/acknowledge", data={"note": note})
    assert response.headers["Location"] == "/alerts"
    return text_of(client.get("/alerts"))


class TestList:
    def test_it_says_when_there_is_nothing_yet_and_when_nothing_is_open(
        self, client: FlaskClient, auditor: User
    ) -> None:
        sign_in(client, auditor)
        assert "No alert is open." in text_of(client.get("/alerts"))
        assert "No alerts yet." in text_of(client.get("/alerts?show=all"))

    def test_it_shows_what_happened_how_often_and_what_comes_next(
        self, client: FlaskClient, auditor: User, schedule: ScheduledExport
    ) -> None:
        raised(schedule)
        raised(schedule, message="Its password is wrong.")
        sign_in(client, auditor)

        text = text_of(client.get("/alerts"))

        assert "Weekly cases" in text
        assert "Its password is wrong." in text
        assert "It does not answer." not in text
        assert "2 times since 3 Mar 13:00" in text
        assert "This run is not tried again by itself" in text
        assert "Mail is on its way." in text

    def test_it_narrows_to_what_is_open_unless_asked_for_all(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        raised(schedule, message="open still")
        over = raised(schedule, Cause.RUN_MISSED, "over by now")
        over.closed_at = NOW
        db.session.commit()
        sign_in(client, manager)

        assert "over by now" not in text_of(client.get("/alerts"))
        everything = text_of(client.get("/alerts?show=all"))
        assert "open still" in everything
        assert "over by now" in everything
        assert "Over since 3 Mar 13:00 ." in everything

    def test_it_leads_on_to_older_ones_and_back(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        for number in range(service.PAGE_SIZE + 2):
            service.raise_alert(schedule, Cause.RUN_FAILED, f"no. {number:02};", run_id=None, now=NOW)
            service.close_alert(schedule, (Cause.RUN_FAILED,), now=NOW)
        db.session.commit()
        sign_in(client, manager)

        first = client.get("/alerts?show=all").get_data(as_text=True)
        assert re.findall(r"no\. \d\d;", first)[:: service.PAGE_SIZE - 1] == ["no. 51;", "no. 02;"]
        older = re.search(r'href="([^"]+)" rel="next"', first)
        assert older is not None
        second = client.get(html.unescape(older[1])).get_data(as_text=True)

        assert re.findall(r"no\. \d\d;", second) == ["no. 01;", "no. 00;"]
        assert 'rel="next"' not in second
        assert 'href="/alerts?show=all">Back to the newest' in second
        assert "No older alert." in text_of(client.get("/alerts?show=all&before=1"))
        assert client.get("/alerts?before=odd").status_code == 200

    @pytest.mark.parametrize(
        ("told", "error", "words"),
        [
            (1, None, "Mail sent 3 Mar 13:00 ."),
            (0, "Admin: refused", "Nobody could be told 3 Mar 13:00 . Admin: refused"),
            (1, "Admin: refused", "Not everybody was told by the mail of 3 Mar 13:00 . Admin: refused"),
        ],
    )
    def test_it_says_what_became_of_the_mail(
        self,
        client: FlaskClient,
        manager: User,
        schedule: ScheduledExport,
        told: int,
        error: str | None,
        words: str,
    ) -> None:
        alert = raised(schedule)
        alert.told, alert.sent_at, alert.send_error = told, NOW, error
        db.session.commit()
        sign_in(client, manager)

        assert words in text_of(client.get("/alerts"))

    def test_it_shows_what_happened_as_text(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        raised(schedule, message="<script>alert(1)</script>")
        sign_in(client, manager)

        for path in ("/", "/alerts"):
            assert "<script>alert" not in client.get(path).get_data(as_text=True)


class TestAcknowledging:
    def test_it_closes_the_alert_and_keeps_who_and_why(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        alert = raised(schedule)
        sign_in(client, manager)

        text = acknowledge(client, alert, "the source moved")

        assert "The alert is acknowledged" in text
        assert "Weekly cases" not in text
        kept = text_of(client.get("/alerts?show=all"))
        assert "Acknowledged by manager@acme.example" in kept
        assert "the source moved" in kept
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.acknowledge")).one()
        assert (entry.actor, entry.ip) == ("manager@acme.example", "127.0.0.1")

    def test_a_double_click_changes_nothing(
        self, client: FlaskClient, manager: User, admin: User, schedule: ScheduledExport
    ) -> None:
        alert = raised(schedule)
        sign_in(client, manager)
        acknowledge(client, alert, "first")
        sign_in(client, admin)

        text = acknowledge(client, alert, "second")

        assert "manager@acme.example has acknowledged it already." in text
        db.session.refresh(alert)
        assert (alert.acknowledged_by, alert.note) == ("manager@acme.example", "first")

    def test_it_says_when_a_note_is_too_long(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        alert = raised(schedule)
        sign_in(client, manager)

        assert "A note has at most 300 characters." in acknowledge(client, alert, "x" * 301)
        db.session.refresh(alert)
        assert alert.is_open

    def test_an_auditor_reads_and_is_offered_nothing(
        self, client: FlaskClient, auditor: User, schedule: ScheduledExport
    ) -> None:
        alert = raised(schedule)
        sign_in(client, auditor)

        assert "acknowledge" not in client.get("/alerts").get_data(as_text=True)
        assert client.post(f"/alerts/{alert.public_id}/acknowledge").status_code == 403

    def test_it_needs_the_token_of_our_own_page(
        self, app: Flask, manager: User, schedule: ScheduledExport
    ) -> None:
        alert = raised(schedule)
        app.test_client_class = Browser
        client = app.test_client()
        app.config["WTF_CSRF_ENABLED"] = False
        sign_in(client, manager)
        app.config["WTF_CSRF_ENABLED"] = True

        assert client.post(f"/alerts/{alert.public_id}/acknowledge").status_code == 400
        db.session.refresh(alert)
        assert alert.is_open


class TestOverview:
    def test_it_is_quiet_when_all_is(self, client: FlaskClient, manager: User) -> None:
        sign_in(client, manager)

        response = client.get("/")

        assert "open alert" not in text_of(response)
        assert 'class="count"' not in response.get_data(as_text=True)

    def test_it_lists_what_is_open_and_counts_it_in_the_navigation(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        raised(schedule)
        raised(schedule)
        raised(schedule, Cause.RUN_PARTIAL)
        sign_in(client, manager)

        text = text_of(client.get("/"))

        assert "2 open alerts" in text
        assert "Export failed 2 times" in text
        assert "Alerts 2 open" in text
        assert "could not be mailed" not in text

    def test_it_warns_of_what_could_not_be_mailed_though_it_is_over(
        self, client: FlaskClient, manager: User, schedule: ScheduledExport
    ) -> None:
        alert = raised(schedule)
        alert.send_error, alert.closed_at = "Manager: refused", NOW
        db.session.commit()
        sign_in(client, manager)

        text = text_of(client.get("/"))

        assert "0 open alerts" in text
        assert "One alert could not be mailed to everybody." in text

    def test_another_organization_sees_none_of_it(
        self, client: FlaskClient, outsider: User, schedule: ScheduledExport
    ) -> None:
        alert = raised(schedule)
        sign_in(client, outsider)

        for path in ("/", "/alerts", "/alerts?show=all"):
            page = client.get(path).get_data(as_text=True)
            assert "Weekly cases" not in page
            assert alert.public_id not in page
            assert 'class="count"' not in page
        assert client.post(f"/alerts/{alert.public_id}/acknowledge").status_code == 404
