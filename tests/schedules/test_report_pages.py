"""The form of a schedule that delivers a report."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import User
from portal.reports.board import add_board_report
from portal.reports.models import Report
from portal.schedules.models import ExportFormat, ScheduledExport
from tests import factories
from tests.conftest import sign_in
from tests.schedules.pages import error_at, schedules_kept, text_of


@pytest.fixture
def report(manager: User, dataset: Dataset) -> Report:
    made = add_board_report(manager.organization, dataset.source, actor="system", now=factories.NOW)
    db.session.commit()
    return made


def filled_in(**changes: Any) -> dict[str, Any]:
    """Return a complete form: on the first of each month, by e-mail."""
    return {
        "name": "Monthly board report",
        "period": "previous_month",
        "packing": "none",
        "rhythm": "monthly",
        "monthly": "day",
        "monthday": "1",
        "time": "08:00",
        "timezone": "Europe/Berlin",
        "channel": "email",
        "recipients": "board@acme.example",
        **changes,
    }


def only_schedule() -> ScheduledExport:
    return db.session.scalars(select(ScheduledExport)).one()


def test_a_manager_schedules_one_and_changes_it(client: FlaskClient, manager: User, report: Report) -> None:
    sign_in(client, manager)
    chooser = client.get("/schedules/new").text
    assert f'href="/schedules/new?report={report.public_id}"' in chooser
    form = client.get(f"/schedules/new?report={report.public_id}").text
    assert 'name="columns"' not in form
    assert 'name="format"' not in form
    assert 'value="last_30_days" selected' in form or 'selected value="last_30_days"' in form

    page = client.post(f"/schedules/new?report={report.public_id}", data=filled_in(), follow_redirects=True)
    made = only_schedule()
    assert "“Monthly board report” is saved." in text_of(page)
    assert "Report Board report" in text_of(page)
    assert (made.report, made.dataset, made.format) == (report, None, ExportFormat.PDF)
    assert made.filters == {"period": {"preset": "previous_month"}}

    edited = client.post(
        f"/schedules/{made.public_id}/edit", data=filled_in(period="previous_quarter"), follow_redirects=True
    )
    assert "is changed." in text_of(edited)
    assert "Previous quarter" in text_of(edited)
    assert "Monthly board report" in text_of(client.get("/schedules"))


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": ""}, "name", "Give the schedule a name."),
        ({"period": "ever"}, "period", "Choose a period from the list."),
        ({"period": "since_last_success"}, "period", "Choose a period from the list."),
        ({"recipients": "nobody"}, "recipients", "“nobody” is not an e-mail address"),
        ({"time": "25:00"}, "time", ""),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    client: FlaskClient, manager: User, report: Report, changes: dict[str, str], field: str, sentence: str
) -> None:
    sign_in(client, manager)
    page = client.post(f"/schedules/new?report={report.public_id}", data=filled_in(**changes))

    assert page.status_code == 200
    assert error_at(page, field)
    assert sentence in error_at(page, field)
    assert schedules_kept() == 0


def test_others_find_no_report_to_schedule(client: FlaskClient, outsider: User, report: Report) -> None:
    sign_in(client, outsider)
    path = f"/schedules/new?report={report.public_id}"
    assert client.get(path).status_code == 404
    assert client.post(path, data=filled_in()).status_code == 404


def test_a_report_stays_while_a_schedule_delivers_it(
    client: FlaskClient, manager: User, report: Report
) -> None:
    sign_in(client, manager)
    client.post(f"/schedules/new?report={report.public_id}", data=filled_in())
    page = client.post(f"/reports/{report.public_id}/archive", follow_redirects=True)
    assert "“Monthly board report” delivers this report: delete that schedule first." in text_of(page)
