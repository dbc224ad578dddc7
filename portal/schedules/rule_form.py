"""The part of a schedule's form that says when it runs; the preview reads the same fields from a query."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from wtforms import Form, RadioField, SelectField, StringField
from wtforms.fields import Field

from portal.datasets.filter_form import Checkboxes
from portal.errors import InvalidInput
from portal.schedules import days_off
from portal.schedules.recurrence import occurrences_after, zone
from portal.schedules.rules import LAST, WEEKDAY_NAMES, HolidayPolicy, Kind, Rule, parse_time

_WEEKDAYS = {str(number): name for number, name in enumerate(WEEKDAY_NAMES)}
_MONTHLY = {
    "day": Kind.MONTHLY,
    "last": Kind.MONTHLY_LAST,
    "weekday": Kind.MONTHLY_WEEKDAY,
    "business": Kind.MONTHLY_BUSINESS_DAY,
}
_MOST_DIGITS = 4
_CRON_HELP = (
    "Minute, hour, day of the month, month, weekday. 0 8 * * MON-FRI: 08:00 from Monday to Friday;"
    " 30 6 L * *: 06:30 on the last day of a month; 0 9 * * FRI#2: 09:00 on the second Friday."
    " At most every 15 minutes."
)


def _ordinal(number: int) -> str:
    if number == LAST:
        return "Last"
    return f"{number}{'th' if 10 < number < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _choice(label: str, choices: Mapping[str, str], default: str, **options: Any) -> Field:
    """Return a select that keeps what was sent even where it is no choice: the rule says what is wrong."""
    return SelectField(label, choices=dict(choices), default=default, validate_choice=False, **options)


def _radio(label: str, choices: Mapping[str, str], default: str, **options: Any) -> Field:
    return RadioField(label, choices=dict(choices), default=default, validate_choice=False, **options)


class RuleForm(Form):
    """When it runs. All fields are text; `rule` makes a Rule of those that the rhythm uses."""

    rhythm = _radio(
        "Repeats", {"daily": "Daily", "weekly": "Weekly", "monthly": "Monthly", "cron": "Advanced"}, "weekly"
    )
    weekday = Checkboxes("Weekdays", _WEEKDAYS, default=["0"])
    weeks = StringField("Every … weeks", default="1", description="1 is every week, 2 every other week.")
    monthly = _radio(
        "On",
        {"day": "Day of month", "last": "Last day", "weekday": "Weekday", "business": "Business day"},
        "day",
    )
    monthday = StringField(
        "Day of the month", default="1", description="1 to 31; past a month's end it is the last day."
    )
    nth_weekday = _choice("Which one", {str(n): _ordinal(n) for n in (1, 2, 3, 4, LAST)}, "1")
    month_weekday = _choice("Weekday", _WEEKDAYS, "0")
    nth_business = _choice(
        "Which business day", {str(n): _ordinal(n) for n in (*range(1, 21), LAST)}, str(LAST)
    )
    months = StringField("Every … months", default="1", description="1 is every month, 3 every quarter.")
    cron = StringField("Cron expression", description=_CRON_HELP)
    time = StringField("Time", default="08:00", description="24 hours, such as 08:00.")
    timezone = StringField("Timezone", description="Type to search: Europe/Berlin, America/New_York.")
    starts_on = StringField("Starts", description="The first day that counts. Empty: at once.")
    ends = _radio("Ends", {"never": "Never", "on": "On a day", "after": "After runs"}, "never")
    ends_on = StringField("Last day", description="It still runs on this day.")
    count = StringField("Number of runs", description="Counted from its start, paused or not.")
    holidays = _radio(
        "On holidays and days off",
        {
            HolidayPolicy.RUN.value: "Run anyway",
            HolidayPolicy.SKIP.value: "Skip",
            HolidayPolicy.BEFORE.value: "Run before",
            HolidayPolicy.AFTER.value: "Run after",
        },
        HolidayPolicy.RUN.value,
        description="Before and after: on the nearest business day, Monday to Friday.",
    )
    country = _choice("Public holidays of", {"": "No country", **days_off.countries()}, "")
    region = SelectField("Region", choices={"": "The whole country"}, default="", validate_choice=False)

    def rule(self, now: dt.datetime, own_days: frozenset[dt.date] = frozenset()) -> Rule:
        """Return the rule of the fields that its rhythm uses. Raises InvalidInput, naming one of our fields.

        Where weeks, months or runs are counted and no start was given, it is the next date of the rhythm:
        “every 2 weeks” begins with the next one.
        """
        self._check_rhythm()
        rhythm = self._rhythm() | {"time": self._clock()}
        place, interval, count = self._place(), self._interval(), self._count()
        starts_on, timezone = self._date("starts_on"), self.zone_name()
        if starts_on is None and (interval != 1 or count is not None):
            plain = self._made(rhythm if self._may_move() else rhythm | place)
            starts_on = _first_date(plain, timezone, now, own_days)
        bounds = {"starts_on": starts_on, "ends_on": self._ends_on()}
        return self._made(rhythm | place | bounds | {"interval": interval, "count": count})

    def zone_name(self) -> str:
        """Return the timezone. Raises InvalidInput(field="timezone")."""
        name = (self.timezone.data or "").strip()
        zone(name)
        return name

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Say all that is wrong at once, each at its field."""
        valid = super().validate(extra_validators)
        for check in self._checks():
            try:
                check()
            except InvalidInput as error:
                valid = False
                field = self[error.field or "rhythm"]
                field.errors = list(field.errors) or [str(error)]
        return valid

    def offer_regions(self) -> None:
        """Offer the regions of the chosen country, and one that was sent all the same."""
        country, region = self.country.data, self.region.data
        known = days_off.regions(country) if country in days_off.countries() else {}
        kept = {region: region} if region else {}
        self.region.choices = {"": "The whole country"} | kept | dict(known)

    def _checks(self) -> Iterator[Callable[[], object]]:
        yield self.zone_name
        yield self._clock
        yield self._interval
        yield self._check_rhythm
        yield lambda: self._date("starts_on")
        yield self._ends_on
        yield self._count
        yield self._check_bounds
        yield self._place

    def _check_rhythm(self) -> None:
        rhythm = self._rhythm()
        at = None if rhythm["kind"] is Kind.CRON else dt.time()
        self._made(rhythm | {"time": at})
        self._made(rhythm | {"time": at, "interval": self._interval(), "starts_on": dt.date.min})

    def _check_bounds(self) -> None:
        starts_on = self._date("starts_on") or dt.date.min  # any: where there is none it is filled in
        bounds = {"starts_on": starts_on, "ends_on": self._ends_on(), "count": self._count()}
        self._made({"kind": Kind.DAILY, "time": dt.time(), **bounds})

    def _made(self, parts: Mapping[str, Any]) -> Rule:
        """Make the rule, its objections said of the form's own fields."""
        try:
            return Rule(**parts)
        except InvalidInput as error:
            raise InvalidInput(str(error), self._field_of(error.field)) from None

    def _field_of(self, part: str | None) -> str:
        if part == "interval":
            return "weeks" if self.rhythm.data == "weekly" else "months"
        if part == "nth":
            return "nth_business" if self.monthly.data == "business" else "nth_weekday"
        if part == "weekday" and self.rhythm.data == "monthly":
            return "month_weekday"
        return part or "rhythm"

    def _rhythm(self) -> dict[str, Any]:
        match self.rhythm.data:
            case "daily":
                return {"kind": Kind.DAILY}
            case "weekly":
                return {"kind": Kind.WEEKLY, "weekdays": _days(self.weekday.data)}
            case "monthly":
                return self._monthly()
            case "cron":
                return {"kind": Kind.CRON, "cron": (self.cron.data or "").strip()}
        raise InvalidInput("Choose how often it runs.", "rhythm")

    def _monthly(self) -> dict[str, Any]:
        kind = _MONTHLY.get(self.monthly.data)
        match kind:
            case None:
                raise InvalidInput("Choose on which day of the month it runs.", "monthly")
            case Kind.MONTHLY:
                return {"kind": kind, "monthday": self._monthday()}
            case Kind.MONTHLY_WEEKDAY:
                weekdays = _days([self.month_weekday.data])
                return {"kind": kind, "weekdays": weekdays, "nth": _nth(self.nth_weekday.data)}
            case Kind.MONTHLY_BUSINESS_DAY:
                return {"kind": kind, "nth": _nth(self.nth_business.data)}
        return {"kind": kind}

    def _monthday(self) -> int | None:
        text = (self.monthday.data or "").strip()
        if text and not (text.isdecimal() and len(text) <= 2):
            raise InvalidInput("The day of the month is a number from 1 to 31.", "monthday")
        return int(text) if text else None

    def _clock(self) -> dt.time | None:
        return None if self.rhythm.data == "cron" else parse_time(self.time.data or "")

    def _interval(self) -> int:
        name = {"weekly": "weeks", "monthly": "months"}.get(self.rhythm.data)
        number = self._number(name) if name else None
        return 1 if number is None else number

    def _count(self) -> int | None:
        if self.ends.data != "after":
            return None
        number = self._number("count")
        if number is None:
            raise InvalidInput("Give the number of runs after which it ends.", "count")
        return number

    def _ends_on(self) -> dt.date | None:
        if self.ends.data != "on":
            return None
        last = self._date("ends_on")
        if last is None:
            raise InvalidInput("Give the last day on which it runs.", "ends_on")
        return last

    def _may_move(self) -> bool:
        """Say whether the policy for holidays counts: a business day is never one."""
        return not (self.rhythm.data == "monthly" and self.monthly.data == "business")

    def _place(self) -> dict[str, Any]:
        policy = self.holidays.data if self._may_move() else HolidayPolicy.RUN
        if policy not in set(HolidayPolicy):
            raise InvalidInput("Choose what happens on holidays.", "holidays")
        if self._may_move() and policy == HolidayPolicy.RUN:
            return {}
        country = self.country.data or None
        region = (self.region.data or None) if country else None
        if country:
            days_off.check_place(country, region)
        return {"holidays": HolidayPolicy(policy), "country": country, "region": region}

    def _date(self, name: str) -> dt.date | None:
        text = (self[name].data or "").strip()
        try:
            return dt.date.fromisoformat(text) if text else None
        except ValueError:
            raise InvalidInput("Give a date such as 2026-12-31.", name) from None

    def _number(self, name: str) -> int | None:
        text = (self[name].data or "").strip()
        if text and not (text.isdecimal() and len(text) <= _MOST_DIGITS):
            raise InvalidInput("Give a whole number such as 2.", name)
        return int(text) if text else None


