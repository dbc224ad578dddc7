"""A14, A15: forged, retired, revoked and expired links; scanners; and what a link may not leak."""

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer
from sqlalchemy import select

from portal.app import create_app
from portal.config import Settings
from portal.downloads import service, tokens
from portal.downloads.models import DownloadEvent, DownloadLink
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import pipeline
from portal.runs.service import run_now
from portal.schedules.models import ScheduledExport
from tests.conftest import settings_below


@pytest.fixture
def link(app: Flask, manager: User, schedule: ScheduledExport, settings: Settings) -> DownloadLink:
    """The link that a recipient of a finished run got by mail."""
    run = run_now(manager, schedule, settings=settings, now=datetime.now(UTC))
    db.session.commit()
    pipeline.execute(run.public_id, worker="worker-1", settings=settings, storage=app.extensions["storage"])
    return db.session.scalars(select(DownloadLink)).one()


@pytest.fixture
def path(link: DownloadLink, settings: Settings) -> str:
    found = service.url_for_link(link, settings).removeprefix(settings.public_url)
    db.session.rollback()  # an open transaction would keep a second application from writing
    return found


def altered(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


def test_a_link_gives_the_very_bytes(client: FlaskClient, link: DownloadLink, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert link.artifact.sha256 in page.get_data(as_text=True)

    with client.post(path) as fetched:
        assert fetched.status_code == 200
        content = fetched.get_data()
    assert len(content) == link.artifact.size
    assert fetched.headers["Content-Disposition"].startswith("attachment")
    event = db.session.scalars(select(DownloadEvent)).one()
    db.session.refresh(event)
    assert (event.completed, event.bytes) == (True, link.artifact.size)


def test_a_forged_token_finds_the_same_nothing_as_a_guessed_one(
    client: FlaskClient, link: DownloadLink, path: str, settings: Settings
) -> None:
    token = path.removeprefix("/d/")
    other_salt = URLSafeSerializer(settings.keys("links")[0], salt="another").dumps(link.public_id)
    other_key = tokens.sign(link.public_id, settings.keys("session"))
    no_row = tokens.sign("x" * 22, settings.keys("links"))

    answers = [
        (reply.status_code, re.sub(r"request <code>\w+", "", reply.get_data(as_text=True)))
        for guess in (altered(token), other_salt, other_key, no_row, "guessed", link.public_id)
        for reply in (client.get(f"/d/{guess}"),)
    ]

    assert {status for status, _ in answers} == {404}
    assert len({page for _, page in answers}) == 1, "the page tells nothing apart"


def test_a_link_signed_under_the_key_before_still_opens(
    app: Flask, link: DownloadLink, path: str, settings: Settings
) -> None:
    rotated = settings_below(
        settings.data_dir,
        settings.redis_url,
        secret_key="an entirely new secret; drawn on rotation day: 42",
        previous_secret_keys=settings.secret_key,
    )
    assert create_app(rotated).test_client().get(path).status_code == 200


def test_a_link_signed_under_a_retired_key_is_unknown(
    app: Flask, link: DownloadLink, path: str, settings: Settings
) -> None:
    retired = settings_below(
        settings.data_dir, settings.redis_url, secret_key="an entirely new secret; drawn on rotation day: 42"
    )
    assert create_app(retired).test_client().get(path).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_an_expired_link_says_so(client: FlaskClient, link: DownloadLink, path: str, method: str) -> None:
    link.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()

    assert client.open(path, method=method).status_code == 410


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_revoked_link_says_so(
    client: FlaskClient, link: DownloadLink, path: str, method: str, manager: User, schedule: ScheduledExport
) -> None:
    link.revoked_at = datetime.now(UTC)
    db.session.commit()

    assert client.open(path, method=method).status_code == 410


def test_twenty_scanners_use_nothing_up(client: FlaskClient, link: DownloadLink, path: str) -> None:
    for _ in range(10):
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200

    with client.post(path) as fetched:
        assert fetched.status_code == 200
    assert db.session.scalars(select(DownloadEvent)).all() != []


def test_guessing_is_slowed_down(client: FlaskClient, app: Flask) -> None:
    statuses = [client.get(f"/d/guess-{number}").status_code for number in range(70)]

    assert statuses[:10] == [404] * 10
    assert statuses[-1] == 429


def test_two_hundred_recipients_behind_one_address_all_get_in(client: FlaskClient, path: str) -> None:
    assert {client.head(path).status_code for _ in range(200)} == {200}


def test_an_expired_link_is_no_guess(client: FlaskClient, link: DownloadLink, path: str) -> None:
    link.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()

    assert {client.head(path).status_code for _ in range(70)} == {410}


def test_page_and_file_share_the_budget_of_guesses(client: FlaskClient) -> None:
    for number in range(30):
        assert client.get(f"/d/guess-{number}").status_code == 404
        assert client.post(f"/d/guess-{number}").status_code == 404

    assert client.post("/d/one-more").status_code == 429


def test_the_token_is_the_only_authority(client: FlaskClient, path: str) -> None:
    """No cookie is set, and none is needed."""
    with client.post(path) as fetched:
        assert "Set-Cookie" not in fetched.headers
    assert "Set-Cookie" not in client.get(path).headers


def test_a_token_is_neither_indexed_cached_logged_nor_handed_on(
    client: FlaskClient, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        page = client.get(path)
        client.get(f"/d/{altered(path.removeprefix('/d/'))}")

    assert page.headers["Cache-Control"] == "no-store"
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert path.removeprefix("/d/") not in caplog.text


def test_a_changed_file_is_withheld(
    client: FlaskClient, link: DownloadLink, path: str, settings: Settings
) -> None:
    stored = settings.files_dir / link.artifact.storage_key
    stored.write_bytes(stored.read_bytes().replace(b"AC-", b"XX-"))

    reply = client.post(path)

    assert reply.status_code == 500
    assert b"XX-" not in reply.get_data()
