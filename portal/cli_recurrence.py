"""`portal next-runs`: when a rule is due, from the same function that the dispatcher asks."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

import click

from portal.clock import utcnow
from portal.errors import InvalidInput
from portal.schedules.recurrence import check_fires, occurrences_after, tzdata_version
from portal.schedules.rules import LAST, HolidayPolicy, Kind, Rule, parse_time
from portal.schedules.words import describe


def _date(name: str, **options: Any) -> Callable[..., Any]:
    return click.option(name, type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", **options)


def _nth(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    if text != "last":
        raise click.BadParameter("it is a number from 1 to 20, or `last`.")
    return LAST


@click.command(
    epilog=f"Timezones are those of tzdata {tzdata_version()} as installed with the portal, never the host's."
)
@click.option("--kind", type=click.Choice([kind.replace("_", "-") for kind in Kind]), required=True)
@click.option("--weekday", type=int, multiple=True, help="0 (Monday) to 6; may be repeated.")
@click.option("--day", type=int, help="Day of the month, 1 to 31.")
@click.option("--nth", callback=_nth, metavar="1…20|last", help="Which weekday or business day of the month.")
@click.option("--interval", type=int, default=1, help="Every so many weeks or months; needs --start.")
@click.option("--cron", metavar="'M H D M W'", help="Five fields, such as '0 8 * * MON-FRI'.")
@click.option("--time", "at", metavar="HH:MM", help="For every kind but cron.")
@click.option("--timezone", required=True, help="IANA name, such as Europe/Berlin.")
@_date("--start", help="First date that counts.")
@_date("--end", help="Last date that counts.")
@click.option("--times", type=int, help="Only the first so many occurrences; needs --start.")
@click.option(
    "--holidays",
    type=click.Choice([policy.value for policy in HolidayPolicy]),
    default=HolidayPolicy.RUN.value,
    show_default=True,
    help="Run all the same, skip, or move to the business day before or after.",
)
@click.option("--country", help="Whose public holidays: a code such as DE.")
@click.option("--region", help="Of the country: a code such as BE.")
@_date("--day-off", multiple=True, help="A day off of one's own; may be repeated.")
@click.option("--after", metavar="ISO", help="Instant to start from; now when left out, UTC without offset.")
@click.option(
    "--count", type=click.IntRange(1, 10_000), default=5, show_default=True, help="How many to print."
)
@click.option(
    "--verbose", is_flag=True, help="Also say the rule in words and the release of tzdata, on stderr."
)
def next_runs(
    timezone: str,
    after: str | None,
    count: int,
    day_off: tuple[datetime, ...],
    *,
    verbose: bool,
    **chosen: Any,
) -> None:
    """Print the next instants of a rule in UTC, one a line. Needs no running service.

    Fewer where the rule ends before; a rule that has none after the instant is refused.
    """
    rule = _rule(**chosen)
    start = _instant(after) if after else utcnow()
    own_days = frozenset(day.date() for day in day_off)
    check_fires(rule, timezone, start, own_days)
    if verbose:
        click.echo(f"{describe(rule, timezone)} (tzdata {tzdata_version()})", err=True)
    for instant in islice(occurrences_after(rule, timezone, start, own_days=own_days), count):
        click.echo(f"{instant:%Y-%m-%dT%H:%M:%SZ}")


def _rule(
    *,
    kind: str,
    at: str | None,
    weekday: tuple[int, ...],
    day: int | None,
    start: datetime | None,
    end: datetime | None,
    times: int | None,
    holidays: str,
    **same: Any,
) -> Rule:
    if at is None and kind != Kind.CRON:
        raise click.UsageError("Missing option '--time'.")
    return Rule(
        kind=Kind(kind.replace("-", "_")),
        time=None if at is None else parse_time(at),
        weekdays=weekday,
        monthday=day,
        starts_on=_date_of(start),
        ends_on=_date_of(end),
        count=times,
        holidays=HolidayPolicy(holidays),
        **same,
    )


def _date_of(chosen: datetime | None) -> date | None:
    return chosen.date() if chosen else None


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"“{text}” is not an instant such as 2025-03-09T07:00:00Z.") from None
