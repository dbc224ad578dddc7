"""One run, from claimed to delivered: claim, read, render, store, link, deliver, finish.

Each stage is a function; one whose result is already recorded is skipped on a later attempt. No database
transaction is open while rows are read, files are written or servers answer.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask import current_app
from rq.timeouts import JobTimeoutException
from sqlalchemy import select

from portal.clock import utcnow
from portal.config import Settings
from portal.datasets import query
from portal.datasets import service as datasets
from portal.datasets.service import Reading
from portal.delivery import service as delivery
from portal.delivery.email import Letter
from portal.delivery.service import Shipment
from portal.errors import LeaseLost, PortalError, RunCancelled, RunReleased, RunTimeout
from portal.exporters.base import Document, Exporter
from portal.exporters.options import Packing
from portal.exporters.registry import EXPORTERS
from portal.extensions import db
from portal.file_settings import what_helps
from portal.runs import finish
from portal.runs.chosen import ChosenFilter, filters_of
from portal.runs.filenames import filename_for
from portal.runs.leases import Claim, claim, fenced
from portal.runs.log import note
from portal.runs.models import Artifact, RunStatus, ScheduledExportRun
from portal.runs.oversight import Ending, Oversight
from portal.runs.rendering import (
    Rendered,
    options,
    packed,
    refuse_too_many,
    render,
)
from portal.schedules.models import Channel
from portal.storage.base import Storage
from portal.table import Batches

PROGRESS_EVERY = 1.0
"""Seconds between two writes of how many rows were read."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """All a run needs beside its rows, as plain values: how to write them, and for whom."""

    claim: Claim
    organization_id: int
    due_at: datetime
    snapshot: dict[str, Any]
    filters: tuple[ChosenFilter, ...]
    document: Document
    exporter: Exporter
    filename: str

    @property
    def channel(self) -> Channel:
        return Channel(self.snapshot["channel"])

    @property
    def targets(self) -> tuple[str, ...]:
        if self.channel is Channel.EMAIL:
            return tuple(self.snapshot["recipients"])
        return (self.snapshot["location"],)


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
        stored = recorded_artifact(owned) or produce(plan, settings, storage)
        ship(plan, stored, oversight, settings, storage)
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
        version = datasets.get_version(snapshot["dataset_version"])
        filters = filters_of(run)
        # a snapshot of an earlier release names no packing
        chosen = options(settings, version.csv_options, snapshot.get("packing", Packing.NONE))
        plain = EXPORTERS[snapshot["format"]](chosen)
        inside = filename_for(snapshot["name"], run.due_at, snapshot["timezone"], plain.extension)
        exporter = packed(plain, chosen.packing, inside)
        note(run, f"Claimed by {owned.worker}, attempt {owned.attempt}", now=now)
        return Plan(
            claim=owned,
            organization_id=run.organization_id,
            due_at=run.due_at,
            snapshot=snapshot,
            filters=tuple(filters),
            document=_document(run, filters, now),
            exporter=exporter,
            filename=filename_for(snapshot["name"], run.due_at, snapshot["timezone"], exporter.extension),
        )


def recorded_artifact(owned: Claim) -> Stored | None:
    """Return the file an earlier attempt stored: it is sent as it is, never made again."""
    with fenced(owned):
        artifact = db.session.scalars(select(Artifact).where(Artifact.run_id == owned.run_pk)).first()
        return _stored(artifact) if artifact else None


def produce(plan: Plan, settings: Settings, storage: Storage) -> Stored:
    """Read, render and store: rows to a durable file with its hash."""
    with storage.work_file() as path:
        rendered = read_and_render(plan, path, settings)
        return store(plan, rendered, settings, storage)


def prepare(plan: Plan, settings: Settings) -> Reading:
    """Work out what this occurrence reads: its period, its parameters, its columns; record the values."""
    with fenced(plan.claim) as run:
        reading = datasets.prepare(
            datasets.get_version(plan.snapshot["dataset_version"]),
            plan.snapshot["filters"],
            plan.snapshot["columns"],
            due_at=run.due_at,
            timezone=plan.snapshot["timezone"],
            settings=settings,
        )
        run.stage = "read"
        run.resolved_parameters = {name: _plain(value) for name, value in reading.values.items()}
        note(run, f"Reading “{plan.snapshot['dataset_name']}”", now=utcnow(), detail=_filters_line(plan))
        return reading


def read_and_render(plan: Plan, path: Path, settings: Settings) -> Rendered:
    """Stream the rows from the source through the exporter into a work file."""
    reading = prepare(plan, settings)
    form = plan.snapshot["format"]
    refuse_too_many(reading, form, settings)
    limit = settings.rows_of(form)
    with query.open_rows(
        reading.source,
        reading.sql,
        reading.values,
        columns=reading.columns,
        timeout=settings.query_timeout,
        maximum_rows=limit.rows,
        limit_note=what_helps(limit.variable),
    ) as rows:
        counted = replace(rows, batches=_counted(rows.batches, plan.claim))
        return render(plan.exporter, plan.document, counted, path)


def _counted(batches: Batches, owned: Claim) -> Batches:
    """Pass the batches on; record about once a second how many rows they were, and stop where told to."""
    rows, recorded = 0, time.monotonic()
    for batch in batches:
        yield batch
        rows += len(batch)
        if time.monotonic() - recorded >= PROGRESS_EVERY:
            with fenced(owned) as run:
                run.rows_read = rows
            recorded = time.monotonic()


def store(plan: Plan, rendered: Rendered, settings: Settings, storage: Storage) -> Stored:
    """Make the file durable, then record it: a row always has its file."""
    now = utcnow()
    with fenced(plan.claim) as run:
        run.stage, run.row_count, run.rows_read = "store", rendered.rows, rendered.rows
        note(run, _rows_line(rendered), now=now, detail=" ".join(rendered.notes) or None)
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
        notes=list(rendered.notes),
        storage_key=key,
        created_at=now,
        expires_at=now + timedelta(days=max(settings.file_days, settings.link_days)),
    )
    with _removed_when_not_ours(storage, key), fenced(plan.claim) as run:
        db.session.add(artifact)
        db.session.flush()
        line = f"File stored, {rendered.size:,} bytes, SHA-256 {rendered.sha256[:8]}…{rendered.sha256[-4:]}"
        note(run, line, now=now, tone="success")
        return _stored(artifact)


def ship(plan: Plan, stored: Stored, oversight: Oversight, settings: Settings, storage: Storage) -> None:
    """Link and deliver: one message a recipient, or one copy a folder, each recorded on its own."""
    with fenced(plan.claim) as run:
        run.stage, run.row_count = "deliver", stored.rows
        delivery.open_deliveries(run.id, plan.channel, plan.targets)
    shipment = Shipment(
        run_pk=plan.claim.run_pk,
        run_id=plan.claim.run_id,
        artifact_id=stored.id,
        storage_key=stored.storage_key,
        channel=plan.channel,
        targets=plan.targets,
        letter=_letter(plan, stored),
        folder=settings.folders_dir / plan.snapshot["organization_slug"],
    )
    guard = delivery.Guard(
        fence=partial(fenced, plan.claim),
        record=partial(fenced, plan.claim, stops=False),
        before_sending=oversight.before_sending,
        sent=oversight.sent,
    )
    delivery.deliver(shipment, guard, storage=storage, settings=settings)


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
            ("Dataset", snapshot["dataset_name"]),
            *((chosen.label, chosen.text) for chosen in filters),
            ("Due", f"{due:%-d %B %Y, %H:%M} {snapshot['timezone']}"),
            ("Run", run.public_id),
        ),
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
        rows=stored.rows,
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


def _rows_line(rendered: Rendered) -> str:
    return f"{rendered.rows:,} rows in {rendered.columns} columns"


def _filters_line(plan: Plan) -> str:
    chosen = [f"{one.label}: {one.text}" for one in plan.filters if one.words != "all"]
    return ", ".join(chosen) or "No filter: all rows"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
