"""Logo and colour of an organization: what reports and pages show of them, and how an admin changes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from portal.audit import service as audit
from portal.errors import NotFound
from portal.extensions import db
from portal.organizations.colours import ink_on, readable_colour
from portal.organizations.logos import Logo
from portal.organizations.models import Organization, OrganizationBranding, User
from portal.organizations.service import require
from portal.permissions import Permission

DEFAULT_COLOUR = "#0b6075"
"""The portal's accent, `--accent` of tokens.css."""


@dataclass(frozen=True)
class Branding:
    """How an organization looks.

    `colour` is `#rrggbb`, and has 4.5:1 or more against white; `ink_on_colour` is the colour of text on it.
    `logo` is a PNG of at most 800 × 240 pixels, `width` × `height`, which are 0 where there is none.
    """

    colour: str = DEFAULT_COLOUR
    ink_on_colour: str = ink_on(DEFAULT_COLOUR)
    logo: bytes | None = None
    width: int = 0
    height: int = 0


class _Change(NamedTuple):
    """What the trail keeps of a change: of a logo its SHA-256, never the picture."""

    action: str
    before: dict[str, str | None]
    after: dict[str, str | None]


def branding_of(organization: Organization) -> Branding:
    """Return how an organization looks: what it chose, else the portal's colour and no logo."""
    kept = organization.branding
    if kept is None:
        return Branding()
    colour = kept.colour or DEFAULT_COLOUR
    return Branding(colour, ink_on(colour), kept.logo, kept.logo_width or 0, kept.logo_height or 0)


def set_colour(
    actor: User | None,
    organization: Organization,
    colour: str | None,
    *,
    now: datetime,
    ip: str | None = None,
) -> None:
    """Choose a colour; None goes back to the portal's. No `actor` is the portal itself.

    Raises InvalidInput(field="colour") for what is no colour or too light to be read on white.
    """
    chosen = readable_colour(colour) if colour else None
    kept = _locked(actor, organization)
    before = kept.colour
    if chosen != before:
        kept.colour = chosen
        change = _Change("branding.set_colour", {"colour": before}, {"colour": chosen})
        _record(change, actor, organization, kept, now=now, ip=ip)


def set_logo(
    actor: User | None, organization: Organization, logo: Logo, *, now: datetime, ip: str | None = None
) -> None:
    """Show a logo, which `logos.read_logo` makes of a file: decoding takes long, and holds no lock there.

    No `actor` is the portal itself.
    """
    _keep_logo("branding.set_logo", actor, organization, logo, now=now, ip=ip)


def remove_logo(
    actor: User | None, organization: Organization, *, now: datetime, ip: str | None = None
) -> None:
    """Show no logo any more. No `actor` is the portal itself."""
    _keep_logo("branding.remove_logo", actor, organization, None, now=now, ip=ip)


def _keep_logo(
    action: str,
    actor: User | None,
    organization: Organization,
    logo: Logo | None,
    *,
    now: datetime,
    ip: str | None,
) -> None:
    kept = _locked(actor, organization)
    before, after = kept.logo_sha256, logo.sha256 if logo else None
    if before == after:
        return
    kept.logo, kept.logo_sha256 = (logo.png, after) if logo else (None, None)
    kept.logo_width, kept.logo_height = (logo.width, logo.height) if logo else (None, None)
    change = _Change(action, {"logo_sha256": before}, {"logo_sha256": after})
    _record(change, actor, organization, kept, now=now, ip=ip)


def _locked(actor: User | None, organization: Organization) -> OrganizationBranding:
    """Return the organization's row to change, not kept yet where it is new.

    Raises NotFound for strangers, Forbidden for people who may not.
    """
    if actor is not None:
        if actor.organization_id != organization.id:
            raise NotFound("There is no such organization.")
        require(actor, Permission.MANAGE_ORGANIZATION)
    # Two people who choose first at once must both be answered, not one of them refused by the primary key.
    statement = select(Organization.id).where(Organization.id == organization.id).with_for_update()
    db.session.scalars(statement).one()
    db.session.expire(organization, ["branding"])
    return organization.branding or OrganizationBranding(organization_id=organization.id)


def _record(
    change: _Change,
    actor: User | None,
    organization: Organization,
    kept: OrganizationBranding,
    *,
    now: datetime,
    ip: str | None,
) -> None:
    by = actor.email if actor else "system"
    kept.updated_at, kept.updated_by = now, by
    organization.branding = kept
    db.session.flush()
    audit.record(
        organization.id,
        actor=by,
        action=change.action,
        target=f"organization:{organization.public_id}",
        now=now,
        before=change.before,
        after=change.after,
        ip=ip,
    )
