"""Columns that are not what they were: found before anything is made or sent. On both databases."""

import pytest
from sqlalchemy import select

from portal.alerts.models import Alert, Cause
from portal.datasets.shape import Shape
from portal.errors import SchemaChanged
from portal.extensions import db
from portal.runs import service
from portal.runs.drift import Gate, keep_shape
from portal.runs.models import RunEvent, RunStatus, ScheduledExportRun
from portal.schedules.models import Drift, ScheduledExport
from portal.table import Column
from tests import factories
from tests.runs.items import COLUMNS, Items
from tests.runs.pages import run_of

CHANGED = "The columns are not what they were when the schedule was saved"
HOW_TO_MEND = "Save it again to accept that, then retry the run."


def gate(
    *, exported: str = "", saved: str = "a b c", declared: str = "a b c", first: str | None = None
) -> Gate:
    """Return the gate of a schedule that exports these columns of those it was saved with, or all."""
    return Gate(
        accepted=frozenset(saved.split()),
        exported=tuple((exported or saved).split()),
        declared=frozenset(declared.split()),
        first=Shape.named(first.split()) if first is not None else None,
        every=not exported,
        stops=True,
    )


@pytest.mark.parametrize(
    ("of", "names", "words"),
    [
        (gate(), "a b c", None),
        (gate(), "c b a", None),
        (gate(), "a b", "“c” is missing"),
        (gate(exported="a b"), "a b", None),
        (gate(exported="a b"), "a c", "“b” is missing"),
        # the dataset gained or lost a column since
        (gate(declared="a b c d"), "a b c d", "“d” is new"),
        (gate(exported="a b", declared="a b c d"), "a b c d", None),
        (gate(declared="a b"), "a b c", "“c” is missing"),
        (gate(exported="a c", declared="a b"), "a b c", "“c” is missing"),
        (gate(saved="a", declared="a b"), "a b", "“b” is new"),
        (gate(saved="a", declared="a b", first="a b"), "a b", "“b” is new"),
        # columns that the query has and the dataset leaves out
        (gate(), "a b c x", None),
        (gate(first="a b c x"), "a b c x", None),
        (gate(first="a b c x"), "a b c", None),
        (gate(first="a b c"), "a b c x", "“x” is new"),
        (gate(exported="a", first="a b c"), "a b c x", None),
    ],
)
def test_it_compares_the_names_that_matter(of: Gate, names: str, words: str | None) -> None:
    if words is None:
        assert not of.look_into(Shape.named(names.split()))
        return
    with pytest.raises(SchemaChanged) as caught:
        of.look_into(Shape.named(names.split()))
    assert str(caught.value) == f"{CHANGED}: {words}. {HOW_TO_MEND}"


def shape(schedule: ScheduledExport) -> dict[str, list[str]] | None:
    return db.session.scalar(select(ScheduledExport.shape).where(ScheduledExport.id == schedule.id))


def failed_with(run: ScheduledExportRun) -> str | None:
    assert (run.status, run.error_code) == (RunStatus.FAILED, "schema changed")
    return run.error_message


SEEN = {"id": ["numbers"], "amount": ["numbers"], "note": ["text"]}


def test_it_learns_from_the_first_good_run_since_the_schedule_was_saved(items: Items) -> None:
    schedule = items.schedule()
    assert shape(schedule) is None
    items.fill(0)
    items.run(schedule)
    assert shape(schedule) is None, "without rows there is nothing to learn"
    items.fill(3, note="NULL")

    first = items.run(schedule)

    assert first.status is RunStatus.SUCCESS
    assert shape(schedule) == {**SEEN, "note": []}
    items.fill(3, note="7")
    second = items.run(schedule)
    assert second.status is RunStatus.SUCCESS, "what was NULL so far is unknown"
    assert second.shape is None
    assert shape(schedule) == {**SEEN, "note": []}

    items.save(schedule)
    assert shape(schedule) is None


def test_of_two_first_runs_the_one_that_ends_first_is_compared_with(items: Items) -> None:
    schedule = items.schedule()
    early, late = (
        run_of(schedule, RunStatus.SUCCESS, shape={"amount": [family]}) for family in ("text", "numbers")
    )

    keep_shape(early)
    keep_shape(late)
    db.session.commit()

    assert shape(schedule) == {"amount": ["text"]}


def test_it_stops_before_anything_is_made_when_a_column_holds_something_else(items: Items) -> None:
    schedule = items.schedule()
    items.run(schedule)
    items.fill(3, amount="'1.5 EUR'", note="2")

    run = items.run(schedule)

    assert failed_with(run) == (
        f"{CHANGED}: “amount” holds text instead of numbers; “note” holds numbers instead of text."
        f" {HOW_TO_MEND}"
    )
    assert run.retries_left == 0
    assert run.artifact is None
    assert len(items.files()) == 1
    assert list((items.settings.files_dir / ".work").iterdir()) == []
    alert = db.session.scalars(select(Alert)).one()
    assert (alert.cause, alert.message) == (Cause.RUN_FAILED, run.error_message)


