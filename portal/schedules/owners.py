"""Whose rights a schedule runs with, and how it comes to somebody else."""

from datetime import datetime

from sqlalchemy import select

from portal.audit import service as audit
from portal.errors import InvalidInput
from portal.extensions import db
from portal.organizations.models import User
from portal.organizations.service import require
from portal.permissions import Permission, Role, allows
from portal.schedules.models import ScheduledExport

NEEDED = Permission.MANAGE_SCHEDULES
"""What an owner must be allowed, at every run anew."""


def problem(schedule: ScheduledExport) -> str:
    """Say why a schedule can't run with its owner's rights; empty where it can."""
    owner = schedule.owner
    if schedule.organization.archived_at is not None:
        return "The organization is archived"
    if owner.disabled_at is not None:
        return f"The account of {owner.name} is disabled"
    return "" if owner.may(NEEDED) else f"{owner.name} may no longer manage schedules"


def eligible(schedule: ScheduledExport) -> list[User]:
    """Return who could own a schedule in place of its owner, by name."""
    roles = [role for role in Role if allows(role, NEEDED)]
    return list(
        db.session.scalars(
            select(User)
            .where(
                User.organization_id == schedule.organization_id,
                User.id != schedule.owner_id,
                User.disabled_at.is_(None),
                User.role.in_(roles),
            )
            .order_by(User.name, User.id)
        )
    )


def reassign_schedule(
    actor: User, schedule: ScheduledExport, new_owner: str, *, now: datetime, ip: str | None = None
) -> None:
    """Let a schedule run with the rights of another person, by public id, from its next run on.

    A paused schedule stays paused. Raises InvalidInput(field="owner") for somebody who can't own it: not of
    this organization, disabled, or without the right to manage schedules.
    """
    require(actor, Permission.REASSIGN_SCHEDULES)
    db.session.refresh(schedule, with_for_update=True)
    found = next((person for person in eligible(schedule) if person.public_id == new_owner), None)
    if found is None:
        raise InvalidInput("Choose somebody who may manage schedules.", "owner")
    before, schedule.owner, schedule.owner_id = schedule.owner.email, found, found.id
    schedule.updated_at = now
    audit.record(
        schedule.organization_id,
        actor=actor.email,
        action="schedule.reassign",
        target=f"schedule:{schedule.public_id}",
        now=now,
        before={"owner": before},
        after={"owner": found.email},
        ip=ip,
    )
