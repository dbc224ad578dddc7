"""Which e-mail domains are an organization's own: whoever reads mail there is one of its people."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select

from portal.audit import service as audit
from portal.errors import InvalidInput
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.organizations.service import normalize_email, require
from portal.permissions import Permission

MAXIMUM_DOMAINS = 100


def domains_of(organization: Organization) -> frozenset[str]:
    """Return the domains that were set, or else those of the addresses of its people who may sign in."""
    if organization.email_domains:
        return frozenset(organization.email_domains)
    addresses = db.session.scalars(
        select(User.email).where(User.organization_id == organization.id, User.disabled_at.is_(None))
    )
    return frozenset(domain_of(address) for address in addresses)


def domain_of(address: str) -> str:
    """Return the domain of a normalized address."""
    return address.rpartition("@")[2].lower()


def outside(addresses: Collection[str], domains: Collection[str]) -> tuple[str, ...]:
    """Return the addresses of none of the domains. A subdomain is another domain."""
    return tuple(address for address in addresses if domain_of(address) not in domains)


def parse_domains(text: str) -> list[str]:
    """Read domains as people write them, `acme.example` or `@acme.example`, in any separation.

    Raises InvalidInput(field="domains") naming the first that is none.
    """
    found: list[str] = []
    for word in re.split(r"[\s,;]+", text.strip()):
        if not word:
            continue
        try:
            found.append(domain_of(normalize_email(f"someone@{word.removeprefix('@')}")))
        except InvalidInput:
            raise InvalidInput(f"“{word[:80]}” is not a domain such as acme.example.", "domains") from None
    if len(found) > MAXIMUM_DOMAINS:
        raise InvalidInput(f"At most {MAXIMUM_DOMAINS} domains, please.", "domains")
    return list(dict.fromkeys(found))


def set_domains(actor: User, domains: Sequence[str], *, now: datetime, ip: str | None = None) -> None:
    """Keep the domains of the actor's organization, none for those of its users' addresses."""
    require(actor, Permission.MANAGE_ORGANIZATION)
    organization = actor.organization
    before, organization.email_domains = organization.email_domains, list(domains) or None
    if organization.email_domains == before:
        return
    db.session.flush()
    audit.record(
        organization.id,
        actor=actor.email,
        action="organization.email_domains",
        target=f"organization:{organization.public_id}",
        now=now,
        before={"domains": before},
        after={"domains": organization.email_domains},
        ip=ip,
    )
