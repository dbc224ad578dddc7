"""What happens to an account after it was made: another role, shut, opened again."""

from datetime import datetime

from sqlalchemy import func, select, update

from portal.audit import service as audit
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.models import Organization, User, UserSession
from portal.organizations.service import normalize_email
from portal.permissions import Role


def user_by_email(email: str) -> User:
    """Return the account of an address. Raises InvalidInput for a malformed one, NotFound for an unknown."""
    address = normalize_email(email)
    found = db.session.scalars(select(User).where(User.email == address)).first()
    if found is None:
        raise NotFound(f"There is no account for {address}.")
    return found


def disable_user(user: User, *, now: datetime, actor: str = "system", ip: str | None = None) -> None:
    """Shut an account and end its sign-ins. Its schedules pause when they next fall due.

    Disabling twice changes nothing. Raises InvalidInput for the last admin of an organization.
    """
    _lock(user)
    if user.disabled_at is not None:
        return
    _keep_one_admin(user)
    user.disabled_at = now
    ended = db.session.execute(
        update(UserSession)
        .where(UserSession.user_id == user.id, UserSession.ended_at.is_(None), UserSession.expires_at > now)
        .values(ended_at=now)
    )
    after = {"sessions_ended": ended.rowcount}  # type: ignore[attr-defined] # an UPDATE's result has it
    _record(user, "user.disable", actor=actor, now=now, ip=ip, after=after)


def enable_user(user: User, *, now: datetime, actor: str = "system", ip: str | None = None) -> None:
    """Open an account again. Schedules that paused meanwhile stay so until somebody resumes them."""
    _lock(user)
    if user.disabled_at is None:
        return
    user.disabled_at = None
    _record(user, "user.enable", actor=actor, now=now, ip=ip)


def change_role(
    user: User, role: Role, *, now: datetime, actor: str = "system", ip: str | None = None
) -> None:
    """Give a person another role from now on. Raises InvalidInput for the last admin of an organization."""
    _lock(user)
    if user.role is role:
        return
    _keep_one_admin(user)
    before, user.role = user.role, role
    _record(
        user,
        "user.change_role",
        actor=actor,
        now=now,
        ip=ip,
        before={"role": before.value},
        after={"role": role.value},
    )


def _lock(user: User) -> None:
    # The organization, not the person: two admins who disable each other at once must not both succeed.
    db.session.scalars(
        select(Organization.id).where(Organization.id == user.organization_id).with_for_update()
    ).one()
    db.session.refresh(user)


def _keep_one_admin(user: User) -> None:
    others = db.session.scalars(
        select(func.count()).where(
            User.organization_id == user.organization_id,
            User.id != user.id,
            User.role == Role.ADMIN,
            User.disabled_at.is_(None),
        )
    ).one()
    if user.role is Role.ADMIN and user.disabled_at is None and not others:
        raise InvalidInput(f"{user.email} is the last admin of {user.organization.name}; make another first.")


def _record(
    user: User,
    action: str,
    *,
    actor: str,
    now: datetime,
    ip: str | None,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.record(
        user.organization_id,
        actor=actor,
        action=action,
        target=f"user:{user.public_id}",
        now=now,
        before=before,
        after=after,
        ip=ip,
    )
