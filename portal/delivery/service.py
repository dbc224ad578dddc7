"""The ledger: what is owed to whom, what was tried, and how it stands.

A delivery is committed as `sending` before anything leaves and with the answer after it, so that whatever
dies in between leaves a trace. Every write goes through the caller's fence, which refuses a worker that no
longer owns the run.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, OperationalError

from portal.config import Settings
from portal.database import database_now
from portal.delivery import email
from portal.delivery.email import Answer
from portal.delivery.models import Delivery, DeliveryAttempt, DeliveryStatus
from portal.delivery.parcels import Consignment, Guard, Link, Parcel, Shipment, attachment_of, hand_over
from portal.downloads import service as downloads
from portal.extensions import db
from portal.runs.models import Artifact
from portal.schedules.models import Channel
from portal.storage.base import Storage

RECORD_AGAIN = 0.5
"""Seconds between two tries to record an answer."""

log = logging.getLogger(__name__)

POSSIBLY_TWICE = "Possibly sent twice: the worker stopped before the server's answer was recorded."
POSSIBLY_SENT = "Possibly sent: the worker stopped before the server's answer was recorded."
NO_ANSWER = "Possibly sent twice: the connection broke before the mail server answered."


@dataclass(frozen=True)
class Outcome:
    """How many deliveries of a run stand how. `open` ones will be tried again by themselves."""

    sent: int
    failed: int
    open: int


def open_deliveries(run_pk: int, channel: Channel, targets: Sequence[str]) -> None:
    """Owe the file to each target, once. Called within a transaction of the run's owner."""
    known = set(db.session.scalars(select(Delivery.target).where(Delivery.run_id == run_pk)))
    db.session.add_all(
        Delivery(run_id=run_pk, channel=channel, target=target)
        for target in dict.fromkeys(targets)
        if target not in known
    )
    for delivery in db.session.scalars(
        select(Delivery).where(Delivery.run_id == run_pk, Delivery.status == DeliveryStatus.SENDING)
    ):
        delivery.status, delivery.note = DeliveryStatus.PENDING, POSSIBLY_TWICE
    db.session.flush()


def deliver(consignment: Consignment, guard: Guard, *, storage: Storage, settings: Settings) -> None:
    """Try every delivery of the run that is due, one after another.

    A refusal is recorded and never keeps the others from being tried. Raises StorageFailed when the file
    can't be read, and whatever `guard` raises.
    """
    due = _due(consignment.run_pk)
    attachment = attachment_of(consignment, storage, settings)
    for position, delivery_id in enumerate(due):
        with guard.fence():
            parcel = _begin(consignment, delivery_id, settings, _now())
        answer = hand_over(consignment, parcel, attachment, guard, storage, settings)
        _record(parcel, answer, guard, settings)
        guard.sent()
        if answer.unreachable:  # it would keep each of the others waiting as long
            with guard.fence():
                _put_off(due[position + 1 :], answer.reply, settings, _now())
            return


def outcome(run_pk: int) -> Outcome:
    """Count the deliveries of a run by how they stand."""
    rows = db.session.execute(
        select(Delivery.status, func.count(), func.count(Delivery.next_attempt_at))
        .where(Delivery.run_id == run_pk)
        .group_by(Delivery.status)
    ).all()
    counts = {status: count for status, count, _ in rows}
    waiting = sum(again for _, _, again in rows)
    sent = counts.get(DeliveryStatus.SENT, 0)
    return Outcome(
        sent=sent,
        failed=sum(counts.values()) - sent - waiting,
        open=waiting,
    )


def lacking(run_pk: int) -> list[Delivery]:
    """Return the deliveries of a run that no server took."""
    return list(
        db.session.scalars(
            select(Delivery).where(Delivery.run_id == run_pk, Delivery.status != DeliveryStatus.SENT)
        )
    )


def send_again(run_pk: int) -> int:
    """Owe the file anew to every target that lacks it; each gets a new Message-ID. Return how many."""
    without = lacking(run_pk)
    for delivery in without:
        unsure = delivery.status in (DeliveryStatus.SENDING, DeliveryStatus.UNKNOWN)
        delivery.status = DeliveryStatus.PENDING
        delivery.resends += delivery.message_id is not None
        delivery.message_id = delivery.next_attempt_at = delivery.first_tried_at = None
        delivery.note = POSSIBLY_TWICE if unsure else None
    return len(without)


def give_up(run_pk: int, note: str) -> None:
    """Try no delivery of a run again that no server took. Called within a transaction."""
    for delivery in lacking(run_pk):
        if delivery.status is DeliveryStatus.SENDING:
            delivery.status, delivery.note = DeliveryStatus.UNKNOWN, POSSIBLY_SENT
        delivery.next_attempt_at, delivery.note = None, delivery.note or note


def _now() -> datetime:
    """Return the database's time: a claim asks by the same clock whether a further try is due."""
    return database_now(db.session.connection())


