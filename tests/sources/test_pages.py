"""The pages of data sources as a browser meets them."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import User
from portal.sources import service as source_service
from portal.sources.models import DataSource
from tests import factories
from tests.conftest import sign_in
from tests.schedules.pages import text_of

SERVER: dict[str, Any] = {
    "name": "Cases",
    "kind": "postgresql",
    "host": "db.example.org",
    "port": "",
    "database": "cases",
    "user": "reader",
    "password": "hunter2 / ä",
    "encryption": "verify-full",
}


@pytest.fixture
def source(admin: User, settings: Settings) -> DataSource:
    url = "postgresql://reader:hunter2@db.example.org/cases?sslmode=require"
    made = source_service.create_source(admin.organization, "Main", url, settings=settings, now=factories.NOW)
    db.session.commit()
    return made


def saved(name: str, settings: Settings) -> Any:
    db.session.expire_all()
    found = db.session.scalars(select(DataSource).where(DataSource.name == name)).one()
    return source_service.url_of(found, settings)


class TestAdd:
    def test_it_keeps_a_server_encrypted(self, client: FlaskClient, admin: User, settings: Settings) -> None:
        sign_in(client, admin)

        page = client.post("/sources/new", data=SERVER, follow_redirects=True).get_data(as_text=True)

        assert "“Cases” is added." in page
        assert "hunter2" not in page
        url = saved("Cases", settings)
        assert (url.host, url.database, url.username, url.password) == (
            "db.example.org",
            "cases",
            "reader",
            "hunter2 / ä",
        )
        assert url.query["sslmode"] == "verify-full"
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "source.create")).one()
        assert entry.actor == admin.email
        assert entry.after is not None
        assert entry.after["host"] == "db.example.org"
        assert "hunter2" not in str(entry.after)

    def test_it_offers_the_files_of_the_organization(
        self, client: FlaskClient, admin: User, outsider: User, settings: Settings
    ) -> None:
        for organization, name in ((admin.organization, "ours"), (outsider.organization, "theirs")):
            folder = source_service.sources_folder(settings, organization)
            factories.cases_database(folder / "archive" / f"{name}.db")
        sign_in(client, admin)

        page = client.get("/sources/new").get_data(as_text=True)
        client.post("/sources/new", data={"name": "File", "kind": "sqlite", "file": "archive/ours.db"})

        assert 'value="archive/ours.db"' in page
        assert "theirs" not in page
        assert str(saved("File", settings).database).endswith("/acme/archive/ours.db")

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"name": " "}, "name", "Give it a name."),
            ({"name": "Main"}, "name", "There is already a source “Main”."),
            ({"host": ""}, "host", "Host is needed."),
            ({"host": "db.example/x?options=-c"}, "host", "That is no host"),
            ({"host": "a,b"}, "host", "That is no host"),
            ({"user": ""}, "user", "User is needed."),
            ({"database": ""}, "database", "Database is needed."),
            ({"port": "70000"}, "port", "A port is a number up to 65535."),
            ({"kind": "sqlite", "file": "../globex/cases.db"}, "file", "Choose a file from the list."),
            ({"kind": "oracle"}, "kind", "Not a valid choice"),
            ({"encryption": "odd"}, "encryption", "Not a valid choice"),
        ],
    )
    def test_it_says_what_is_wrong_and_keeps_what_was_typed(
        self,
        client: FlaskClient,
        admin: User,
        source: DataSource,
        changes: dict[str, str],
        field: str,
        words: str,
    ) -> None:
        sign_in(client, admin)

        response = client.post("/sources/new", data={**SERVER, **changes})

        page = response.get_data(as_text=True)
        assert re.search(rf'<a href="#{field}(-\d)?">[^<]*: {re.escape(words)}', page), page
        assert 'value="reader"' in page or field == "user"
        assert "hunter2" not in page
        assert db.session.scalars(select(DataSource.name)).all() == ["Main"]


class TestTest:
    def test_it_answers_for_a_file(self, client: FlaskClient, admin: User, dataset: Dataset) -> None:
        sign_in(client, admin)

        response = client.post(f"/sources/{dataset.source.public_id}/test")

        assert re.search(
            r"It answered within \d+ ms \(version 3\.\d+\.\d+\), for reading only\.", text_of(response)
        )

    def test_it_refuses_an_address_within_where_it_was_typed(self, client: FlaskClient, admin: User) -> None:
        sign_in(client, admin)

        response = client.post("/sources/new", data={**SERVER, "host": "169.254.169.254", "test": "1"})

        page = text_of(response)
        assert "Host: “169.254.169.254” is not on the public internet." in page
        assert "PORTAL_SOURCE_HOSTS" in page
        assert "hunter2" not in response.get_data(as_text=True)

    def test_it_says_what_the_server_said(
        self, client: FlaskClient, admin: User, dataset: Dataset, settings: Settings
    ) -> None:
        folder = source_service.sources_folder(settings, admin.organization)
        (folder / "text.db").write_text("no database, but long enough to be looked at\n" * 30)
        sign_in(client, admin)

        response = client.post(
            "/sources/new", data={"name": "T", "kind": "sqlite", "file": "text.db", "test": "1"}
        )

        assert "file is not a database" in text_of(response)
        assert db.session.scalars(select(DataSource)).all() == [dataset.source], "testing saves nothing"


class TestEdit:
    def test_it_shows_all_but_the_password(
        self, client: FlaskClient, admin: User, source: DataSource
    ) -> None:
        sign_in(client, admin)

        page = client.get(f"/sources/{source.public_id}/edit").get_data(as_text=True)

        for value in ("Main", "db.example.org", "cases", "reader"):
            assert f'value="{value}"' in page
        assert re.search(r'<option selected value="require">', page)
        assert "hunter2" not in page

    def test_an_empty_password_keeps_the_present_one(
        self, client: FlaskClient, admin: User, source: DataSource, settings: Settings
    ) -> None:
        sign_in(client, admin)
        changes = {**SERVER, "name": "Renamed", "database": "archive", "password": ""}

        page = client.post(f"/sources/{source.public_id}/edit", data=changes, follow_redirects=True)

        assert "“Renamed” is saved." in text_of(page)
        url = saved("Renamed", settings)
        assert (url.password, url.database) == ("hunter2", "archive")
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "source.change")).one()
        assert entry.before is not None
        assert entry.after is not None
        assert (entry.before["database"], entry.after["database"]) == ("cases", "archive")

    @pytest.mark.parametrize("changes", [{"host": "evil.example"}, {"user": "root"}, {"port": "5433"}])
    def test_a_password_is_never_sent_elsewhere(
        self,
        client: FlaskClient,
        admin: User,
        source: DataSource,
        settings: Settings,
        changes: dict[str, str],
    ) -> None:
        sign_in(client, admin)

        for more in ({}, {"test": "1"}):
            data = {**SERVER, "password": "", **changes, **more}
            page = text_of(client.post(f"/sources/{source.public_id}/edit", data=data))
            assert "Password: Type the password again for another server or user." in page
        assert saved("Main", settings).host == "db.example.org"

    def test_it_stays_of_its_kind(self, client: FlaskClient, admin: User, source: DataSource) -> None:
        sign_in(client, admin)

        page = text_of(client.post(f"/sources/{source.public_id}/edit", data={**SERVER, "kind": "mysql"}))

        assert "Kind: A source stays of its kind" in page

    def test_credentials_that_no_secret_opens_can_be_typed_again(
        self, client: FlaskClient, admin: User, source: DataSource, settings: Settings
    ) -> None:
        source.url_encrypted = "gibberish"
        db.session.commit()
        sign_in(client, admin)
        url = f"/sources/{source.public_id}"

        assert "can't be read with the present PORTAL_SECRET_KEY: enter" in text_of(client.get(url))
        assert "can't be read with the present PORTAL_SECRET_KEY" in text_of(client.post(f"{url}/test"))
        assert client.get(f"{url}/edit").status_code == 200
        client.post(f"{url}/edit", data={**SERVER, "name": "Main"})

        assert saved("Main", settings).password == "hunter2 / ä"


class TestRemove:
    def test_it_goes_when_nothing_reads_it(
        self, client: FlaskClient, admin: User, source: DataSource
    ) -> None:
        sign_in(client, admin)

        page = client.post(f"/sources/{source.public_id}/remove", follow_redirects=True)

        assert "“Main” is removed." in text_of(page)
        assert db.session.scalars(select(DataSource)).all() == []

    def test_it_stays_while_a_dataset_needs_it(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)

        page = client.post(f"/sources/{dataset.source.public_id}/remove", follow_redirects=True)

        assert "Datasets were made over this source" in text_of(page)
        assert db.session.scalars(select(DataSource)).all() == [dataset.source]


def test_everybody_may_look_and_only_admins_change(
    client: FlaskClient, auditor: User, source: DataSource
) -> None:
    sign_in(client, auditor)

    pages = text_of(client.get("/sources")) + text_of(client.get(f"/sources/{source.public_id}"))

    assert "db.example.org" in pages
    assert "kept encrypted" in pages
    assert "New source" not in pages
    assert "Edit" not in pages
