"""Approving that personal data leaves the organization by a schedule, and taking that back."""

from datetime import datetime
from typing import Any

from portal.audit import service as audit
from portal.errors import InvalidInput
from portal.extensions import db
from portal.organizations.models import User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.schedules.approval import Approval, approval_of, unapproved_of, wait
from portal.schedules.models import ScheduledExport
from portal.schedules.service import next_due


def approve_schedule(
    actor: User, schedule: ScheduledExport, *, seen: str, now: datetime, ip: str | None = None
) -> None:
    """Let exactly those columns go to those outsiders, whom the actor has seen; go on if it waited for that.

    `seen` is the `Outgoing.digest` of the page. Raises InvalidInput where something else would go by now.
    """
    require(actor, Permission.APPROVE_PERSONAL_DATA)
    db.session.refresh(schedule, with_for_update=True)
    out = unapproved_of(schedule, schedule.organization)
    if out is None:
        return
    if out.digest != seen:
        raise InvalidInput("The schedule or its dataset was changed meanwhile: look at it again.")
    approval = Approval(actor.email, now.isoformat(), out.columns, out.recipients, out.sources)
    schedule.approval, schedule.updated_at = approval.to_dict(), now
    if schedule.waits_for_approval:
        schedule.active, schedule.waits_for_approval, schedule.paused_reason = True, False, None
        schedule.next_run_at = next_due(schedule, now)
    _record(actor, "schedule.approve", schedule, now=now, ip=ip, after=approval.to_dict())


def withdraw_approval(
    actor: User, schedule: ScheduledExport, *, now: datetime, ip: str | None = None
) -> None:
    """Take an approval back; the schedule waits again where something would go outside."""
    require(actor, Permission.APPROVE_PERSONAL_DATA)
    db.session.refresh(schedule, with_for_update=True)
    approval = approval_of(schedule)
    if approval is None:
        return
    schedule.approval, schedule.updated_at = None, now
    out = unapproved_of(schedule, schedule.organization)
    if out is not None and schedule.active:
        wait(schedule, out)
    _record(actor, "schedule.withdraw_approval", schedule, now=now, ip=ip, before=approval.to_dict())


def _record(actor: User, action: str, schedule: ScheduledExport, **details: Any) -> None:
    audit.record(
        schedule.organization_id,
        actor=actor.email,
        action=action,
        target=f"schedule:{schedule.public_id}",
        **details,
    )
