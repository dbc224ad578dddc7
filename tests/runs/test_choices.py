"""What a run makes of the columns, the order and the limit that its schedule chose. On both databases."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portal.datasets.ordering import Sort
from portal.runs.chosen import order_of, rows_left_out
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.runs.snapshot import snapshot_of
from portal.schedules.models import Empty, ExportFormat
from portal.table import Column
from tests.factories import NOW
from tests.runs.items import COLUMNS, Items
from tests.runs.pages import run_of

EXTRA = Column("extra", "Extra", group="more")
PRIVATE = replace(COLUMNS[2], tags=frozenset({"PII"}))
FIRST_TWO = {"sort": (Sort("id", descending=True),), "row_limit": 2}


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))


def delivered(items: Items, **choices: Any) -> tuple[ScheduledExportRun, list[list[str]]]:
    run = items.run(items.schedule(**choices))
    assert run.status is RunStatus.SUCCESS, run.error_message
    return run, table(items.files()[-1])


def test_it_writes_columns_in_order_under_own_headers_without_those_marked(items: Items) -> None:
    items.version(COLUMNS[0], COLUMNS[1], PRIVATE)

    _, rows = delivered(
        items, columns=("note", "amount", "id"), column_labels={"amount": "Ours"}, excluded_tags=("PII",)
    )

    assert rows[0] == ["Ours", "Number"]


def test_it_takes_a_column_that_joins_a_chosen_group_later(items: Items) -> None:
    items.version(*COLUMNS, replace(EXTRA, key="note2", label="Second"))
    items.sql("ALTER TABLE items ADD COLUMN note2", "ALTER TABLE items ADD COLUMN extra")
    schedule = items.schedule(columns=("note2", "id"), column_groups=("more",))
    items.run(schedule)
    items.version(*COLUMNS, replace(EXTRA, key="note2", label="Second"), EXTRA)

    run = items.run(schedule)

    assert run.status is RunStatus.SUCCESS, run.error_message
    assert table(items.files()[-1])[0] == ["Second", "Extra", "Number"]


def test_a_new_column_that_is_left_out_for_its_mark_stops_nobody(items: Items) -> None:
    schedule = items.schedule(excluded_tags=("PII",))
    items.run(schedule)
    items.sql("ALTER TABLE items ADD COLUMN extra")
    items.version(*COLUMNS, replace(EXTRA, tags=frozenset({"PII"})))

    run = items.run(schedule)

    assert run.status is RunStatus.SUCCESS, run.error_message
    assert table(items.files()[-1])[0] == ["Number", "Amount", "Note"]


def test_a_column_that_is_marked_later_is_left_out_and_not_missed(items: Items) -> None:
    schedule = items.schedule(excluded_tags=("PII",))
    items.run(schedule)
    items.version(COLUMNS[0], COLUMNS[1], PRIVATE)
    items.sql("ALTER TABLE items DROP COLUMN note")

    run = items.run(schedule)

    assert run.status is RunStatus.SUCCESS, run.error_message
    assert table(items.files()[-1])[0] == ["Number", "Amount"]


def test_a_column_of_a_chosen_group_that_is_gone_stops_the_run(items: Items) -> None:
    items.sql("ALTER TABLE items ADD COLUMN extra")
    items.version(*COLUMNS, EXTRA)
    schedule = items.schedule(columns=("id",), column_groups=("more",))
    items.version(*COLUMNS)

    run = items.run(schedule)

    assert (run.status, run.error_code) == (RunStatus.FAILED, "schema changed")
    assert "“extra” is missing" in (run.error_message or "")


def test_it_stops_where_no_column_is_left(items: Items) -> None:
    schedule = items.schedule(columns=("note",), excluded_tags=("PII",))
    items.version(COLUMNS[0], COLUMNS[1], PRIVATE)

    run = items.run(schedule)

    assert (run.status, run.error_code) == (RunStatus.FAILED, "schema changed")
    assert run.error_message == "No column that the schedule exports is left in the dataset."


@pytest.mark.parametrize(("rows", "more"), [(3, True), (2, False), (1, False)])
def test_it_keeps_the_first_rows_and_says_whether_there_were_more(
    items: Items, rows: int, more: bool
) -> None:
    items.fill(rows)

    run, written = delivered(items, **FIRST_TWO, column_labels={"id": "Nr"})

    assert [row[0] for row in written[1:]] == ["3", "2", "1"][-rows:][:2]
    assert run.row_count == min(rows, 2)
    assert order_of(run) == "the first 2 by Nr (descending)"
    assert rows_left_out(run) == (
        "There were more rows than that." if more else "There were no more rows than that."
    )
    assert run.artifact is not None
    said = "There were more rows: the file has the first 2 by Nr (descending), as its schedule asks."
    assert run.artifact.notes == ([said] if more else [])


def test_a_limit_below_that_of_the_format_is_no_failure(items: Items) -> None:
    pdf = items.settings.rows_of("pdf").rows
    items.fill(pdf + 5)

    run = items.run(items.schedule(format=ExportFormat.PDF, sort=(Sort("id"),), row_limit=20))

    assert run.status is RunStatus.SUCCESS, run.error_message
    assert (run.row_count, run.more_rows) == (20, True)


def test_a_limit_above_that_of_the_format_does_not_lift_it(items: Items) -> None:
    items.fill(items.settings.rows_of("pdf").rows + 1)

    run = items.run(items.schedule(format=ExportFormat.PDF, sort=(Sort("id"),), row_limit=1_000_000))

    assert (run.status, run.error_code) == (RunStatus.FAILED, "limit")


def test_a_limited_result_without_rows_is_empty_all_the_same(items: Items) -> None:
    items.fill(0)

    run = items.run(items.schedule(**FIRST_TWO, empty=Empty.SKIP))

    assert (run.status, run.more_rows) == (RunStatus.SKIPPED, False)


def test_it_fails_where_the_column_is_gone_by_which_rows_are_sorted(items: Items) -> None:
    schedule = items.schedule(columns=("id",), sort=(Sort("note"),))
    items.version(*COLUMNS[:2])

    run = items.run(schedule)

    assert (run.status, run.error_code) == (RunStatus.FAILED, "schema changed")
    assert "sorted by “note”" in (run.error_message or "")


def test_a_snapshot_of_an_earlier_release_still_runs(items: Items) -> None:
    schedule = items.schedule(columns=("amount",))
    later = ("column_groups", "excluded_tags", "column_labels", "sort", "row_limit")
    old = {name: value for name, value in snapshot_of(schedule).items() if name not in later}
    run = run_of(schedule, RunStatus.QUEUED, due_at=NOW, started_at=None, snapshot=old)

    assert items.execute(run) is RunStatus.SUCCESS
    assert table(items.files()[-1])[0] == ["Amount"]
    assert order_of(run) == rows_left_out(run) == ""
