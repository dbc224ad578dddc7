"""Key figures and their change."""

import pytest

from portal.reports.figures import Better, Figure, Kpi, Tone
from portal.reports.numbers import Number, Unit


@pytest.mark.parametrize(
    ("value", "previous", "unit", "words"),
    [
        (112, 100, Unit.COUNT, "+12 % against the previous period"),
        (88, 100, Unit.COUNT, "−12 % against the previous period"),
        (0, 4, Unit.COUNT, "−100 % against the previous period"),
        (100, 100, Unit.COUNT, "unchanged against the previous period"),
        (0, 0, Unit.COUNT, "unchanged against the previous period"),
        (5, 0, Unit.COUNT, "from 0 in the previous period"),
        (45, 1, Unit.COUNT, "from 1 in the previous period"),
        (1099, 100, Unit.COUNT, "+999 % against the previous period"),
        (1001, 1000, Unit.COUNT, "up by less than 1 % against the previous period"),
        (999, 1000, Unit.COUNT, "down by less than 1 % against the previous period"),
        (1005, 1000, Unit.COUNT, "+1 % against the previous period"),
        (5, None, Unit.COUNT, "no figure before"),
        (None, 5, Unit.COUNT, "no figure for this period"),
        (None, None, Unit.COUNT, "no figure for this period"),
        (float("nan"), 5, Unit.COUNT, "no figure for this period"),
        (5, float("nan"), Unit.COUNT, "no figure before"),
        (16.5, 14, Unit.DAYS, "+2.5 days against the previous period"),
        (13, 14, Unit.DAYS, "−1 day against the previous period"),
        (14.02, 14, Unit.DAYS, "up by less than 0.1 days against the previous period"),
        (3, 0, Unit.DAYS, "+3 days against the previous period"),
        (0.42, 0.38, Unit.PERCENT, "+4 points against the previous period"),
        (0.3, 0.425, Unit.PERCENT, "−12.5 points against the previous period"),
        (0.41, 0.4, Unit.PERCENT, "+1 point against the previous period"),
        (0.3, 0, Unit.PERCENT, "+30 points against the previous period"),
        (1500, 1000, Unit.AMOUNT, "+50 % against the previous period"),
        (100, -250.5, Unit.AMOUNT, "from −250.50 in the previous period"),
    ],
)
def test_it_says_the_change(value: Number | None, previous: Number | None, unit: Unit, words: str) -> None:
    assert Kpi("Cases", Figure(value, previous, unit)).change == words


@pytest.mark.parametrize(
    ("value", "previous", "better", "tone"),
    [
        (5, 4, Better.HIGHER, Tone.GOOD),
        (3, 4, Better.HIGHER, Tone.BAD),
        (5, 4, Better.LOWER, Tone.BAD),
        (3, 4, Better.LOWER, Tone.GOOD),
        (5, 4, Better.NEITHER, Tone.NEUTRAL),
        (4, 4, Better.LOWER, Tone.NEUTRAL),
        (None, 4, Better.LOWER, Tone.NEUTRAL),
        (4, None, Better.LOWER, Tone.NEUTRAL),
    ],
)
def test_it_knows_which_way_is_good(
    value: Number | None, previous: Number | None, better: Better, tone: Tone
) -> None:
    assert Kpi("Overdue", Figure(value, previous), better).tone is tone


def test_it_shows_the_value_with_its_unit() -> None:
    assert Kpi("Median days open", Figure(14.5, None, Unit.DAYS)).shown == "14.5 days"
    assert Kpi("Median days open", Figure(None, None, Unit.DAYS)).shown == "–"
