"""The demo's cases and their investigations, drawn one after the other from one random stream."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from math import log
from random import Random
from typing import NamedTuple

from portal.demo import acme_words as words
from portal.demo.acme_calendar import moments, start_of
from portal.demo.acme_people import Staff


class Severity(NamedTuple):
    """`days` is the median time to close, `due_days` the time allowed, `risk` the usual score out of 100."""

    name: str
    days: float
    due_days: int
    risk: float


SEVERITIES = (
    Severity("LOW", 18, 60, 22),
    Severity("MEDIUM", 24, 45, 41),
    Severity("HIGH", 20, 30, 66),
    Severity("CRITICAL", 10, 14, 86),
)
_SEVERITY_WEIGHTS = (42, 36, 17, 5)
_INVESTIGATION_WEIGHTS = {  # of 0, 1, 2, 3 and 4 investigations
    "LOW": (45, 45, 8, 2, 0),
    "MEDIUM": (20, 55, 18, 6, 1),
    "HIGH": (4, 46, 30, 14, 6),
    "CRITICAL": (0, 28, 36, 24, 12),
}
_OUTCOMES = ("SUBSTANTIATED", "UNSUBSTANTIATED", "INCONCLUSIVE", None)
_OUTCOME_WEIGHTS = (38, 40, 18, 4)
_STUCK = 0.05  # the share of cases that take eight times as long, so that something is always overdue
_FRESH = timedelta(days=4)


class Case(NamedTuple):
    """A row of `cases`."""

    id: int
    organization_id: int
    number: str
    title: str
    description: str
    status: str
    severity: str
    category_id: int
    business_unit_id: int
    location_id: int
    creator_id: int
    assignee_ids: str
    channel: str
    anonymous: int
    incident_date: str
    opened_at: str
    due_at: str
    closed_at: str | None
    updated_at: str
    outcome: str | None
    currency: str
    estimated_loss: str | None
    recovered: str | None
    risk_score: float
    custom_fields: str


class Investigation(NamedTuple):
    """A row of `investigations`."""

    id: int
    case_id: int
    number: str
    type: str
    status: str
    investigator_id: int
    opened_at: str
    closed_at: str | None
    conclusion: str | None
    hours: float


class Course(NamedTuple):
    """How far a case has come by `today`."""

    severity: Severity
    status: str
    opened_at: datetime
    closed_at: datetime | None
    updated_at: datetime
    outcome: str | None


def draw_cases(rng: Random, number_of_cases: int, prefix: str, staff: Staff, today: date) -> Iterator[Case]:
    """Yield the cases in the order they were opened, numbered by year: AC-2025-00123."""
    numbers: Counter[int] = Counter()
    for identity, opened_at in enumerate(moments(rng, number_of_cases, today), start=1):
        numbers[opened_at.year] += 1
        number = f"{prefix}-{opened_at.year}-{numbers[opened_at.year]:05}"
        yield _case(rng, identity, number, _course(rng, opened_at, start_of(today)), staff)


def _course(rng: Random, opened_at: datetime, now: datetime) -> Course:
    severity = rng.choices(SEVERITIES, _SEVERITY_WEIGHTS)[0]
    days = rng.lognormvariate(log(severity.days), 0.75) * (8 if rng.random() < _STUCK else 1)
    closed_at = opened_at + timedelta(minutes=int(days * 1440) + 20)
    if closed_at < now:
        outcome = rng.choices(_OUTCOMES, _OUTCOME_WEIGHTS)[0]
        return Course(severity, "CLOSED", opened_at, closed_at, closed_at, outcome)
    status = "NEW" if now - opened_at < _FRESH or rng.random() < 0.08 else "OPEN"
    touched = opened_at + timedelta(seconds=int((now - opened_at).total_seconds() * rng.random()))
    return Course(severity, status, opened_at, None, touched, None)


def _case(rng: Random, identity: int, number: str, course: Course, staff: Staff) -> Case:
    category_id = _place_in(rng, words.CATEGORY_WEIGHTS)
    category = words.CATEGORIES[category_id - 1]
    creator = rng.choice(staff.users)
    location_id = creator.location_id if rng.random() < 0.8 else _place_in(rng, words.LOCATION_WEIGHTS)
    location = words.LOCATIONS[location_id - 1]
    estimated_loss, recovered = _amounts(rng, category, course)
    return Case(
        id=identity,
        organization_id=1,
        number=number,
        title=_title(rng, category, location),
        description=_description(rng, location),
        status=course.status,
        severity=course.severity.name,
        category_id=category_id,
        business_unit_id=creator.business_unit_id,
        location_id=location_id,
        creator_id=creator.id,
        assignee_ids=json.dumps(_assignees(rng, course, staff)),
        channel=rng.choices(words.CHANNELS, words.CHANNEL_WEIGHTS)[0],
        anonymous=int(rng.random() < 0.27),
        incident_date=str(course.opened_at.date() - timedelta(days=int(rng.expovariate(1 / 25)))),
        opened_at=str(course.opened_at),
        due_at=str(_due_at(course)),
        closed_at=str(course.closed_at) if course.closed_at else None,
        updated_at=str(course.updated_at),
        outcome=course.outcome,
        currency=location.currency,
        estimated_loss=estimated_loss,
        recovered=recovered,
        risk_score=round(min(max(rng.gauss(course.severity.risk, 9), 0), 100), 1),
        custom_fields=json.dumps(_custom_fields(rng, course), ensure_ascii=False),
    )


def _place_in(rng: Random, weights: tuple[int, ...]) -> int:
    """Draw a row's id: rows are numbered from 1 in the order of their words."""
    return rng.choices(range(1, len(weights) + 1), weights)[0]


