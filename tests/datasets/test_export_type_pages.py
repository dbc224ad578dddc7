"""The pages of built-in datasets as a browser meets them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.config import Settings
from portal.datasets import definitions, service
from portal.datasets.compliance.choice import BuiltIn, Slot
from portal.datasets.export_type import ExportType
from portal.datasets.models import Dataset
from portal.exporters.options import CsvOptions
from portal.extensions import db
from portal.organizations.models import User
from portal.sources.models import DataSource
from portal.table import ColumnType
from tests import factories
from tests.conftest import sign_in
from tests.factories import NOW
from tests.schedules.pages import text_of

ADD = "/datasets/add-export-type"
FLAT = f"{ADD}?type=FLAT_FILE"


def slot(number: int, path: str, **changes: Any) -> dict[str, Any]:
    """Return what a browser sends of one row of custom fields."""
    values = {"path": path, "label": "", "type": "text", "format": "", **changes}
    return {f"slots-{number}-{name}": value for name, value in values.items()}


def filled(source: DataSource, **changes: Any) -> dict[str, Any]:
    """Return what a browser sends of a form that was just filled in."""
    return {
        "version": "",
        "name": "Everything",
        "description": "For the warehouse.",
        "source": source.public_id,
        "investigations": "1",
        "overflow": "y",
        **slot(0, "root_cause", label="Cause", tags=["BOARD", "PII"]),
        **slot(1, ""),
        **changes,
    }


def the_dataset(name: str = "Everything") -> Dataset:
    db.session.expire_all()
    return db.session.scalars(select(Dataset).where(Dataset.name == name)).one()


@pytest.fixture
def added(client: FlaskClient, admin: User, dataset: Dataset) -> Dataset:
    """A flat file with one investigation a row and one custom field, saved by the admin, who is signed in."""
    sign_in(client, admin)
    client.post(FLAT, data=filled(dataset.source, save="1"))
    return the_dataset()


class TestAdd:
    def test_it_offers_the_five_export_types(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)

        assert f'href="{ADD}"' in client.get("/datasets").get_data(as_text=True)
        page = client.get(ADD).get_data(as_text=True)
        assert [f"type={one.value}" in page for one in ExportType] == [True] * 5

    @pytest.mark.parametrize("export_type", list(ExportType))
    def test_each_can_be_saved_as_it_is_offered(
        self, client: FlaskClient, admin: User, dataset: Dataset, export_type: ExportType
    ) -> None:
        sign_in(client, admin)
        url = f"{ADD}?type={export_type.value}"
        page = client.get(url).get_data(as_text=True)
        assert ("Custom fields" in page) == (export_type in (ExportType.FLAT_FILE, ExportType.CUSTOM))

        response = client.post(url, data=filled(dataset.source, save="1"))

        made = the_dataset()
        assert response.headers["Location"] == f"/datasets/{made.public_id}"
        assert made.export_type is export_type
        built_in = definitions.definition_of(made).built_in
        assert built_in is not None
        assert built_in.export_type is export_type

    def test_it_saves_what_was_chosen(self, added: Dataset) -> None:
        cause = Slot("root_cause", "Cause", tags=frozenset({"PII", "BOARD"}))
        saved = definitions.definition_of(added)

        assert saved.built_in == BuiltIn(ExportType.FLAT_FILE, 1, (cause,), overflow=True)
        assert (saved.name, saved.description) == ("Everything", "For the warehouse.")
        column = next(one for one in saved.columns if one.key == "root_cause")
        assert (column.label, column.group, column.tags) == ("Cause", "tagged", cause.tags)
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "dataset.create")).one()
        assert entry.after is not None
        assert entry.after["built_in"] == saved.built_in.to_dict()

    def test_it_shows_the_first_rows_and_saves_nothing(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)

        page = text_of(client.post(FLAT, data=filled(dataset.source, run="1")))

        assert "The first 20 rows in" in page
        assert "inv_1_hours" in page
        assert "inv_2_hours" not in page
        assert db.session.scalars(select(Dataset.name)).all() == ["Cases"]

    def test_rows_of_custom_fields_are_added_one_by_one_up_to_20(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)

        page = client.post(FLAT, data=filled(dataset.source, add_slot="1")).get_data(as_text=True)
        assert 'name="slots-2-path"' in page
        assert 'name="slots-3-path"' not in page
        assert 'value="root_cause"' in page

        rows = {name: value for n in range(20) for name, value in slot(n, f"field_{n}").items()}
        page = client.post(FLAT, data=filled(dataset.source, add_slot="1", **rows)).get_data(as_text=True)
        assert 'name="slots-20-path"' not in page
        assert "20 is the most." in page
        assert "Add a custom field" not in page

    def test_a_custom_field_needs_no_header(self, client: FlaskClient, admin: User, dataset: Dataset) -> None:
        sign_in(client, admin)
        row = slot(0, " $.address.post_code ", type="integer")

        client.post(FLAT, data=filled(dataset.source, save="1") | row)

        column = next(
            one for one in definitions.definition_of(the_dataset()).columns if one.key == "address_post_code"
        )
        assert (column.label, column.type) == ("Address post code", ColumnType.INTEGER)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"name": "Cases"}, "Name: There is, or was, a dataset “Cases”."),
            ({"name": " "}, "Name: A dataset needs a name"),
            ({"source": "x"}, "Data source: Choose a data source."),
            ({"investigations": "11"}, "Investigations with columns of their own: Not a valid choice."),
            (slot(1, "a'b"), "Custom fields: “a'b” is no path: names of letters, digits, _ and -"),
            (slot(1, "root-cause"), "Custom fields: “root_cause” is there twice."),
            (slot(1, "a", type="odd"), "Custom fields: a: Type: Not a valid choice."),
            (slot(1, "a", tags=["ODD"]), "Custom fields: a: Marks:"),
        ],
    )
    def test_it_says_what_is_wrong_and_keeps_what_was_typed(
        self, client: FlaskClient, admin: User, dataset: Dataset, changes: dict[str, Any], words: str
    ) -> None:
        sign_in(client, admin)

        response = client.post(FLAT, data=filled(dataset.source, save="1") | changes)

        assert words in text_of(response)
        page = response.get_data(as_text=True)
        assert "For the warehouse." in page
        assert 'value="root_cause"' in page
        assert db.session.scalars(select(Dataset.name)).all() == ["Cases"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ("DROP TABLE investigations", "no such table: main.investigations"),
            ("ALTER TABLE cases RENAME COLUMN custom_fields TO extra", "no such column: c.custom_fields"),
        ],
    )
    def test_it_says_what_the_source_lacks(
        self,
        client: FlaskClient,
        admin: User,
        dataset: Dataset,
        settings: Settings,
        change: str,
        words: str,
    ) -> None:
        sign_in(client, admin)
        (path,) = Path(settings.effective_sources_dir).glob("acme/*.db")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(change)

        page = text_of(client.post(FLAT, data=filled(dataset.source, save="1")))

        assert "The source can’t answer the query" in page  # noqa: RUF001
        assert words.removeprefix("no such table: main.") in page
        assert "docs/compliance-schema.md" in page
        assert db.session.scalars(select(Dataset.name)).all() == ["Cases"]

    @pytest.mark.parametrize("name", ["slots-²-path", f"slots-{'9' * 5000}-path"])
    def test_it_refuses_rows_that_no_page_has(
        self, client: FlaskClient, admin: User, dataset: Dataset, name: str
    ) -> None:
        sign_in(client, admin)

        assert client.post(FLAT, data=filled(dataset.source) | {name: "x"}).status_code == 400

    def test_there_is_no_other_export_type(self, client: FlaskClient, admin: User, dataset: Dataset) -> None:
        sign_in(client, admin)

        assert client.get(f"{ADD}?type=odd").status_code == 404


class TestChange:
    def test_what_is_chosen_anew_is_a_new_version(self, client: FlaskClient, added: Dataset) -> None:
        url = f"/datasets/{added.public_id}"
        assert f'href="{url}/export-type"' in client.get(url).get_data(as_text=True)
        page = client.get(f"{url}/export-type").get_data(as_text=True)
        assert '<option selected value="1">' in page
        assert 'value="root_cause"' in page
        before = definitions.definition_of(added)

        data = filled(added.source, version="1", investigations="2", save="1")
        done = text_of(client.post(f"{url}/export-type", data=data, follow_redirects=True))

        assert "Saved as version 2. New runs use it." in done
        after = definitions.definition_of(the_dataset())
        assert after.built_in is not None
        assert after.built_in.investigations == 2
        added_columns = {one.key for one in after.columns} - {one.key for one in before.columns}
        assert added_columns
        assert all(key.startswith("inv_2_") for key in added_columns)
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "dataset.change")).one()
        assert entry.before is not None
        assert entry.after is not None
        assert entry.before["built_in"]["investigations"] == 1
        assert entry.after["built_in"]["investigations"] == 2

    def test_nothing_is_saved_where_nothing_was_changed(self, client: FlaskClient, added: Dataset) -> None:
        url = f"/datasets/{added.public_id}/export-type"

        page = client.post(url, data=filled(added.source, version="1", save="1"), follow_redirects=True)

        assert "Nothing has changed." in text_of(page)
        assert len(the_dataset().versions) == 1

    def test_what_somebody_else_saved_meanwhile_is_not_undone(
        self, client: FlaskClient, added: Dataset
    ) -> None:
        url = f"/datasets/{added.public_id}/export-type"
        client.post(url, data=filled(added.source, version="1", investigations="2", save="1"))

        data = filled(added.source, version="1", investigations="3", save="1")
        page = text_of(client.post(url, data=data))

        assert "admin@acme.example has saved version 2 while you edited" in page
        assert len(the_dataset().versions) == 2

    def test_schedules_that_would_fail_are_named_before_it_is_saved(
        self, client: FlaskClient, manager: User, added: Dataset
    ) -> None:
        factories.schedule(manager, added)
        db.session.commit()
        url = f"/datasets/{added.public_id}/export-type"
        data = filled(added.source, version="1", investigations="2")

        page = text_of(client.post(url, data=data | {"save": "1"}))
        assert "Not saved yet: 1 schedule would fail at the next run" in page
        assert len(the_dataset().versions) == 1

        client.post(url, data=data | {"save": "all the same"})
        assert len(the_dataset().versions) == 2

    def test_headers_may_be_edited_and_it_stays_built_in(
        self, client: FlaskClient, admin: User, added: Dataset
    ) -> None:
        edited = definitions.definition_of(added)
        page = text_of(client.get(f"/datasets/{added.public_id}/edit"))
        assert "The portal wrote this query" in page

        data = _edit_form(added, edited.sql) | {"columns-0-key": "title", "columns-0-label": "Betreff"}
        client.post(f"/datasets/{added.public_id}/edit", data=data)

        saved = definitions.definition_of(the_dataset())
        assert next(one.label for one in saved.columns if one.key == "title") == "Betreff"
        assert saved.built_in == edited.built_in

    def test_a_query_that_was_edited_by_hand_is_built_in_no_more(
        self, client: FlaskClient, added: Dataset
    ) -> None:
        url = f"/datasets/{added.public_id}"
        edited = definitions.definition_of(added)

        client.post(f"{url}/edit", data=_edit_form(added, edited.sql + "\n-- mine"))

        assert definitions.definition_of(the_dataset()).built_in is None
        assert "The portal wrote this query" not in text_of(client.get(f"{url}/edit"))
        assert f'href="{url}/export-type"' not in client.get(url).get_data(as_text=True)
        page = client.get(f"{url}/export-type", follow_redirects=True)
        assert "Somebody wrote the query of this dataset" in text_of(page)

    def test_other_csv_is_no_other_query(self, added: Dataset) -> None:
        service.choose_csv(added, CsvOptions(decimal_comma=True), now=NOW)

        assert definitions.definition_of(added).built_in is not None


def _edit_form(of: Dataset, sql: str) -> dict[str, Any]:
    """Return what the editor sends with a query, its columns found anew."""
    names = ("statuses", "categories", "business_units", "locations")
    rows = {f"parameters-{n}-name": name for n, name in enumerate(names)}
    kinds = {f"parameters-{n}-kind": "multi_choice" for n in range(4)}
    choices = {f"parameters-{n}-choices": "A" for n in range(4)}
    period = {"parameters-4-name": "period", "parameters-4-kind": "period"}
    column = {"columns-0-key": "title", "columns-0-label": "Title", "columns-0-type": "text"}
    csv = {"csv-delimiter": ",", "csv-encoding": "utf-8", "csv-line_end": "lf", "csv-quoting": "minimal"}
    about = {
        "source": of.source.public_id,
        "version": "1",
        "name": "Everything",
        "sql": sql.replace("\n", "\r\n"),
        "period": "",
        "save": "1",
    }
    zone = {"columns-0-zone": "schedule", "columns-0-group": "core"}
    return {**about, **rows, **kinds, **choices, **period, **column, **zone, **csv}
