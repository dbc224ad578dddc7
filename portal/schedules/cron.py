"""Cron expressions: which dates and which times of day one names. Pure.

cronsim parses and explains them; it never decides when one fires. That is for `recurrence`, so that cron
follows the same clock as every other rule. Its days never clamp: they have `L` and `#`.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from cronsim import CronSim, CronSimError

from portal.errors import InvalidInput

SHORTEST_GAP = 15  # minutes between two runs
LONGEST = 200  # characters

_ALIASES = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
_FIELDS = (
    ("minute", "0 to 59, such as 0 or 0,30 or */15"),
    ("hour", "0 to 23, such as 8 or 9-17 or */2"),
    ("day of the month", "1 to 31, L for the last or LW for the last of Monday to Friday"),
    ("month", "1 to 12 or JAN to DEC"),
    (
        "day of the week",
        "0 (Sunday) to 7 or SUN to SAT, such as MON-FRI, FRI#2 (the second) or 5L (the last)",
    ),
)
_SOME_DAY = datetime(2001, 1, 1)  # noqa: DTZ001 - cronsim wants one; it is never asked for an instant
# 28 years without a century's exception hold each of the fourteen calendars there are.
_ALL_CALENDARS = 28 * 1461 // 4
# cronsim's own words know no 1st, 2nd and 3rd above twenty.
_ORDINAL = re.compile(r"\b([2-5])([123])th\b")
_ENDINGS = {"1": "st", "2": "nd", "3": "rd"}


@dataclass(frozen=True, slots=True)
class Cron:
    """`expression` is the normal form; `times` are those of each of its days, in order."""

    expression: str
    times: tuple[time, ...]
    _parsed: CronSim

    def dates_from(self, first: date) -> Iterator[date]:
        """Yield its dates from `first` on, to the end of the calendar."""
        for ordinal in range(first.toordinal(), date.max.toordinal() + 1):
            day = date.fromordinal(ordinal)
            if day.month in self._parsed.months and self._parsed.match_day(day):
                yield day

    def in_words(self) -> str:
        """Say it in English: `At 08:00 on Monday through Friday`."""
        return _ORDINAL.sub(lambda found: found[1] + found[2] + _ENDINGS[found[2]], self._parsed.explain())


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Cron:
    """Read five fields, or one of the usual names such as `@daily`.

    Raises InvalidInput(field="cron") for what is no expression, never fires, or fires too often.
    """
    if len(text) > LONGEST:
        raise InvalidInput(f"A cron expression has at most {LONGEST} characters.", "cron")
    expression = " ".join(text.upper().split())
    expression = _ALIASES.get(expression, expression)
    parsed = _parsed(expression)
    times = tuple(time(hour, minute) for hour in sorted(parsed.hours) for minute in sorted(parsed.minutes))
    _check_gaps(times)
    found = Cron(expression, times, parsed)
    first = next(found.dates_from(_SOME_DAY.date()), date.max)
    if first - _SOME_DAY.date() > timedelta(days=_ALL_CALENDARS):
        raise InvalidInput("This cron expression never fires: no date is like that.", "cron")
    return found


def _parsed(expression: str) -> CronSim:
    parts = expression.split()
    if len(parts) != len(_FIELDS):
        raise InvalidInput(
            f"A cron expression has five fields, such as 0 8 * * MON-FRI; this has {len(parts)}.", "cron"
        )
    for position, (part, (name, allowed)) in enumerate(zip(parts, _FIELDS, strict=True)):
        alone = ["*"] * len(_FIELDS)
        alone[position] = part
        if _read(" ".join(alone)) is None:
            raise InvalidInput(f"The {name} of a cron expression can't be “{part}”: it is {allowed}.", "cron")
    parsed = _read(expression)
    if parsed is None:  # each field is right, and cronsim knows that no month has such a day
        raise InvalidInput("This cron expression never fires: its months have no such day.", "cron")
    return parsed


def _read(expression: str) -> CronSim | None:
    try:
        return CronSim(expression, _SOME_DAY)
    except CronSimError:
        return None


def _check_gaps(times: tuple[time, ...]) -> None:
    minutes = [at.hour * 60 + at.minute for at in times]
    minutes.append(minutes[0] + 24 * 60)
    gap = min(later - earlier for earlier, later in pairwise(minutes))
    if gap < SHORTEST_GAP:
        apart = "a minute" if gap == 1 else f"{gap} minutes"
        raise InvalidInput(
            f"A schedule runs every {SHORTEST_GAP} minutes at most; these runs would be {apart} apart.",
            "cron",
        )
