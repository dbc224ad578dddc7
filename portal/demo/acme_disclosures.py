"""The demo's disclosures: gifts, conflicts of interest, outside work."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from math import log
from random import Random
from typing import NamedTuple

from portal.demo import acme_words as words
from portal.demo.acme_calendar import moments, start_of
from portal.demo.acme_people import Staff

_DECISIONS = ("APPROVED", "REJECTED", "WITHDRAWN")
_DECISION_WEIGHTS = (78, 15, 7)
_VALUED = frozenset({"GIFT", "POLITICAL_CONTRIBUTION"})


class Disclosure(NamedTuple):
    """A row of `disclosures`."""

    id: int
    organization_id: int
    number: str
    user_id: int
    kind: str
    counterparty: str
    description: str
    amount: str | None
    currency: str
    public_official: int
    status: str
    event_date: str
    submitted_at: str
    decided_at: str | None
    reviewer_id: int | None


def draw_disclosures(rng: Random, count: int, prefix: str, staff: Staff, today: date) -> Iterator[Disclosure]:
    """Yield `count` disclosures in the order they were submitted, numbered on: AC-D-00017."""
    for identity, submitted_at in enumerate(moments(rng, count, today), start=1):
        yield _disclosure(rng, identity, f"{prefix}-D-{identity:05}", submitted_at, staff, start_of(today))


def _disclosure(
    rng: Random, identity: int, number: str, submitted_at: datetime, staff: Staff, now: datetime
) -> Disclosure:
    kind = rng.choices(tuple(words.DISCLOSURE_WORDS), words.DISCLOSURE_WEIGHTS)[0]
    user = rng.choice(staff.users)
    decided_at = submitted_at + timedelta(minutes=int(rng.lognormvariate(log(6), 0.9) * 1440) + 30)
    is_decided = decided_at < now
    return Disclosure(
        id=identity,
        organization_id=1,
        number=number,
        user_id=user.id,
        kind=kind,
        counterparty=rng.choice(words.VENDORS),
        description=rng.choice(words.DISCLOSURE_WORDS[kind]),
        amount=f"{rng.lognormvariate(log(90), 0.9):.2f}" if kind in _VALUED else None,
        currency=words.LOCATIONS[user.location_id - 1].currency,
        public_official=int(rng.random() < 0.05),
        status=rng.choices(_DECISIONS, _DECISION_WEIGHTS)[0] if is_decided else "SUBMITTED",
        event_date=str(submitted_at.date() + timedelta(days=rng.randrange(-20, 15))),
        submitted_at=str(submitted_at),
        decided_at=str(decided_at) if is_decided else None,
        reviewer_id=rng.choice(staff.investigators) if is_decided else None,
    )
