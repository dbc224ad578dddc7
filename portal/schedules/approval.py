"""Personal data that would leave the organization, and whether an admin approved that.

What goes outside is worked out anew whenever it matters: a column may be marked later, a domain removed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from portal.organizations.domains import domains_of, outside
from portal.organizations.models import Organization
from portal.schedules.models import Channel, ScheduledExport
from portal.schedules.subjects import columns_by_dataset
from portal.table import Column

GUARDED = frozenset({"PII", "SENSITIVE"})
NAMED = 3
"""How many columns and recipients a sentence names."""


@dataclass(frozen=True)
class Outgoing:
    """Guarded columns, by key, and the recipients outside the organization's domains who would get them.

    `sources` names the columns with their dataset, `<public id>/<key>`: another one may have the same keys.
    """

    columns: tuple[str, ...]
    recipients: tuple[str, ...]
    sources: tuple[str, ...]

    def in_words(self) -> str:
        """Return `“creator_name” and 3 more (personal data) would go to ann@elsewhere.example`."""
        columns = _named([f"“{key}”" for key in self.columns])
        return f"{columns} (personal or sensitive) would go outside, to {_named(self.recipients)}"

    @property
    def digest(self) -> str:
        """What an admin's page names, so that nobody approves what he has not seen."""
        text = json.dumps([sorted(self.sources), sorted(self.recipients)])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Approval:
    """Who approved what, and when (ISO 8601, UTC); columns, recipients and sources as in `Outgoing`."""

    by: str
    at: str
    columns: tuple[str, ...]
    recipients: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def given_at(self) -> datetime:
        return datetime.fromisoformat(self.at)

    def covers(self, out: Outgoing) -> bool:
        return set(out.sources) <= set(self.sources) and set(out.recipients) <= set(self.recipients)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the form written by `to_dict`. Raises KeyError on anything else."""
        columns, recipients = tuple(data["columns"]), tuple(data["recipients"])
        # one of before names no dataset, and covers nothing
        return cls(data["by"], data["at"], columns, recipients, tuple(data.get("sources", ())))


def approval_of(schedule: ScheduledExport) -> Approval | None:
    return Approval.from_dict(schedule.approval) if schedule.approval else None


def unapproved(
    schedule: ScheduledExport | None,
    columns: Mapping[str, Iterable[Column]],
    recipients: Sequence[str],
    organization: Organization,
) -> Outgoing | None:
    """Return what would go outside without an admin's approval; None where nothing would.

    `columns` are by the public id of their dataset.
    """
    out = _outgoing(columns, recipients, organization)
    approval = approval_of(schedule) if schedule else None
    return None if out is None or (approval and approval.covers(out)) else out


def unapproved_of(schedule: ScheduledExport, organization: Organization) -> Outgoing | None:
    """Return the same for a schedule as it stands, with the newest version of what it exports."""
    if schedule.channel is Channel.STORAGE:
        return None
    return unapproved(schedule, columns_by_dataset(schedule), schedule.recipients, organization)


def settle(schedule: ScheduledExport, organization: Organization) -> Approval | None:
    """Let a schedule that was just changed wait for approval, or go on where it waits no more.

    Returns the approval that this ends, since more would go outside than it covers.
    """
    out = unapproved_of(schedule, organization)
    if out is None:
        if schedule.waits_for_approval:
            schedule.active, schedule.waits_for_approval, schedule.paused_reason = True, False, None
        return None
    ended, schedule.approval = approval_of(schedule), None
    if schedule.active or schedule.waits_for_approval:
        wait(schedule, out)
    return ended


def wait(schedule: ScheduledExport, out: Outgoing) -> None:
    """Pause a schedule until an admin approves it."""
    schedule.active, schedule.next_run_at, schedule.waits_for_approval = False, None, True
    schedule.paused_reason = f"Waits for an admin's approval: {out.in_words()}"[:300]


def _outgoing(
    columns: Mapping[str, Iterable[Column]], recipients: Sequence[str], organization: Organization
) -> Outgoing | None:
    guarded = [
        (dataset, one.key) for dataset, found in columns.items() for one in found if one.tags & GUARDED
    ]
    if not guarded or not recipients:
        return None
    strangers = outside(recipients, domains_of(organization))
    if not strangers:
        return None
    keys = tuple(dict.fromkeys(key for _, key in guarded))
    return Outgoing(keys, strangers, tuple(f"{dataset}/{key}" for dataset, key in guarded))


def _named(names: Sequence[str]) -> str:
    shown = list(names[:NAMED])
    if len(names) > NAMED:
        shown.append(f"{len(names) - NAMED} more")
    *others, last = shown
    return f"{', '.join(others)} and {last}" if others else last
