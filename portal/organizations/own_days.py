"""An organization's own days off: the list of them, and how one or many are added and taken away.

Whoever changes them lets the schedules follow (`schedules.service.follow_days_off`) before the commit.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import select

from portal.audit import service as audit
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.models import DayOff, Organization, User
from portal.organizations.service import require
from portal.permissions import Permission

MAXIMUM_NAME = 120
MAXIMUM_LINES = 400
YEARS = range(2000, 2101)
UNNAMED = "Day off"

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def list_days(actor: User) -> list[DayOff]:
    """Return the days off of the actor's organization by date."""
    require(actor, Permission.VIEW_SCHEDULES)
    return list(
        db.session.scalars(
            select(DayOff).where(DayOff.organization_id == actor.organization_id).order_by(DayOff.day)
        )
    )


def get_day(actor: User, public_id: str) -> DayOff:
    """Return one day off of the actor's organization. Raises NotFound."""
    found = db.session.scalars(
        select(DayOff).where(DayOff.public_id == public_id, DayOff.organization_id == actor.organization_id)
    ).first()
    if found is None:
        raise NotFound("There is no such day off.")
    return found


def add_days(actor: User, days: Mapping[date, str], *, now: datetime, ip: str | None = None) -> list[date]:
    """Add days by date and name; return those that are new. A day that is there already keeps its name."""
    require(actor, Permission.MANAGE_ORGANIZATION)
    # Locked: two people who add one day at once must both be answered, not one of them refused by the index.
    db.session.scalars(
        select(Organization.id).where(Organization.id == actor.organization_id).with_for_update()
    ).one()
    there = {day.day for day in list_days(actor)}
    new = {day: name for day, name in sorted(days.items()) if day not in there}
    if not new:
        return []
    db.session.add_all(
        DayOff(organization_id=actor.organization_id, day=day, name=name) for day, name in new.items()
    )
    db.session.flush()
    _record(actor, "days_off.add", now=now, ip=ip, after={f"{day}": name for day, name in new.items()})
    return list(new)


def remove_day(actor: User, day: DayOff, *, now: datetime, ip: str | None = None) -> None:
    """Make a day off a working day again."""
    require(actor, Permission.MANAGE_ORGANIZATION)
    db.session.delete(day)
    db.session.flush()
    _record(actor, "days_off.remove", now=now, ip=ip, before={f"{day.day}": day.name})


def parse_day(text: str) -> date:
    """Read a date such as `2026-12-24`. Raises InvalidInput(field="day")."""
    written = text.strip()
    try:
        # Python reads other forms of ISO 8601 too (20261224, 2026-W52-4), which people mix up.
        found = date.fromisoformat(written if _DATE.fullmatch(written) else "")
    except ValueError:
        raise InvalidInput(f"“{written[:20]}” is not a date such as 2026-12-24.", "day") from None
    if found.year not in YEARS:
        raise InvalidInput(f"A day off lies between {YEARS[0]} and {YEARS[-1]}.", "day")
    return found


def valid_name(text: str) -> str:
    """Return the name of a day, `Day off` for none. Raises InvalidInput(field="name")."""
    name = text.strip() or UNNAMED
    if len(name) > MAXIMUM_NAME or not name.isprintable():
        raise InvalidInput(f"A name is one line of at most {MAXIMUM_NAME} characters.", "name")
    return name


def parse_lines(text: str) -> dict[date, str]:
    """Read a pasted list, a date and a name a line: `2026-12-24 Christmas Eve`.

    Commas, semicolons and tabs may stand between them, as in a copied table; empty lines are passed over.
    Raises InvalidInput(field="lines") naming the first wrong line.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise InvalidInput("Paste at least one line, such as 2026-12-24 Christmas Eve.", "lines")
    if len(lines) > MAXIMUM_LINES:
        raise InvalidInput(f"At most {MAXIMUM_LINES} lines at once, please.", "lines")
    days: dict[date, str] = {}
    for number, line in lines:
        try:
            day, name = _day_and_name(line)
        except InvalidInput as error:
            raise InvalidInput(f"Line {number}: {error}", "lines") from None
        days.setdefault(day, name)
    return days


def _day_and_name(line: str) -> tuple[date, str]:
    written, *name = re.split(r"[\s,;]+", line, maxsplit=1)
    return parse_day(written), valid_name("".join(name).strip('"'))


def _record(
    actor: User,
    action: str,
    *,
    now: datetime,
    ip: str | None,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    audit.record(
        actor.organization_id,
        actor=actor.email,
        action=action,
        target=f"organization:{actor.organization.public_id}",
        now=now,
        before=before,
        after=after,
        ip=ip,
    )
