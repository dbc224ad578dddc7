"""Which schedules a change of their dataset would break."""

from dataclasses import replace

import pytest

from portal.datasets import definitions
from portal.datasets.definitions import Definition
from portal.datasets.models import Dataset
from portal.datasets.ordering import Sort
from portal.datasets.parameters import Parameter, ParameterKind
from portal.errors import Forbidden
from portal.extensions import db
from portal.organizations.models import User
from portal.schedules.breaking import broken_by
from portal.schedules.models import Drift
from portal.schedules.service import delete_schedule
from portal.table import Column
from tests import factories
from tests.factories import NOW


def without_column(dataset: Dataset, key: str) -> Definition:
    now = definitions.definition_of(dataset)
    return replace(now, columns=tuple(column for column in now.columns if column.key != key))


def with_parameter(dataset: Dataset, name: str, parameter: Parameter | None) -> Definition:
    now = definitions.definition_of(dataset)
    others = tuple(one for one in now.parameters if one.name != name)
    return replace(now, parameters=(*others, parameter) if parameter else others)


def found(admin: User, dataset: Dataset, definition: Definition) -> dict[str, tuple[str, ...]]:
    return {one.name: one.reasons for one in broken_by(admin, dataset, definition)}


def test_it_names_those_that_use_a_parameter_that_goes(admin: User, manager: User, dataset: Dataset) -> None:
    factories.schedule(manager, dataset, name="Open ones", filters={"statuses": ["OPEN"]})
    factories.schedule(manager, dataset, name="All of them")

    renamed = Parameter("states", "States", ParameterKind.MULTI_CHOICE, (("OPEN", "Open"),))

    reasons = {"Open ones": ("The dataset has no filter “statuses”.",)}
    assert found(admin, dataset, with_parameter(dataset, "statuses", None)) == reasons
    assert found(admin, dataset, with_parameter(dataset, "statuses", renamed)) == reasons


def test_it_names_those_that_chose_what_can_no_longer_be_chosen(
    admin: User, manager: User, dataset: Dataset
) -> None:
    factories.schedule(manager, dataset, filters={"statuses": ["OPEN"]})
    fewer = Parameter("statuses", "Status", ParameterKind.MULTI_CHOICE, (("NEW", "New"),))

    (reasons,) = found(admin, dataset, with_parameter(dataset, "statuses", fewer)).values()

    assert reasons == ("Status has no choice “OPEN”.",)


def test_it_names_those_that_export_a_column_that_goes(admin: User, manager: User, dataset: Dataset) -> None:
    factories.schedule(manager, dataset, name="All")
    factories.schedule(manager, dataset, name="Going on", drift=Drift.GO_ON)
    factories.schedule(manager, dataset, name="Others", columns=("case_number", "title"))
    factories.schedule(manager, dataset, name="Some", columns=("case_number", "status"))

    reasons = ("It exports “status”, which would be gone.",)
    assert found(admin, dataset, without_column(dataset, "status")) == {"All": reasons, "Some": reasons}


def test_it_names_those_that_export_all_columns_where_one_is_new(
    admin: User, manager: User, dataset: Dataset
) -> None:
    factories.schedule(manager, dataset, name="All")
    factories.schedule(manager, dataset, name="Some", columns=("case_number", "status"))
    now = definitions.definition_of(dataset)

    more = replace(now, columns=(*now.columns, Column("added", "Added")))

    assert found(admin, dataset, more) == {"All": ("It exports all columns, and “added” would be new.",)}


def test_it_names_those_that_sort_by_a_column_that_goes(admin: User, manager: User, dataset: Dataset) -> None:
    columns = ("case_number", "title")
    for name, key in (("By status", "status"), ("By title", "title")):
        factories.schedule(manager, dataset, name=name, columns=columns, sort=(Sort(key),), drift=Drift.GO_ON)

    reasons = ("Its rows are sorted by “status”, which could not be done any more.",)
    assert found(admin, dataset, without_column(dataset, "status")) == {"By status": reasons}


def test_it_names_those_that_would_send_outside_what_becomes_personal(
    admin: User, manager: User, dataset: Dataset
) -> None:
    columns, outside = ("case_number", "status"), ("eve@elsewhere.example",)
    factories.schedule(manager, dataset, name="Outside", columns=columns, recipients=outside)
    factories.schedule(manager, dataset, name="Without", columns=("title",), recipients=outside)
    factories.schedule(manager, dataset, name="Inside", columns=columns, recipients=("a@example.org",))
    now = definitions.definition_of(dataset)
    marked = tuple(
        replace(one, tags=one.tags | {"PII"}) if one.key == "status" else one for one in now.columns
    )

    assert found(admin, dataset, replace(now, columns=marked)) == {
        "Outside": (
            "“status” (personal or sensitive) would go outside, to eve@elsewhere.example: an admin must"
            " approve that.",
        )
    }


def test_it_names_some_of_many_columns(admin: User, manager: User, dataset: Dataset) -> None:
    factories.schedule(manager, dataset)
    now = definitions.definition_of(dataset)

    ((sentence,),) = found(admin, dataset, replace(now, columns=(Column("case_number", "No."),))).values()

    assert sentence.startswith("It exports “organization”, “title”, ")
    assert sentence.endswith(f" and {len(now.columns) - 6} more, which would be gone.")


def test_it_leaves_out_what_is_broken_already_or_gone(admin: User, manager: User, dataset: Dataset) -> None:
    schedule = factories.schedule(manager, dataset, filters={"statuses": ["OPEN"]})
    deleted = factories.schedule(manager, dataset, name="Deleted", columns=("status",))
    delete_schedule(manager, deleted, now=NOW)
    without = with_parameter(dataset, "statuses", None)
    definitions.change(admin, dataset, replace(without, sql="SELECT 1"), begun_with="1", now=NOW)
    db.session.commit()

    assert found(admin, dataset, replace(without, sql="SELECT 2")) == {}
    assert schedule.filters == {"statuses": ["OPEN"]}


def test_only_who_may_change_datasets_is_told(manager: User, dataset: Dataset) -> None:
    with pytest.raises(Forbidden):
        broken_by(manager, dataset, definitions.definition_of(dataset))
