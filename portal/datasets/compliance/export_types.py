"""The export types as built-in datasets over the compliance schema (docs/compliance-schema.md).

Each is a single query whatever its rows hang on, ends in an ORDER BY that leaves no ties, and takes its
filters as binds named in `portal.datasets.parameters`. A row that is pointed to and missing leaves its
columns empty: no case gets lost for it.
"""

from collections.abc import Callable, Mapping, Sequence

from portal.datasets.compliance import filters
from portal.datasets.compliance.choice import BuiltIn
from portal.datasets.compliance.dialects import DIALECTS, Dialect
from portal.datasets.compliance.fields import (
    Field,
    aging_fields,
    case_fields,
    columns_of,
    disclosure_fields,
    investigation_fields,
    select_list,
)
from portal.datasets.compliance.spread import (
    COUNT,
    by_case,
    numbered,
    overflow_field,
    repeated_fields,
    slot_fields,
)
from portal.datasets.definition import Definition
from portal.datasets.export_type import ExportType

_FILTERED = """FROM cases c
LEFT JOIN categories cat ON cat.id = c.category_id
LEFT JOIN business_units bu ON bu.id = c.business_unit_id
LEFT JOIN locations loc ON loc.id = c.location_id"""

FROM_CASES = f"""{_FILTERED}
LEFT JOIN organizations org ON org.id = c.organization_id
LEFT JOIN users creator ON creator.id = c.creator_id"""

_TO_INVESTIGATIONS = """JOIN numbered i ON i.case_id = c.id
LEFT JOIN users investigator ON investigator.id = i.investigator_id"""

_FROM_DISCLOSURES = """FROM disclosures d
LEFT JOIN users person ON person.id = d.user_id
LEFT JOIN business_units bu ON bu.id = person.business_unit_id
LEFT JOIN locations loc ON loc.id = person.location_id
LEFT JOIN users reviewer ON reviewer.id = d.reviewer_id"""

_CASES = (filters.within_period("c.opened_at"), *filters.OF_CASES)
_CASE_ORDER, _INVESTIGATION_ORDER = "c.opened_at, c.id", "i.opened_at, i.id"


def definition(built_in: BuiltIn, backend: str, *, first: int | None = None) -> Definition:
    """Return the dataset that was chosen, for a kind of source. Raises KeyError for an unknown kind.

    Its query gives the `first` rows only, where that is not None, and is quick however many cases there are.
    """
    return _BY_TYPE[built_in.export_type](built_in, DIALECTS[backend], first)


def query(
    fields: Sequence[Field], source: str, conditions: Sequence[str], order: str, first: int | None = None
) -> str:
    """Return the text of a SELECT."""
    return _select(select_list(fields), source, conditions, order, first)


def _select(shown: str, source: str, conditions: Sequence[str], order: str, first: int | None) -> str:
    where = "\n  AND ".join(conditions)
    limit = "" if first is None else f"\nLIMIT {first:d}"
    return f"SELECT\n  {shown}\n{source}\nWHERE {where}\nORDER BY {order}{limit}"


def _flat_file(built_in: BuiltIn, sql: Dialect, first: int | None) -> Definition:
    fields = (*case_fields(sql), *_spread_fields(built_in, sql))
    return Definition(
        name="Cases, flat file",
        description="One row a case with its people, investigations and custom fields.",
        sql=_one_row_a_case(fields, _CASES, built_in, sql, first),
        parameters=filters.CASES,
        columns=columns_of(fields),
        key_columns=("case_number",),
        built_in=built_in,
    )


def _custom(built_in: BuiltIn, sql: Dialect, first: int | None) -> Definition:
    fields = (*case_fields(sql), *aging_fields(sql), *_spread_fields(built_in, sql))
    conditions = (*_CASES, filters.chosen("c.severity", "severities"))
    return Definition(
        name="Cases, all columns",
        description="One row a case with all there is to choose from: schedules pick their columns.",
        sql=_one_row_a_case(fields, conditions, built_in, sql, first),
        parameters=(*filters.CASES, filters.SEVERITIES),
        columns=columns_of(fields),
        key_columns=("case_number",),
        built_in=built_in,
    )


def _cases_only(built_in: BuiltIn, sql: Dialect, first: int | None) -> Definition:
    fields = case_fields(sql)
    return Definition(
        name="Cases",
        description="One row a case, without investigations and custom fields.",
        sql=query(fields, FROM_CASES, _CASES, _CASE_ORDER, first),
        parameters=filters.CASES,
        columns=columns_of(fields),
        key_columns=("case_number",),
        built_in=built_in,
    )


def _investigations_only(built_in: BuiltIn, sql: Dialect, first: int | None) -> Definition:
    fields = investigation_fields(sql)
    conditions = (filters.within_period("i.opened_at"), *filters.OF_CASES)
    found = f"{_FILTERED}\nJOIN investigations i ON i.case_id = c.id"
    chosen = _select("i.case_id AS id", found, conditions, _INVESTIGATION_ORDER, first)
    rows = query(fields, f"{FROM_CASES}\n{_TO_INVESTIGATIONS}", conditions, _INVESTIGATION_ORDER, first)
    return Definition(
        name="Investigations",
        description="One row an investigation, with the case it belongs to.",
        sql=f"{numbered(chosen, sql)}\n{rows}",
        parameters=filters.INVESTIGATIONS,
        columns=columns_of(fields),
        key_columns=("investigation_number",),
        built_in=built_in,
    )


def _disclosures_only(built_in: BuiltIn, sql: Dialect, first: int | None) -> Definition:
    fields = disclosure_fields(sql)
    conditions = (filters.within_period("d.submitted_at"), *filters.OF_DISCLOSURES)
    return Definition(
        name="Disclosures",
        description="Gifts, conflicts of interest, outside work and political contributions, one row each.",
        sql=query(fields, _FROM_DISCLOSURES, conditions, "d.submitted_at, d.id", first),
        parameters=filters.DISCLOSURES,
        columns=columns_of(fields),
        key_columns=("disclosure_number",),
        built_in=built_in,
    )


def _spread_fields(built_in: BuiltIn, sql: Dialect) -> tuple[Field, ...]:
    overflow = (overflow_field(built_in.slots, sql),) if built_in.overflow else ()
    repeated = repeated_fields(built_in.investigations, sql)
    return (COUNT, *repeated, *slot_fields(built_in.slots, sql), *overflow)


def _one_row_a_case(
    fields: Sequence[Field], conditions: Sequence[str], built_in: BuiltIn, sql: Dialect, first: int | None
) -> str:
    chosen = _select("c.id", _FILTERED, conditions, _CASE_ORDER, first)
    spread = by_case(built_in.investigations, sql, further=built_in.overflow)
    source = f"{FROM_CASES}\nLEFT JOIN inv ON inv.case_id = c.id"
    rows = query(fields, source, conditions, _CASE_ORDER, first)
    return f"{numbered(chosen, sql)}, inv AS (\n  {spread}\n)\n{rows}"


_BY_TYPE: Mapping[ExportType, Callable[[BuiltIn, Dialect, int | None], Definition]] = {
    ExportType.FLAT_FILE: _flat_file,
    ExportType.CASES_ONLY: _cases_only,
    ExportType.INVESTIGATIONS_ONLY: _investigations_only,
    ExportType.DISCLOSURES_ONLY: _disclosures_only,
    ExportType.CUSTOM: _custom,
}
