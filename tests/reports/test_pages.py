"""The pages of reports as a browser meets them."""

import io
import re
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import select, update

from portal.datasets.models import Dataset, DatasetVersion
from portal.extensions import db
from portal.organizations.models import User
from portal.reports import service
from portal.reports.models import Report
from portal.sources.models import DataSource
from tests import factories
from tests.conftest import sign_in
from tests.schedules.pages import text_of

SECTION = {
    "open": "",
    "kind": "kpi",
    "title": "",
    "dataset": "",
    "value": "",
    "category_dataset": "",
    "category": "",
    "split": "",
    "only_column": "",
    "only_value": "",
    "unit": "count",
    "better": "neither",
    "width": "full",
    "rows": "10",
    "text": "",
}


def section(number: int, **changes: Any) -> dict[str, Any]:
    """Return what a browser sends of one section."""
    return {f"sections-{number}-{name}": value for name, value in {**SECTION, **changes}.items()}


def filled(*sections: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return what a browser sends of a form that was just filled in."""
    data: dict[str, Any] = {
        "version": "",
        "name": "Monthly cases",
        "description": "For the committee",
        "period": "last_90_days",
    }
    for number, one in enumerate(sections):
        data |= section(number, **one)
    return data | changes


def table_of(dataset: Dataset, **changes: Any) -> dict[str, Any]:
    chosen = {"kind": "table", "title": "Cases", "dataset": dataset.public_id}
    return {**chosen, "values": ["case_number", "status"], **changes}


class TestShow:
    def test_it_shows_all_sections(self, client: FlaskClient, auditor: User, report: Report) -> None:
        sign_in(client, auditor)
        page = client.get(f"/reports/{report.public_id}?period=previous_year")
        text = text_of(page)

        assert page.status_code == 200
        for words in ("cases were opened", "Median days open", "Cases opened by severity", "Overdue cases"):
            assert words in text
        assert page.text.count("<svg xmlns") == 2 * 6, "six charts, each for wide and for narrow screens"
        assert "can't be" not in text
        assert "New report" not in text

    def test_it_says_why_a_section_can_not_be_shown(
        self, client: FlaskClient, auditor: User, report: Report
    ) -> None:
        db.session.execute(
            update(DatasetVersion).where(DatasetVersion.sql.contains("month")).values(sql="SELEC")
        )
        db.session.commit()
        sign_in(client, auditor)

        page = text_of(client.get(f"/reports/{report.public_id}"))
        answer = client.get(f"/reports/{report.public_id}/pdf", follow_redirects=True)

        assert 'near "SELEC": syntax error' in page
        assert "Median days open" in page
        assert "The PDF could not be made. “Cases by month (UTC)” can't be shown" in text_of(answer)

    def test_an_unknown_period_is_not_found(self, client: FlaskClient, auditor: User, report: Report) -> None:
        sign_in(client, auditor)
        assert client.get(f"/reports/{report.public_id}?period=ever").status_code == 404

    def test_it_comes_as_a_pdf(self, client: FlaskClient, auditor: User, report: Report) -> None:
        sign_in(client, auditor)
        answer = client.get(f"/reports/{report.public_id}/pdf?period=previous_year")
        pages = PdfReader(io.BytesIO(answer.data)).pages
        text = "".join(page.extract_text() for page in pages)

        assert answer.mimetype == "application/pdf"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="Board report 20')
        for words in (
            "Acme Co.",
            "Compared with",
            "Median days open",
            "Cases opened by severity",
            "Page 2 of",
        ):
            assert words in text

    def test_others_see_nothing(self, client: FlaskClient, outsider: User, report: Report) -> None:
        sign_in(client, outsider)
        for path in ("", "/pdf", "/edit"):
            assert client.get(f"/reports/{report.public_id}{path}").status_code == 404


class TestEditor:
    def test_a_manager_defines_one(self, client: FlaskClient, manager: User, dataset: Dataset) -> None:
        sign_in(client, manager)
        data = filled(
            {"kind": "text", "title": "Note", "text": "Two\r\n\r\nparagraphs"},
            table_of(dataset),
            save="1",
        )
        page = client.post("/reports/new", data=data, follow_redirects=True)

        (report,) = service.list_reports(manager)
        note, table = service.definition_of(report).sections
        assert "“Monthly cases” is saved." in text_of(page)
        assert (note.text, table.values, table.rows) == ("Two\n\nparagraphs", ("case_number", "status"), 10)

    def test_it_is_shown_before_it_is_saved(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        data = filled(table_of(dataset), {"title": "Opened"})
        with time_machine.travel(factories.NOW, tick=False):
            sign_in(client, manager)
            page = client.post("/reports/new", data={**data, "show": "1"})
            fragment = client.post("/reports/preview", data=data)

        for answer in (page, fragment):
            assert re.search(r"AC-\d{4}-\d{5}", answer.text)
            assert "Choose a dataset." in text_of(answer)
        assert "<html" not in fragment.text
        assert list(service.list_reports(manager)) == []

    def test_sections_are_added_moved_and_removed(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        sign_in(client, manager)
        three = [{"title": title} for title in ("One", "Two", "Three")]

        def titles(command: str) -> list[str]:
            page = client.post("/reports/new", data=filled(*three, arrange=command)).text
            return re.findall(r'name="sections-\d-title"[^>]*value="([^"]*)"', page)

        assert titles("add") == ["One", "Two", "Three", ""]
        assert titles("up-2") == ["One", "Three", "Two"]
        assert titles("down-0") == ["Two", "One", "Three"]
        assert titles("remove-1") == ["One", "Three"]
        for nothing in ("up-0", "down-2", "up-9", "remove-x", "explode"):
            assert titles(nothing) == ["One", "Two", "Three"]

    def test_what_is_wrong_is_said_at_its_section(
        self, client: FlaskClient, manager: User, dataset: Dataset
    ) -> None:
        sign_in(client, manager)
        wrong = table_of(dataset, kind="bar", value="status", category="gone")
        page = client.post("/reports/new", data=filled(table_of(dataset), wrong, save="1"))

        assert page.status_code == 200
        assert re.search(
            r'id="sections-1-title-error".*There is no column “gone” in the dataset', page.text, re.DOTALL
        )
        assert 'value="Monthly cases"' in page.text, "nothing typed is lost"

    def test_a_change_is_a_version(self, client: FlaskClient, manager: User, report: Report) -> None:
        sign_in(client, manager)
        path = f"/reports/{report.public_id}/edit"
        page = client.get(path).text
        assert page.count("data-section") == 14
        assert "Save as version 2" in page

        data = filled({"kind": "text", "title": "Note", "text": "Words"}, version="1", save="1")
        answer = client.post(path, data=data, follow_redirects=True)

        assert "Saved as version 2. New runs use it." in text_of(answer)
        assert "Somebody has saved version 2" not in text_of(answer)
        assert "has saved version 2" in text_of(client.post(path, data={**data, "name": "Other"}))

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"sections-0-kind": "pie"}, 200),
            ({"sections-0-unit": "furlongs"}, 200),
            ({"sections-0-rows": "many"}, 200),
            ({"period": "ever"}, 200),
            ({"sections-x-kind": "kpi"}, 400),
            ({"sections-99999-kind": "kpi"}, 400),
        ],
    )
    def test_what_no_page_sends_breaks_nothing(
        self, client: FlaskClient, manager: User, dataset: Dataset, changes: dict[str, str], status: int
    ) -> None:
        sign_in(client, manager)
        for path in ("/reports/new", "/reports/preview"):
            answer = client.post(path, data=filled(table_of(dataset), **changes, save="1"))
            assert answer.status_code == status
        assert list(service.list_reports(manager)) == []

    def test_auditors_have_no_editor(self, client: FlaskClient, auditor: User, report: Report) -> None:
        sign_in(client, auditor)
        for path in ("/reports/new", f"/reports/{report.public_id}/edit", "/reports/board"):
            assert client.get(path).status_code == 403


class TestBoard:
    def test_an_admin_adds_it_once(self, client: FlaskClient, admin: User, dataset: Dataset) -> None:
        sign_in(client, admin)
        data = {"source": dataset.source.public_id}
        page = client.post("/reports/board", data=data, follow_redirects=True)
        again = client.post("/reports/board", data=data)

        assert "“Board report” is added, with its datasets." in text_of(page)
        assert "There is, or was, a “Board report” already" in text_of(again)
        assert len(list(db.session.scalars(select(Dataset)))) == 6

    def test_another_organizations_source_is_none(
        self, client: FlaskClient, admin: User, dataset: Dataset, outsider: User
    ) -> None:
        theirs = DataSource(
            organization_id=outsider.organization_id,
            name="Theirs",
            kind="sqlite",
            url_encrypted="",
            created_at=dataset.created_at,
        )
        db.session.add(theirs)
        db.session.commit()
        sign_in(client, admin)
        page = client.post("/reports/board", data={"source": theirs.public_id})
        assert "Choose a data source." in text_of(page)


def test_one_is_put_away(client: FlaskClient, manager: User, report: Report) -> None:
    sign_in(client, manager)
    page = client.post(f"/reports/{report.public_id}/archive", follow_redirects=True)
    assert "“Board report” is put away." in text_of(page)
    assert "No report yet." in text_of(page)
