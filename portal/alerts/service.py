"""Opening, closing and acknowledging alerts. Who is told of them by mail, and when: `telling`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Insert, and_, case, func, or_, select, update
from sqlalchemy.orm import joinedload

from portal.alerts.models import Alert, Cause
from portal.audit import service as audit
from portal.database import insert_into
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.models import User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.schedules.models import ScheduledExport

PAGE_SIZE = 50
NEWEST = 5
MAXIMUM_NOTE = 300


@dataclass(frozen=True)
class Standing:
    """How an organization's alerts stand: how many are open, of how many somebody should know by mail and
    does not, and the newest of both."""

    open: int
    unsent: int
    newest: list[Alert]


def raise_alert(
    schedule: ScheduledExport, cause: Cause, message: str, *, run_id: str | None, now: datetime
) -> None:
    """Open an alert, or count the open one of this schedule and cause up.

    One statement, so workers that fail at the same moment make one alert of it (`uq_alerts_open`). Commits
    and sends nothing: what happened and that people must know of it stand or fall together. `run_id` is a
    run's public id; `message` says in a sentence or two what happened.
    """
    db.session.execute(_open_or_count_up(schedule, cause, message, run_id, now))


def close_alert(schedule: ScheduledExport, causes: Collection[Cause], *, now: datetime) -> None:
    """Close what is open of these causes: a later run succeeded, or the schedule goes on. Commits nothing.

    An alert that closes before anybody was told is still told: a failure was final when it was raised.
    """
    db.session.execute(
        update(Alert)
        .where(
            Alert.organization_id == schedule.organization_id,
            Alert.schedule_id == schedule.id,
            Alert.cause.in_(causes),
            Alert.closed_at.is_(None),
        )
        .values(closed_at=now)
    )


def list_alerts(
    actor: User, *, only_open: bool, before_id: int | None = None, limit: int = PAGE_SIZE + 1
) -> list[Alert]:
    """Return a page of the organization's alerts, newest first, with their schedules loaded.

    `before_id` continues after the last row of the page before; one row more than PAGE_SIZE tells that a
    further page exists.
    """
    require(actor, Permission.VIEW_ALERTS)
    statement = (
        select(Alert)
        .where(Alert.organization_id == actor.organization_id)
        .options(joinedload(Alert.schedule))
        .order_by(Alert.id.desc())
        .limit(limit)
    )
    if only_open:
        statement = statement.where(Alert.closed_at.is_(None))
    if before_id is not None:
        statement = statement.where(Alert.id < before_id)
    return list(db.session.scalars(statement))


def count_open(actor: User) -> int:
    """Count the organization's open alerts."""
    require(actor, Permission.VIEW_ALERTS)
    found = db.session.scalar(
        select(func.count()).where(Alert.organization_id == actor.organization_id, Alert.closed_at.is_(None))
    )
    return found or 0


def standing(actor: User) -> Standing:
    """Return how the organization's alerts stand, for the overview. Two queries."""
    require(actor, Permission.VIEW_ALERTS)
    is_open = Alert.closed_at.is_(None)
    unsent = and_(
        Alert.send_error.is_not(None), Alert.acknowledged_at.is_(None), or_(is_open, Alert.told == 0)
    )
    shown = and_(Alert.organization_id == actor.organization_id, or_(is_open, unsent))
    counts = db.session.execute(
        select(func.count(case((is_open, 1))), func.count(case((unsent, 1)))).where(shown)
    ).one()
    newest = db.session.scalars(
        select(Alert).where(shown).options(joinedload(Alert.schedule)).order_by(Alert.id.desc()).limit(NEWEST)
    )
    return Standing(*counts, list(newest))


def get_alert(actor: User, public_id: str, permission: Permission = Permission.VIEW_ALERTS) -> Alert:
    """Return one alert of the actor's organization. Raises NotFound, or Forbidden for a lesser role."""
    alert = db.session.scalars(
        select(Alert).where(Alert.public_id == public_id, Alert.organization_id == actor.organization_id)
    ).first()
    if alert is None:
        raise NotFound("There is no such alert.")
    require(actor, permission)
    return alert


def acknowledge(actor: User, alert: Alert, note: str, *, now: datetime, ip: str | None = None) -> None:
    """Close an alert because somebody sees to it; no mail about it goes out any more.

    Raises InvalidInput for one that is closed already, and for a note that is too long.
    """
    require(actor, Permission.ACKNOWLEDGE_ALERTS)
    note = note.strip()
    if len(note) > MAXIMUM_NOTE:
        raise InvalidInput(f"A note has at most {MAXIMUM_NOTE} characters.", "note")
    db.session.refresh(alert, with_for_update=True)
    if alert.acknowledged_at is not None:
        raise InvalidInput(f"{alert.acknowledged_by} has acknowledged it already.")
    if not alert.is_open:
        raise InvalidInput("The alert is over already.")
    alert.acknowledged_at = alert.closed_at = now
    alert.acknowledged_by, alert.note = actor.email, note or None
    audit.record(
        alert.organization_id,
        actor=actor.email,
        action="alert.acknowledge",
        target=f"alert:{alert.public_id}",
        now=now,
        ip=ip,
        after={"cause": alert.cause.value, "count": alert.count, "note": alert.note},
    )


def _open_or_count_up(
    schedule: ScheduledExport, cause: Cause, message: str, run_id: str | None, now: datetime
) -> Insert:
    insert = insert_into(Alert, db.session.connection()).values(
        organization_id=schedule.organization_id,
        schedule_id=schedule.id,
        cause=cause,
        run_id=run_id,
        message=message,
        first_at=now,
        last_at=now,
    )
    return insert.on_conflict_do_update(
        index_elements=[Alert.organization_id, Alert.cause, Alert.schedule_id],
        index_where=Alert.closed_at.is_(None),
        set_={
            "count": Alert.count + 1,
            "last_at": insert.excluded.last_at,
            "message": insert.excluded.message,
            "run_id": insert.excluded.run_id,
        },
    )
