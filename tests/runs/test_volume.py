"""How many rows are unusual, and who hears of it."""

import pytest
from sqlalchemy import select

from portal.alerts.models import Alert, Cause
from portal.extensions import db
from portal.runs.models import RunEvent, RunStatus, ScheduledExportRun
from portal.runs.volume import unusual, watch
from portal.schedules.models import ScheduledExport
from tests.factories import NOW
from tests.runs.items import Items
from tests.runs.pages import run_of

HUNDRED = [100] * 5


@pytest.mark.parametrize(
    ("rows", "before", "words"),
    [
        (0, [100] * 4, None),
        (
            49,
            HUNDRED,
            "It has 49 rows, less than half of what is usual: the median of the last 5 runs is 100.",
        ),
        (50, HUNDRED, None),
        (200, HUNDRED, None),
        (
            201,
            HUNDRED,
            "It has 201 rows, more than double of what is usual: the median of the last 5 runs is 100.",
        ),
        (0, [20] * 5, None),
        (0, [21] * 5, "It has 0 rows, less than half of what is usual: the median of the last 5 runs is 21."),
        (1, [50] * 5, "It has 1 row, less than half of what is usual: the median of the last 5 runs is 50."),
        (20, [0] * 5, None),
        (
            21,
            [0] * 5,
            "It has 21 rows, more than double of what is usual: the median of the last 5 runs is 0.",
        ),
        (100, [0, 0, 100, 100, 100, 9999], None),
        (
            4000,
            [1000, 1002, 1000, 1002, 1001, 1001],
            "It has 4,000 rows, more than double of what is usual: the median of the last 6 runs is 1,001.",
        ),
    ],
)
def test_it_compares_with_the_median(rows: int, before: list[int], words: str | None) -> None:
    assert unusual(rows, before) == words


def finished(
    schedule: ScheduledExport, rows: int, status: RunStatus = RunStatus.SUCCESS
) -> ScheduledExportRun:
    return run_of(schedule, status, row_count=rows)


def test_it_looks_at_the_last_ten_good_runs(items: Items) -> None:
    schedule = items.schedule()
    for _ in range(10):
        finished(schedule, 9000)
    for _ in range(10):
        finished(schedule, 100, RunStatus.PARTIAL)
    for status in (RunStatus.FAILED, RunStatus.SKIPPED, RunStatus.CANCELLED):
        for _ in range(4):
            finished(schedule, 0, status)
    other = items.schedule(name="Other")
    for _ in range(10):
        finished(other, 9000)

    usual, few = finished(schedule, 190), finished(schedule, 40)
    watch(usual, 190, now=NOW)
    watch(few, 40, now=NOW)
    db.session.commit()

    assert usual.warning is None
    assert few.warning is not None
    assert "the median of the last 10 runs is 100" in few.warning
    lines = db.session.scalars(select(RunEvent).where(RunEvent.run_id == few.id)).all()
    assert [(line.message, line.tone) for line in lines] == [(few.warning, "partial")]
    alert = db.session.scalars(select(Alert)).one()
    assert (alert.cause, alert.run_id, alert.message) == (Cause.ROWS_UNUSUAL, few.public_id, few.warning)


def test_the_owner_hears_of_a_run_that_goes_on_and_of_its_end_by_the_next_usual_one(items: Items) -> None:
    items.fill(100)
    schedule = items.schedule()
    for _ in range(5):
        assert items.run(schedule).warning is None
    items.fill(10)

    strange = items.run(schedule)

    assert strange.status is RunStatus.SUCCESS
    assert strange.warning is not None
    alert = db.session.scalars(select(Alert)).one()
    assert (alert.cause, alert.count, alert.is_open) == (Cause.ROWS_UNUSUAL, 1, True)

    items.fill(9)
    items.run(schedule)
    db.session.refresh(alert)
    assert (alert.count, alert.is_open) == (2, True)

    items.fill(100)
    assert items.run(schedule).warning is None
    db.session.refresh(alert)
    assert not alert.is_open
