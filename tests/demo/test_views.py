"""The inbox pages over real messages."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import StrictUndefined

from portal.app import create_app
from portal.config import load
from portal.demo import mailbox
from portal.extensions import db
from tests.conftest import Browser

RECEIVED = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
HTML = '<html><head lang="en"></head><body><script>alert(1)</script><a href="/d/token">Get</a></body></html>'


@pytest.fixture
def demo(tmp_path: Path, migrated_sqlite: Path, redis_url: str) -> Iterator[Flask]:
    """The application as the demo runs it."""
    shutil.copy(migrated_sqlite, tmp_path / "portal.db")
    made = create_app(load(demo=True, mail_catcher=True, data_dir=tmp_path, redis_url=redis_url))
    made.testing = True
    made.jinja_env.undefined = StrictUndefined
    made.test_client_class = Browser
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def inbox(demo: Flask) -> FlaskClient:
    return demo.test_client()


def _arrive(demo: Flask, subject: str = "Weekly cases", html: str = HTML) -> str:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "exports@portal.example", "ann@example.org"
    message.set_content("See http://127.0.0.1:8000/d/token and <b>.")
    if html:
        message.add_alternative(html, subtype="html")
    message.add_attachment("a,b\n1,2\n", subtype="csv", filename="Fälle.csv")
    return mailbox.keep(
        demo.config["PORTAL"].mailbox_dir,
        message.as_bytes(),
        sender="exports@portal.example",
        recipients=["ann@example.org"],
        received_at=RECEIVED,
    )


def test_it_lists_messages_newest_first(demo: Flask, inbox: FlaskClient) -> None:
    for subject in ("First", "Second <i>"):
        _arrive(demo, subject)
    page = inbox.get("/inbox").get_data(as_text=True)
    assert "Second &lt;i&gt;" in page
    assert "ann@example.org" in page
    assert 'datetime="2025-03-03T12:00:00+00:00"' in page
    assert "stands in for people's mail programs" in page


def test_it_says_what_to_expect_of_an_empty_inbox(inbox: FlaskClient) -> None:
    assert "No mail yet." in inbox.get("/inbox").get_data(as_text=True)


def test_it_offers_visitors_nothing_but_the_inbox(inbox: FlaskClient) -> None:
    page = inbox.get("/inbox").get_data(as_text=True)
    assert re.search(r'href="/inbox"\s+aria-current="true"', page)
    assert 'href="/schedules"' not in page


def test_it_shows_a_message(demo: Flask, inbox: FlaskClient) -> None:
    message_id = _arrive(demo)
    page = inbox.get(f"/inbox/{message_id}").get_data(as_text=True)
    assert "<h1>Weekly cases</h1>" in page
    assert f'src="/inbox/{message_id}/html"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert '<a href="http://127.0.0.1:8000/d/token"' in page
    assert "and &lt;b&gt;." in page
    assert "Fälle.csv" in page
    assert "<script>alert" not in page


def test_it_shows_the_html_where_it_can_do_nothing(demo: Flask, inbox: FlaskClient) -> None:
    response = inbox.get(f"/inbox/{_arrive(demo)}/html")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-popups" in policy
    assert "allow-same-origin" not in policy
    assert "allow-scripts" not in policy
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert '<head lang="en"><base target="_blank"></head>' in response.get_data(as_text=True)


def test_it_opens_links_of_a_headless_message_in_a_new_tab_too(demo: Flask, inbox: FlaskClient) -> None:
    message_id = _arrive(demo, html="<p>Hello</p>")
    body = inbox.get(f"/inbox/{message_id}/html").get_data(as_text=True)
    assert body.strip() == '<base target="_blank"><p>Hello</p>'


def test_it_shows_the_text_when_there_is_no_html(demo: Flask, inbox: FlaskClient) -> None:
    page = inbox.get(f"/inbox/{_arrive(demo, html='')}").get_data(as_text=True)
    assert "<iframe" not in page
    assert '<pre class="mail-text" tabindex="0">See <a href=' in page


def test_it_hands_out_attachments(demo: Flask, inbox: FlaskClient) -> None:
    response = inbox.get(f"/inbox/{_arrive(demo)}/attachments/0")
    assert response.get_data() == b"a,b\n1,2\n"
    assert response.mimetype == "text/csv"
    assert "filename*=UTF-8''F%C3%A4lle.csv" in response.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "path", ["/inbox/nonsense", "/inbox/..%2Fsecret", "/inbox/20250303T120000000000-00000000"]
)
def test_it_knows_no_other_message(inbox: FlaskClient, path: str) -> None:
    for below in ("", "/html", "/attachments/0"):
        assert inbox.get(path + below).status_code == 404


def test_it_knows_no_other_attachment(demo: Flask, inbox: FlaskClient) -> None:
    assert inbox.get(f"/inbox/{_arrive(demo)}/attachments/1").status_code == 404


def test_it_is_not_there_outside_the_demo(client: FlaskClient) -> None:
    assert client.get("/inbox").status_code == 404
