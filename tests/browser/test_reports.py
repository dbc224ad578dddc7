"""A manager makes a report in a real browser, and sees it change while doing so."""

import pytest
from playwright.sync_api import Page, expect

from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import User
from portal.reports.board import add_board_report
from tests import factories
from tests.browser.conftest import let_go, sign_in

pytestmark = pytest.mark.browser


def test_a_manager_makes_a_report(page: Page, portal_url: str, manager: User, dataset: Dataset) -> None:
    add_board_report(manager.organization, dataset.source, actor="system", now=factories.NOW)
    db.session.commit()
    email = manager.email
    let_go()
    sign_in(page, portal_url, email)

    page.get_by_role("link", name="Reports", exact=True).click()
    page.get_by_role("link", name="New report").click()
    page.get_by_label("Name").fill("Trend")
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("Give the section a title.")
    section = page.get_by_role("group").filter(has=page.get_by_label("Kind"))
    expect(section.get_by_label("Category", exact=True)).to_be_hidden()

    section.get_by_label("Title").fill("Cases by month")
    section.get_by_label("Kind").select_option("Lines")
    expect(section.get_by_label("Category", exact=True)).to_be_visible()
    section.get_by_label("Dataset", exact=True).select_option("Board: cases by month")
    expect(preview).to_contain_text("Choose the column that names the categories.")
    section.get_by_label("Category", exact=True).select_option("Month")
    section.get_by_label("Opened").check()
    expect(preview.get_by_role("img").first).to_have_accessible_name("Cases by month")

    page.get_by_role("button", name="Add a section").click()
    expect(page.get_by_text("2. New section")).to_be_visible()
    page.get_by_role("button", name="Move section 2 up").click()
    expect(page.get_by_text("2. Cases by month")).to_be_visible()
    page.get_by_role("button", name="Remove section 1").click()
    page.get_by_role("button", name="Save report").first.click()

    expect(page.get_by_role("status")).to_contain_text("“Trend” is saved.")
    expect(page.get_by_role("img", name="Cases by month").first).to_be_visible()
