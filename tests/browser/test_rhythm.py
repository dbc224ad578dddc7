"""The fields of a rhythm with their live preview, and a run that is cancelled from its page."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from portal.datasets.models import Dataset
from portal.organizations.models import User
from portal.runs.models import RunStatus
from portal.schedules.models import ScheduledExport
from tests.browser.conftest import let_go, sign_in
from tests.runs.pages import run_of

pytestmark = pytest.mark.browser


def test_every_field_of_the_rhythm_is_previewed_at_once(
    page: Page, portal_url: str, manager: User, dataset: Dataset
) -> None:
    email, dataset_id = manager.email, dataset.public_id
    let_go()
    sign_in(page, portal_url, email)
    page.goto(f"{portal_url}/schedules/new?dataset={dataset_id}")
    preview = page.get_by_role("region", name="Preview of the rule")

    page.get_by_text("Monthly", exact=True).click()
    page.get_by_text("Weekday", exact=True).first.click()
    expect(page.get_by_label("Day of the month")).to_be_hidden()
    page.get_by_label("Which one").select_option("Last")
    page.get_by_label("Weekday", exact=True).last.select_option("Friday")
    page.get_by_label("Every … months").fill("3")
    expect(preview).to_contain_text("On the last Friday of every third month")
    expect(preview.get_by_role("listitem")).to_have_count(5)

    region = page.get_by_role("region", name="Holidays").get_by_label("Region")
    page.get_by_text("Run before", exact=True).click()
    expect(region).to_be_hidden()
    page.get_by_label("Public holidays of").select_option("Germany")
    region.select_option("Berlin")
    expect(preview).to_contain_text("Germany (Berlin)")

    page.get_by_text("After runs", exact=True).click()
    expect(preview).to_contain_text("Give the number of runs after which it ends.")
    expect(preview.get_by_role("listitem")).to_have_count(0)
    page.get_by_label("Number of runs").fill("2")
    expect(preview.get_by_role("listitem")).to_have_count(2)

    page.get_by_text("Advanced", exact=True).click()
    expect(page.get_by_label("Time", exact=True)).to_be_hidden()
    page.get_by_label("Cron expression").fill("0 8 31 2 *")
    expect(preview).to_contain_text("its months have no such day")
    page.get_by_label("Cron expression").fill("0 9 * * FRI#2")
    expect(preview.get_by_role("listitem")).to_have_count(2)

    page.get_by_label("Name", exact=True).fill("Second Fridays")
    page.get_by_label("Recipients").fill("ann@example.org")
    page.get_by_text("If something goes wrong").click()
    page.get_by_label("Start within … minutes").fill("90")
    page.get_by_role("button", name="Save schedule").click()
    page.wait_for_url(re.compile(r"/schedules/[\w-]{22}$"))
    expect(page.get_by_text("Within 90 minutes")).to_be_visible()
    expect(page.get_by_role("list", name="Next 2 runs").get_by_role("listitem")).to_have_count(2)


def test_a_running_run_is_cancelled_after_a_question(
    page: Page, portal_url: str, manager: User, schedule: ScheduledExport
) -> None:
    email, now = manager.email, datetime.now(UTC)
    run = run_of(
        schedule,
        RunStatus.RUNNING,
        due_at=now,
        created_at=now,
        started_at=now,
        lease_token="t",
        lease_expires_at=now + timedelta(hours=1),
        stage="read",
        rows_read=48_210,
    )
    run_id = run.public_id
    let_go()
    sign_in(page, portal_url, email)
    page.goto(f"{portal_url}/runs/{run_id}")
    expect(page.get_by_text("48,210 rows read")).to_be_visible()

    page.get_by_role("button", name="Cancel run…").click()
    question = page.get_by_role("dialog", name="Cancel this run?")
    question.get_by_role("button", name="Let it go on").click()
    expect(question).to_be_hidden()
    page.get_by_role("button", name="Cancel run…").click()
    question.get_by_role("button", name="Cancel run", exact=True).click()

    expect(page.get_by_text("Its worker was asked to stop, which takes a few seconds.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel run…")).to_have_count(0)
    page.goto("about:blank")  # it would go on asking for the run's progress while the portal stops
