"""Cron expressions: which dates and which times of day one names.

cronsim parses and explains them; it never decides when one fires. That is for `recurrence`, so that cron
follows the same clock as every other rule.
"""

import functools
from dataclasses import dataclass
from datetime import date, datetime, time

from cronsim import CronSim, CronSimError

from portal.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Cron:
    """`expression` is the normal form; `times` are those of each of its days, in order."""

    expression: str
    times: tuple[time, ...]
    parsed: CronSim

    def falls_on(self, day: date) -> bool:
        return day.month in self.parsed.months and self.parsed.match_day(day)


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Cron:
    """Read five fields. Raises InvalidInput(field="cron")."""
    expression = " ".join(text.upper().split())
    if len(expression.split()) != 5:
        raise InvalidInput("A cron expression has five fields, such as 0 8 * * MON-FRI.", "cron")
    try:
        parsed = CronSim(expression, datetime(2000, 1, 1))  # noqa: DTZ001 - never asked for an instant
    except CronSimError as error:
        raise InvalidInput(f"{error}.", "cron") from None
    times = tuple(time(hour, minute) for hour in sorted(parsed.hours) for minute in sorted(parsed.minutes))
    return Cron(expression, times, parsed)
