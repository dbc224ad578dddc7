"""Runs as people see and mend them. Strangers get NotFound; jobs are enqueued by the caller after commit."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.audit import service as audit
from portal.config import Settings
from portal.delivery import service as delivery
from portal.delivery.models import Delivery
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.models import User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.runs import finish
from portal.runs.log import note
from portal.runs.models import NEEDS_MENDING, UNFINISHED, RunStatus, ScheduledExportRun, Trigger
from portal.runs.snapshot import snapshot_of
from portal.schedules.models import ScheduledExport

PAGE_SIZE = 50
STRIP_LENGTH = 30


def list_runs(
    actor: User,
    *,
    schedule: ScheduledExport | None = None,
    statuses: Sequence[RunStatus] = (),
    before_id: int | None = None,
    limit: int = PAGE_SIZE + 1,
) -> list[ScheduledExportRun]:
    """Return a page of the organization's runs, newest first, with schedule and file loaded.

    `before_id` continues after the last row of the page before; one row more than PAGE_SIZE tells that a
    further page exists.
    """
    require(actor, Permission.VIEW_RUNS)
    statement = (
        select(ScheduledExportRun)
        .where(ScheduledExportRun.organization_id == actor.organization_id)
        .options(joinedload(ScheduledExportRun.schedule), joinedload(ScheduledExportRun.artifact))
        .order_by(ScheduledExportRun.id.desc())
        .limit(limit)
    )
    if schedule is not None:
        statement = statement.where(ScheduledExportRun.schedule_id == schedule.id)
    if statuses:
        statement = statement.where(ScheduledExportRun.status.in_(statuses))
    if before_id is not None:
        statement = statement.where(ScheduledExportRun.id < before_id)
    return list(db.session.scalars(statement))


def recent_by_schedule(
    actor: User, schedules: Sequence[ScheduledExport], count: int = STRIP_LENGTH
) -> dict[int, list[ScheduledExportRun]]:
    """Return each schedule's last runs, oldest first, by schedule id: for the strips of a list."""
    require(actor, Permission.VIEW_RUNS)
    newest = (
        select(
            ScheduledExportRun.id,
            db.func.row_number()
            .over(partition_by=ScheduledExportRun.schedule_id, order_by=ScheduledExportRun.id.desc())
            .label("position"),
        )
        .where(ScheduledExportRun.schedule_id.in_([schedule.id for schedule in schedules]))
        .subquery()
    )
    runs = db.session.scalars(
        select(ScheduledExportRun)
        .join(newest, newest.c.id == ScheduledExportRun.id)
        .where(newest.c.position <= count)
        .order_by(ScheduledExportRun.id)
    )
    found: dict[int, list[ScheduledExportRun]] = {schedule.id: [] for schedule in schedules}
    for run in runs:
        if run.schedule_id is not None:
            found[run.schedule_id].append(run)
    return found


def get_run(actor: User, public_id: str, permission: Permission = Permission.VIEW_RUNS) -> ScheduledExportRun:
    """Return one run of the actor's organization. Raises NotFound, or Forbidden for a lesser role."""
    run = db.session.scalars(
        select(ScheduledExportRun).where(
            ScheduledExportRun.public_id == public_id,
            ScheduledExportRun.organization_id == actor.organization_id,
        )
    ).first()
    if run is None:
        raise NotFound("There is no such run.")
    require(actor, permission)
    return run


def deliveries_of(run: ScheduledExportRun) -> list[Delivery]:
    """Return the run's ledger, failures first."""
    found = db.session.scalars(
        select(Delivery).where(Delivery.run_id == run.id).options(joinedload(Delivery.attempts))
    ).unique()
    return sorted(found, key=lambda row: (row.status.value == "sent", row.target))


