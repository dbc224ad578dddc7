"""What the list of runs is asked for, as it stands in the address."""

import pytest
from werkzeug.datastructures import MultiDict

from portal.runs.forms import RunFilter
from portal.runs.models import RunStatus


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ([], RunFilter()),
        ([("status", "FAILED")], RunFilter(statuses=(RunStatus.FAILED,))),
        (
            [("status", "running"), ("status", "QUEUED"), ("status", "ODD")],
            RunFilter(statuses=(RunStatus.QUEUED, RunStatus.RUNNING)),
        ),
        ([("schedule", "abc"), ("before", "12")], RunFilter(schedule="abc", before=12)),
        ([("schedule", ""), ("before", "x")], RunFilter()),
    ],
)
def test_it_reads_an_address(query: list[tuple[str, str]], asked: RunFilter) -> None:
    assert RunFilter.from_query(MultiDict(query)) == asked


def test_it_writes_an_address_that_begins_at_the_first_page() -> None:
    asked = RunFilter(statuses=(RunStatus.FAILED,), schedule="abc", before=12)

    assert asked.query() == {"status": ["FAILED"], "schedule": "abc"}
    assert asked.query(before=3) == {"status": ["FAILED"], "schedule": "abc", "before": 3}
    assert asked.query(schedule=None) == {"status": ["FAILED"]}
