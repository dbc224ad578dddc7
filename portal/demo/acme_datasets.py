"""The demo's datasets: one for each export type, over the compliance database of `portal.demo.acme`.

Each is a single query whatever its rows hang on, ends in an ORDER BY that leaves no ties, and takes its
filters as binds named in `portal.datasets.parameters`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.datasets.models import ExportType
from portal.datasets.parameters import Parameter, ParameterKind
from portal.demo.acme_fields import (
    AS_OF,
    CASE_FIELDS,
    DISCLOSURE_FIELDS,
    INVESTIGATION_COUNT,
    INVESTIGATION_FIELDS,
    OVERDUE_FIELDS,
    Field,
    columns_of,
    select_list,
)
from portal.demo.acme_flat_file import OVERFLOW_FIELD, TAGGED_FIELDS, repeated_fields, spread
from portal.table import Column


@dataclass(frozen=True, slots=True)
class DatasetDefinition:
    """A dataset as it is stored: `columns` are the query's, in order; `key_columns` tell its rows apart."""

    key: str
    name: str
    description: str
    export_type: ExportType
    sql: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    key_columns: tuple[str, ...]


_CASE_STATUSES = (("NEW", "New"), ("OPEN", "Open"), ("CLOSED", "Closed"))
_DISCLOSURE_KINDS = (
    ("GIFT", "Gift"),
    ("CONFLICT_OF_INTEREST", "Conflict of interest"),
    ("OUTSIDE_WORK", "Outside work"),
    ("POLITICAL_CONTRIBUTION", "Political contribution"),
)
_DISCLOSURE_STATUSES = (
    ("SUBMITTED", "Submitted"),
    ("APPROVED", "Approved"),
    ("REJECTED", "Rejected"),
    ("WITHDRAWN", "Withdrawn"),
)


def _fixed(name: str, label: str, choices: tuple[tuple[str, str], ...]) -> Parameter:
    return Parameter(name, label, ParameterKind.MULTI_CHOICE, choices=choices)


def _asked(name: str, label: str, table: str) -> Parameter:
    sql = f"SELECT code AS value, name AS label FROM {table} ORDER BY name, code"  # noqa: S608 - our own tables
    return Parameter(name, label, ParameterKind.MULTI_CHOICE, choices_sql=sql)


_CATEGORIES = _asked("categories", "Category", "categories")
_PLACES = (
    _asked("business_units", "Business unit", "business_units"),
    _asked("locations", "Location", "locations"),
)


def _period(label: str) -> Parameter:
    return Parameter("period", label, ParameterKind.PERIOD)


def _chosen(expression: str, parameter: str) -> str:
    return f"(:{parameter}_any = 1 OR {expression} IN :{parameter})"


def _within_period(expression: str) -> str:
    return (
        f"(:period_start IS NULL OR {expression} >= :period_start)"
        f" AND (:period_end IS NULL OR {expression} < :period_end)"
    )


_CASE_PARAMETERS = (_period("Opened"), _fixed("statuses", "Status", _CASE_STATUSES), _CATEGORIES, *_PLACES)
_PLACE_FILTERS = (_chosen("bu.code", "business_units"), _chosen("loc.code", "locations"))
_CASE_FILTERS = (_chosen("c.status", "statuses"), _chosen("cat.code", "categories"), *_PLACE_FILTERS)

_FROM_CASES = """FROM cases c
JOIN organizations org ON org.id = c.organization_id
JOIN categories cat ON cat.id = c.category_id
JOIN business_units bu ON bu.id = c.business_unit_id
JOIN locations loc ON loc.id = c.location_id
JOIN users creator ON creator.id = c.creator_id"""

_NUMBERED = """SELECT i.*, u.name AS investigator,
    ROW_NUMBER() OVER (PARTITION BY i.case_id ORDER BY i.opened_at, i.id) AS position
  FROM investigations i JOIN users u ON u.id = i.investigator_id
  ORDER BY i.case_id, position"""

_TO_INVESTIGATIONS = """JOIN numbered i ON i.case_id = c.id
JOIN users investigator ON investigator.id = i.investigator_id"""


def _query(fields: Sequence[Field], source: str, filters: Sequence[str], order: str, before: str = "") -> str:
    conditions = "\n  AND ".join(filters)
    return f"{before}SELECT\n  {select_list(fields)}\n{source}\nWHERE {conditions}\nORDER BY {order}"


