"""Fetching files by link and from a run's page, with real files."""

import hashlib
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.audit.models import AuditEntry
from portal.clock import utcnow
from portal.config import Settings
from portal.downloads import tokens
from portal.downloads.models import DownloadEvent, DownloadLink
from portal.downloads.service import revoke_links, url_for_link
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import pipeline
from portal.runs.models import Artifact, RunStatus, ScheduledExportRun
from portal.runs.service import run_now
from portal.schedules.models import ScheduledExport
from portal.storage.local import LocalStorage
from tests.conftest import sign_in


@pytest.fixture
def run(app: Flask, manager: User, schedule: ScheduledExport, settings: Settings) -> ScheduledExportRun:
    """A run that stored its file and sent its link."""
    made = run_now(manager, schedule, settings=settings, now=utcnow())
    db.session.commit()
    storage = LocalStorage(settings.files_dir)
    status = pipeline.execute(made.public_id, worker="worker-1", settings=settings, storage=storage)
    assert status is RunStatus.SUCCESS
    return made


@pytest.fixture
def artifact(run: ScheduledExportRun) -> Artifact:
    return db.session.scalars(select(Artifact)).one()


@pytest.fixture
def link(run: ScheduledExportRun) -> DownloadLink:
    return db.session.scalars(select(DownloadLink)).one()


@pytest.fixture
def path(link: DownloadLink, settings: Settings) -> str:
    """The path of the link that was mailed."""
    return url_for_link(link, settings).removeprefix(settings.public_url)


def _events() -> list[DownloadEvent]:
    return list(db.session.scalars(select(DownloadEvent)))


def _text(response: TestResponse) -> str:
    return response.get_data(as_text=True)


def test_it_says_what_a_link_leads_to(client: FlaskClient, path: str, artifact: Artifact) -> None:
    response = client.get(path)
    page = _text(response)
    assert response.status_code == 200
    assert f'<h1 class="file-name" id="file">{artifact.filename}</h1>' in page
    assert "Acme Co." in page
    assert "60 rows" in page
    assert "Europe/Berlin, in 7 days" in page
    assert "ann@example.org" in page
    assert artifact.sha256 in page
    assert page.count('<button type="submit" class="btn btn-primary btn-lg">') == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_it_keeps_the_link_from_caches_robots_and_other_pages(
    client: FlaskClient, path: str, method: str
) -> None:
    headers = client.open(path, method=method, buffered=True).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers


def test_it_works_after_twenty_scanners(client: FlaskClient, path: str) -> None:
    for method in ["GET", "HEAD"] * 10:
        assert client.open(path, method=method, buffered=True).status_code == 200
    assert _events() == []
    assert client.post(path, buffered=True).status_code == 200


def test_it_sends_the_bytes_that_were_made(
    client: FlaskClient, path: str, artifact: Artifact, settings: Settings
) -> None:
    response = client.post(path, buffered=True)
    content = response.get_data()
    assert hashlib.sha256(content).hexdigest() == artifact.sha256
    assert response.content_length == artifact.size == len(content)
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"].startswith(f'attachment; filename="{artifact.filename}"')


def test_it_names_files_in_any_script(client: FlaskClient, path: str, artifact: Artifact) -> None:
    artifact.filename = 'Fälle "neu" 100 %.csv'
    assert client.post(path, buffered=True).headers["Content-Disposition"] == (
        'attachment; filename="F_lle _neu_ 100 _.csv";'
        " filename*=UTF-8''F%C3%A4lle%20%22neu%22%20100%20%25.csv"
    )


def test_it_records_a_complete_download(client: FlaskClient, path: str, link: DownloadLink) -> None:
    response = client.post(path, headers={"User-Agent": "Reader/1.0"}, buffered=True)
    size = len(response.get_data())
    (event,) = _events()
    assert (event.link_id, event.user_id, event.ip) == (link.id, None, "127.0.0.1")
    assert (event.agent, event.bytes, event.completed) == ("Reader/1.0", size, True)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "file.download")).one()
    assert (entry.actor, entry.after) == ("ann@example.org", {"link": link.public_id})


