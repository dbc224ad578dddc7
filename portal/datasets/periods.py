"""Periods chosen in a filter, and the instants they mean at an occurrence. Pure calendar arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from portal.errors import InvalidInput

MAXIMUM_DAYS = 3660
EARLIEST_YEAR, LATEST_YEAR = 1900, 2999


@dataclass(frozen=True)
class Period:
    """Half-open: from `start` up to, not including, `end`. Both are aware instants in UTC."""

    start: datetime
    end: datetime


_Days = tuple[date, date]
"""First day, and the day after the last."""


def _quarter_start(day: date) -> date:
    return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)


def _back(days: _Days, **step: int) -> _Days:
    start = days[0] - relativedelta(**step)  # type: ignore[arg-type]
    return start, days[0]


def _this_week(day: date) -> _Days:
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=7)


def _this_month(day: date) -> _Days:
    first = day.replace(day=1)
    return first, first + relativedelta(months=1)


def _this_quarter(day: date) -> _Days:
    first = _quarter_start(day)
    return first, first + relativedelta(months=3)


def _this_year(day: date) -> _Days:
    return day.replace(month=1, day=1), day.replace(year=day.year + 1, month=1, day=1)


SINCE_LAST_SUCCESS = "since_last_success"
"""Up to the occurrence, from the one before that was delivered: known to runs only (`runs.since`)."""

PRESETS: dict[str, tuple[str, Callable[[date], _Days]]] = {
    "today": ("Today", lambda day: (day, day + timedelta(days=1))),
    "yesterday": ("Yesterday", lambda day: (day - timedelta(days=1), day)),
    "last_7_days": ("Last 7 days", lambda day: (day - timedelta(days=7), day)),
    "last_30_days": ("Last 30 days", lambda day: (day - timedelta(days=30), day)),
    "last_90_days": ("Last 90 days", lambda day: (day - timedelta(days=90), day)),
    "this_week": ("This week", _this_week),
    "previous_week": ("Previous week", lambda day: _back(_this_week(day), weeks=1)),
    "this_month": ("This month", _this_month),
    "previous_month": ("Previous month", lambda day: _back(_this_month(day), months=1)),
    "this_quarter": ("This quarter", _this_quarter),
    "previous_quarter": ("Previous quarter", lambda day: _back(_this_quarter(day), months=3)),
    "this_year": ("This year", _this_year),
    "previous_year": ("Previous year", lambda day: _back(_this_year(day), years=1)),
    "year_to_date": ("Year to date", lambda day: (day.replace(month=1, day=1), day + timedelta(days=1))),
    SINCE_LAST_SUCCESS: ("Since last success", lambda day: (day - timedelta(days=30), day)),
}
"""Name → words, and the days it means on a given day. "Last N days" are the N whole days before that day."""

CALENDAR = {name: found for name, found in PRESETS.items() if name != SINCE_LAST_SUCCESS}
"""Those that the day alone decides, for what has no runs."""


LAST_N_DAYS = "last_n_days"
"""The preset that takes a number of days of its own."""


def resolve(chosen: dict[str, Any], *, at: datetime, timezone: str, since: datetime | None = None) -> Period:
    """Return what a chosen period means at an occurrence, in the schedule's zone.

    `chosen` is `{"preset": name}`, `{"preset": LAST_N_DAYS, "days": n}` or
    `{"start": "YYYY-MM-DD", "end": "YYYY-MM-DD"}`, both days included.
    The same occurrence always gives the same period, however late it is executed. `since` is when the
    schedule's last success was due; where nobody knows, that period is the last 30 days. Raises InvalidInput.
    """
    if since is not None and is_since_last_success(chosen):
        return Period(since.astimezone(UTC), at.astimezone(UTC))
    zone = ZoneInfo(timezone)
    start, end = _days(chosen, at.astimezone(zone).date())
    return Period(_midnight(start, zone), _midnight(end, zone))


def is_since_last_success(chosen: Any) -> bool:
    """Say whether what was chosen for a parameter depends on the runs before."""
    return isinstance(chosen, dict) and chosen.get("preset") == SINCE_LAST_SUCCESS


def describe(chosen: dict[str, Any]) -> str:
    """Return a chosen period in words."""
    if chosen.get("preset") == LAST_N_DAYS:
        return "Last day" if chosen["days"] == 1 else f"Last {chosen['days']:,} days"
    if "preset" in chosen:
        return PRESETS[chosen["preset"]][0]
    return f"{chosen['start']} to {chosen['end']}"


def _days(chosen: dict[str, Any], today: date) -> _Days:
    if chosen.get("preset") == LAST_N_DAYS:
        return today - timedelta(days=_number_of_days(chosen.get("days"))), today
    if "preset" in chosen:
        if str(chosen["preset"]) not in PRESETS:
            raise InvalidInput(f"There is no period “{chosen['preset']}”.", "period")
        return PRESETS[chosen["preset"]][1](today)
    try:
        first, last = date.fromisoformat(chosen["start"]), date.fromisoformat(chosen["end"])
    except (KeyError, TypeError, ValueError):
        raise InvalidInput("A period needs a first and a last day.", "period") from None
    if not timedelta(0) <= last - first <= timedelta(days=MAXIMUM_DAYS):
        raise InvalidInput("The period's last day must follow its first, within ten years.", "period")
    if first.year < EARLIEST_YEAR or last.year > LATEST_YEAR:
        raise InvalidInput(f"A period lies between {EARLIEST_YEAR} and {LATEST_YEAR}.", "period")
    return first, last + timedelta(days=1)


def _number_of_days(days: Any) -> int:
    if type(days) is not int or days not in range(1, MAXIMUM_DAYS + 1):
        raise InvalidInput(f"Name a number of days, 1 to {MAXIMUM_DAYS:,}.", "period")
    return days


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
