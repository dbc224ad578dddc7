"""A built-in dataset chosen anew keeps what an admin said of it."""

from dataclasses import replace

import pytest

from portal.datasets.compliance.choice import BuiltIn, Slot
from portal.datasets.compliance.export_types import definition
from portal.datasets.compliance.revision import revised
from portal.datasets.definition import Definition
from portal.datasets.export_type import ExportType
from portal.exporters.options import CsvOptions, Delimiter
from portal.table import Column, ColumnType

CAUSE = Slot("root_cause", "Root cause")
CHOSEN = BuiltIn(ExportType.FLAT_FILE, 2, (CAUSE, Slot("vendor", "Vendor")))


def with_column(of: Definition, key: str, **changes: object) -> Definition:
    columns = tuple(replace(one, **changes) if one.key == key else one for one in of.columns)  # type: ignore[arg-type]
    return replace(of, columns=columns)


def column(of: Definition, key: str) -> Column:
    return next(one for one in of.columns if one.key == key)


SAVED = definition(CHOSEN, "postgresql")


def test_it_is_what_was_saved_while_nothing_else_is_chosen() -> None:
    assert revised(SAVED, CHOSEN, "postgresql") == SAVED


@pytest.mark.parametrize("investigations", [0, 1, 10])
def test_it_has_the_query_and_columns_of_the_new_choice(investigations: int) -> None:
    chosen = replace(CHOSEN, investigations=investigations, slots=(CAUSE,), overflow=False)

    assert revised(SAVED, chosen, "postgresql") == definition(chosen, "postgresql")


def test_it_keeps_what_was_said_of_columns_that_stay() -> None:
    marked = frozenset({"PII"})
    edited = with_column(SAVED, "title", label="Betreff", tags=marked, format="@")
    edited = with_column(edited, "inv_1_number", label="First")

    found = revised(edited, replace(CHOSEN, investigations=1), "postgresql")

    title = column(found, "title")
    assert (title.label, title.tags, title.format, title.width) == ("Betreff", marked, "@", 44)
    assert column(found, "inv_1_number").label == "First"
    assert "inv_2_number" not in {one.key for one in found.columns}


def test_what_was_chosen_just_now_counts_more() -> None:
    edited = with_column(SAVED, "root_cause", label="Ursache", tags=frozenset({"BOARD"}))
    number = Slot("root_cause", "The cause", ColumnType.INTEGER)

    found = column(revised(edited, replace(CHOSEN, slots=(number,)), "postgresql"), "root_cause")

    assert (found.label, found.type) == ("The cause", ColumnType.INTEGER)
    assert found.tags == {"BOARD"}, "the slot has none, as before"


def test_it_keeps_the_rest_of_what_was_saved() -> None:
    csv = CsvOptions(delimiter=Delimiter.TAB)
    first, *others = SAVED.parameters
    parameters = (replace(first, label="Eröffnet"), *others)
    edited = replace(SAVED, name="Mine", description="Ours", csv=csv, parameters=parameters, key_columns=())

    found = revised(edited, replace(CHOSEN, investigations=0), "postgresql")

    kept = (found.name, found.description, found.csv, found.parameters, found.key_columns)
    assert kept == ("Mine", "Ours", csv, parameters, ())


def test_it_writes_no_query_of_somebody_elses() -> None:
    with pytest.raises(ValueError, match="chosen"):
        revised(replace(SAVED, built_in=None), CHOSEN, "postgresql")
    with pytest.raises(ValueError, match="chosen"):
        revised(SAVED, BuiltIn(ExportType.CUSTOM), "postgresql")
