"""What a trusted proxy may say of a visitor, and what nobody may."""

from flask import Flask, request
from flask.testing import FlaskClient

from portal.app import create_app
from portal.config import Settings
from portal.web import public
from tests.conftest import settings_below

FORWARDED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "Host": "portal.example"}


def behind(proxies: int, settings: Settings) -> FlaskClient:
    """Return a client of the application with a page that tells what it knows of a request."""
    made = create_app(settings_below(settings.data_dir, settings.redis_url, trusted_proxies=proxies))

    @made.get("/whoami")
    @public
    def whoami() -> list[str | None]:
        return [request.remote_addr, request.scheme, request.host]

    return made.test_client()


def test_a_trusted_proxy_tells_the_visitors_address_and_scheme(app: Flask, settings: Settings) -> None:
    told = behind(1, settings).get("/whoami", headers=FORWARDED)

    assert told.json == ["203.0.113.7", "https", "portal.example"]


def test_without_a_trusted_proxy_nobody_is_believed(app: Flask, settings: Settings) -> None:
    told = behind(0, settings).get("/whoami", headers=FORWARDED)

    assert told.json == ["127.0.0.1", "http", "portal.example"]


def test_a_visitor_cannot_name_another_host(app: Flask, settings: Settings) -> None:
    """nginx as docs/deployment.md has it sets Host, and hands on every header it was not told of."""
    planted = {**FORWARDED, "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "81"}

    told = behind(1, settings).get("/whoami", headers=planted)

    assert told.json == ["203.0.113.7", "https", "portal.example"]