def _record(parcel: Parcel, answer: Answer, guard: Guard, settings: Settings) -> None:
    """Record a server's answer, and insist while the lease lasts: a lost one is a message sent twice."""
    end = time.monotonic() + settings.lease_seconds
    while True:
        try:
            with guard.record():
                _settle(parcel, answer, settings, _now())
            return
        except DBAPIError as error:
            db.session.rollback()
            # the database is away, or ended our transaction, or SQLite's lock is held for long
            passing = isinstance(error, OperationalError) or error.connection_invalidated
            if not passing or time.monotonic() >= end:
                raise
            log.warning("an answer is not recorded yet: %s", type(error.orig).__name__)
            time.sleep(RECORD_AGAIN)


def _due(run_pk: int) -> list[int]:
    now = _now()
    waiting = Delivery.next_attempt_at.is_not(None) & (Delivery.next_attempt_at <= now)
    ids = db.session.scalars(
        select(Delivery.id)
        .where(Delivery.run_id == run_pk, (Delivery.status == DeliveryStatus.PENDING) | waiting)
        .order_by(Delivery.id)
    ).all()
    db.session.rollback()  # no transaction while files are read and servers answer
    return list(ids)


def _begin(consignment: Consignment, delivery_id: int, settings: Settings, now: datetime) -> Parcel:
    delivery = db.session.get_one(Delivery, delivery_id)
    delivery.status, delivery.next_attempt_at = DeliveryStatus.SENDING, None
    first_try = delivery.message_id is None
    delivery.first_tried_at = delivery.first_tried_at or now
    delivery.message_id = delivery.message_id or email.message_id(
        consignment.run_id, delivery.target, settings, resend=delivery.resends
    )
    attempt = DeliveryAttempt(
        delivery_id=delivery.id, at=now, status=DeliveryStatus.SENDING, message_id=delivery.message_id
    )
    db.session.add(attempt)
    db.session.flush()
    link = None
    if isinstance(consignment, Shipment):
        artifact = db.session.get_one(Artifact, consignment.artifact_id)
        made = downloads.link_for(artifact, delivery, settings=settings, now=now, renew=first_try)
        link = Link(downloads.url_for_link(made, settings), made.expires_at)
    return Parcel(
        delivery_id=delivery.id,
        attempt_id=attempt.id,
        target=delivery.target,
        message_id=delivery.message_id,
        link=link,
    )


def _settle(parcel: Parcel, answer: Answer, settings: Settings, now: datetime) -> None:
    attempt = db.session.get_one(DeliveryAttempt, parcel.attempt_id)
    attempt.status, attempt.code = answer.status, answer.code
    attempt.enhanced, attempt.reply = answer.enhanced, answer.reply
    delivery = db.session.get_one(Delivery, parcel.delivery_id)
    delivery.status = answer.status
    if answer.status is DeliveryStatus.SENT:
        delivery.sent_at = now
    elif answer.status is DeliveryStatus.DEFERRED:
        _try_later(delivery, settings, now)
    elif answer.status is DeliveryStatus.UNKNOWN and _tries(delivery, DeliveryStatus.UNKNOWN) == 1:
        # The server may have it. One more try under the same Message-ID, which a mailbox can recognize.
        delivery.next_attempt_at = now + timedelta(seconds=settings.delivery_retry_delays[0])
        delivery.note = NO_ANSWER


def _put_off(delivery_ids: Sequence[int], why: str, settings: Settings, now: datetime) -> None:
    """Try others later too where there is no server to try them with."""
    for delivery in db.session.scalars(select(Delivery).where(Delivery.id.in_(delivery_ids))):
        delivery.status = DeliveryStatus.DEFERRED
        delivery.note = delivery.note or f"Not tried: {why}"[:300]
        delivery.first_tried_at = delivery.first_tried_at or now
        _try_later(delivery, settings, now)


def _try_later(delivery: Delivery, settings: Settings, now: datetime) -> None:
    delays = settings.delivery_retry_delays
    next_attempt = now + timedelta(seconds=delays[min(max(_tries(delivery), 1), len(delays)) - 1])
    begun = delivery.first_tried_at or now
    if next_attempt <= begun + timedelta(seconds=settings.delivery_retry_for):
        delivery.next_attempt_at = next_attempt
    else:
        delivery.status = DeliveryStatus.REFUSED
        delivery.note = f"Given up after {settings.delivery_retry_for / 3600:g} hours."


def _tries(delivery: Delivery, status: DeliveryStatus | None = None) -> int:
    """Count the tries under the present Message-ID, or those of them that ended so."""
    statement = (
        select(func.count())
        .select_from(DeliveryAttempt)
        .where(DeliveryAttempt.delivery_id == delivery.id, DeliveryAttempt.message_id == delivery.message_id)
    )
    if status is not None:
        statement = statement.where(DeliveryAttempt.status == status)
    return db.session.scalars(statement).one()
