"""What can be chosen for a parameter, where a query of the dataset says so."""

from collections.abc import Iterable, Sequence

from portal.datasets import query
from portal.datasets.parameters import Parameter
from portal.datasets.sql_text import parameters_in
from portal.errors import InvalidInput, LimitExceeded, QueryFailed, QueryTimeout
from portal.sources.connection import Source

CHOICES_LIMIT = 500
CHOICES_TIMEOUT = 5.0  # seconds


def read_choices(source: Source, sql: str) -> list[tuple[str, str]]:
    """Return the choices that a query gives, as value and label. Raises what `open_rows` raises."""
    if names := parameters_in(sql, source.backend):
        raise QueryFailed(f"Choices are read before anything is chosen: there is no :{names[0]} yet.")
    with query.open_rows(
        source,
        sql,
        {},
        timeout=CHOICES_TIMEOUT,
        maximum_rows=CHOICES_LIMIT,
        limit_note="Nobody finds a choice among more.",
        look_at=_refuse_odd_choices,
    ) as rows:
        return [(str(row[0]), str(row[-1])) for batch in rows.batches for row in batch]


def check_choices(source: Source, parameters: Iterable[Parameter]) -> None:
    """Read all choices that a query gives. No transaction of ours may be open meanwhile.

    Raises InvalidInput on field `parameters/<name>/choices_sql`, and SourceUnavailable.
    """
    for parameter in parameters:
        if parameter.choices_sql is None:
            continue
        try:
            read_choices(source, parameter.choices_sql)
        except (QueryFailed, QueryTimeout, LimitExceeded) as error:
            raise InvalidInput(str(error), f"parameters/{parameter.name}/choices_sql") from None


def _refuse_odd_choices(names: Sequence[str]) -> None:
    if len(names) > 2:
        raise QueryFailed(f"Choices are one column, or two: value and label. This gives {len(names)}.")