def test_it_records_a_broken_off_download_as_such(
    client: FlaskClient, path: str, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.downloads.views.CHUNK", 1000)
    response = client.post(path)
    chunks = response.iter_encoded()
    next(chunks)
    next(chunks)
    response.close()
    (event,) = _events()
    assert 0 < event.bytes < artifact.size
    assert not event.completed


def test_it_needs_neither_cookie_nor_csrf_token(app: Flask, path: str) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    assert app.test_client(use_cookies=False).post(path, buffered=True).status_code == 200


def test_it_sets_no_cookie_for_somebody_signed_in(client: FlaskClient, path: str, admin: User) -> None:
    sign_in(client, admin)
    for method in ("GET", "POST"):
        assert "Set-Cookie" not in client.open(path, method=method, buffered=True).headers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_knows_no_token_but_its_own(
    client: FlaskClient, path: str, link: DownloadLink, settings: Settings, method: str
) -> None:
    stranger = tokens.sign(link.public_id, [b"a key of somebody else, 32 bytes."])
    unknown = tokens.sign("AAAAAAAAAAAAAAAAAAAAAA", settings.keys("links"))
    pages = set()
    for wrong in (f"{path}x", "/d/nonsense", f"/d/{link.public_id}", f"/d/{stranger}", f"/d/{unknown}"):
        response = client.open(wrong, method=method)
        assert response.status_code == 404
        pages.add(_text(response).partition("request <code>")[0])
    assert len(pages) == 1
    assert _events() == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_says_that_a_link_expired(client: FlaskClient, path: str, link: DownloadLink, method: str) -> None:
    link.expires_at = utcnow() - timedelta(seconds=1)
    response = client.open(path, method=method, buffered=True)
    assert response.status_code == 410
    assert "This link has expired." in _text(response)
    assert "Ask whoever sent it to you for a new link." in _text(response)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_says_that_a_link_was_withdrawn(
    client: FlaskClient, path: str, run: ScheduledExportRun, manager: User, method: str
) -> None:
    assert revoke_links(manager, run, now=utcnow()) == 1
    response = client.open(path, method=method, buffered=True)
    assert response.status_code == 410
    assert "This link was withdrawn." in _text(response)


def test_it_says_that_a_file_is_no_longer_kept(client: FlaskClient, path: str, artifact: Artifact) -> None:
    artifact.removed_at = utcnow()
    assert client.get(path).status_code == 410


@pytest.mark.parametrize("damage", [None, b"something else"])
def test_it_withholds_a_file_that_is_not_the_one_made(
    client: FlaskClient, path: str, artifact: Artifact, settings: Settings, damage: bytes | None
) -> None:
    stored = settings.files_dir / artifact.storage_key
    stored.unlink()
    if damage is not None:
        stored.write_bytes(damage)
    response = client.post(path, buffered=True)
    assert response.status_code == 500
    assert "The file is withheld" in _text(response)
    assert str(settings.files_dir) not in _text(response)
    assert _events() == []


def test_it_slows_down_guessing(client: FlaskClient) -> None:
    statuses = [client.open(f"/d/{n}", method="GET" if n % 2 else "POST").status_code for n in range(61)]
    assert statuses == [404] * 60 + [429]


def test_it_sends_the_file_of_a_run_to_the_signed_in(
    client: FlaskClient, run: ScheduledExportRun, artifact: Artifact, auditor: User
) -> None:
    sign_in(client, auditor)
    response = client.get(f"/runs/{run.public_id}/file", buffered=True)
    assert hashlib.sha256(response.get_data()).hexdigest() == artifact.sha256
    (event,) = _events()
    assert (event.link_id, event.user_id, event.completed) == (None, auditor.id, True)


def test_it_sends_strangers_to_sign_in(client: FlaskClient, run: ScheduledExportRun) -> None:
    response = client.get(f"/runs/{run.public_id}/file")
    assert (response.status_code, response.location.partition("?")[0]) == (302, "/login")


def test_it_hides_files_from_other_organizations(
    client: FlaskClient, run: ScheduledExportRun, outsider: User
) -> None:
    sign_in(client, outsider)
    assert client.get(f"/runs/{run.public_id}/file").status_code == 404
    assert _events() == []