def flat_file(investigations: int) -> DatasetDefinition:
    """Return the flat file with columns for so many investigations. Raises ValueError outside 0 to 10."""
    repeated = repeated_fields(investigations)
    fields = (*CASE_FIELDS, INVESTIGATION_COUNT, *repeated, *TAGGED_FIELDS, OVERFLOW_FIELD)
    before = f"WITH numbered AS (\n  {_NUMBERED}\n), inv AS (\n  {spread(investigations)}\n)\n"
    source = f"{_FROM_CASES}\nLEFT JOIN inv ON inv.case_id = c.id"
    return DatasetDefinition(
        key="flat_file",
        name="Cases, flat file",
        description="One row a case with its people, investigations and custom fields.",
        export_type=ExportType.FLAT_FILE,
        sql=_query(
            fields, source, (_within_period("c.opened_at"), *_CASE_FILTERS), "c.opened_at, c.id", before
        ),
        parameters=_CASE_PARAMETERS,
        columns=columns_of(fields),
        key_columns=("case_number",),
    )


CASES_ONLY = DatasetDefinition(
    key="cases",
    name="Cases",
    description="One row a case, without investigations and custom fields.",
    export_type=ExportType.CASES_ONLY,
    sql=_query(
        CASE_FIELDS, _FROM_CASES, (_within_period("c.opened_at"), *_CASE_FILTERS), "c.opened_at, c.id"
    ),
    parameters=_CASE_PARAMETERS,
    columns=columns_of(CASE_FIELDS),
    key_columns=("case_number",),
)

INVESTIGATIONS_ONLY = DatasetDefinition(
    key="investigations",
    name="Investigations",
    description="One row an investigation, with the case it belongs to.",
    export_type=ExportType.INVESTIGATIONS_ONLY,
    sql=_query(
        INVESTIGATION_FIELDS,
        f"{_FROM_CASES}\n{_TO_INVESTIGATIONS}",
        (_within_period("i.opened_at"), *_CASE_FILTERS),
        "i.opened_at, i.id",
        f"WITH numbered AS (\n  {_NUMBERED}\n)\n",
    ),
    parameters=(_period("Opened"), _fixed("statuses", "Case status", _CASE_STATUSES), _CATEGORIES, *_PLACES),
    columns=columns_of(INVESTIGATION_FIELDS),
    key_columns=("investigation_number",),
)

DISCLOSURES_ONLY = DatasetDefinition(
    key="disclosures",
    name="Disclosures",
    description="Gifts, conflicts of interest, outside work and political contributions, one row each.",
    export_type=ExportType.DISCLOSURES_ONLY,
    sql=_query(
        DISCLOSURE_FIELDS,
        """FROM disclosures d
JOIN users person ON person.id = d.user_id
JOIN business_units bu ON bu.id = person.business_unit_id
JOIN locations loc ON loc.id = person.location_id
LEFT JOIN users reviewer ON reviewer.id = d.reviewer_id""",
        (
            _within_period("d.submitted_at"),
            _chosen("d.status", "statuses"),
            _chosen("d.kind", "categories"),
            *_PLACE_FILTERS,
        ),
        "d.submitted_at, d.id",
    ),
    parameters=(
        _period("Submitted"),
        _fixed("statuses", "Status", _DISCLOSURE_STATUSES),
        _fixed("categories", "Kind", _DISCLOSURE_KINDS),
        *_PLACES,
    ),
    columns=columns_of(DISCLOSURE_FIELDS),
    key_columns=("disclosure_number",),
)

OVERDUE_CASES = DatasetDefinition(
    key="overdue_cases",
    name="Overdue high-severity cases",
    description="High and critical cases, still open past their due date at the end of the period.",
    export_type=ExportType.CUSTOM,
    sql=_query(
        OVERDUE_FIELDS,
        _FROM_CASES,
        (
            "c.status <> 'CLOSED' AND c.severity IN ('HIGH', 'CRITICAL')",
            f"c.due_at < {AS_OF}",
            _within_period("c.opened_at"),
            *_CASE_FILTERS,
            "(:minimum_risk IS NULL OR c.risk_score >= :minimum_risk)",
        ),
        "c.due_at, c.id",
    ),
    parameters=(
        _period("Opened"),
        _fixed("statuses", "Status", _CASE_STATUSES[:2]),
        _CATEGORIES,
        *_PLACES,
        Parameter("minimum_risk", "Risk score of at least", ParameterKind.NUMBER),
    ),
    columns=columns_of(OVERDUE_FIELDS),
    key_columns=("case_number",),
)


def acme_datasets(investigations: int = 3) -> tuple[DatasetDefinition, ...]:
    """Return one dataset for each export type, the flat file with so many investigations."""
    return (flat_file(investigations), CASES_ONLY, INVESTIGATIONS_ONLY, DISCLOSURES_ONLY, OVERDUE_CASES)
