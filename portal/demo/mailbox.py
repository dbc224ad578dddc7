"""The demo's mailbox: a folder of `.eml` files, one a message, and what the inbox pages read from it.

A file begins with what the envelope said (`X-Envelope-From`, one `X-Envelope-To` a recipient), then comes the
message as it was received. Names begin with the instant of arrival, so their order is the order of arrival.
"""

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

from portal.errors import NotFound

INSTANT = "%Y%m%dT%H%M%S%f"
MESSAGE_ID = re.compile(r"\d{8}T\d{12}-[0-9a-f]{8}", re.ASCII)
HEADERS_WITHIN = 65_536  # bytes read of each message for a list


@dataclass(frozen=True)
class MailSummary:
    """One line of the inbox."""

    id: str
    received_at: datetime
    sender: str
    envelope_to: tuple[str, ...]
    subject: str


@dataclass(frozen=True)
class MailAttachment:
    """A file in a message. `index` counts from 0, `size` is in bytes, decoded."""

    index: int
    filename: str
    media_type: str
    size: int


@dataclass(frozen=True)
class MailView:
    """A whole message, decoded. `date` is what its header says, `received_at` when it came."""

    id: str
    received_at: datetime
    subject: str
    sender: str
    to: str
    date: datetime | None
    envelope_from: str
    envelope_to: tuple[str, ...]
    text: str
    html: str
    attachments: tuple[MailAttachment, ...]
    headers: tuple[tuple[str, str], ...]


def keep(
    directory: Path, content: bytes, *, sender: str, recipients: Sequence[str], received_at: datetime
) -> str:
    """Store a message whole or not at all, and return its id. Raises OSError when there is no room."""
    message_id = f"{received_at.astimezone(UTC):{INSTANT}}-{secrets.token_hex(4)}"
    envelope = [f"X-Envelope-From: {sender}", *(f"X-Envelope-To: {recipient}" for recipient in recipients)]
    directory.mkdir(parents=True, exist_ok=True)
    unfinished = directory / f".{message_id}.tmp"
    try:
        with unfinished.open("xb") as file:
            file.write("".join(f"{line}\r\n" for line in envelope).encode())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(_path(directory, message_id))
    finally:
        unfinished.unlink(missing_ok=True)
    return message_id


def messages(directory: Path, limit: int) -> list[MailSummary]:
    """Return the `limit` latest messages, newest first. A folder that does not exist yet is empty."""
    if not directory.is_dir():
        return []
    ids = (path.stem for path in directory.glob("*.eml") if MESSAGE_ID.fullmatch(path.stem))
    return [_summary(directory, message_id) for message_id in sorted(ids, reverse=True)[:limit]]


def read(directory: Path, message_id: str) -> MailView:
    """Return one message. Raises NotFound for an id that is none of ours."""
    message = _parse(directory, message_id)
    date = message["date"]
    return MailView(
        id=message_id,
        received_at=_received_at(message_id),
        subject=str(message["subject"] or ""),
        sender=str(message["from"] or ""),
        to=str(message["to"] or ""),
        date=date.datetime if date else None,
        envelope_from=str(message["x-envelope-from"] or ""),
        envelope_to=_envelope_to(message),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attachments=tuple(_described(part, index) for index, part in enumerate(message.iter_attachments())),
        headers=tuple((name, str(value)) for name, value in message.items()),
    )


def attachment(directory: Path, message_id: str, index: int) -> tuple[MailAttachment, bytes]:
    """Return one attachment and its bytes. Raises NotFound when there is no such message or attachment."""
    for number, part in enumerate(_parse(directory, message_id).iter_attachments()):
        if number == index:
            return _described(part, index), _content(part)
    raise NotFound("There is no such attachment")


def _path(directory: Path, message_id: str) -> Path:
    """The one place where an id becomes a path: an id can name nothing outside the folder."""
    if not MESSAGE_ID.fullmatch(message_id):
        raise NotFound("There is no such message")
    return directory / f"{message_id}.eml"


def _parse(directory: Path, message_id: str) -> EmailMessage:
    try:
        content = _path(directory, message_id).read_bytes()
    except FileNotFoundError:
        raise NotFound("There is no such message") from None
    return BytesParser(EmailMessage, policy=default).parsebytes(content)


def _summary(directory: Path, message_id: str) -> MailSummary:
    with _path(directory, message_id).open("rb") as file:
        beginning = file.read(HEADERS_WITHIN)
    message = BytesParser(EmailMessage, policy=default).parsebytes(beginning, headersonly=True)
    return MailSummary(
        id=message_id,
        received_at=_received_at(message_id),
        sender=str(message["from"] or ""),
        envelope_to=_envelope_to(message),
        subject=str(message["subject"] or ""),
    )


def _received_at(message_id: str) -> datetime:
    return datetime.strptime(message_id.partition("-")[0], INSTANT).replace(tzinfo=UTC)


def _envelope_to(message: EmailMessage) -> tuple[str, ...]:
    return tuple(str(value) for value in message.get_all("x-envelope-to", []))


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except LookupError:  # a charset Python does not know
        return _content(part).decode("ascii", "replace")


def _described(part: MIMEPart, index: int) -> MailAttachment:
    filename = part.get_filename() or f"attachment-{index + 1}"
    return MailAttachment(index, filename, part.get_content_type(), len(_content(part)))


def _content(part: MIMEPart) -> bytes:
    """The decoded bytes; an attached message, which has parts instead of bytes, as it stands."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else part.as_bytes()
