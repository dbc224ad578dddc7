"""Appending to the trail. Called inside the transaction of what it records: both stand or neither."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from portal.audit.models import AuditEntry, AuditHead
from portal.extensions import db

SYSTEM_CHAIN = 0
GENESIS = "0" * 64


def record(
    organization_id: int | None,
    *,
    actor: str,
    action: str,
    target: str,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    ip: str | None = None,
) -> AuditEntry:
    """Append one entry to the organization's chain (the system chain when there is none) and flush it.

    `actor` is an e-mail address or `system`; `target` is `<kind>:<public id>`. `before` and `after` hold
    plain JSON without secrets.
    """
    head = _locked_head(organization_id)
    entry = AuditEntry(
        chain=head.chain,
        seq=head.seq + 1,
        at=now,
        actor=actor,
        action=action,
        target=target,
        before=before,
        after=after,
        ip=ip,
        previous_hash=head.hash,
    )
    entry.hash = entry_hash(entry)
    head.seq, head.hash = entry.seq, entry.hash
    db.session.add(entry)
    db.session.flush()
    return entry


def entry_hash(entry: AuditEntry) -> str:
    """Return the SHA-256 over the entry's canonical JSON, which includes the hash before it."""
    content = {
        "chain": entry.chain,
        "seq": entry.seq,
        "at": entry.at.astimezone(UTC).isoformat(),  # as it is read back
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "before": entry.before,
        "after": entry.after,
        "ip": entry.ip,
        "previous_hash": entry.previous_hash,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def open_chain(organization_id: int | None) -> None:
    """Create the head of a chain, once, with the organization it belongs to."""
    db.session.add(
        AuditHead(chain=organization_id or SYSTEM_CHAIN, seq=0, hash=GENESIS, organization_id=organization_id)
    )
    db.session.flush()


def _locked_head(organization_id: int | None) -> AuditHead:
    # Taken after all other locks of a transaction: whoever holds it and waits for a row stops everybody.
    # SQLite ignores FOR UPDATE; there the transaction began IMMEDIATE and is alone anyway.
    statement = (
        select(AuditHead)
        .where(AuditHead.chain == (organization_id or SYSTEM_CHAIN))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(statement).one()
