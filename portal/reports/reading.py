"""Asking the datasets of a report, each once a period, however many sections show it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal.config import Settings
from portal.datasets import periods, query
from portal.datasets import service as datasets
from portal.datasets.filters import parameters_of
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.parameters import ParameterKind
from portal.datasets.periods import Period
from portal.errors import PortalError
from portal.exporters.base import Document
from portal.extensions import db
from portal.organizations.models import Organization
from portal.reports.comparison import as_days, in_words, previous
from portal.reports.content import Answer, Block, blocks
from portal.reports.sections import Section, SectionKind
from portal.reports.service import datasets_of
from portal.sources import service as source_service
from portal.sources.connection import Source
from portal.table import Column, Row
from portal.tally import Tally

MOST_ROWS = 2000
"""Of one query: a report shows sums, and lets the database add them up."""


@dataclass(frozen=True)
class Question:
    """A dataset's query ready to run; `before` are the values for the period before, None if not wanted."""

    source: Source
    sql: str
    values: dict[str, Any]
    before: dict[str, Any] | None
    columns: tuple[Column, ...]
    query_timeout: int | None = None


@dataclass(frozen=True)
class Asked:
    """All that reading a report takes, so that no transaction is open while its sources answer.

    A text among `questions` is the sentence why there is none.
    """

    sections: tuple[Section, ...]
    questions: Mapping[str, Question | str]
    period: Period
    before: Period
    timezone: str

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What stands above a report: which days it is about."""
        return (
            ("Period", in_words(self.period, self.timezone)),
            ("Compared with", in_words(self.before, self.timezone)),
        )


def newest(organization_id: int, sections: Iterable[Section]) -> dict[str, int]:
    """Return the newest version's id of each dataset in use that sections show, by its public id."""
    wanted = datasets_of(sections)
    found = db.session.execute(
        select(Dataset.id, Dataset.public_id).where(
            Dataset.organization_id == organization_id,
            Dataset.public_id.in_(wanted),
            Dataset.archived_at.is_(None),
        )
    ).all()
    versions = datasets.newest_versions([row.id for row in found])
    return {row.public_id: versions[row.id] for row in found}


def columns_shown(sections: Iterable[Section], versions: Mapping[str, int]) -> tuple[Column, ...]:
    """Return the columns whose values sections show; `versions` as in `prepare`."""
    found = columns_by_dataset(sections, versions)
    return tuple(column for columns in found.values() for column in columns)


def columns_by_dataset(
    sections: Iterable[Section], versions: Mapping[str, int]
) -> dict[str, tuple[Column, ...]]:
    """Return the same by the public id of their dataset."""
    found: dict[str, dict[str, Column]] = {}
    for section in sections:
        for public_id in section.datasets:
            if public_id in versions:
                columns = datasets.get_version(versions[public_id]).table_columns
                whole = section.kind is SectionKind.TABLE and not section.values
                keys = {key for dataset, key in section.columns() if dataset == public_id}
                shown = {column.key: column for column in columns if whole or column.key in keys}
                found.setdefault(public_id, {}).update(shown)
    return {public_id: tuple(columns.values()) for public_id, columns in found.items()}


def prepare(
    organization: Organization,
    sections: Sequence[Section],
    chosen: dict[str, Any],
    versions: Mapping[str, int],
    *,
    due_at: datetime,
    timezone: str,
    settings: Settings,
) -> Asked:
    """Work out what to ask for a period: `chosen` as in `datasets.periods`, resolved at an occurrence.

    `versions` are ids of dataset versions by the dataset's public id; a dataset without one is said to be put
    away. Raises InvalidInput for a period that is none.
    """
    period = periods.resolve(chosen, at=due_at, timezone=timezone)
    before = previous(chosen, at=due_at, timezone=timezone)
    compared = {one for section in sections if section.compares for one in section.datasets}
    questions: dict[str, Question | str] = {}
    for public_id in datasets_of(sections):
        if public_id not in versions:
            questions[public_id] = "Its dataset is put away."
            continue
        version = datasets.get_version(versions[public_id])
        also = before if public_id in compared else None
        try:
            questions[public_id] = _question(organization, version, period, also, due_at, timezone, settings)
        except PortalError as error:
            questions[public_id] = str(error)
    return Asked(tuple(sections), questions, period, before, timezone)


def _question(
    organization: Organization,
    version: DatasetVersion,
    period: Period,
    before: Period | None,
    due_at: datetime,
    timezone: str,
    settings: Settings,
) -> Question:
    source = source_service.opened(version.read_source, settings)
    parameters = parameters_of(version)
    name = next((one.name for one in parameters if one.kind is ParameterKind.PERIOD), None)

    def values(of: Period) -> dict[str, Any]:
        return datasets.values_of(
            version.sql,
            parameters,
            {name: as_days(of, timezone)} if name else {},
            organization=organization,
            due_at=due_at,
            timezone=timezone,
            backend=source.backend,
        )

    return Question(
        source=source,
        sql=version.sql,
        values=values(period),
        before=values(before) if before and name else None,
        columns=version.table_columns,
        query_timeout=version.query_timeout,
    )


def read(asked: Asked, *, timeout: float, tally: Tally) -> dict[str, Answer | str]:
    """Run the queries; a dataset that can't be read has its error's sentence in place of an answer.

    No transaction of ours may be open meanwhile. `timeout` is in seconds, of each query,
    which a dataset may have less of.
    """
    answers: dict[str, Answer | str] = {}
    for public_id, question in asked.questions.items():
        try:
            answers[public_id] = ask(question, timeout=timeout, tally=tally)
        except PortalError as error:
            answers[public_id] = str(error)
    return answers


def ask(question: Question | str, *, timeout: float, tally: Tally) -> Answer | str:
    """Run one dataset's query for the period, and for the one before where that is wanted."""
    if isinstance(question, str):
        return question
    rows = _rows(question, question.values, timeout, tally)
    before = None if question.before is None else _rows(question, question.before, timeout, tally)
    return Answer(question.columns, rows, before)


def _rows(question: Question, values: Mapping[str, Any], timeout: float, tally: Tally) -> list[Row]:
    with query.open_rows(
        question.source,
        question.sql,
        values,
        columns=question.columns,
        timeout=min(timeout, question.query_timeout or math.inf),
        maximum_rows=MOST_ROWS,
        limit_note="A report shows sums: let its query add them up.",
    ) as found:
        rows = [row for batch in found.batches for row in batch]
    for what, count in found.tally.counts.items():
        tally.count(what, count)
    return rows


def show(asked: Asked, document: Document, *, timeout: float, tally: Tally) -> list[Block]:
    """Ask, and return what each section shows; one that can't be shown says why. No transaction meanwhile."""
    return blocks(asked.sections, read(asked, timeout=timeout, tally=tally), document, tally)