def test_a_column_not_exported_may_hold_anything(items: Items) -> None:
    schedule = items.schedule(columns=("id", "note"))
    items.run(schedule)
    items.fill(3, amount="'1.5 EUR'")

    assert items.run(schedule).status is RunStatus.SUCCESS
    assert shape(schedule) == {**SEEN, "amount": []}


def test_saving_again_accepts_what_there_is_and_the_run_can_be_retried(items: Items) -> None:
    schedule = items.schedule()
    items.run(schedule)
    items.fill(3, amount="'1.5 EUR'")
    run = items.run(schedule)
    assert run.status is RunStatus.FAILED

    items.save(schedule)
    service.retry_run(items.owner, run, settings=items.settings, now=factories.NOW)
    db.session.commit()

    assert items.execute(run) is RunStatus.SUCCESS
    assert shape(schedule) is None, "it was made before the schedule was saved"
    assert items.run(schedule).status is RunStatus.SUCCESS
    assert shape(schedule) == {**SEEN, "amount": ["text"]}


def test_it_stops_when_a_column_is_gone(items: Items) -> None:
    schedule = items.schedule()
    items.run(schedule)
    items.sql("ALTER TABLE items DROP COLUMN note")

    assert failed_with(items.run(schedule)) == f"{CHANGED}: “note” is missing. {HOW_TO_MEND}"


def test_it_stops_at_the_first_run_when_a_column_went_since_the_schedule_was_saved(items: Items) -> None:
    schedule = items.schedule()
    items.sql("ALTER TABLE items RENAME COLUMN note TO remark")

    assert failed_with(items.run(schedule)) == f"{CHANGED}: “note” is missing. {HOW_TO_MEND}"


def test_a_column_that_is_gone_matters_only_where_it_is_exported(items: Items) -> None:
    schedule = items.schedule(columns=("id", "amount"))
    items.sql("ALTER TABLE items DROP COLUMN note")

    assert items.run(schedule).status is RunStatus.SUCCESS


@pytest.mark.parametrize("every", [True, False])
def test_a_new_column_matters_where_all_are_exported(items: Items, every: bool) -> None:
    schedule = items.schedule(columns=() if every else ("id",))
    items.run(schedule)
    items.sql("ALTER TABLE items ADD COLUMN price")

    run = items.run(schedule)

    if every:
        assert failed_with(run) == f"{CHANGED}: “price” is new. {HOW_TO_MEND}"
        items.save(schedule)
        run = items.run(schedule)
    assert run.status is RunStatus.SUCCESS


def test_a_datasets_new_version_is_accepted_by_saving(items: Items) -> None:
    items.sql("ALTER TABLE items ADD COLUMN price")
    schedule = items.schedule()
    items.version(*COLUMNS, Column("price", "Price"))

    assert failed_with(items.run(schedule)) == f"{CHANGED}: “price” is new. {HOW_TO_MEND}"

    items.save(schedule)
    assert items.run(schedule).status is RunStatus.SUCCESS
    assert items.files()[-1].read_text("utf-8-sig").startswith("Number,Amount,Note,Price")


def test_a_schedule_that_goes_on_notes_what_changed(items: Items) -> None:
    schedule = items.schedule(drift=Drift.GO_ON)
    items.run(schedule)
    items.sql("ALTER TABLE items ADD COLUMN price")
    items.sql("UPDATE items SET amount = 'x'")

    run = items.run(schedule)

    assert run.status is RunStatus.SUCCESS
    line = db.session.scalars(
        select(RunEvent).where(RunEvent.run_id == run.id, RunEvent.tone == "partial")
    ).one()
    assert line.message == f"{CHANGED}; this one goes on"
    assert line.detail == "“price” is new; “amount” holds text instead of numbers."


@pytest.mark.parametrize("columns", [(), ("id", "note")])
def test_a_chosen_column_that_is_gone_fails_whatever_the_schedule_says(
    items: Items, columns: tuple[str, ...]
) -> None:
    schedule = items.schedule(drift=Drift.GO_ON, columns=columns)
    items.sql("ALTER TABLE items DROP COLUMN note")

    run = items.run(schedule)

    assert (run.status, run.error_code) == (RunStatus.FAILED, "query failed")
    assert run.error_message == "The query has no column “note” any more; it gives id, amount."


def test_it_looks_at_names_where_there_are_no_rows(items: Items) -> None:
    schedule = items.schedule()
    items.run(schedule)
    items.sql("DELETE FROM items", "ALTER TABLE items ADD COLUMN price")

    assert failed_with(items.run(schedule)) == f"{CHANGED}: “price” is new. {HOW_TO_MEND}"


def test_a_snapshot_of_an_earlier_release_stops_too(items: Items) -> None:
    schedule = items.schedule()
    items.sql("ALTER TABLE items DROP COLUMN note")
    run = run_of(schedule, RunStatus.QUEUED, started_at=None)
    run.snapshot = {name: value for name, value in run.snapshot.items() if name not in ("drift", "revision")}
    db.session.commit()

    items.execute(run)

    assert failed_with(run) == f"{CHANGED}: “note” is missing. {HOW_TO_MEND}"
