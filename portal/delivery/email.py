"""One e-mail to one recipient: building it, sending it, and what the server answered."""

import re
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from hashlib import sha256
from zoneinfo import ZoneInfo

import css_inline
from flask import render_template
from flask_mail import Message

from portal.config import Settings
from portal.delivery.models import DeliveryStatus
from portal.extensions import mail
from portal.mail import AUTOMATIC, OutcomeUnknown, PortalConnection, reply_of, sender_domain

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\s")
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)


@dataclass(frozen=True)
class Letter:
    """What a message says about a run's file. `rows` is None where they say nothing; instants are aware."""

    organization: str
    schedule: str
    due_at: datetime
    timezone: str
    filename: str
    media_type: str
    size: int
    rows: int | None
    sha256: str
    facts: tuple[tuple[str, str], ...]
    everyone: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NoRowsLetter:
    """What a message says where a run had no rows, and so no file."""

    organization: str
    schedule: str
    due_at: datetime
    timezone: str
    facts: tuple[tuple[str, str], ...]
    everyone: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """How one try ended: the new status and, where there were any, the server's words.

    `unreachable` says that there was no server to say any.
    """

    status: DeliveryStatus
    code: int | None
    enhanced: str | None
    reply: str
    unreachable: bool = False


def message_id(run_id: str, recipient: str, settings: Settings, *, resend: int = 0) -> str:
    """Return the Message-ID of a run's message to a recipient: the same on every automatic try."""
    digest = sha256(recipient.encode()).hexdigest()[:16]
    suffix = f".{resend}" if resend else ""
    return f"<{run_id}.{digest}{suffix}@{sender_domain(settings)}>"


def compose(
    letter: Letter,
    recipient: str,
    *,
    link: str,
    until: datetime,
    message_id: str,
    attachment: bytes | None,
    settings: Settings,
) -> Message:
    """Build the message. Without an attachment it says that the file is too large for one."""
    zone = ZoneInfo(letter.timezone)
    message = _message(
        "export",
        letter,
        recipient,
        message_id,
        settings,
        link=link,
        until=until.astimezone(zone),
        attached=attachment is not None,
        attachment_limit=settings.mail_attachment_limit,
    )
    if attachment is not None:
        message.attach(letter.filename, letter.media_type, attachment, "attachment")
    return message


def compose_no_rows(letter: NoRowsLetter, recipient: str, *, message_id: str, settings: Settings) -> Message:
    """Build the message that there were no rows: it has neither attachment nor link."""
    return _message("no_rows", letter, recipient, message_id, settings)


def _message(
    template: str,
    letter: Letter | NoRowsLetter,
    recipient: str,
    message_id: str,
    settings: Settings,
    **context: object,
) -> Message:
    """Build a message of a template's text and HTML, with the headers that all have in common."""
    due = letter.due_at.astimezone(ZoneInfo(letter.timezone))
    context |= {"letter": letter, "due": due, "recipient": recipient}
    message = Message(
        subject=f"{letter.schedule}, {due:%-d %B %Y}",
        recipients=list(letter.everyone),
        sender=settings.mail_sender,
        body=render_template(f"emails/{template}.txt", **context),
        html=_inliner.inline(render_template(f"emails/{template}.html", **context)),
        extra_headers=dict(AUTOMATIC),
    )
    message.msgId = message_id
    return message


def send(
    message: Message, recipient: str, settings: Settings, *, before_data: Callable[[], None] = lambda: None
) -> Answer:
    """Send to exactly one envelope recipient and say how it ended; never raises for a server's doing.

    `before_data` is called right before the message leaves; what it raises ends the sending.
    """
    _, sender = parseaddr(settings.mail_sender)
    reached = False
    try:
        with mail.connect() as connection:
            reached = True
            return _transmit(connection, message, sender, recipient, before_data)
    except (smtplib.SMTPException, OSError) as error:
        # Also where it refused our login: that says nothing about the recipient, and somebody will mend it.
        return Answer(
            DeliveryStatus.DEFERRED, None, None, f"no connection to the mail server: {error}", not reached
        )


def _transmit(
    connection: PortalConnection,
    message: Message,
    sender: str,
    recipient: str,
    before_data: Callable[[], None],
) -> Answer:
    try:
        code, reply = connection.transmit(message, sender, recipient, before_data=before_data)
    except OutcomeUnknown as error:
        return Answer(DeliveryStatus.UNKNOWN, None, None, f"connection lost after sending: {error}")
    except smtplib.SMTPResponseException as error:
        return _refusal(error.smtp_code, reply_of(error))
    return Answer(DeliveryStatus.SENT, code, _enhanced(reply), reply)


def _refusal(code: int, text: str) -> Answer:
    status = DeliveryStatus.REFUSED if code >= 500 else DeliveryStatus.DEFERRED
    return Answer(status, code, _enhanced(text), text)


def _enhanced(reply: str) -> str | None:
    """Return the enhanced status code (RFC 3463) at the start of a reply."""
    match = _ENHANCED.match(reply)
    return match[1] if match else None
