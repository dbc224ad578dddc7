"""The board report's queries on each database: the same rows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.datasets.filters import bindings
from portal.datasets.query import open_rows
from portal.datasets.sql_text import parameters_in
from portal.reports.board_queries import PERIOD, board_queries
from portal.sources.connection import Source

DUE = datetime(2025, 4, 10, 6, 0, tzinfo=UTC)
MARCH = {"start": "2025-03-01", "end": "2025-03-31"}
FEBRUARY = {"start": "2025-02-01", "end": "2025-02-28"}


def read(source: Source, key: str, period: dict[str, str] | None) -> list[tuple[Any, ...]]:
    query = next(one for one in board_queries(source.backend) if one.key == key)
    chosen = {"period": period} if period else {}
    sqlite = source.backend == "sqlite"
    values = bindings([PERIOD], chosen, due_at=DUE, timezone="UTC", sqlite=sqlite)
    wanted = {name: values[name] for name in parameters_in(query.sql, source.backend)}
    with open_rows(source, query.sql, wanted, columns=query.columns, timeout=20) as rows:
        return [tuple(map(_plain, row)) for batch in rows.batches for row in batch]


def _plain(value: Any) -> Any:
    """Databases count days to different numbers of digits."""
    return round(Decimal(str(value)), 2) if isinstance(value, Decimal | float) else value


def test_it_counts_what_happened_in_the_period(compliance: Source) -> None:
    # one case was closed after 20 days, substantiated; two are open past 20 March
    assert read(compliance, "figures", MARCH) == [(3, 1, 20, 1, 2, 1)]
    assert read(compliance, "figures", FEBRUARY) == [(0, 0, None, None, 0, 0)]
    assert read(compliance, "figures", None) == [(3, 1, 20, 1, 2, 1)], "without a period all there is"


def test_it_counts_four_ways_and_drops_no_case(compliance: Source) -> None:
    assert read(compliance, "breakdowns", MARCH) == [
        ("Business unit", "Finance", 2),
        ("Business unit", "Operations", 1),
        ("Category", "Fraud", 2),
        ("Category", None, 1),
        ("Location", "München", 2),
        ("Location", None, 1),
        ("Severity", "High", 3),
    ]
    assert read(compliance, "breakdowns", FEBRUARY) == []


def test_it_counts_months_up_to_the_end_of_the_period(compliance: Source) -> None:
    assert read(compliance, "trend", MARCH) == [("2025-03", 3, 1)]
    assert read(compliance, "trend", FEBRUARY) == []


def test_it_counts_disclosures_in_words(compliance: Source) -> None:
    assert read(compliance, "disclosures", MARCH) == [("Gift", "Approved", 1)]


def test_it_lists_what_is_overdue_at_the_end_of_the_period(compliance: Source) -> None:
    due = date(2025, 3, 20)
    assert read(compliance, "overdue", MARCH) == [
        ("EX-2", "Case 2", "High", "Fraud", "Finance", due, Decimal("11.29")),
        ("EX-3", "Case 3", "High", None, "Operations", due, Decimal("11.29")),
    ]
    assert read(compliance, "overdue", FEBRUARY) == []


@pytest.mark.parametrize("backend", ["oracle", ""])
def test_other_databases_have_none(backend: str) -> None:
    with pytest.raises(KeyError):
        board_queries(backend)
