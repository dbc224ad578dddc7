"""Organizations, users, passwords and sign-ins."""

import hashlib
import re
import secrets
import unicodedata
from datetime import date, datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select

from portal.audit import service as audit
from portal.database import read_only
from portal.errors import Forbidden, InvalidInput
from portal.extensions import db
from portal.organizations.models import DayOff, Organization, User, UserSession
from portal.permissions import Permission, Role
from portal.schedules.recurrence import zone

MINIMUM_PASSWORD_LENGTH = 12
_hasher = PasswordHasher()


def normalize_email(address: str) -> str:
    """Return one address in lower case. Raises InvalidInput for none, several, or a malformed one."""
    try:
        # test_environment admits the reserved names (RFC 2606) that demos and tests must use. Few servers
        # speak SMTPUTF8 (RFC 6531): local parts must be ASCII, domains are kept in their ASCII form.
        found = validate_email(
            address.strip(), check_deliverability=False, test_environment=True, allow_smtputf8=False
        )
    except EmailNotValidError as error:
        raise InvalidInput(f"“{address.strip()[:80]}” is not an e-mail address: {error}") from None
    return (found.ascii_email or found.normalized).lower()


def create_organization(name: str, slug: str, timezone: str, *, now: datetime) -> Organization:
    """Add an organization and open its audit chain. Raises InvalidInput: slug taken, zone unknown."""
    zone(timezone)
    if db.session.scalar(select(Organization.id).where(Organization.slug == slug)):
        raise InvalidInput(f"There is already an organization “{slug}”.", "slug")
    organization = Organization(name=name, slug=slug, timezone=timezone, created_at=now)
    db.session.add(organization)
    db.session.flush()
    audit.open_chain(organization.id)
    audit.record(
        organization.id,
        actor="system",
        action="organization.create",
        target=f"organization:{organization.public_id}",
        now=now,
        after={"name": name, "slug": slug},
    )
    return organization


def slug_for(name: str) -> str:
    """Return a folder-safe form of a name: `Acme Co.` → `acme-co`. Raises InvalidInput when that is empty."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:60].rstrip("-")
    if not slug:
        raise InvalidInput("The organization's name needs a letter or a digit from A to Z.", "name")
    return slug


def create_user(
    organization: Organization,
    *,
    email: str,
    name: str,
    role: Role,
    password: str,
    now: datetime,
    operator: bool = False,
    actor: str = "system",
) -> User:
    """Add a person. Raises InvalidInput for a bad or taken address or a short password."""
    email = normalize_email(email)
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise InvalidInput(f"A password needs {MINIMUM_PASSWORD_LENGTH} characters or more.", "password")
    if db.session.scalar(select(User.id).where(User.email == email)):
        raise InvalidInput(f"There is already an account for {email}.", "email")
    user = User(
        organization_id=organization.id,
        email=email,
        name=name,
        role=role,
        is_operator=operator,
        password_hash=_hasher.hash(password),
        created_at=now,
    )
    db.session.add(user)
    db.session.flush()
    audit.record(
        organization.id,
        actor=actor,
        action="user.create",
        target=f"user:{user.public_id}",
        now=now,
        after={"email": email, "name": name, "role": role.value, "operator": operator},
    )
    return user


def authenticate(email: str, password: str) -> User | None:
    """Return the enabled user with this password, else None. Both answers take the same time."""
    decoy = _decoy_hash()
    with read_only():  # hashing takes long on purpose; no lock may be held meanwhile
        user = db.session.scalars(select(User).where(User.email == email.strip().lower())).first()
        matches = _matches(user.password_hash if user else decoy, password)
    db.session.rollback()  # what follows may write, and begins anew
    if user is None or not matches or not user.is_enabled:
        return None
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(password)
    return user


def start_session(
    user: User, *, lifetime: timedelta, ip: str | None, agent: str | None, now: datetime
) -> str:
    """Open a sign-in and return its token, which only the browser keeps."""
    token = secrets.token_urlsafe(32)
    db.session.add(
        UserSession(
            user_id=user.id,
            token_hash=_token_hash(token),
            created_at=now,
            expires_at=now + lifetime,
            ip=ip,
            agent=(agent or "")[:300],
        )
    )
    audit.record(
        user.organization_id,
        actor=user.email,
        action="session.start",
        target=f"user:{user.public_id}",
        now=now,
        ip=ip,
    )
    return token


def session_for(token: str, *, now: datetime) -> UserSession | None:
    """Return the open sign-in of a token, or None when it ended, expired, or its user may not enter."""
    found = db.session.scalars(
        select(UserSession).where(UserSession.token_hash == _token_hash(token))
    ).first()
    if found is None or found.ended_at or found.expires_at <= now or not found.user.is_enabled:
        return None
    return found


def end_session(session: UserSession, *, now: datetime) -> None:
    """Close a sign-in; its token is worth nothing from then on."""
    session.ended_at = now
    audit.record(
        session.user.organization_id,
        actor=session.user.email,
        action="session.end",
        target=f"user:{session.user.public_id}",
        now=now,
    )


def days_off(organization: Organization) -> frozenset[date]:
    """Return the days on which an organization does not work, beside the holidays of its country."""
    return frozenset(db.session.scalars(select(DayOff.day).where(DayOff.organization_id == organization.id)))


def require(actor: User, permission: Permission) -> None:
    """Raise Forbidden unless the person holds the permission now."""
    if not actor.may(permission):
        raise Forbidden(f"Your role can't {permission.value}.")


@cache
def _decoy_hash() -> str:
    """Return what is checked when the address is unknown, so that both answers cost the same.

    Made at a process's first sign-in, whoever tries it, and not on import: it takes time and 64 MB, and
    workers never need it.
    """
    return _hasher.hash(secrets.token_urlsafe(16))


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
