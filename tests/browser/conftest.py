"""Debian's Chromium against the portal's own processes."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from portal.config import Settings
from portal.demo.services import web_answers
from portal.extensions import db
from tests import factories
from tests.conftest import CHROMIUM, SmtpServer, running, settings_below, wait_until

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "PORTAL_REQUIRE_BROWSER=1, and there is no Chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test when the console shows an error or the policy blocks something."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(_located(said)) if said.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def _located(said: ConsoleMessage) -> str:
    return f"{said.text} ({said.location.get('url')})"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, smtp: SmtpServer) -> Settings:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return settings_below(
        tmp_path,
        redis_url,
        mail_port=smtp.port,
        port=port,
        public_url=f"http://127.0.0.1:{port}",
    )


@pytest.fixture
def portal_url(app: Flask, settings: Settings) -> Iterator[str]:
    """The address of a portal whose web, scheduler and worker run as in production."""
    with ExitStack() as parts:
        for command in ("web", "scheduler", "worker"):
            parts.enter_context(running(command, settings))
        wait_until(lambda: web_answers("127.0.0.1", settings.port), "the portal answers", 60)
        yield settings.public_url


def sign_in(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")


def let_go() -> None:
    """End the test's own transaction: an open one would keep the portal from writing to SQLite."""
    db.session.rollback()
