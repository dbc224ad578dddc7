"""From a plan to what its query gave: a finished work file, or word that there is nothing to make one of."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from portal.clock import utcnow
from portal.config import Settings
from portal.datasets import query
from portal.datasets import service as datasets
from portal.datasets.fingerprint import Fingerprint
from portal.datasets.service import Reading
from portal.datasets.shape import Difference, Shape
from portal.runs.drift import CHANGED, Gate, gate_of
from portal.runs.first_rows import FirstRows
from portal.runs.guard import check_approved
from portal.runs.leases import Claim, fenced
from portal.runs.log import note
from portal.runs.plan import Plan
from portal.runs.rendering import Rendered, keeps_within, limit_of, refuse_too_many, render
from portal.runs.report_reading import read_report
from portal.schedules.models import Empty, Unchanged
from portal.table import Batches

PROGRESS_EVERY = 1.0
"""Seconds between two writes of how many rows were read."""


@dataclass(frozen=True)
class Result:
    """What a query gave. `rendered` is None for no rows where these make no file.

    `content_hash` is None unless rows are compared with those before; `shape` is None unless it is the first
    one that anybody sees; `more` says whether rows were left out by a limit, None where there is no limit.
    """

    rendered: Rendered | None
    content_hash: str | None
    shape: Shape | None
    more: bool | None = None

    @property
    def rows(self) -> int:
        return self.rendered.rows if self.rendered else 0


@dataclass(frozen=True)
class _Opened:
    """An open result whose first rows were looked at; they are among `rows` all the same.

    `first` keeps rows within the schedule's own limit, where it has one.
    """

    rows: query.Rows
    shape: Shape
    has_rows: bool
    first: FirstRows | None


def prepare(plan: Plan, settings: Settings) -> tuple[Reading, Gate | None]:
    """Work out what this occurrence reads: its period, its parameters, its columns; record the values.

    Raises NotApproved where personal data would go outside that nobody approved.
    """
    with fenced(plan.claim) as run:
        version = datasets.get_version(plan.snapshot["dataset_version"])
        reading = datasets.prepare(
            version,
            plan.snapshot["filters"],
            plan.columns,
            sort=plan.sort,
            row_limit=plan.row_limit,
            due_at=run.due_at,
            timezone=plan.snapshot["timezone"],
            settings=settings,
            since=run.period_since,
        )
        check_approved(run)
        run.stage = "read"
        run.resolved_parameters = {name: _plain(value) for name, value in reading.values.items()}
        note(run, f"Reading “{plan.snapshot['dataset_name']}”", now=utcnow(), detail=_filters_line(plan))
        return reading, gate_of(run, version)


def read(plan: Plan, path: Path, settings: Settings) -> Result:
    """Stream the rows from the source through the exporter into a work file.

    Raises SchemaChanged before anything is written.
    """
    if plan.is_report:
        return Result(read_report(plan, path, settings), content_hash=None, shape=None)
    reading, gate = prepare(plan, settings)
    refuse_too_many(reading, plan.snapshot["format"], settings)
    with _opened(plan, reading, gate, settings) as opened:
        if gate is not None:
            _record_difference(plan, gate.look_into(opened.shape))
        fingerprint = Fingerprint(opened.rows.columns) if plan.unchanged is Unchanged.SKIP else None
        rendered = None
        if opened.has_rows or plan.empty is Empty.SEND:
            rendered = render(
                plan.exporter, plan.document, _watched(opened.rows, plan.claim, fingerprint), path
            )
        is_first = opened.has_rows and gate is not None and gate.first is None
        return Result(
            rendered=rendered,
            content_hash=fingerprint.hexdigest() if fingerprint else None,
            shape=opened.shape if is_first else None,
            more=opened.first.more if opened.first else None,
        )


@contextmanager
def _opened(plan: Plan, reading: Reading, gate: Gate | None, settings: Settings) -> Iterator[_Opened]:
    limit = limit_of(reading, plan.snapshot["format"], settings)
    first = FirstRows(reading.first_rows) if reading.first_rows else None
    names: list[str] = []

    def look_at(found: Sequence[str]) -> None:
        names.extend(found)
        if gate is not None:
            gate.look_at(found)

    with query.open_rows(
        reading.source,
        reading.sql,
        reading.values,
        columns=reading.columns,
        timeout=min(settings.query_timeout, reading.query_timeout or math.inf),
        maximum_rows=None if keeps_within(reading.first_rows, limit.rows) else limit.rows,
        limit_note=limit.note,
        look_at=look_at,
    ) as rows:
        yield _looked_into(rows, names, first)


def _looked_into(rows: query.Rows, names: Sequence[str], first: FirstRows | None) -> _Opened:
    batches = iter(first.of(rows.batches) if first else rows.batches)
    beginning = next(batches, [])
    shape = Shape.named(names).with_values(rows.columns, beginning)
    every = chain([beginning] if beginning else [], batches)
    return _Opened(replace(rows, batches=every), shape, bool(beginning), first)


def _watched(rows: query.Rows, owned: Claim, fingerprint: Fingerprint | None) -> query.Rows:
    """Return the same rows, counted and, where a fingerprint is wanted, hashed as they pass."""
    counted = _counted(rows.batches, owned)
    return replace(rows, batches=fingerprint.passing(counted) if fingerprint else counted)


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


def _record_difference(plan: Plan, difference: Difference) -> None:
    """Note what is different where the schedule goes on all the same."""
    if difference:
        with fenced(plan.claim) as run:
            line = f"{CHANGED}; this one goes on"
            note(run, line, now=utcnow(), tone="partial", detail=f"{difference.in_words()}.")


def _filters_line(plan: Plan) -> str:
    chosen = [f"{one.label}: {one.text}" for one in plan.filters if one.words != "all"]
    return ", ".join(chosen) or "No filter: all rows"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
