"""Columns, order and limit in the form of a schedule and on its page."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import User
from portal.schedules.models import ScheduledExport
from tests.conftest import sign_in
from tests.schedules.pages import error_at, filled_in, schedules_kept, text_of


def saved() -> ScheduledExport:
    return db.session.scalars(select(ScheduledExport)).one()


def all_of(dataset: Dataset) -> list[str]:
    return [column.key for column in dataset.versions[-1].table_columns]


def test_it_keeps_order_headers_and_rules_and_shows_them_again(
    client: FlaskClient, manager: User, dataset: Dataset
) -> None:
    sign_in(client, manager)
    choices = {
        "columns": ["case_number", "title", "status"],
        "columns-place-status": "1",
        "columns-label-status": " State ",
        "columns-label-title": "Title",
        "columns-without": ["SENSITIVE"],
        "sort_1": "opened_at",
        "sort_1_order": "descending",
        "sort_2": "case_number",
        "row_limit": "1,000",
    }

    client.post("/schedules/new", data=filled_in(dataset, **choices))

    made = saved()
    assert made.columns == ["status", "case_number", "title"]
    assert made.column_labels == {"status": "State"}
    assert made.excluded_tags == ["SENSITIVE"]
    assert made.column_groups is None
    assert made.sort == [
        {"column": "opened_at", "descending": True},
        {"column": "case_number", "descending": False},
    ]
    assert made.row_limit == 1000
    page = client.get(f"/schedules/{made.public_id}/edit").get_data(as_text=True)
    assert re.search(r'name="columns-place-status"\s+value="1"', page)
    assert re.search(r'name="columns-place-title"\s+value=""', page)
    assert re.search(r'name="columns-label-status"\s+value="State"', page)
    assert '<option selected value="opened_at">' in page
    shown = text_of(client.get(f"/schedules/{made.public_id}"))
    assert "the first 1,000 by Opened (descending), Case" in shown
    assert "none marked SENSITIVE" in shown
    assert "State" in shown


def test_all_columns_in_their_own_order_are_kept_as_all(
    client: FlaskClient, manager: User, dataset: Dataset
) -> None:
    sign_in(client, manager)

    client.post("/schedules/new", data=filled_in(dataset, columns=all_of(dataset)))

    assert saved().columns == []


def test_a_whole_group_needs_no_box_of_its_own(client: FlaskClient, manager: User, dataset: Dataset) -> None:
    sign_in(client, manager)

    client.post("/schedules/new", data=filled_in(dataset, columns=None, **{"columns-groups": ["core"]}))

    made = saved()
    assert made.column_groups == ["core"]
    assert made.columns == all_of(dataset)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"columns-place-status": "first"}, "columns"),
        ({"columns-place-status": "0"}, "columns"),
        ({"columns-label-status": "x" * 121}, "columns"),
        ({"columns-groups": ["no such"]}, "columns"),
        ({"columns-without": ["no such"]}, "columns"),
        ({"columns": ["creator_name"], "columns-without": ["PII"]}, "columns"),
        ({"sort_1": "no such"}, "sort_1"),
        ({"sort_1": "status", "sort_2": "status"}, "sort_1"),
        ({"row_limit": "10"}, "row_limit"),
        ({"sort_1": "status", "row_limit": "0"}, "row_limit"),
        ({"sort_1": "status", "row_limit": "many"}, "row_limit"),
    ],
)
def test_it_says_at_the_field_what_is_wrong_and_keeps_what_was_typed(
    client: FlaskClient, manager: User, dataset: Dataset, changes: dict[str, Any], field: str
) -> None:
    sign_in(client, manager)

    response = client.post("/schedules/new", data=filled_in(dataset, **changes))

    assert response.status_code == 200
    assert error_at(response, field)
    assert schedules_kept() == 0
    for value in changes.values():
        if isinstance(value, str) and value not in ("no such", "status"):
            assert f'value="{value}"' in response.get_data(as_text=True)
