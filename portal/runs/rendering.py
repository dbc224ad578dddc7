"""From an open result to a finished, hashed file: which exporter, with which options and limits."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from portal.datasets import query
from portal.datasets.service import Reading
from portal.errors import LimitExceeded
from portal.exporters.base import Document, Exporter
from portal.exporters.options import CsvOptions, Options, Packing, PdfLimits, XlsxSize
from portal.exporters.packed import Packed
from portal.file_settings import FileSettings, what_helps

QUICKLY_COUNTED = 100_000
"""Rows up to which a limit is worth a query that only counts."""


class Limit(NamedTuple):
    """How many rows a run may have, whose limit that is, and a sentence on what helps."""

    rows: int
    whose: str
    note: str


@dataclass(frozen=True)
class Rendered:
    """A finished work file."""

    path: Path
    rows: int
    columns: int
    size: int
    sha256: str
    notes: tuple[str, ...]


def options(
    settings: FileSettings, csv_options: Mapping[str, Any] | None = None, packing: str = Packing.NONE
) -> Options:
    """Return what the operator, the dataset and the schedule chose about a file."""
    return Options(
        csv=CsvOptions.from_dict(csv_options or {}),
        xlsx=XlsxSize(settings.xlsx_size),
        pdf=PdfLimits(settings.pdf_memory_limit, settings.pdf_cpu_limit, settings.pdf_time_limit),
        packing=Packing(packing),
    )


def packed(exporter: Exporter, packing: Packing, filename: str) -> Exporter:
    """Return what writes the same file packed; `filename` is that of the file inside."""
    return exporter if packing is Packing.NONE else Packed(exporter, packing, filename)


def limit_of(reading: Reading, form: str, settings: FileSettings) -> Limit:
    """Return the smaller one of the dataset's own limit and the portal's."""
    of_portal, own = settings.rows_of(form), reading.row_limit
    if own is None or own >= of_portal.rows:
        return Limit(of_portal.rows, form.upper(), what_helps(of_portal.variable))
    return Limit(own, "this dataset", "Narrow its filters or let an admin raise the dataset's limit.")


def refuse_too_many(reading: Reading, form: str, settings: FileSettings) -> None:
    """Count the rows where that is quick. Raises LimitExceeded for more than there may be."""
    limit = limit_of(reading, form, settings)
    if limit.rows > QUICKLY_COUNTED or keeps_within(reading.first_rows, limit.rows):
        return
    count = query.count_rows(reading.source, reading.sql, reading.values, at_most=limit.rows)
    if count is not None and count > limit.rows:
        raise LimitExceeded(f"There are more rows than {limit.whose} may have ({limit.rows:,}). {limit.note}")


def keeps_within(row_limit: int | None, rows: int) -> bool:
    """Say whether a schedule's own limit keeps a result within that of its format."""
    return row_limit is not None and row_limit <= rows


def render(exporter: Exporter, document: Document, rows: query.Rows, path: Path) -> Rendered:
    """Write the rows to `path` in the exporter's format; hash what was written."""
    with path.open("wb") as out:
        written = exporter.write(rows.batches, rows.columns, out, document, rows.tally)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Rendered(path, written.rows, len(rows.columns), path.stat().st_size, digest, written.notes)
