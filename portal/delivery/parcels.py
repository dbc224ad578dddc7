"""What goes to the targets of a run, a stored file or only word, and handing it over to one of them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask_mail import Message

from portal.config import Settings
from portal.delivery import email, folder
from portal.delivery.email import Answer, Letter, NoRowsLetter
from portal.delivery.models import DeliveryStatus
from portal.errors import LeaseLost, PortalError
from portal.schedules.models import Channel
from portal.storage.base import Storage


@dataclass(frozen=True)
class Shipment:
    """A stored file on its way to the targets of a run."""

    run_pk: int
    run_id: str
    artifact_id: int
    storage_key: str
    channel: Channel
    targets: tuple[str, ...]
    letter: Letter
    folder: Path


@dataclass(frozen=True)
class Word:
    """Word by mail to the recipients of a run that there is no file for them."""

    run_pk: int
    run_id: str
    letter: NoRowsLetter


Consignment = Shipment | Word


@dataclass(frozen=True)
class Guard:
    """What keeps a worker from sending, or recording, what is no longer its own to send.

    `fence` opens a transaction of the run's owner and refuses where the run must stop; `record` opens one for
    what was sent already. `before_sending` is asked right before a message leaves, `sent` told once it has.
    """

    fence: Callable[[], AbstractContextManager[object]]
    record: Callable[[], AbstractContextManager[object]]
    before_sending: Callable[[], None]
    sent: Callable[[], None]


@dataclass(frozen=True)
class Link:
    """A link to the file, and when it ends."""

    url: str
    until: datetime


@dataclass(frozen=True)
class Parcel:
    """One delivery about to be tried; plain values, since no transaction is open meanwhile."""

    delivery_id: int
    attempt_id: int
    target: str
    message_id: str
    link: Link | None


def attachment_of(consignment: Consignment, storage: Storage, settings: Settings) -> bytes | None:
    """Read the file once for all messages; None where there is none, or it is too large to attach.

    Raises StorageFailed when the file can't be read.
    """
    if not isinstance(consignment, Shipment) or consignment.channel is not Channel.EMAIL:
        return None
    if consignment.letter.size > settings.mail_attachment_limit:
        return None
    with storage.open(consignment.storage_key) as file:
        return file.read()


def hand_over(
    consignment: Consignment,
    parcel: Parcel,
    attachment: bytes | None,
    guard: Guard,
    storage: Storage,
    settings: Settings,
) -> Answer:
    """Try one delivery and say how it ended. Raises LeaseLost, and whatever else `guard` raises."""
    if isinstance(consignment, Shipment) and consignment.channel is Channel.STORAGE:
        guard.before_sending()
        return _put_into_folder(consignment, parcel, storage)
    try:
        message = _message(consignment, parcel, attachment, settings)
        return email.send(message, parcel.target, settings, before_data=guard.before_sending)
    except LeaseLost:
        raise
    except PortalError as error:
        return Answer(DeliveryStatus.REFUSED, None, None, str(error))


def _message(
    consignment: Consignment, parcel: Parcel, attachment: bytes | None, settings: Settings
) -> Message:
    if isinstance(consignment, Word):
        return email.compose_no_rows(
            consignment.letter, parcel.target, message_id=parcel.message_id, settings=settings
        )
    if parcel.link is None:
        raise ValueError("a file's message needs a link")
    return email.compose(
        consignment.letter,
        parcel.target,
        link=parcel.link.url,
        until=parcel.link.until,
        message_id=parcel.message_id,
        attachment=attachment,
        settings=settings,
    )


def _put_into_folder(shipment: Shipment, parcel: Parcel, storage: Storage) -> Answer:
    try:
        with storage.open(shipment.storage_key) as file:
            written = folder.put(
                file,
                shipment.folder,
                parcel.target,
                shipment.letter.filename,
                sha256=shipment.letter.sha256,
                run_id=shipment.run_id,
            )
    except PortalError as error:
        status = DeliveryStatus.DEFERRED if error.retryable else DeliveryStatus.REFUSED
        return Answer(status, None, None, str(error))
    return Answer(DeliveryStatus.SENT, None, None, f"written to {parcel.target}/{written.name}")
