"""axe finds nothing on any page, light or dark, and no page scrolls sideways at 320 px."""

from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Page

from portal.alerts.models import Cause
from portal.alerts.service import raise_alert
from portal.config import Settings
from portal.extensions import db
from portal.organizations.models import User
from portal.reports.board import add_board_report
from portal.runs import pipeline
from portal.runs.service import run_now
from portal.schedules.models import ScheduledExport
from tests.browser.conftest import let_go, sign_in

pytestmark = pytest.mark.browser

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


@pytest.fixture
def paths(app: Flask, admin: User, schedule: ScheduledExport, settings: Settings) -> list[str]:
    """One of each page, with a run to show."""
    run = run_now(admin, schedule, settings=settings, now=datetime.now(UTC))
    db.session.commit()
    pipeline.execute(run.public_id, worker="worker-1", settings=settings, storage=app.extensions["storage"])
    raise_alert(schedule, Cause.RUN_FAILED, "happened", run_id=run.public_id, now=datetime.now(UTC))
    db.session.commit()
    source = schedule.dataset.source
    report = add_board_report(schedule.organization, source, actor="system", now=datetime.now(UTC))
    db.session.commit()
    found = [
        "/",
        "/schedules",
        "/schedules/new",
        f"/schedules/new?dataset={schedule.dataset.public_id}",
        f"/schedules/{schedule.public_id}",
        f"/schedules/{schedule.public_id}/edit",
        f"/schedules/{schedule.public_id}/delete",
        "/runs",
        f"/runs/{run.public_id}",
        "/failed-runs",
        "/organization/days-off",
        "/organization/branding",
        "/alerts",
        "/alerts?show=all",
        "/datasets",
        "/datasets/new",
        f"/datasets/{schedule.dataset.public_id}",
        f"/datasets/{schedule.dataset.public_id}/edit",
        "/sources",
        "/sources/new",
        f"/sources/{schedule.dataset.source.public_id}",
        f"/sources/{schedule.dataset.source.public_id}/edit",
        "/reports",
        "/reports/board",
        "/reports/new",
        f"/reports/{report.public_id}",
        f"/reports/{report.public_id}/edit",
    ]
    let_go()
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, portal_url: str, paths: list[str], admin: User, theme: str) -> None:
    email = admin.email
    let_go()
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(f"{portal_url}/login")
    assert Axe().run(page, options=RULES).violations_count == 0, "/login"
    sign_in(page, portal_url, email)

    for path in paths:
        page.goto(portal_url + path)
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"


def test_no_page_scrolls_sideways_on_a_narrow_phone(
    page: Page, portal_url: str, paths: list[str], admin: User
) -> None:
    email = admin.email
    let_go()
    sign_in(page, portal_url, email)
    page.set_viewport_size({"width": 320, "height": 700})

    for path in paths:
        page.goto(portal_url + path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, f"{path} is {width} px wide"
