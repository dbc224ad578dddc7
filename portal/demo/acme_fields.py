"""What the demo's datasets can show: each column beside the SQL expression that fills it.

Written side by side, the select list and the declared columns can't drift apart. In expressions `c` is the
case, `cat`, `bu`, `loc` and `creator` what it points to, `inv` its investigations, one row a case.
SQLAlchemy takes a colon before a word for a bind, even within a string, so no expression holds one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.table import Column, ColumnType

PII = frozenset({"PII"})
SENSITIVE = frozenset({"SENSITIVE"})
BOARD = frozenset({"BOARD"})
_MONEY = "#,##0.00"
_INSTANT = "yyyy-mm-dd hh:mm"
_DAY = "yyyy-mm-dd"

# The ids are a JSON list, in the order of assignment. SQLite keeps the order of a sorted subquery for
# group_concat (https://www.sqlite.org/optoverview.html, "subquery co-routines").
_ASSIGNED = """(SELECT group_concat({shown}, '; ') FROM (
    SELECT u.name, u.email FROM json_each(c.assignee_ids) AS chosen
    JOIN users u ON u.id = chosen.value ORDER BY chosen.key))"""


@dataclass(frozen=True, slots=True)
class Field:
    expression: str
    column: Column


def select_list(fields: Iterable[Field]) -> str:
    """Return `expression AS key` for each field, comma-separated."""
    return ",\n  ".join(f"{field.expression} AS {field.column.key}" for field in fields)


def columns_of(fields: Iterable[Field]) -> tuple[Column, ...]:
    return tuple(field.column for field in fields)


def _text(
    key: str, label: str, expression: str, width: int = 16, *, tags: frozenset[str] = frozenset()
) -> Field:
    return Field(expression, Column(key, label, width=width, tags=tags))


def _integer(key: str, label: str, expression: str, *, tags: frozenset[str] = frozenset()) -> Field:
    return Field(expression, Column(key, label, ColumnType.INTEGER, width=12, tags=tags))


def _instant(key: str, label: str, expression: str) -> Field:
    return Field(expression, Column(key, label, ColumnType.DATETIME, _INSTANT, 17))


def _date(key: str, label: str, expression: str) -> Field:
    return Field(expression, Column(key, label, ColumnType.DATE, _DAY, 12))


def _boolean(key: str, label: str, expression: str) -> Field:
    return Field(expression, Column(key, label, ColumnType.BOOLEAN, width=11))


def _money(key: str, label: str, expression: str) -> Field:
    return Field(expression, Column(key, label, ColumnType.CURRENCY, _MONEY, 16, tags=SENSITIVE | BOARD))


CASE_NUMBER = _text("case_number", "Case number", "c.number", tags=BOARD)
TITLE = _text("title", "Title", "c.title", 44)
STATUS = _text("status", "Status", "c.status", 10, tags=BOARD)
SEVERITY = _text("severity", "Severity", "c.severity", 10, tags=BOARD)
CATEGORY = _text("category", "Category", "cat.name", 24, tags=BOARD)
BUSINESS_UNIT = _text("business_unit", "Business unit", "bu.name", 22, tags=BOARD)
LOCATION = _text("location", "Location", "loc.name", 18, tags=BOARD)
ASSIGNEES = _text("assignees", "Assignees", _ASSIGNED.format(shown="name"), 32, tags=PII)
OPENED_AT = _instant("opened_at", "Opened", "c.opened_at")
DUE_AT = _instant("due_at", "Due", "c.due_at")
CURRENCY = _text("currency", "Currency", "c.currency", 9)
ESTIMATED_LOSS = _money("estimated_loss", "Estimated loss", "c.estimated_loss")
RISK_SCORE = Field(
    "c.risk_score", Column("risk_score", "Risk score", ColumnType.DECIMAL, "0.0", 11, tags=BOARD)
)

CASE_FIELDS = (
    CASE_NUMBER,
    _text("organization", "Organization", "org.name", 18),
    TITLE,
    _text("description", "Description", "c.description", 60, tags=SENSITIVE),
    STATUS,
    SEVERITY,
    _text("area", "Area", "cat.area", 20),
    CATEGORY,
    _text("business_unit_code", "Unit code", "bu.code", 10),
    BUSINESS_UNIT,
    _text("location_code", "Location code", "loc.code", 13),
    LOCATION,
    _text("country", "Country", "loc.country", 20),
    _text("region", "Region", "loc.region", 11, tags=BOARD),
    _text("channel", "Reported by", "c.channel", 12),
    _boolean("anonymous", "Anonymous", "c.anonymous"),
    _text("creator_name", "Created by", "creator.name", 22, tags=PII),
    _text("creator_email", "Creator’s email", "creator.email", 32, tags=PII),  # noqa: RUF001
    _text("creator_department", "Creator’s department", "creator.department", 18),  # noqa: RUF001
    _integer("assignee_count", "Assignees, number", "json_array_length(c.assignee_ids)"),
    ASSIGNEES,
    _text("assignee_emails", "Assignees’ emails", _ASSIGNED.format(shown="email"), 40, tags=PII),  # noqa: RUF001
    _date("incident_date", "Date of incident", "c.incident_date"),
    OPENED_AT,
    DUE_AT,
    _instant("closed_at", "Closed", "c.closed_at"),
    _instant("updated_at", "Last change", "c.updated_at"),
    _integer(
        "days_to_close", "Days to close", "CAST(julianday(c.closed_at) - julianday(c.opened_at) AS INTEGER)"
    ),
    _boolean("closed_late", "Closed late", "c.closed_at > c.due_at"),
    _text("outcome", "Outcome", "c.outcome", 17, tags=SENSITIVE | BOARD),
    CURRENCY,
    ESTIMATED_LOSS,
    _money("recovered", "Recovered", "c.recovered"),
    Field(
        "ROUND(CAST(c.recovered AS REAL) / NULLIF(CAST(c.estimated_loss AS REAL), 0), 4)",
        Column("recovery_rate", "Share recovered", ColumnType.PERCENTAGE, "0.0%", 11, tags=BOARD),
    ),
    RISK_SCORE,
)

INVESTIGATION_COUNT = _integer("investigation_count", "Investigations", "COALESCE(inv.total, 0)", tags=BOARD)

INVESTIGATION_FIELDS = (
    _text("investigation_number", "Investigation", "i.number", 18),
    CASE_NUMBER,
    _integer("position", "Of its case, number", "i.position"),
    _text("type", "Type", "i.type", 18),
    _text("investigation_status", "Status", "i.status", 10),
    _text("investigator_name", "Investigator", "investigator.name", 22, tags=PII),
    _text("investigator_email", "Investigator’s email", "investigator.email", 32, tags=PII),  # noqa: RUF001
    _instant("investigation_opened_at", "Opened", "i.opened_at"),
    _instant("investigation_closed_at", "Closed", "i.closed_at"),
    _text("conclusion", "Conclusion", "i.conclusion", 26, tags=SENSITIVE),
    Field("i.hours", Column("hours", "Hours", ColumnType.DECIMAL, "0.00", 9)),
    _text("case_status", "Case status", "c.status", 12),
    SEVERITY,
    CATEGORY,
    BUSINESS_UNIT,
    LOCATION,
)

DISCLOSURE_FIELDS = (
    _text("disclosure_number", "Disclosure", "d.number", 13),
    _text("kind", "Kind", "d.kind", 24),
    _text("status", "Status", "d.status", 12),
    _text("person", "Disclosed by", "person.name", 22, tags=PII),
    _text("person_email", "Email", "person.email", 32, tags=PII),
    _text("department", "Department", "person.department", 18),
    BUSINESS_UNIT,
    LOCATION,
    _text("counterparty", "Counterparty", "d.counterparty", 26, tags=frozenset({"EXTERNAL"})),
    _text("description", "Description", "d.description", 40, tags=SENSITIVE),
    Field("d.amount", Column("amount", "Value", ColumnType.CURRENCY, _MONEY, 14, tags=SENSITIVE)),
    _text("currency", "Currency", "d.currency", 9),
    _boolean("public_official", "Public official", "d.public_official"),
    _date("event_date", "Date of event", "d.event_date"),
    _instant("submitted_at", "Submitted", "d.submitted_at"),
    _instant("decided_at", "Decided", "d.decided_at"),
    _text("reviewer", "Decided by", "reviewer.name", 22, tags=PII),
)

# At the end of the period, or at the occurrence where none is chosen: never at the moment of execution, so
# that a retry says what the first attempt would have said. `:due_at` is bound for every dataset.
AS_OF = "COALESCE(:period_end, :due_at)"

OVERDUE_FIELDS = (
    CASE_NUMBER,
    TITLE,
    SEVERITY,
    STATUS,
    CATEGORY,
    BUSINESS_UNIT,
    LOCATION,
    ASSIGNEES,
    OPENED_AT,
    DUE_AT,
    _integer(
        "days_overdue",
        "Days overdue",
        f"CAST(julianday({AS_OF}) - julianday(c.due_at) AS INTEGER)",
        tags=BOARD,
    ),
    RISK_SCORE,
    CURRENCY,
    ESTIMATED_LOSS,
)
