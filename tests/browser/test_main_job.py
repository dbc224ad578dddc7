"""The main job, by mouse and keyboard: a schedule is set up, comes due, and its file reaches a recipient."""

import hashlib
import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from portal.datasets.models import Dataset
from portal.organizations.models import User
from tests.browser.conftest import let_go, sign_in
from tests.conftest import SmtpServer, wait_until

pytestmark = pytest.mark.browser


def test_a_manager_sets_up_a_schedule_and_a_recipient_gets_its_file(
    page: Page, portal_url: str, manager: User, dataset: Dataset, smtp: SmtpServer, tmp_path: Path
) -> None:
    email, dataset_id = manager.email, dataset.public_id
    let_go()
    sign_in(page, portal_url, email)

    page.get_by_role("link", name="New schedule").first.click()
    page.get_by_role("link", name=re.compile("Cases")).first.click()
    page.wait_for_url(re.compile(f"dataset={dataset_id}"))
    due = datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(seconds=65)
    page.get_by_label("Name", exact=True).fill("Cases for the board")
    page.get_by_text("CSV", exact=True).click()
    page.get_by_text("Daily", exact=True).click()
    page.get_by_label("Time", exact=True).fill(f"{due:%H:%M}")
    page.get_by_label("Timezone").fill("Europe/Berlin")
    page.get_by_label("Recipients").fill("ann@example.org; Bob <bob@example.org>")
    page.get_by_label("Recipients").blur()
    preview = page.get_by_role("region", name="Preview of the rule")
    expect(preview).to_contain_text(f"Every day at {due:%H:%M}, Europe/Berlin")
    expect(preview.get_by_role("listitem")).to_have_count(5)
    page.get_by_role("button", name="Save schedule").click()
    page.wait_for_url(re.compile(r"/schedules/[\w-]{22}$"))

    wait_until(lambda: len(smtp.messages()) == 2, "both recipients get their mail", 100)
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name=re.compile("Cases for the board")).first.click()
    expect(page.get_by_text("ann@example.org")).to_be_visible()
    expect(page.get_by_text("bob@example.org")).to_be_visible()
    expect(page.get_by_text("Accepted")).to_have_count(2)

    message = next(found for found in smtp.messages() if found["X-Envelope-To"] == "ann@example.org")
    text = message.get_body(("plain",))
    assert text is not None
    link = re.search(r"http://\S+/d/\S+", text.get_content())
    assert link is not None
    (attachment,) = message.iter_attachments()
    sent = attachment.get_payload(decode=True)
    assert isinstance(sent, bytes)

    recipient = page.context.browser.new_context().new_page()  # type: ignore[union-attr]
    recipient.goto(link[0])
    recipient.get_by_text("Check that the file is unchanged").click()
    expect(recipient.get_by_text(hashlib.sha256(sent).hexdigest())).to_be_visible()
    with recipient.expect_download() as download:
        recipient.get_by_role("button", name=re.compile("Download")).click()
    fetched = tmp_path / "fetched.csv"
    download.value.save_as(fetched)
    assert download.value.suggested_filename == attachment.get_filename()
    assert fetched.read_bytes() == sent
    recipient.context.close()


def test_a_wrong_entry_is_explained_at_its_field_and_nothing_typed_is_lost(
    page: Page, portal_url: str, manager: User, dataset: Dataset
) -> None:
    email, dataset_id = manager.email, dataset.public_id
    let_go()
    sign_in(page, portal_url, email)
    page.goto(f"{portal_url}/schedules/new?dataset={dataset_id}")

    page.get_by_label("Name", exact=True).fill("Weekly cases")
    page.get_by_label("Timezone").fill("Europe/Berln")
    page.get_by_label("Recipients").fill("ann@example")
    with page.expect_navigation():
        page.get_by_role("button", name="Save schedule").click()

    summary = page.get_by_role("alert").first
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Did you mean Europe/Berlin?")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Weekly cases")
    expect(page.get_by_label("Recipients")).to_have_value("ann@example")
    assert page.get_by_label("Timezone").get_attribute("aria-invalid") == "true"
