"""When things happen at the demo's company: more each year, on workdays, by day rather than by night."""

from datetime import date, datetime, time, timedelta
from itertools import accumulate
from random import Random

HISTORY_DAYS = 3 * 365

_GROWTH = 0.9
"""How much busier the last day of the history is than the first."""

_BY_WEEKDAY = (1.25, 1.15, 1.05, 1.0, 0.85, 0.25, 0.18)
_BY_MONTH = (1.15, 1.05, 1.1, 1.0, 1.0, 0.95, 0.8, 0.75, 1.1, 1.1, 1.05, 0.7)
_BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 15, 11, 14, 16, 16, 14, 11, 8, 6, 5, 4, 3, 2)


def start_of(day: date) -> datetime:
    """Return midnight UTC of a date, naive, as the demo's database writes instants."""
    return datetime.combine(day, time())


def moments(rng: Random, count: int, today: date) -> list[datetime]:
    """Draw `count` instants of the three years before `today`, in order; none is of `today` itself."""
    days = [today - timedelta(days=back) for back in range(HISTORY_DAYS, 0, -1)]
    weights = list(accumulate(_weight(day, age) for age, day in enumerate(days)))
    hours = list(accumulate(_BY_HOUR))
    drawn_days = rng.choices(days, cum_weights=weights, k=count)
    drawn_hours = rng.choices(range(len(hours)), cum_weights=hours, k=count)
    return sorted(
        start_of(day) + timedelta(seconds=hour * 3600 + rng.randrange(3600))
        for day, hour in zip(drawn_days, drawn_hours, strict=True)
    )


def _weight(day: date, age: int) -> float:
    return (1 + _GROWTH * age / HISTORY_DAYS) * _BY_WEEKDAY[day.weekday()] * _BY_MONTH[day.month - 1]
