"""The mail that tells one person of alerts: plain text and HTML, with links to what it speaks of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import css_inline
from flask import render_template
from flask_mail import Message

from portal.alerts import wording
from portal.alerts.models import Alert, Cause
from portal.config import Settings
from portal.mail import AUTOMATIC, sender_domain

LISTED = 30
"""How many alerts a mail spells out; of the others it gives the number."""
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)


@dataclass(frozen=True)
class Person:
    name: str
    email: str


@dataclass(frozen=True)
class Notice:
    """An alert as a mail speaks of it. `told` is how often it had happened at the last mail, 0 if none went.

    It is read from the database once, so that no transaction is open while mail goes out.
    """

    alert_id: int
    cause: Cause
    schedule: str
    message: str
    count: int
    told: int
    first_at: datetime
    last_at: datetime
    over_at: datetime | None
    next_step: str
    run_url: str | None
    schedule_url: str | None

    @property
    def title(self) -> str:
        return wording.title(self.cause)


def notice_of(alert: Alert, settings: Settings) -> Notice:
    """Read an alert, its schedule and its organization into what a mail needs of them."""
    schedule, base = alert.schedule, settings.public_url
    return Notice(
        alert_id=alert.id,
        cause=alert.cause,
        schedule=schedule.name,
        message=alert.message,
        count=alert.count,
        told=alert.told,
        first_at=alert.first_at,
        last_at=alert.last_at,
        over_at=alert.closed_at,
        next_step=wording.next_step(alert, schedule.organization.timezone),
        run_url=f"{base}/runs/{alert.run_id}" if alert.run_id else None,
        schedule_url=None if schedule.deleted_at else f"{base}/schedules/{schedule.public_id}",
    )


def compose(
    notices: Sequence[Notice], person: Person, *, organization: str, zone: str, settings: Settings
) -> Message:
    """Build the one mail that a person gets of these alerts. `zone` is the organization's."""
    context = {
        "notices": notices[:LISTED],
        "unlisted": max(0, len(notices) - LISTED),
        "heading": _heading(notices),
        "person": person,
        "organization": organization,
        "zone": zone,
        "alerts_url": f"{settings.public_url}/alerts",
    }
    message = Message(
        subject=_subject(notices, organization),
        recipients=[person.email],
        sender=settings.mail_sender,
        body=render_template("emails/alert.txt", **context),
        html=_inliner.inline(render_template("emails/alert.html", **context)),
        extra_headers=dict(AUTOMATIC),
    )
    message.msgId = _message_id(notices, person, settings)
    return message


def _heading(notices: Sequence[Notice]) -> str:
    if len(notices) > 1:
        return f"{len(notices)} alerts"
    (notice,) = notices
    return notice.title if notice.count == 1 else f"{notice.title} {notice.count} times"


def _subject(notices: Sequence[Notice], organization: str) -> str:
    about = organization if len(notices) > 1 else notices[0].schedule
    return " ".join(f"{_heading(notices)}: {about}".split())


def _message_id(notices: Sequence[Notice], person: Person, settings: Settings) -> str:
    """Return the same id for the same news, so that programs show it once where we must send it twice."""
    news = " ".join(f"{notice.alert_id}:{notice.count}" for notice in notices)
    digest = sha256(f"{person.email} {news}".encode()).hexdigest()[:32]
    return f"<alerts.{digest}@{sender_domain(settings)}>"
