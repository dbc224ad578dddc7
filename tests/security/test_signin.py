"""A24 to A28: open redirects, fixation, forged forms, enumeration, brute force, weak hashes."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.extensions import db
from portal.organizations import service as organizations
from portal.organizations.models import User, UserSession
from tests.conftest import sign_in
from tests.factories import PASSWORD

ELSEWHERE = (
    "//evil.com",
    "///evil.com",
    r"/\evil.com",
    r"\\evil.com",
    "https://evil.com",
    "https:evil.com",
    "/%09/evil.com",
    "/\t/evil.com",
    "/%5Cevil.com",
    "javascript:alert(1)",
    "/schedules\r\nSet-Cookie: a=b",
)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_never_leads_elsewhere(client: FlaskClient, manager: User, target: str) -> None:
    reply = client.post(
        "/login", query_string={"next": target}, data={"email": manager.email, "password": PASSWORD}
    )

    assert (reply.status_code, reply.headers["Location"]) == (302, "/")


def test_signing_in_leads_back_to_a_page_of_ours(client: FlaskClient, manager: User) -> None:
    asked = client.get("/schedules?state=paused")
    reply = client.post(asked.headers["Location"], data={"email": manager.email, "password": PASSWORD})

    assert reply.headers["Location"] == "/schedules?state=paused"


def test_a_planted_session_is_worth_nothing(client: FlaskClient, manager: User) -> None:
    """Whoever planted an id before the sign-in must not be signed in after it."""
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "planted-by-somebody"
    sign_in(client, manager)

    with client.session_transaction() as cookie:
        assert cookie["_user_id"] != "planted-by-somebody"


def test_signing_out_ends_the_session_for_a_copied_cookie_too(
    app: Flask, client: FlaskClient, manager: User
) -> None:
    sign_in(client, manager)
    cookie = client.get_cookie("portal")
    assert cookie is not None
    client.post("/logout")

    thief = app.test_client()
    thief.set_cookie("portal", cookie.value)
    assert thief.get("/").status_code == 302


@pytest.mark.parametrize("change", ["expire", "disable"])
def test_a_session_ends_when_it_expires_or_its_user_may_not_enter(
    client: FlaskClient, manager: User, change: str
) -> None:
    sign_in(client, manager)
    now = datetime.now(UTC)
    if change == "expire":
        db.session.scalars(select(UserSession)).one().expires_at = now - timedelta(seconds=1)
    else:
        manager.disabled_at = now
    db.session.commit()

    assert client.get("/").status_code == 302


def test_every_form_needs_its_token(app: Flask, manager: User) -> None:
    client = app.test_client()  # as in production: the fixture `client` switches the check off
    page = client.get("/login").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    data = {"email": manager.email, "password": PASSWORD}

    assert client.post("/login", data=data).status_code == 400
    assert client.post("/login", data={**data, "csrf_token": token[1] + "x"}).status_code == 400
    assert client.post("/login", data={**data, "csrf_token": token[1]}).status_code == 302
    assert client.post("/logout").status_code == 400
    assert client.post("/schedules/new").status_code == 400


def test_an_unknown_address_looks_like_a_wrong_password(client: FlaskClient, manager: User) -> None:
    def refused(email: str) -> str:
        reply = client.post("/login", data={"email": email, "password": "not the password"})
        assert reply.status_code == 200
        return re.sub(r"value=\"[^\"]*\"", "", reply.get_data(as_text=True))

    assert refused(manager.email) == refused("nobody@acme.example")


def test_an_unknown_address_is_hashed_for_like_a_known_one(
    app: Flask, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same time, seen as the same work: one verification either way."""
    verified: list[str] = []
    real = organizations._matches

    def counting(password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return real(password_hash, password)

    monkeypatch.setattr(organizations, "_matches", counting)
    assert organizations.authenticate(manager.email, "wrong") is None
    assert organizations.authenticate("nobody@acme.example", "wrong") is None

    assert len(verified) == 2
    assert len({password_hash.rpartition("$")[0].rpartition("$")[0] for password_hash in verified}) == 1


def test_the_first_sign_in_of_a_process_tells_no_address_either(app: Flask, manager: User) -> None:
    """What is hashed for unknown addresses is made once a process, for known addresses as well."""
    organizations._decoy_hash.cache_clear()

    organizations.authenticate(manager.email, PASSWORD)

    assert organizations._decoy_hash.cache_info().currsize == 1


def test_no_part_of_the_portal_hashes_on_import() -> None:
    """It takes 64 MB and a moment, in each worker and at each command."""
    script = "import argon2; argon2.PasswordHasher.hash = None; import portal.cli"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")


def test_brute_force_meets_a_wait_that_it_states(client: FlaskClient, manager: User) -> None:
    replies = [
        client.post("/login", data={"email": manager.email, "password": f"guess number {number}"})
        for number in range(6)
    ]

    assert [reply.status_code for reply in replies] == [200] * 5 + [429]
    assert int(replies[-1].headers["Retry-After"]) > 0
    right = client.post("/login", data={"email": manager.email, "password": PASSWORD})
    assert right.status_code == 429, "even the right password has to wait"


def test_passwords_are_kept_by_argon2id(manager: User) -> None:
    assert manager.password_hash.startswith("$argon2id$")
    assert PASSWORD not in manager.password_hash
