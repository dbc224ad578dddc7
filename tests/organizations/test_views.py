"""Signing in and out, as a browser does it."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.organizations.models import Organization, User, UserSession
from tests.conftest import sign_in
from tests.factories import PASSWORD

WRONG = "wrong password 1"


def _refused(client: FlaskClient, email: str, password: str = WRONG) -> str:
    response = client.post("/login", data={"email": email, "password": password})
    assert response.status_code == 200
    return response.get_data(as_text=True)


def _audit_of(action: str) -> AuditEntry:
    return db.session.scalars(select(AuditEntry).where(AuditEntry.action == action)).one()


def test_it_shows_the_form(client: FlaskClient) -> None:
    page = client.get("/login").get_data(as_text=True)
    assert "<title>Sign in · Export Portal</title>" in page
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page


def test_it_signs_in_and_goes_home(client: FlaskClient, admin: User) -> None:
    response = client.post("/login", data={"email": "Admin@Acme.example ", "password": PASSWORD})
    assert (response.status_code, response.location) == (302, "/")
    assert client.get("/").status_code == 200
    assert client.get("/login").location == "/"


def test_it_keeps_only_the_hash_of_a_sign_in(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)
    with client.session_transaction() as cookie:
        token = cookie["_user_id"]
    kept = db.session.scalars(select(UserSession)).one()
    assert kept.token_hash != token
    assert kept.agent is not None
    assert kept.agent.startswith("Werkzeug/")


def test_it_drops_what_the_cookie_held_before(client: FlaskClient, admin: User) -> None:
    with client.session_transaction() as cookie:
        cookie["planted"] = "by an attacker"
    sign_in(client, admin)
    with client.session_transaction() as cookie:
        assert "planted" not in cookie


def test_it_draws_a_new_id_at_every_sign_in(client: FlaskClient, admin: User) -> None:
    ids = set()
    for _ in range(2):
        sign_in(client, admin)
        with client.session_transaction() as cookie:
            ids.add(cookie["_user_id"])
        client.post("/logout")
    assert len(ids) == 2


def test_it_refuses_unknown_and_wrong_alike(client: FlaskClient, admin: User) -> None:
    known, unknown = (
        re.sub(r'name="csrf_token" value="[^"]+"', "", _refused(client, email).replace(email, "…"))
        for email in (admin.email, "nobody@acme.example")
    )
    assert known == unknown
    assert "E-mail or password is wrong." in known


def test_it_keeps_the_address_but_never_the_password(client: FlaskClient, admin: User) -> None:
    page = _refused(client, admin.email, WRONG)
    assert 'value="admin@acme.example"' in page
    assert WRONG not in page


def test_it_names_empty_fields_and_links_to_them(client: FlaskClient) -> None:
    page = _refused(client, "", "")
    assert "2 fields need another look" in page
    assert '<a href="#email">E-mail: Enter your e-mail address.</a>' in page
    assert 'aria-describedby="password-error"' in page


def test_it_records_refusals_where_they_were_aimed(client: FlaskClient, admin: User) -> None:
    _refused(client, admin.email)
    entry = _audit_of("session.refuse")
    assert (entry.chain, entry.actor) == (admin.organization_id, "admin@acme.example")
    assert entry.target == f"user:{admin.public_id}"
    assert entry.ip == "127.0.0.1"


def test_it_records_refusals_of_strangers_in_the_system_chain(client: FlaskClient) -> None:
    _refused(client, "nobody@acme.example")
    entry = _audit_of("session.refuse")
    assert (entry.chain, entry.target) == (0, "user:unknown")


def test_it_refuses_the_disabled(client: FlaskClient, admin: User) -> None:
    admin.disabled_at = admin.created_at
    db.session.commit()
    _refused(client, admin.email, PASSWORD)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/%5Cevil.example/",
        "/%09/evil.example/",
        "/%2509/evil.example/",
        "/%0a/evil.example/",
        "%20//evil.example/",
        "javascript:alert(1)",
        "evil.example",
        "/no-such-page",
        "/logout",
    ],
)
def test_it_goes_home_rather_than_where_an_attacker_says(
    client: FlaskClient, admin: User, target: str
) -> None:
    response = client.post(f"/login?next={target}", data={"email": admin.email, "password": PASSWORD})
    assert (response.status_code, response.location) == (302, "/")


def test_it_returns_to_the_page_asked_for(client: FlaskClient, admin: User) -> None:
    first = client.get("/failed-runs?cause=timeout")
    assert first.status_code == 302
    assert first.location.startswith("/login?next=")
    response = client.post(first.location, data={"email": admin.email, "password": PASSWORD})
    assert response.location == "/failed-runs?cause=timeout"


def test_it_waits_after_five_wrong_tries_even_for_the_right_password(
    client: FlaskClient, admin: User
) -> None:
    for _ in range(5):
        _refused(client, admin.email)
    response = client.post("/login", data={"email": admin.email, "password": PASSWORD})
    assert response.status_code == 429
    assert "Try again in" in response.get_data(as_text=True)
    assert 0 < int(response.headers["Retry-After"]) <= 15 * 60


def test_it_locks_out_one_address_from_one_visitor_only(
    client: FlaskClient, admin: User, auditor: User
) -> None:
    for _ in range(5):
        _refused(client, admin.email)
    sign_in(client, auditor)
    client.post("/logout")
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    credentials = {"email": admin.email, "password": PASSWORD}
    assert client.post("/login", data=credentials, environ_overrides=elsewhere).status_code == 302


def test_it_takes_ten_tries_a_minute_from_a_visitor(client: FlaskClient) -> None:
    statuses = [
        client.post("/login", data={"email": f"{n}@acme.example", "password": "wrong"}).status_code
        for n in range(11)
    ]
    assert statuses == [200] * 10 + [429]


def test_it_signs_out_for_good(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)
    with client.session_transaction() as cookie:
        stolen = dict(cookie)
    response = client.post("/logout", follow_redirects=True)
    assert "You are signed out." in response.get_data(as_text=True)
    with client.session_transaction() as cookie:
        cookie.update(stolen)
    assert client.get("/").status_code == 302
    assert _audit_of("session.end").actor == "admin@acme.example"


def test_it_signs_out_by_post_only(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)
    assert client.get("/logout").status_code == 405
    assert client.get("/").status_code == 200


def test_it_shows_name_role_and_organization(client: FlaskClient, acme: Organization, auditor: User) -> None:
    sign_in(client, auditor)
    page = client.get("/").get_data(as_text=True)
    assert "<small>Acme Co.</small>" in page
    assert "Auditor" in page
