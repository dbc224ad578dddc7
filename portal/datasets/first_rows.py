"""The first rows of a query, fast: for whoever writes one, or chooses columns of one."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from portal.config import Settings
from portal.datasets import service as datasets
from portal.datasets.choices import check_choices
from portal.datasets.definition import Definition
from portal.datasets.definitions import check_limits, check_query
from portal.datasets.query import open_rows
from portal.extensions import db
from portal.organizations.models import Organization
from portal.sources import service as source_service
from portal.sources.connection import Source
from portal.sources.models import DataSource
from portal.table import Column, Row

ROWS = 20
TIMEOUT = 10.0  # seconds
LONGEST_VALUE = 1000
"""Characters, bytes or elements kept of a value: what is shown needs no more, and this is the web process."""

_LONG = (str, bytes, list)


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows, whether there are more, and how long connecting and reading took.

    Of values beyond LONGEST_VALUE only their beginnings.
    """

    columns: tuple[Column, ...]
    rows: Sequence[Row]
    more: bool
    milliseconds: float


def preview(
    source: Source, sql: str, values: Mapping[str, Any], columns: Sequence[Column] | None = None
) -> Preview:
    """Run a query for its first rows; without `columns` all of them, with types found from the rows.

    No transaction of ours may be open meanwhile. Raises what `open_rows` raises.
    """
    started = time.perf_counter()
    with open_rows(source, sql, values, columns=columns, timeout=TIMEOUT) as found:
        rows: list[Row] = []
        for batch in found.batches:
            rows += map(_cut, batch[: ROWS + 1 - len(rows)])
            if len(rows) > ROWS:
                break
    return Preview(found.columns, rows[:ROWS], len(rows) > ROWS, (time.perf_counter() - started) * 1000)


def first_rows_of(
    source: DataSource,
    definition: Definition,
    *,
    organization: Organization,
    settings: Settings,
    now: datetime,
    chosen: Mapping[str, Any] = MappingProxyType({}),
    saving: bool = False,
    columns: Sequence[Column] | None = None,
) -> Preview:
    """Run a definition's query for its first rows, as if it were due now, with what was chosen.

    `chosen` are values of its parameters; `saving` reads all choices, too. Whatever the session holds unsaved
    is rolled back: no transaction stays open while the source answers. Raises InvalidInput for what can't be
    run, and what `preview` raises.
    """
    check_query(definition, source.kind)
    check_limits(definition, settings.query_timeout)
    opened = source_service.opened(source, settings)
    values = datasets.values_of(
        definition.sql,
        definition.parameters,
        chosen,
        organization=organization,
        due_at=now,
        timezone=organization.timezone,
        backend=opened.backend,
    )
    db.session.rollback()
    found = preview(opened, definition.sql, values, columns)
    if saving:
        check_choices(opened, definition.parameters)
    return found


def _cut(row: Row) -> Row:
    """Return a row without the rest of its long values, which would fill this process twenty rows on."""
    return tuple(value[:LONGEST_VALUE] if isinstance(value, _LONG) else value for value in row)
