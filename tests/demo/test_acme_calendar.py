"""The demo's calendar: growth, weekdays, working hours."""

from collections import Counter
from datetime import datetime, timedelta
from random import Random

from portal.demo.acme_calendar import HISTORY_DAYS, moments, start_of
from tests.demo.conftest import TODAY

MOMENTS = moments(Random(5), 20_000, TODAY)  # noqa: S311 - repeatable, not secret


def test_it_draws_in_order_within_three_years() -> None:
    assert len(MOMENTS) == 20_000
    assert sorted(MOMENTS) == MOMENTS
    assert start_of(TODAY) - timedelta(days=HISTORY_DAYS) <= MOMENTS[0]
    assert MOMENTS[-1] < start_of(TODAY)


def test_it_grows() -> None:
    def within(days: int, before: datetime) -> int:
        return sum(before - timedelta(days=days) <= moment < before for moment in MOMENTS)

    last_year = within(365, start_of(TODAY))
    first_year = within(365, start_of(TODAY) - timedelta(days=730))
    assert 1.3 < last_year / first_year < 1.8


def test_it_rests_at_weekends_and_at_night() -> None:
    weekdays = Counter(moment.weekday() for moment in MOMENTS)
    assert weekdays[0] > 3 * weekdays[5] > 3 * weekdays[6] > 0
    hours = Counter(moment.hour for moment in MOMENTS)
    assert hours[9] > 5 * hours[3] > 0
