"""One run, from claimed to delivered: claim, read, render, store, link, deliver, finish.

Each stage is a function; one whose result is already recorded is skipped on a later attempt. No database
transaction is open while rows are read, files are written or servers answer.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask import current_app
from rq.timeouts import JobTimeoutException
from sqlalchemy import select

from portal.clock import utcnow
from portal.config import Settings
from portal.datasets import service as datasets
from portal.delivery import service as delivery
from portal.delivery.email import Letter, NoRowsLetter
from portal.delivery.parcels import Guard, Shipment, Word
from portal.errors import LeaseLost, PortalError, RunCancelled, RunReleased, RunTimeout
from portal.exporters.base import Document
from portal.exporters.options import Packing
from portal.exporters.registry import EXPORTERS
from portal.extensions import db
from portal.runs import finish, results, since
from portal.runs.chosen import ChosenFilter, filters_of, order_of
from portal.runs.filenames import filename_for
from portal.runs.guard import check_sending
from portal.runs.leases import Claim, claim, fenced
from portal.runs.log import note
from portal.runs.models import Artifact, RunStatus, ScheduledExportRun
from portal.runs.oversight import Ending, Oversight
from portal.runs.plan import Plan
from portal.runs.reading import Result, read
from portal.runs.rendering import Rendered, options, packed
from portal.runs.results import NoRows, Skip
from portal.runs.snapshot import is_report
from portal.storage.base import Storage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stored:
    """The artifact's row, as plain values."""

    id: int
    storage_key: str
    filename: str
    media_type: str
    size: int
    rows: int
    sha256: str
    notes: tuple[str, ...]


def execute(
    run_id: str,
    *,
    worker: str,
    settings: Settings,
    storage: Storage,
    end_process: Callable[[], None] | None = None,
) -> RunStatus | None:
    """Claim a run and take it as far as it gets; return its new status, None when it was not ours to do.

    Whatever fails is recorded with the run, which is then retried or final. Only errors nobody foresaw are
    raised again, after they were recorded. `end_process` ends this process where the run must stop and
    does not come to a point where it can.
    """
    owned = claim(run_id, worker=worker, settings=settings)
    if owned is None:
        return None
    force = _ending(owned, settings, end_process) if end_process else None
    try:
        with Oversight(owned, settings, db.engine, force) as oversight:
            return _take_through(replace(owned, check=oversight.check), oversight, settings, storage)
    except LeaseLost as error:
        log.warning("%s", error)
        return None


def _take_through(owned: Claim, oversight: Oversight, settings: Settings, storage: Storage) -> RunStatus:
    try:
        plan = resolve(owned, settings)
        outcome = recorded(owned) or produce(plan, settings, storage)
        if isinstance(outcome, Skip):
            return results.skip(owned, outcome, now=utcnow())
        ship(plan, outcome, oversight, settings, storage)
        return finish.finish(owned, now=utcnow())
    except LeaseLost:
        raise
    except PortalError as error:
        return finish.stop(owned, error, settings, now=utcnow())
    except JobTimeoutException:  # RQ's limit, behind ours: a server held us between DATA and its answer
        late = RunTimeout(f"The run took longer than {settings.job_timeout:,} s and was stopped.")
        return finish.stop(owned, late, settings, now=utcnow())
    except Exception as error:
        log.exception("run %s failed unexpectedly", owned.run_id)
        finish.fail(owned, finish.Unexpected(error), settings, now=utcnow())
        raise


def _ending(owned: Claim, settings: Settings, end_process: Callable[[], None]) -> Ending:
    """Return what ends a run from another thread than its own, together with this process."""
    app = current_app._get_current_object()  # type: ignore[attr-defined] # a thread needs the app itself

    def end(reason: PortalError) -> None:
        try:
            with app.app_context():
                finish.stop(owned, reason, settings, now=utcnow())
        finally:
            end_process()

    return end


def resolve(owned: Claim, settings: Settings) -> Plan:
    """Turn the run's snapshot into plain values: what it is called, how it is written, who gets it."""
    now = utcnow()
    with fenced(owned) as run:
        snapshot = run.snapshot
        since.settle(run)
        filters = filters_of(run)
        # a snapshot of an earlier release names no packing
        chosen = options(settings, _csv_options(snapshot), snapshot.get("packing", Packing.NONE))
        plain = EXPORTERS[snapshot["format"]](chosen)
        inside = filename_for(snapshot["name"], run.due_at, snapshot["timezone"], plain.extension)
        exporter = packed(plain, chosen.packing, inside)
        note(run, f"Claimed by {owned.worker}, attempt {owned.attempt}", now=now)
        return Plan(
            claim=owned,
            organization_id=run.organization_id,
            due_at=run.due_at,
            trigger=run.trigger,
            snapshot=snapshot,
            filters=tuple(filters),
            document=_document(run, filters, now),
            exporter=exporter,
            filename=filename_for(snapshot["name"], run.due_at, snapshot["timezone"], exporter.extension),
        )


def _csv_options(snapshot: dict[str, Any]) -> dict[str, Any] | None:
    if is_report(snapshot):
        return None
    return datasets.get_version(snapshot["dataset_version"]).csv_options


def recorded(owned: Claim) -> Stored | NoRows | None:
    """Return what an earlier attempt decided to send: it is sent as it is, never read or made again."""
    with fenced(owned) as run:
        if run.told_empty:
            return NoRows()
        artifact = db.session.scalars(select(Artifact).where(Artifact.run_id == owned.run_pk)).first()
        return _stored(artifact) if artifact else None


