"""The pages of datasets as a browser meets them."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.config import Settings
from portal.datasets import definitions
from portal.datasets.models import Dataset
from portal.datasets.parameters import ParameterKind
from portal.errors import InvalidInput
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.schedules.models import ScheduledExport
from portal.sources import service as source_service
from portal.sources.models import DataSource
from portal.table import ColumnType
from tests import factories
from tests.conftest import sign_in
from tests.schedules.pages import error_at, text_of

SQL = """SELECT id AS case_id, status, opened_at
FROM cases
WHERE status = :status OR :status IS NULL
ORDER BY id"""

LABELS = {
    "sql": "Query",
    "source": "Data source",
    "row_limit": "Most rows",
    "query_timeout": "Longest query, in seconds",
}


def filled(source: DataSource | None = None, **changes: Any) -> dict[str, Any]:
    """Return what a browser sends of a form that was just filled in."""
    return {
        "name": "Open cases",
        "description": "Cases that are open.",
        **({"source": source.public_id} if source else {}),
        "sql": SQL.replace("\n", "\r\n"),
        "parameters-0-name": "status",
        "parameters-0-label": "Status",
        "parameters-0-kind": "choice",
        "parameters-0-choices": "NEW | New\r\nOPEN | Open",
        "parameters-0-choices_sql": "",
        "parameters-1-name": "",
        "parameters-1-label": "",
        "parameters-1-kind": "period",
        "csv-delimiter": ";",
        "csv-encoding": "utf-8",
        "csv-line_end": "lf",
        "csv-quoting": "minimal",
        **changes,
    }


def column(number: int, key: str, **changes: str) -> dict[str, str]:
    """Return what a browser sends of one row of columns."""
    values = {"key": key, "label": key, "type": "text", "format": "", "width": "", "group": "core"}
    values |= {"zone": "schedule", **changes}
    return {f"columns-{number}-{name}": value for name, value in values.items()}


def fields_of(page: str) -> list[str]:
    return re.findall(r'name="columns-\d+-key"[^>]*value="([^"]*)"', page)


def the_dataset(name: str) -> Dataset:
    db.session.expire_all()
    return db.session.scalars(select(Dataset).where(Dataset.name == name)).one()


class TestDefine:
    def test_it_runs_the_query_and_shows_rows_and_columns(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)

        response = client.post("/datasets/new", data=filled(dataset.source, run="1"))

        page = response.get_data(as_text=True)
        assert re.search(r"The first 20 rows in \d\.\d s", text_of(response))
        assert fields_of(page) == ["case_id", "status", "opened_at"]
        assert 'value="Opened at"' in page
        assert '<option selected value="integer">' in page
        assert db.session.scalars(select(Dataset.name)).all() == ["Cases"], "running saves nothing"

    def test_it_saves_what_was_said_of_the_columns(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)
        marked = {"columns-1-tags": ["PII", "BOARD"], "columns-0-is_key": "y"}
        columns = {
            **column(0, "case_id", type="integer", label="No.", width="8"),
            **column(1, "status", group="state"),
            **column(2, "opened_at", type="datetime", zone="utc", format="yyyy-mm-dd"),
            **marked,
        }

        page = client.post(
            "/datasets/new", data=filled(dataset.source, save="1", **columns), follow_redirects=True
        )

        assert "“Open cases” is saved." in text_of(page)
        saved = definitions.definition_of(the_dataset("Open cases"))
        first, second, third = saved.columns
        assert (first.label, first.type, first.width) == ("No.", ColumnType.INTEGER, 8)
        assert (second.group, sorted(second.tags)) == ("state", ["BOARD", "PII"])
        assert (third.type, third.zone, third.format) == (ColumnType.DATETIME, "utc", "yyyy-mm-dd")
        assert saved.key_columns == ("case_id",)
        assert saved.sql == SQL
        (parameter,) = saved.parameters
        assert (parameter.name, parameter.kind) == ("status", ParameterKind.CHOICE)
        assert parameter.choices == (("NEW", "New"), ("OPEN", "Open"))
        assert (saved.csv.delimiter, saved.csv.encoding) == (";", "utf-8")
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "dataset.create")).one()
        assert entry.after is not None
        assert entry.after["sql"] == SQL

    def test_a_new_dataset_can_be_saved_without_a_run_before(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)

        client.post("/datasets/new", data=filled(dataset.source, save="1"))

        saved = definitions.definition_of(the_dataset("Open cases"))
        assert [one.label for one in saved.columns] == ["Case id", "Status", "Opened at"]

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"sql": " "}, "sql", "Write a query."),
            ({"sql": "SELECT id\nFORM cases"}, "sql", 'Line 2, column 6: near "cases": syntax error'),
            ({"sql": "SELECT 1 AS a WHERE 1 = :gone"}, "sql", "The query names :gone, which is no parameter"),
            ({"sql": "SELECT 1 AS a, 2 AS a"}, "sql", "Two columns are called “a”"),
            ({"sql": "DELETE FROM cases"}, "sql", "A data source is read-only"),
            ({"name": " "}, "name", "A dataset needs a name"),
            ({"name": "Cases"}, "name", "There is, or was, a dataset “Cases”."),
            ({"source": "x"}, "source", "Choose a data source."),
            ({"parameters-1-name": "status"}, "parameters", "Two parameters are called “status”."),
            ({"parameters-1-name": "due_at"}, "parameters", "“due_at” is there without being defined."),
            ({"parameters-1-name": "A B"}, "parameters", "A parameter can't be named 'A B'."),
            ({"parameters-0-kind": "odd"}, "parameters", "status: Kind: Not a valid choice."),
            (
                column(0, "case_id", width="900"),
                "columns",
                "case_id: Width: Number must be between 1 and 255.",
            ),
            ({"row_limit": "0"}, "row_limit", "That is no number of rows."),
            ({"row_limit": "9999999999"}, "row_limit", "That is no number of rows."),
            ({"query_timeout": "0"}, "query_timeout", "That is no number of seconds."),
            ({"query_timeout": "601"}, "query_timeout", "The portal gives a query 1 to 600 seconds"),
            ({"parameters-0-choices": ""}, "parameters", "a choice needs either choices or choices_sql"),
        ],
    )
    def test_it_says_what_is_wrong_and_keeps_what_was_typed(
        self,
        client: FlaskClient,
        admin: User,
        dataset: Dataset,
        changes: dict[str, str],
        field: str,
        words: str,
    ) -> None:
        sign_in(client, admin)

        page = text_of(client.post("/datasets/new", data=filled(dataset.source, save="1") | changes))

        label = LABELS.get(field, field.capitalize())
        assert f"{label}: {words}" in page or (field == "parameters" and words in page)
        assert "Cases that are open." in page
        assert db.session.scalars(select(Dataset.name)).all() == ["Cases"]

    @pytest.mark.parametrize(
        ("choices", "words"),
        [
            ("SELECT DISTINCT status\nFORM cases", 'Line 2, column 6: near "cases": syntax error'),
            (
                "SELECT id, status, 1 FROM cases",
                "Choices are one column, or two: value and label. This gives 3.",
            ),
            ("SELECT status FROM cases WHERE id = :id", "there is no :id yet."),
            ("DELETE FROM cases", "A data source is read-only"),
            (
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
                "more than the limit of 500 rows. Nobody finds a choice among more.",
            ),
        ],
    )
    def test_it_reads_the_choices_before_they_are_saved(
        self, client: FlaskClient, admin: User, dataset: Dataset, choices: str, words: str
    ) -> None:
        sign_in(client, admin)
        asked = {"parameters-0-choices": "", "parameters-0-choices_sql": choices}

        response = client.post("/datasets/new", data=filled(dataset.source, save="1", **asked))

        field = re.search(
            r'<textarea aria-describedby="parameters-0-choices_sql-error"[^>]*>.*?</p>',
            response.get_data(as_text=True),
            re.DOTALL,
        )
        assert field
        assert words in _plain(field[0])
        assert "Parameters: status: Choices by a query: " in text_of(response)
        assert "is-wrong" in field[0]
        assert db.session.scalars(select(Dataset.name)).all() == ["Cases"]

    def test_choices_that_can_be_read_are_saved(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)
        sql = "SELECT DISTINCT status, upper(status) FROM cases"
        asked = {"parameters-0-choices": "", "parameters-0-choices_sql": sql}

        client.post("/datasets/new", data=filled(dataset.source, save="1", **asked))

        (parameter,) = definitions.definition_of(the_dataset("Open cases")).parameters
        assert parameter.choices_sql == sql

    def test_it_keeps_what_is_said_of_a_column_whose_name_has_line_ends(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)
        sql = "SELECT id,\r\n lower(status)\r\n || 'x' FROM cases"
        named = "lower(status)\r\n || 'x'"
        rows = column(0, "id") | column(1, named, label="State") | {"columns-1-tags": ["PII"]}

        data = _without_parameters(filled(dataset.source, sql=sql, save="1")) | rows
        client.post("/datasets/new", data=data)

        _, second = definitions.definition_of(the_dataset("Open cases")).columns
        assert (second.label, second.tags) == ("State", {"PII"})

    @pytest.mark.parametrize("name", ["columns-²-key", f"columns-{'9' * 5000}-key", "parameters--name"])
    def test_it_refuses_rows_that_no_page_has(
        self, client: FlaskClient, admin: User, dataset: Dataset, name: str
    ) -> None:
        sign_in(client, admin)

        response = client.post("/datasets/new", data=filled(dataset.source) | {name: "x"})

        assert response.status_code == 400

    def test_a_period_of_the_preview_narrows_its_rows(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)
        sql = "SELECT id FROM cases WHERE opened_at >= :opened_start AND opened_at < :opened_end"
        asked = {"parameters-0-name": "opened", "parameters-0-kind": "period", "sql": sql, "run": "1"}

        chosen = {"preview_opened": ["today", "", ""]}
        page = text_of(client.post("/datasets/new", data=filled(dataset.source, **asked, **chosen)))

        assert "The query gives no rows." in page

    @pytest.mark.parametrize(
        ("kind", "condition", "value", "rows"),
        [
            ("choice", ":p = 'NEW'", "NEW", True),
            ("multi_choice", ":p_any = 1 OR status IN :p", ["NEW", "OPEN"], True),
            ("text", "title = :p", "no such title", False),
            ("number", "id < :p", "2.5", True),
            ("number", "id < :p", "0", False),
            ("boolean", ":p", "yes", True),
            ("boolean", ":p", "no", False),
        ],
    )
    def test_it_tries_a_query_with_a_value_for_each_parameter(
        self,
        client: FlaskClient,
        admin: User,
        dataset: Dataset,
        kind: str,
        condition: str,
        value: Any,
        rows: bool,
    ) -> None:
        sign_in(client, admin)
        asked = {"parameters-0-name": "p", "parameters-0-kind": kind, "run": "1", "preview_p": value}

        response = client.post(
            "/datasets/new",
            data=filled(dataset.source, **asked, sql=f"SELECT id, status FROM cases WHERE {condition}"),
        )

        page = text_of(response)
        assert ("The query gives no rows." in page) != rows
        assert "Try it with" in page
        if kind == "choice":
            assert '<option selected value="NEW">New</option>' in response.get_data(as_text=True)

    def test_it_says_at_the_field_what_a_query_cannot_be_tried_with(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)
        asked = {"parameters-0-kind": "number", "run": "1", "preview_status": "many"}

        response = client.post("/datasets/new", data=filled(dataset.source, **asked))

        assert error_at(response, "preview_status") == "Status must be a number such as 25 or 2.5."
        assert '<a href="#preview_status">' in response.get_data(as_text=True)
        assert 'value="many"' in response.get_data(as_text=True)


class TestEdit:
    def test_what_is_saved_is_a_new_version(self, client: FlaskClient, admin: User, dataset: Dataset) -> None:
        sign_in(client, admin)
        url = f"/datasets/{dataset.public_id}"
        page = client.get(f"{url}/edit").get_data(as_text=True)
        before = definitions.definition_of(dataset)

        saved = client.post(f"{url}/edit", data=_form_of(page) | {"name": "Cases", "save": "1"})
        assert saved.status_code == 302
        assert saved.headers["Location"] == url
        assert definitions.definition_of(the_dataset("Cases")) == before, "nothing was changed"
        assert len(the_dataset("Cases").versions) == 1

        data = _form_of(page) | {"columns-0-label": "Case", "save": "1"}
        done = text_of(client.post(f"{url}/edit", data=data, follow_redirects=True))

        assert "Saved as version 2. New runs use it." in done
        assert "admin@acme.example" in done
        assert definitions.definition_of(the_dataset("Cases")).columns[0].label == "Case"
        old = text_of(client.get(f"{url}?version=1"))
        assert "This is version 1 of 2" in old
        assert client.get(f"{url}?version=3").status_code == 404

    def test_what_somebody_else_saved_meanwhile_is_not_undone(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)
        url = f"/datasets/{dataset.public_id}/edit"
        theirs = _form_of(client.get(url).get_data(as_text=True))
        client.post(url, data=theirs | {"columns-0-tags": ["PII"], "save": "1"})

        page = text_of(client.post(url, data=theirs | {"columns-0-label": "Case", "save": "1"}))

        assert "admin@acme.example has saved version 2 while you edited" in page
        assert definitions.definition_of(the_dataset("Cases")).columns[0].tags == {"PII"}

    def test_columns_follow_the_query(self, client: FlaskClient, admin: User, dataset: Dataset) -> None:
        sign_in(client, admin)
        url = f"/datasets/{dataset.public_id}/edit"
        data = _form_of(client.get(url).get_data(as_text=True))
        data |= {"sql": "SELECT number AS case_number, 1 AS added FROM cases", "run": "1"}

        page = client.post(url, data=_without_parameters(data)).get_data(as_text=True)

        assert fields_of(page) == ["case_number", "added"]

    def test_it_says_what_a_new_column_does_to_schedules(
        self, client: FlaskClient, admin: User, schedule: ScheduledExport
    ) -> None:
        sign_in(client, admin)

        page = text_of(client.get(f"/datasets/{schedule.dataset.public_id}/edit"))

        assert "1 schedule exports this dataset. One that exports all columns stops at a new one" in page

    def test_it_names_the_schedules_it_breaks_before_saving(
        self, client: FlaskClient, admin: User, schedule: ScheduledExport
    ) -> None:
        sign_in(client, admin)
        url = f"/datasets/{schedule.dataset.public_id}/edit"
        data = _form_of(client.get(url).get_data(as_text=True))
        data |= {"sql": "SELECT number AS case_number FROM cases", "description": "Fewer.", "save": "1"}

        response = client.post(url, data=_without_parameters(data))

        page = text_of(response)
        assert "Not saved yet: 1 schedule would fail at the next run" in page
        assert re.search(r"Weekly cases : It exports “.*, which would be gone\.", page)
        assert len(the_dataset("Cases").versions) == 1
        kept = _form_of(response.get_data(as_text=True))
        assert (kept["sql"], kept["description"]) == (data["sql"], "Fewer.")
        button = re.search(
            r'<button type="submit"[^>]*value="([^"]*)">Save all the same', response.get_data(as_text=True)
        )
        assert button

        client.post(url, data=kept | {"save": button[1]})

        assert len(the_dataset("Cases").versions) == 2
        assert [one.key for one in definitions.definition_of(the_dataset("Cases")).columns] == ["case_number"]

    def test_it_saves_at_once_what_breaks_none(
        self, client: FlaskClient, admin: User, schedule: ScheduledExport
    ) -> None:
        sign_in(client, admin)
        url = f"/datasets/{schedule.dataset.public_id}/edit"
        data = _form_of(client.get(url).get_data(as_text=True))

        client.post(url, data=data | {"columns-0-label": "Case", "save": "1"})

        assert len(the_dataset("Cases").versions) == 2

    def test_limits_of_its_own_are_part_of_a_version(
        self, client: FlaskClient, admin: User, dataset: Dataset
    ) -> None:
        sign_in(client, admin)
        url = f"/datasets/{dataset.public_id}"
        data = _form_of(client.get(f"{url}/edit").get_data(as_text=True))
        data |= {"row_limit": "5000", "query_timeout": "30", "save": "1"}

        page = text_of(client.post(f"{url}/edit", data=data, follow_redirects=True))

        assert "Limits Most rows 5,000 Longest query 30 s" in page
        assert "Limits" not in text_of(client.get(f"{url}?version=1"))
        again = client.get(f"{url}/edit").get_data(as_text=True)
        assert re.search(r'name="row_limit"[^>]*value="5000"', again)
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "dataset.change")).one()
        assert entry.before is not None
        assert entry.after is not None
        assert (entry.before["row_limit"], entry.after["row_limit"]) == (None, 5000)
        assert (entry.before["query_timeout"], entry.after["query_timeout"]) == (None, 30)

    def test_it_can_move_to_another_source(
        self, client: FlaskClient, admin: User, dataset: Dataset, settings: Settings
    ) -> None:
        other = _another_source(admin.organization, settings, "CREATE TABLE cases (id integer, status text)")
        old = dataset.source
        sign_in(client, admin)
        url = f"/datasets/{dataset.public_id}"
        page = client.get(f"{url}/edit").get_data(as_text=True)
        assert f'<option selected value="{old.public_id}">Cases source</option>' in page
        data = _form_of(page) | {"source": other.public_id, "save": "1"}

        refused = text_of(client.post(f"{url}/edit", data=data))
        assert re.search("Query: (Line [0-9]+, column [0-9]+: )?no such (column|table): ", refused)
        assert the_dataset("Cases").source is old, "the query is run there first"

        moved = _without_parameters(data) | {"sql": "SELECT id, status FROM cases"}
        client.post(f"{url}/edit", data=moved)

        first, second = the_dataset("Cases").versions
        assert (first.read_source.name, second.read_source.name) == ("Cases source", "Elsewhere")
        assert the_dataset("Cases").source.name == "Elsewhere"
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "dataset.change")).one()
        assert entry.before is not None
        assert entry.after is not None
        assert (entry.before["source"], entry.after["source"]) == ("Cases source", "Elsewhere")
        assert "Cases source" in text_of(client.get(f"{url}?version=1"))

    def test_another_source_alone_is_a_version(
        self, client: FlaskClient, admin: User, dataset: Dataset, settings: Settings
    ) -> None:
        path = source_service.sources_folder(settings, admin.organization) / "copy.db"
        factories.cases_database(path)
        other = _source_of(admin.organization, settings, path)
        sign_in(client, admin)
        url = f"/datasets/{dataset.public_id}/edit"
        data = _form_of(client.get(url).get_data(as_text=True))

        client.post(url, data=data | {"source": other.public_id, "save": "1"})

        assert [one.read_source.name for one in the_dataset("Cases").versions] == [
            "Cases source",
            "Elsewhere",
        ]

    def test_it_never_moves_to_somebody_elses_source(
        self, client: FlaskClient, admin: User, outsider: User, dataset: Dataset, settings: Settings
    ) -> None:
        theirs = factories.dataset(outsider.organization, settings, "Theirs").source
        db.session.commit()
        sign_in(client, admin)
        url = f"/datasets/{dataset.public_id}/edit"
        data = _form_of(client.get(url).get_data(as_text=True))

        page = text_of(client.post(url, data=data | {"source": theirs.public_id, "save": "1"}))

        assert "Data source: Choose a data source." in page
        definition = definitions.definition_of(dataset)
        with pytest.raises(InvalidInput):
            definitions.change(admin, dataset, definition, source=theirs, begun_with="1", now=factories.NOW)


class TestArchive:
    def test_it_is_no_longer_offered(self, client: FlaskClient, admin: User, dataset: Dataset) -> None:
        sign_in(client, admin)

        page = client.post(f"/datasets/{dataset.public_id}/archive", follow_redirects=True)

        assert "“Cases” is put away." in text_of(page)
        assert client.get(f"/datasets/{dataset.public_id}").status_code == 404

    def test_it_stays_while_a_schedule_exports_it(
        self, client: FlaskClient, admin: User, schedule: ScheduledExport
    ) -> None:
        sign_in(client, admin)

        page = client.post(f"/datasets/{schedule.dataset.public_id}/archive", follow_redirects=True)

        assert "“Weekly cases” exports this dataset" in text_of(page)
        assert client.get(f"/datasets/{schedule.dataset.public_id}").status_code == 200


def _another_source(organization: Organization, settings: Settings, table: str) -> DataSource:
    path = source_service.sources_folder(settings, organization) / "elsewhere.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(table)
    return _source_of(organization, settings, path)


def _source_of(organization: Organization, settings: Settings, path: Path) -> DataSource:
    made = source_service.create_source(
        organization, "Elsewhere", f"sqlite:///{path}", settings=settings, now=factories.NOW
    )
    db.session.commit()
    return made


def _form_of(page: str) -> dict[str, Any]:
    """Return what a browser would send of a page's form as it stands."""
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name is None or ('type="checkbox"' in tag and "checked" not in tag):
            continue
        found.setdefault(name[1], []).append(_plain(value[1] if value else ""))
    for name, text in re.findall(
        r'<textarea [^>]*name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', page, re.DOTALL
    ):
        found[name] = _plain(text)
    for name, body in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option selected value="([^"]*)"', body) or re.search(r'value="([^"]*)"', body)
        found[name] = _plain(chosen[1] if chosen else "")
    return found


def _plain(text: str) -> str:
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", '"'), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def _without_parameters(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if not name.startswith("parameters-")}
