"""The demo's users: who reports, who investigates, who discloses."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from portal.demo.acme_words import (
    BUSINESS_UNITS,
    DEPARTMENTS,
    LOCATION_WEIGHTS,
    LOCATIONS,
    NAME_WEIGHTS,
    NAMES,
)

_FEWEST_USERS = 40
_MOST_USERS = 400
_CASES_PER_USER = 50
_INVESTIGATORS_IN = 8


class User(NamedTuple):
    """A row of `users`."""

    id: int
    organization_id: int
    name: str
    email: str
    department: str
    business_unit_id: int
    location_id: int
    active: int


@dataclass(frozen=True)
class Staff:
    """Everybody, and the ids of those in Compliance who investigate."""

    users: Sequence[User]
    investigators: Sequence[int]


def draw_staff(rng: Random, cases: int, domain: str) -> Staff:
    """Draw as many users as `cases` cases need, with unique addresses at `domain`."""
    count = min(max(cases // _CASES_PER_USER, _FEWEST_USERS), _MOST_USERS)
    investigators = range(1, count // _INVESTIGATORS_IN + 1)
    taken: Counter[str] = Counter()
    users = [_user(rng, number, number in investigators, domain, taken) for number in range(1, count + 1)]
    return Staff(users, investigators)


def _user(rng: Random, number: int, investigates: bool, domain: str, taken: Counter[str]) -> User:
    stock = rng.choices(NAMES, NAME_WEIGHTS)[0]
    (given, given_address), (family, family_address) = rng.choice(stock.given), rng.choice(stock.family)
    mailbox = f"{given_address}.{family_address}"
    taken[mailbox] += 1
    nth = str(taken[mailbox]) if taken[mailbox] > 1 else ""
    return User(
        id=number,
        organization_id=1,
        name=stock.shown.format(given=given, family=family),
        email=f"{mailbox}{nth}@{domain}",
        department="Compliance" if investigates else rng.choice(DEPARTMENTS),
        business_unit_id=rng.randrange(len(BUSINESS_UNITS)) + 1,
        location_id=rng.choices(range(1, len(LOCATIONS) + 1), LOCATION_WEIGHTS)[0],
        active=int(rng.random() > 0.06),
    )
