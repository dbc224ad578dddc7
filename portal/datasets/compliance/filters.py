"""What schedules choose of a built-in dataset: parameters, and the conditions they stand in."""

from portal.datasets.parameters import Parameter, ParameterKind

_CASE_STATUSES = (("NEW", "New"), ("OPEN", "Open"), ("CLOSED", "Closed"))
_SEVERITIES = (("LOW", "Low"), ("MEDIUM", "Medium"), ("HIGH", "High"), ("CRITICAL", "Critical"))
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


def fixed(name: str, label: str, choices: tuple[tuple[str, str], ...]) -> Parameter:
    return Parameter(name, label, ParameterKind.MULTI_CHOICE, choices=choices)


def _asked(name: str, label: str, table: str) -> Parameter:
    sql = f"SELECT code AS value, name AS label FROM {table} ORDER BY name, code"  # noqa: S608 - our own tables
    return Parameter(name, label, ParameterKind.MULTI_CHOICE, choices_sql=sql)


def period(label: str) -> Parameter:
    return Parameter("period", label, ParameterKind.PERIOD)


CATEGORIES = _asked("categories", "Category", "categories")
PLACES = (
    _asked("business_units", "Business unit", "business_units"),
    _asked("locations", "Location", "locations"),
)
SEVERITIES = fixed("severities", "Severity", _SEVERITIES)
CASES = (period("Opened"), fixed("statuses", "Status", _CASE_STATUSES), CATEGORIES, *PLACES)
INVESTIGATIONS = (period("Opened"), fixed("statuses", "Case status", _CASE_STATUSES), CATEGORIES, *PLACES)
DISCLOSURES = (
    period("Submitted"),
    fixed("statuses", "Status", _DISCLOSURE_STATUSES),
    fixed("categories", "Kind", _DISCLOSURE_KINDS),
    *PLACES,
)


def within_period(expression: str) -> str:
    return (
        f"(:period_start IS NULL OR {expression} >= :period_start)"
        f" AND (:period_end IS NULL OR {expression} < :period_end)"
    )


def chosen(expression: str, parameter: str) -> str:
    return f"(:{parameter}_any = 1 OR {expression} IN :{parameter})"


IN_PLACES = (chosen("bu.code", "business_units"), chosen("loc.code", "locations"))
OF_CASES = (chosen("c.status", "statuses"), chosen("cat.code", "categories"), *IN_PLACES)
OF_DISCLOSURES = (chosen("d.status", "statuses"), chosen("d.kind", "categories"), *IN_PLACES)