def run_now(
    actor: User,
    schedule: ScheduledExport,
    *,
    settings: Settings,
    now: datetime,
    ip: str | None = None,
) -> ScheduledExportRun:
    """Make a run of a schedule beside its rhythm; works for a paused one too.

    While one made by hand is under way, that one is returned: a double click makes one.
    """
    require(actor, Permission.START_RUNS)
    db.session.refresh(schedule, with_for_update=True)
    under_way = db.session.scalars(
        select(ScheduledExportRun).where(
            ScheduledExportRun.schedule_id == schedule.id,
            ScheduledExportRun.trigger == Trigger.MANUAL,
            ScheduledExportRun.status.in_((RunStatus.QUEUED, RunStatus.RUNNING)),
        )
    ).first()
    if under_way is not None:
        return under_way
    run = ScheduledExportRun(
        organization_id=schedule.organization_id,
        schedule_id=schedule.id,
        due_at=now,
        trigger=Trigger.MANUAL,
        requested_by=actor.email,
        snapshot=snapshot_of(schedule),
        created_at=now,
        retries_left=len(settings.retry_delays),
    )
    db.session.add(run)
    db.session.flush()
    note(run, f"Started by {actor.name}", now=now)
    _record(actor, "run.start", run, now=now, ip=ip)
    return run


def retry_run(
    actor: User, run: ScheduledExportRun, *, settings: Settings, now: datetime, ip: str | None = None
) -> None:
    """Queue a failed or missed run again, as a further attempt with what it was made with.

    Stages whose result is recorded are not done again. Raises InvalidInput when the run is in no state that
    a retry can mend, or lacks recipients only, which `resend_failed` mends; a double click so makes one.
    """
    require(actor, Permission.MEND_RUNS)
    db.session.refresh(run, with_for_update=True)
    if run.status not in (RunStatus.FAILED, RunStatus.MISSED):
        raise InvalidInput("Only a run that failed or was missed can be retried.")
    if (run.artifact is not None or run.told_empty) and delivery.lacking(run.id):
        raise InvalidInput(f"{run.what_is_sent.capitalize()} is ready; resend it to those who lack it.")
    run.catches_up = run.attempt == 0  # one that never started is no reason to skip the next one
    _queue_again(run, settings)
    note(run, f"Retried by {actor.name}", now=now)
    _record(actor, "run.retry", run, now=now, ip=ip)


def resend_failed(
    actor: User, run: ScheduledExportRun, *, settings: Settings, now: datetime, ip: str | None = None
) -> int:
    """Send the stored file, or word of no rows, anew to those who lack it, and nobody else; return how many.

    Raises InvalidInput when there is nobody to send to.
    """
    require(actor, Permission.MEND_RUNS)
    db.session.refresh(run, with_for_update=True)
    if run.status not in NEEDS_MENDING or not run.can_send_again:
        raise InvalidInput("There is no stored file that somebody still lacks.")
    count = delivery.send_again(run.id)
    if not count:
        raise InvalidInput("Everybody has the file.")
    _queue_again(run, settings)
    people = "1 recipient" if count == 1 else f"{count} recipients"
    note(run, f"Resent by {actor.name} to {people}", now=now)
    _record(actor, "run.resend", run, now=now, ip=ip)
    return count


def cancel_run(actor: User, run: ScheduledExportRun, *, now: datetime, ip: str | None = None) -> bool:
    """End a run that is not over. True when it ended at once, False when its worker was asked to stop.

    What was delivered before stays delivered. Raises InvalidInput for a run that is over.
    """
    require(actor, Permission.CANCEL_RUNS)
    db.session.refresh(run, with_for_update=True)
    if run.status not in UNFINISHED:
        raise InvalidInput("The run is over already.")
    if run.cancel_requested_at is None:
        run.cancel_requested_at, run.cancel_requested_by = now, actor.email
        note(run, f"{actor.name} asked to cancel it", now=now)
        # Everybody locks in this order: run, schedule, alerts, and last the head of the trail.
        db.session.scalars(
            select(ScheduledExport.id).where(ScheduledExport.id == run.schedule_id).with_for_update()
        ).first()
        _record(actor, "run.cancel", run, now=now, ip=ip)
    if run.status is RunStatus.RUNNING:
        return False
    finish.close_cancelled(run, now=now)
    return True


def _queue_again(run: ScheduledExportRun, settings: Settings) -> None:
    run.status, run.reason, run.completed_at, run.not_before = RunStatus.QUEUED, None, None, None
    run.cancel_requested_at = run.cancel_requested_by = run.start_by = None  # somebody wants it now
    run.retries_left = len(settings.retry_delays)


def _record(actor: User, action: str, run: ScheduledExportRun, *, now: datetime, ip: str | None) -> None:
    audit.record(
        run.organization_id,
        actor=actor.email,
        action=action,
        target=f"run:{run.public_id}",
        now=now,
        ip=ip,
    )
