"""The period that a report's figures are compared with, and how both are said. Pure calendar arithmetic."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from portal.datasets import periods
from portal.datasets.periods import Period

DEFAULT = {"preset": "last_30_days"}

_UNITS = ("week", "month", "quarter", "year")


def previous(chosen: dict[str, Any], *, at: datetime, timezone: str) -> Period:
    """Return the period before the chosen one, which is resolved at the same occurrence.

    A week, month, quarter or year is compared with the one before, the year to date with the same days of
    last year, all others with as many days right before them. Raises InvalidInput.
    """
    period = periods.resolve(chosen, at=at, timezone=timezone)
    preset = chosen.get("preset", "")
    unit = preset.removeprefix("this_").removeprefix("previous_")
    if unit in _UNITS:
        return periods.resolve({"preset": f"previous_{unit}"}, at=period.start, timezone=timezone)
    first, end = days_of(period, timezone)
    if preset == "year_to_date":
        year = relativedelta(years=1)
        return _between(first - year, end - year, timezone)
    return _between(first - (end - first), first, timezone)


def days_of(period: Period, timezone: str) -> tuple[date, date]:
    """Return the first day of a period and the day after its last, in a zone."""
    zone = ZoneInfo(timezone)
    return period.start.astimezone(zone).date(), period.end.astimezone(zone).date()


def as_days(period: Period, timezone: str) -> dict[str, str]:
    """Return a period as it is chosen by its days, both included; see `datasets.periods.resolve`."""
    first, end = days_of(period, timezone)
    return {"start": first.isoformat(), "end": (end - timedelta(days=1)).isoformat()}


def in_words(period: Period, timezone: str) -> str:
    """Return the days of a period: `27 Oct 2025 to 25 Nov 2025`, or the one day."""
    first, end = days_of(period, timezone)
    last = end - timedelta(days=1)
    return f"{first:%-d %b %Y}" if first == last else f"{first:%-d %b %Y} to {last:%-d %b %Y}"


def _between(first: date, end: date, timezone: str) -> Period:
    chosen = {"start": first.isoformat(), "end": (end - timedelta(days=1)).isoformat()}
    return periods.resolve(chosen, at=datetime.now(UTC), timezone=timezone)