def _first_date(rhythm: Rule, timezone: str, now: dt.datetime, own_days: frozenset[dt.date]) -> dt.date:
    """Return the next date of a rhythm; today where it has none, which is refused later for that."""
    first = next(occurrences_after(rhythm, timezone, now, own_days=own_days), now)
    return first.astimezone(zone(timezone)).date()


def _days(values: Sequence[str | None] | None) -> tuple[int, ...]:
    return tuple(int(day) for day in values or () if day in _WEEKDAYS)


def _nth(text: str | None) -> int | None:
    return int(text) if text in {str(number) for number in (*range(1, 21), LAST)} else None


def values_of_rule(rule: Rule) -> dict[str, Any]:
    """Return a rule as the form's data; parts that it does not use keep their defaults."""
    monthly = next((name for name, kind in _MONTHLY.items() if kind is rule.kind), None)
    interval = {"months" if monthly else "weeks": str(rule.interval)}
    on_weekday = {"month_weekday": str(rule.weekdays[0])} if rule.kind is Kind.MONTHLY_WEEKDAY else {}
    nth = {"nth_weekday" if on_weekday else "nth_business": str(rule.nth)} if rule.nth else {}
    chosen: dict[str, Any] = {
        "rhythm": "monthly" if monthly else rule.kind.value,
        "monthly": monthly,
        "weekday": [str(day) for day in rule.weekdays] if rule.kind is Kind.WEEKLY else None,
        "monthday": rule.monthday and str(rule.monthday),
        "cron": rule.cron,
        "time": rule.time and f"{rule.time:%H:%M}",
        "starts_on": rule.starts_on and rule.starts_on.isoformat(),
        "ends": "on" if rule.ends_on else "after" if rule.count else None,
        "ends_on": rule.ends_on and rule.ends_on.isoformat(),
        "count": rule.count and str(rule.count),
        "holidays": rule.holidays.value,
        "country": rule.country,
        "region": rule.region,
    }
    return {name: value for name, value in chosen.items() if value is not None} | interval | on_weekday | nth
