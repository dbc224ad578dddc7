"""Telling people of alerts by mail: each person once, of all that is due in their organization.

An alert is due when it opens, and again a day after its last mail if it happened since. `told` is 0 from
the claim until a mail went through, so that a worker's death and a refusal look alike: tried again later.
"""

import smtplib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from flask_mail import Message
from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import joinedload

from portal.alerts.letter import Notice, Person, compose, notice_of
from portal.alerts.models import Alert
from portal.config import Settings
from portal.extensions import db, mail
from portal.mail import OutcomeUnknown, reply_of
from portal.organizations.models import Organization, User
from portal.permissions import Role
from portal.schedules.models import ScheduledExport

TRY_AGAIN = timedelta(minutes=5)
REMIND = timedelta(hours=24)
TIME_LIMIT = 240
"""Seconds a worker may take, fewer than TRY_AGAIN: a claim is void before another worker makes it anew."""


@dataclass(frozen=True)
class _Claim:
    """What the people of one organization are to be told, by this worker alone."""

    at: datetime
    organization: str
    zone: str
    notices: list[Notice]
    people: dict[int, list[Person]]
    """By alert id: its schedule's owner, then the admins."""


def organizations_to_tell(now: datetime) -> list[int]:
    """Return the ids of the organizations that have an alert due for mail, the longest waiting first."""
    return list(
        db.session.scalars(
            select(Alert.organization_id)
            .join(Organization, Organization.id == Alert.organization_id)
            .where(_due(now), Organization.archived_at.is_(None))
            .group_by(Alert.organization_id)
            .order_by(db.func.min(Alert.id))
        )
    )


def tell(settings: Settings, now: datetime) -> int:
    """Send what is due, and return how many mails were accepted.

    Safe with any number of workers: alerts are claimed by row locks, and committed, before the first mail.
    Nothing is raised for what a mail server does; it stands in `Alert.send_error`.
    """
    organizations = organizations_to_tell(now)
    db.session.rollback()
    accepted = 0
    for organization_id in organizations:
        claim = _claim(organization_id, settings, now)
        if claim is not None:
            accepted += _send_letters(claim, settings)
    return accepted


def _due(now: datetime) -> ColumnElement[bool]:
    nobody_knows = and_(Alert.told == 0, or_(Alert.sent_at.is_(None), Alert.sent_at <= now - TRY_AGAIN))
    happened_since = and_(
        Alert.closed_at.is_(None), Alert.told > 0, Alert.told < Alert.count, Alert.sent_at <= now - REMIND
    )
    return and_(Alert.acknowledged_at.is_(None), or_(nobody_knows, happened_since))


def _claim(organization_id: int, settings: Settings, now: datetime) -> _Claim | None:
    """Take what is due of an organization; None when another worker was faster."""
    organization = db.session.get_one(Organization, organization_id)
    alerts = db.session.scalars(
        select(Alert)
        .where(Alert.organization_id == organization_id, _due(now))
        .options(
            joinedload(Alert.schedule).options(
                joinedload(ScheduledExport.owner), joinedload(ScheduledExport.organization)
            )
        )
        .order_by(Alert.id)
        .with_for_update(skip_locked=True, of=Alert)
        .execution_options(populate_existing=True)
    ).all()
    claim = _Claim(
        at=now,
        organization=organization.name,
        zone=organization.timezone,
        notices=[notice_of(alert, settings) for alert in alerts],
        people=_people(organization_id, alerts),
    )
    for alert in alerts:
        alert.sent_at, alert.told, alert.send_error = now, 0, None
    db.session.commit()
    return claim if claim.notices else None


def _people(organization_id: int, alerts: Iterable[Alert]) -> dict[int, list[Person]]:
    """Return who is told of each alert: nobody twice, nobody whose account is disabled."""
    admins = db.session.scalars(
        select(User)
        .where(User.organization_id == organization_id, User.role == Role.ADMIN, User.disabled_at.is_(None))
        .order_by(User.id)
    ).all()
    return {
        alert.id: list(
            dict.fromkeys(
                Person(user.name, user.email)
                for user in (alert.schedule.owner, *admins)
                if user.is_enabled and user.organization_id == organization_id
            )
        )
        for alert in alerts
    }


def _send_letters(claim: _Claim, settings: Settings) -> int:
    """Send each person one mail and record after each who knows; return how many were accepted."""
    everybody = list(dict.fromkeys(person for people in claim.people.values() for person in people))
    problems: dict[Person, str | None] = dict.fromkeys(everybody, "not tried yet")
    if not everybody:
        _record(claim, claim.notices, problems)
    for number, person in enumerate(everybody):
        notices = [notice for notice in claim.notices if person in claim.people[notice.alert_id]]
        letter = compose(notices, person, organization=claim.organization, zone=claim.zone, settings=settings)
        try:
            problems[person] = _send(letter, person, settings)
        except (smtplib.SMTPException, OSError) as error:
            # The others would wait for the same server just as long, and in vain.
            problems |= dict.fromkeys(everybody[number:], f"no connection to the mail server: {error}")
            _record(claim, claim.notices, problems)
            break
        _record(claim, notices, problems)
    return sum(problem is None for problem in problems.values())


def _send(letter: Message, person: Person, settings: Settings) -> str | None:
    """Send to exactly one envelope recipient; return why it was not accepted, or None.

    Raises smtplib.SMTPException or OSError where there was no connection to speak through.
    """
    _, sender = parseaddr(settings.mail_sender)
    with mail.connect() as connection:
        try:
            connection.transmit(letter, sender, person.email)
        except smtplib.SMTPResponseException as error:
            return f"the mail server answered {error.smtp_code} {reply_of(error)}"
        except OutcomeUnknown:
            return "the connection broke after sending, so it may have arrived"
        except (smtplib.SMTPException, OSError) as error:  # perhaps at this recipient only
            return f"the connection broke: {error}"
    return None


def _record(claim: _Claim, notices: Sequence[Notice], problems: dict[Person, str | None]) -> None:
    """Write down, as far as mails went, who knows of these alerts and who does not, and why."""
    for notice in notices:
        people = claim.people[notice.alert_id]
        missed = [f"{person.name}: {problems[person]}" for person in people if problems[person]]
        reached = len(missed) < len(people)
        error = "; ".join(missed) if people else "No owner or admin has an account that is enabled."
        db.session.execute(
            update(Alert)
            .where(Alert.id == notice.alert_id, Alert.sent_at == claim.at)  # else somebody claimed it anew
            .values(told=notice.count if reached else 0, send_error=error or None)
        )
    db.session.commit()
