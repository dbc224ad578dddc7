"""A29: headers and cookies of every page, and secrets that appear nowhere."""

import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.app import create_app
from portal.config import Settings
from portal.extensions import db
from portal.organizations.models import User
from portal.schedules.models import ScheduledExport
from tests.conftest import SECRET, settings_below, sign_in

POLICY = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; object-src 'none'"
)


@pytest.mark.parametrize("path", ["/login", "/", "/schedules", "/runs", "/nowhere", "/healthz"])
def test_every_page_is_guarded(client: FlaskClient, manager: User, path: str) -> None:
    sign_in(client, manager)
    headers = client.get(path).headers

    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_the_cookie_is_closed_to_scripts_and_other_sites(client: FlaskClient, manager: User) -> None:
    reply = client.post("/login", data={"email": manager.email, "password": "correct horse battery"})
    cookie = reply.headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_over_tls_the_cookie_is_secure_and_the_browser_told_to_stay(
    app: Flask, manager: User, settings: Settings
) -> None:
    secure = create_app(
        settings_below(settings.data_dir, settings.redis_url, public_url="https://portal.example")
    )
    secure.config["WTF_CSRF_ENABLED"] = False
    email = manager.email
    db.session.rollback()  # an open transaction would keep the second application from writing
    reply = secure.test_client().post(
        "/login",
        data={"email": email, "password": "correct horse battery"},
        base_url="https://portal.example",
    )

    assert reply.headers["Set-Cookie"].startswith("__Host-portal=")
    assert "Secure" in reply.headers["Set-Cookie"]
    assert reply.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_an_unexpected_error_shows_a_number_and_no_secret(
    app: Flask, client: FlaskClient, manager: User, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down() -> str:
        raise RuntimeError("broke")

    app.add_url_rule("/breaks", "breaks", break_down)
    app.testing = False
    with caplog.at_level(logging.INFO):
        reply = client.get("/breaks")

    page = reply.get_data(as_text=True)
    assert reply.status_code == 500
    assert "Traceback" not in page
    assert "broke" not in page
    assert "RuntimeError: broke" in caplog.text, "the log has what the page withholds"
    for place in (page, caplog.text):
        assert SECRET not in place


def test_no_page_shows_a_source_or_a_secret(
    client: FlaskClient, manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    sign_in(client, manager)
    for path in (
        "/",
        "/schedules",
        f"/schedules/{schedule.public_id}",
        f"/schedules/{schedule.public_id}/edit",
    ):
        page = client.get(path).get_data(as_text=True)
        assert SECRET not in page
        assert "sqlite:///" not in page
        assert str(settings.data_dir) not in page


def test_settings_never_print_their_secrets(settings: Settings) -> None:
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
