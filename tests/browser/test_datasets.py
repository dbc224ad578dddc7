"""An admin connects a database and defines a dataset over it, by keyboard and mouse, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from portal.config import Settings
from portal.organizations.models import User
from portal.sources.service import sources_folder
from tests import factories
from tests.browser.conftest import let_go, sign_in

pytestmark = pytest.mark.browser


def test_an_admin_connects_a_database_and_defines_a_dataset(
    page: Page, portal_url: str, admin: User, settings: Settings
) -> None:
    factories.cases_database(sources_folder(settings, admin.organization) / "cases.db")
    email = admin.email
    let_go()
    sign_in(page, portal_url, email)

    page.get_by_role("link", name="Data sources").click()
    page.get_by_role("link", name="New source").first.click()
    page.get_by_label("Name").fill("Compliance")
    expect(page.get_by_label("Host")).to_be_visible()
    page.get_by_text("SQLite file").click()
    expect(page.get_by_label("Host")).to_be_hidden()
    page.get_by_label("File", exact=True).select_option("cases.db")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text(re.compile(r"It answered within \d+ ms"))).to_be_visible()
    page.get_by_role("button", name="Save source").click()
    expect(page.get_by_role("status")).to_contain_text("“Compliance” is added.")

    page.get_by_role("link", name="Datasets").click()
    page.get_by_role("link", name="New dataset").first.click()
    page.get_by_label("Name", exact=True).first.fill("Open cases")
    query = page.get_by_role("textbox", name="Query", exact=True)
    query.fill("SELECT number, creator_id\nFROM casez")
    page.get_by_role("button", name="Run").first.click()
    expect(page.get_by_role("alert")).to_contain_text("Line 2, column 6: no such table: casez")
    query = page.get_by_role("textbox", name="Query", exact=True)
    query.fill("SELECT number, opened_at FROM cases WHERE status = 'OPEN' ORDER BY id")
    query.press("Tab")
    expect(query).not_to_be_focused()  # Tab leaves the editor
    page.get_by_role("button", name="Run").first.click()
    expect(page.get_by_role("region", name="First rows")).to_contain_text("number")
    page.get_by_label("Header of number").fill("Case")
    page.get_by_role("group", name="number", exact=True).get_by_label("PII").check()
    page.get_by_role("button", name="Save dataset").first.click()

    expect(page.get_by_role("status")).to_contain_text("“Open cases” is saved.")
    expect(page.get_by_role("cell", name="Case", exact=True)).to_be_visible()