def _due_at(course: Course) -> datetime:
    return start_of(course.opened_at.date()) + timedelta(days=course.severity.due_days, hours=17)


def _title(rng: Random, category: words.Category, location: words.Place) -> str:
    if rng.random() < 0.004:
        return rng.choice(words.FORMULA_TITLES)
    return f"{rng.choice(words.CASE_TITLES[category.code])}, {location.name}"


def _description(rng: Random, location: words.Place) -> str:
    if rng.random() < 0.015:  # an interview, typed up: several thousand characters
        return "\n\n".join(f"{n}. {_paragraph(rng, location)}" for n in range(1, rng.randrange(12, 40)))
    return _paragraph(rng, location)


def _paragraph(rng: Random, location: words.Place) -> str:
    sentences = rng.sample(words.SENTENCES, rng.randrange(1, 5))
    if rng.random() < 0.4:
        sentences.insert(0, rng.choice(words.LOCAL_SENTENCES[location.code[:2]]))
    return " ".join(sentences)


def _assignees(rng: Random, course: Course, staff: Staff) -> list[int]:
    if course.status == "NEW":
        return []
    return rng.sample(staff.investigators, rng.choices((1, 2, 3), (70, 24, 6))[0])


def _amounts(rng: Random, category: words.Category, course: Course) -> tuple[str | None, str | None]:
    """Return the estimated loss and what came back of it, as decimal text."""
    if rng.random() > category.loss_chance:
        return None, None
    loss = rng.lognormvariate(log(course.severity.risk * 120), 1.3)
    came_back = loss * rng.betavariate(2, 2) if course.outcome == "SUBSTANTIATED" else None
    return f"{loss:.2f}", None if came_back is None else f"{came_back:.2f}"


def _custom_fields(rng: Random, course: Course) -> dict[str, str | int | bool | list[str]]:
    fields: dict[str, str | int | bool | list[str]] = {"witness_count": int(rng.expovariate(0.7))}
    if rng.random() < 0.8:
        fields["policy_reference"] = rng.choice(words.POLICIES)
    if rng.random() < 0.12:
        fields["retaliation_alleged"] = rng.random() < 0.7
    if course.severity.name in ("HIGH", "CRITICAL"):
        fields["regulator_notified"] = rng.random() < 0.3
    if course.status == "CLOSED":
        fields["root_cause"] = rng.choice(words.ROOT_CAUSES)
        fields["remedies"] = rng.sample(words.REMEDIES, rng.randrange(1, 3))
    if rng.random() < 0.2:
        fields["vendor"] = rng.choice(words.VENDORS)
    return fields


def draw_investigations(
    rng: Random, case: Case, staff: Staff, identities: Iterator[int]
) -> Iterator[Investigation]:
    """Yield the 0 to 4 investigations of a case, none while it is NEW, ids taken from `identities`."""
    if case.status == "NEW":
        return
    opened_at = datetime.fromisoformat(case.opened_at)
    until = datetime.fromisoformat(case.updated_at)
    wanted = rng.choices(range(5), _INVESTIGATION_WEIGHTS[case.severity])[0]
    for nth, identity in zip(range(1, wanted + 1), identities, strict=False):
        opened_at += (until - opened_at) * rng.uniform(0.02, 0.3)
        yield _investigation(rng, case, nth, identity, (opened_at.replace(microsecond=0), until), staff)


def _investigation(
    rng: Random, case: Case, nth: int, identity: int, span: tuple[datetime, datetime], staff: Staff
) -> Investigation:
    opened_at, until = span
    is_closed = case.status == "CLOSED" or rng.random() < 0.25
    closed_at = (opened_at + (until - opened_at) * rng.uniform(0.3, 1)).replace(microsecond=0)
    assigned: list[int] = json.loads(case.assignee_ids)
    return Investigation(
        id=identity,
        case_id=case.id,
        number=f"{case.number}-I{nth}",
        type=rng.choice(words.INVESTIGATION_TYPES),
        status="CLOSED" if is_closed else "OPEN",
        investigator_id=rng.choice(assigned) if rng.random() < 0.8 else rng.choice(staff.investigators),
        opened_at=str(opened_at),
        closed_at=str(closed_at) if is_closed else None,
        conclusion=rng.choice(words.CONCLUSIONS) if is_closed else None,
        hours=round(rng.lognormvariate(log(9), 0.8), 2),
    )