def produce(plan: Plan, settings: Settings, storage: Storage) -> Stored | NoRows | Skip:
    """Read, render, decide and store: rows to a durable file with its hash, unless they are worth none."""
    with storage.work_file() as path:
        result = read(plan, path, settings)
        if skipped := results.worth_nothing(plan, result):
            return skipped
        if result.rendered is None:
            return results.tell(plan, result, now=utcnow())
        return store(plan, result, result.rendered, settings, storage)


def store(plan: Plan, result: Result, rendered: Rendered, settings: Settings, storage: Storage) -> Stored:
    """Make the file durable, then record it: a row always has its file."""
    now, notes = utcnow(), [*rendered.notes]
    with fenced(plan.claim) as run:
        run.stage, run.row_count, run.rows_read = "store", rendered.rows, rendered.rows
        if result.more:
            notes.insert(0, f"There were more rows: the file has {order_of(run)}, as its schedule asks.")
        note(run, _rows_line(plan, rendered), now=now, detail=" ".join(notes) or None)
    key = f"{plan.snapshot['organization_slug']}/{uuid4().hex}"
    storage.store(rendered.path, key)
    artifact = Artifact(
        run_id=plan.claim.run_pk,
        organization_id=plan.organization_id,
        filename=plan.filename,
        media_type=plan.exporter.media_type,
        size=rendered.size,
        sha256=rendered.sha256,
        rows=rendered.rows,
        notes=notes,
        storage_key=key,
        created_at=now,
        expires_at=now + timedelta(days=max(settings.file_days, settings.link_days)),
    )
    with _removed_when_not_ours(storage, key), fenced(plan.claim) as run:
        db.session.add(artifact)
        db.session.flush()
        line = f"File stored, {rendered.size:,} bytes, SHA-256 {rendered.sha256[:8]}…{rendered.sha256[-4:]}"
        note(run, line, now=now, tone="success")
        results.record(run, result, now=now)
        return _stored(artifact)


def ship(
    plan: Plan, outcome: Stored | NoRows, oversight: Oversight, settings: Settings, storage: Storage
) -> None:
    """Link and deliver: one message a recipient, or one copy a folder, each recorded on its own."""
    with fenced(plan.claim) as run:
        run.stage = "deliver"
        check_sending(run)
        delivery.open_deliveries(run.id, plan.channel, plan.targets)
    guard = Guard(
        fence=partial(fenced, plan.claim),
        record=partial(fenced, plan.claim, stops=False),
        before_sending=oversight.before_sending,
        sent=oversight.sent,
    )
    consignment = _word(plan) if isinstance(outcome, NoRows) else _shipment(plan, outcome, settings)
    delivery.deliver(consignment, guard, storage=storage, settings=settings)


@contextmanager
def _removed_when_not_ours(storage: Storage, key: str) -> Iterator[None]:
    """Remove the file of a worker that lost its run, or must stop before it is recorded.

    After any other error its row may stand all the same, as after a commit whose answer got lost; and a row
    without its file would be worse than a file without its row.
    """
    try:
        yield
    except (LeaseLost, RunCancelled, RunReleased, RunTimeout):  # raised before the row is written
        storage.remove(key)
        raise


def _document(run: ScheduledExportRun, filters: list[ChosenFilter], now: datetime) -> Document:
    snapshot = run.snapshot
    due = run.due_at.astimezone(ZoneInfo(snapshot["timezone"]))
    return Document(
        title=snapshot["name"],
        organization=snapshot["organization_name"],
        generated_at=now,
        timezone=snapshot["timezone"],
        facts=(
            ("Report", snapshot["report_name"])
            if is_report(snapshot)
            else ("Dataset", snapshot["dataset_name"]),
            *((chosen.label, chosen.text) for chosen in filters),
            *((("Rows", rows),) if (rows := order_of(run)) else ()),
            ("Due", f"{due:%-d %B %Y, %H:%M} {snapshot['timezone']}"),
            ("Run", run.public_id),
        ),
    )


def _word(plan: Plan) -> Word:
    return Word(
        run_pk=plan.claim.run_pk,
        run_id=plan.claim.run_id,
        letter=NoRowsLetter(
            organization=plan.document.organization,
            schedule=plan.snapshot["name"],
            due_at=plan.due_at,
            timezone=plan.snapshot["timezone"],
            facts=plan.document.facts,
            everyone=plan.targets,
        ),
    )


def _shipment(plan: Plan, stored: Stored, settings: Settings) -> Shipment:
    return Shipment(
        run_pk=plan.claim.run_pk,
        run_id=plan.claim.run_id,
        artifact_id=stored.id,
        storage_key=stored.storage_key,
        channel=plan.channel,
        targets=plan.targets,
        letter=_letter(plan, stored),
        folder=settings.folders_dir / plan.snapshot["organization_slug"],
    )


def _letter(plan: Plan, stored: Stored) -> Letter:
    return Letter(
        organization=plan.document.organization,
        schedule=plan.snapshot["name"],
        due_at=plan.due_at,
        timezone=plan.snapshot["timezone"],
        filename=stored.filename,
        media_type=stored.media_type,
        size=stored.size,
        rows=None if plan.is_report else stored.rows,
        sha256=stored.sha256,
        facts=plan.document.facts,
        everyone=plan.targets,
        notes=stored.notes,
    )


def _stored(artifact: Artifact) -> Stored:
    return Stored(
        id=artifact.id,
        storage_key=artifact.storage_key,
        filename=artifact.filename,
        media_type=artifact.media_type,
        size=artifact.size,
        rows=artifact.rows,
        sha256=artifact.sha256,
        notes=tuple(artifact.notes or ()),
    )


def _rows_line(plan: Plan, rendered: Rendered) -> str:
    if plan.is_report:
        return f"Report printed from {rendered.rows:,} rows"
    return f"{rendered.rows:,} rows in {rendered.columns} columns"
