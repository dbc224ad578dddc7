"""Opening and closing alerts, within the transaction of what happened. Who is told, and when: `telling`."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Insert, update
from sqlalchemy.dialects import postgresql, sqlite

from portal.alerts.models import Alert, Cause
from portal.extensions import db
from portal.schedules.models import ScheduledExport


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


def _open_or_count_up(
    schedule: ScheduledExport, cause: Cause, message: str, run_id: str | None, now: datetime
) -> Insert:
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    insert: postgresql.Insert | sqlite.Insert = dialect.insert(Alert).values(
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
