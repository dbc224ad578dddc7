"""What anybody can type into the address bar or a form, and databases can't hold: never an error of ours."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.organizations.models import User
from portal.permissions import Role
from tests import factories
from tests.conftest import Browser, sign_in

LISTS = ["/runs", "/schedules", "/failed-runs"]


@pytest.fixture
def client(either_app: Flask) -> FlaskClient:
    either_app.config["WTF_CSRF_ENABLED"] = False
    either_app.testing = False  # an exception becomes the 500 that a visitor would see
    either_app.test_client_class = Browser
    return either_app.test_client()


@pytest.fixture
def admin(either_app: Flask) -> User:
    made = factories.user(factories.organization("Acme Co.", "acme"), Role.ADMIN, "admin@acme.example")
    db.session.commit()
    return made


@pytest.fixture
def signed_in(client: FlaskClient, admin: User) -> FlaskClient:
    sign_in(client, admin)
    return client


@pytest.mark.parametrize("path", LISTS)
def test_a_key_that_no_row_can_have_shows_the_first_page(signed_in: FlaskClient, path: str) -> None:
    keys = ["2147483648", "99999999999999999999", "9" * 5000, "-1", "0", "x", ""]
    statuses = {key: signed_in.get(path, query_string={"before": key}).status_code for key in keys}

    assert statuses == dict.fromkeys(keys, 200)


def test_the_largest_key_there_can_be_is_a_page(signed_in: FlaskClient) -> None:
    assert {signed_in.get(path, query_string={"before": 2**31 - 1}).status_code for path in LISTS} == {200}


@pytest.mark.parametrize(
    "path", ["/runs/%00x", "/schedules/%00", "/d/%00", "/runs/a%00b/file", "/no%00where"]
)
def test_nothing_is_found_at_a_path_with_nul(signed_in: FlaskClient, path: str) -> None:
    assert signed_in.get(path).status_code == 404


@pytest.mark.parametrize(
    "address", ["/schedules?q=%00", "/runs?schedule=a%00", "/runs?%00=x", "/schedules/new?dataset=%00"]
)
def test_a_query_with_nul_is_malformed(signed_in: FlaskClient, address: str) -> None:
    assert signed_in.get(address).status_code == 400


@pytest.mark.parametrize("form", [{"email": "ann\0@acme.example"}, {"email": "ann@acme.example", "x\0": "y"}])
def test_a_form_with_nul_is_malformed(client: FlaskClient, form: dict[str, str]) -> None:
    assert client.post("/login", data={"password": "guessed", **form}).status_code == 400


def test_an_address_that_grows_in_lower_case_is_refused_and_recorded(client: FlaskClient) -> None:
    reply = client.post(
        "/login", data={"email": 300 * "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "password": "x"}
    )

    assert reply.status_code == 200
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "session.refuse")).one()
    assert entry.actor == 160 * "i\N{COMBINING DOT ABOVE}"
