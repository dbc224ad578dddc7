"""The demo's datasets: one for each export type, over the compliance database of `portal.demo.acme`."""

from portal.datasets.compliance import filters
from portal.datasets.compliance.choice import BuiltIn, Slot
from portal.datasets.compliance.dialects import DIALECTS
from portal.datasets.compliance.export_types import FROM_CASES, definition, query
from portal.datasets.compliance.fields import SENSITIVE, aging_fields, case_fields, columns_of, picked
from portal.datasets.definition import Definition
from portal.datasets.export_type import ExportType
from portal.datasets.parameters import Parameter, ParameterKind
from portal.table import ColumnType

BACKEND = "sqlite"
SLOTS = (
    Slot("policy_reference", "Policy"),
    Slot("root_cause", "Root cause"),
    Slot("regulator_notified", "Regulator notified", ColumnType.BOOLEAN, tags=SENSITIVE),
    Slot("retaliation_alleged", "Retaliation alleged", ColumnType.BOOLEAN, tags=SENSITIVE),
    Slot("witness_count", "Witnesses", ColumnType.INTEGER),
)


def flat_file(investigations: int) -> Definition:
    """Return the flat file with columns for so many investigations. Raises ValueError outside 0 to 10."""
    return definition(BuiltIn(ExportType.FLAT_FILE, investigations, SLOTS), BACKEND)


CASES_ONLY = definition(BuiltIn(ExportType.CASES_ONLY), BACKEND)
INVESTIGATIONS_ONLY = definition(BuiltIn(ExportType.INVESTIGATIONS_ONLY), BACKEND)
DISCLOSURES_ONLY = definition(BuiltIn(ExportType.DISCLOSURES_ONLY), BACKEND)


def _overdue_cases() -> Definition:
    """Return a dataset as an admin would write it."""
    sql = DIALECTS[BACKEND]
    keys = "case_number title severity status category business_unit location assignees opened_at due_at"
    keys += " days_overdue risk_score currency estimated_loss"
    fields = picked((*case_fields(sql), *aging_fields(sql)), keys.split())
    conditions = (
        "c.status <> 'CLOSED' AND c.severity IN ('HIGH', 'CRITICAL')",
        f"c.due_at < {sql.AS_OF}",
        filters.within_period("c.opened_at"),
        *filters.OF_CASES,
        "(:minimum_risk IS NULL OR c.risk_score >= :minimum_risk)",
    )
    return Definition(
        name="Overdue high-severity cases",
        description="High and critical cases, still open past their due date at the end of the period.",
        sql=query(fields, FROM_CASES, conditions, "c.due_at, c.id"),
        parameters=(
            filters.period("Opened"),
            filters.fixed("statuses", "Status", (("NEW", "New"), ("OPEN", "Open"))),
            filters.CATEGORIES,
            *filters.PLACES,
            Parameter("minimum_risk", "Risk score of at least", ParameterKind.NUMBER),
        ),
        columns=columns_of(fields),
        key_columns=("case_number",),
    )


OVERDUE_CASES = _overdue_cases()


def acme_datasets(investigations: int = 3) -> tuple[Definition, ...]:
    """Return one dataset for each export type, the flat file with so many investigations."""
    return (flat_file(investigations), CASES_ONLY, INVESTIGATIONS_ONLY, DISCLOSURES_ONLY, OVERDUE_CASES)
