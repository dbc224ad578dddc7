"""A manager chooses columns by group, and a schedule for outsiders waits for an admin, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from portal.config import Settings
from portal.extensions import db
from portal.organizations.models import User
from tests import factories
from tests.browser.conftest import let_go, sign_in

pytestmark = pytest.mark.browser


def test_groups_keep_together_and_an_admin_approves(
    page: Page, portal_url: str, admin: User, settings: Settings
) -> None:
    factories.dataset(admin.organization, settings)
    db.session.commit()
    email = admin.email
    let_go()
    sign_in(page, portal_url, email)
    page.goto(f"{portal_url}/schedules/new")
    page.get_by_role("link", name="Cases").first.click()
    whole = page.get_by_label("All of this group, also columns that the dataset gains later")
    status = page.get_by_role("checkbox", name="Status", exact=True).first

    whole.check()
    status.uncheck()
    expect(whole).not_to_be_checked()
    whole.check()
    expect(status).to_be_checked()

    page.get_by_label("Place of Status").fill("1")
    page.get_by_label("Header of Status in the file").fill("State")
    page.get_by_label("Sort by").select_option("opened_at")
    page.get_by_label("Order", exact=True).select_option("descending")
    page.get_by_label("At most … rows").fill("100")
    page.get_by_label("Name", exact=True).fill("For our auditors")
    page.get_by_label("Recipients").fill("eve@elsewhere.example")
    page.get_by_role("button", name="Save schedule").click()

    expect(page.get_by_role("status")).to_contain_text("It waits for an admin's approval.")
    expect(page.get_by_text("the first 100 by Opened (descending)")).to_be_visible()
    page.get_by_role("button", name="Approve exactly this").click()
    expect(page.get_by_role("status")).to_contain_text("is approved. Next run:")
