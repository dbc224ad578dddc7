"""What the built-in datasets can show: each column beside the SQL expression that fills it.

Written side by side, the select list and the declared columns can't drift apart. In expressions `c` is the
case, `cat`, `bu`, `loc`, `org` and `creator` what it points to, `inv` its investigations, one row a case.
SQLAlchemy takes a colon before a word for a bind, even within a string, so no expression holds one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal.datasets.compliance.dialects import Dialect
from portal.table import Column, ColumnType

PII = frozenset({"PII"})
SENSITIVE = frozenset({"SENSITIVE"})
BOARD = frozenset({"BOARD"})
EXTERNAL = frozenset({"EXTERNAL"})
MONEY = "#,##0.00"
INSTANT = "yyyy-mm-dd hh:mm"
DAY = "yyyy-mm-dd"
NO_TAGS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Field:
    expression: str
    column: Column


def select_list(fields: Iterable[Field]) -> str:
    """Return `expression AS key` for each field, comma-separated."""
    return ",\n  ".join(f"{field.expression} AS {_alias(field.column)}" for field in fields)


def _alias(column: Column) -> str:
    # people name custom fields, by keywords too; every database takes a quoted alias, MySQL as a string
    return f'"{column.key}"' if column.group == "tagged" else column.key


def columns_of(fields: Iterable[Field]) -> tuple[Column, ...]:
    return tuple(field.column for field in fields)


def picked(fields: Iterable[Field], keys: Sequence[str]) -> tuple[Field, ...]:
    """Return the fields with these keys, in their order."""
    by_key = {field.column.key: field for field in fields}
    return tuple(by_key[key] for key in keys)


def text(key: str, label: str, expression: str, width: int = 16, *, tags: frozenset[str] = NO_TAGS) -> Field:
    return Field(expression, Column(key, label, width=width, tags=tags))


def integer(key: str, label: str, expression: str, *, tags: frozenset[str] = NO_TAGS) -> Field:
    return Field(expression, Column(key, label, ColumnType.INTEGER, width=12, tags=tags))


def boolean(key: str, label: str, expression: str) -> Field:
    return Field(expression, Column(key, label, ColumnType.BOOLEAN, width=11))


def instant(key: str, label: str, expression: str) -> Field:
    return Field(expression, Column(key, label, ColumnType.DATETIME, INSTANT, 17))


def date(key: str, label: str, expression: str) -> Field:
    return Field(expression, Column(key, label, ColumnType.DATE, DAY, 12))


def money(key: str, label: str, expression: str, *, tags: frozenset[str] = SENSITIVE | BOARD) -> Field:
    return Field(expression, Column(key, label, ColumnType.CURRENCY, MONEY, 16, tags=tags))


def case_fields(sql: Dialect) -> tuple[Field, ...]:
    """Return the columns of a case, without investigations and custom fields."""
    return (*_what(), *_where(), *_who(sql), *_when(sql), *_worth(sql))


def _what() -> tuple[Field, ...]:
    return (
        text("case_number", "Case number", "c.number", tags=BOARD),
        text("organization", "Organization", "org.name", 18),
        text("title", "Title", "c.title", 44),
        text("description", "Description", "c.description", 60, tags=SENSITIVE),
        text("status", "Status", "c.status", 10, tags=BOARD),
        text("severity", "Severity", "c.severity", 10, tags=BOARD),
        text("area", "Area", "cat.area", 20),
        text("category", "Category", "cat.name", 26, tags=BOARD),
    )


def _where() -> tuple[Field, ...]:
    return (
        text("business_unit_code", "Unit code", "bu.code", 10),
        text("business_unit", "Business unit", "bu.name", 22, tags=BOARD),
        text("location_code", "Location code", "loc.code", 13),
        text("location", "Location", "loc.name", 18, tags=BOARD),
        text("country", "Country", "loc.country", 20),
        text("region", "Region", "loc.region", 11, tags=BOARD),
    )


def _who(sql: Dialect) -> tuple[Field, ...]:
    return (
        text("channel", "Reported by", "c.channel", 12),
        boolean("anonymous", "Anonymous", "c.anonymous"),
        text("creator_name", "Created by", "creator.name", 22, tags=PII),
        text("creator_email", "Creator’s email", "creator.email", 32, tags=PII),  # noqa: RUF001
        text("creator_department", "Creator’s department", "creator.department", 18),  # noqa: RUF001
        integer("assignee_count", "Assignees, number", sql.ASSIGNEE_COUNT),
        text("assignees", "Assignees", sql.assigned("name"), 32, tags=PII),
        text("assignee_emails", "Assignees’ emails", sql.assigned("email"), 40, tags=PII),  # noqa: RUF001
    )


def _when(sql: Dialect) -> tuple[Field, ...]:
    return (
        date("incident_date", "Date of incident", "c.incident_date"),
        instant("opened_at", "Opened", sql.instant("c.opened_at")),
        instant("due_at", "Due", sql.instant("c.due_at")),
        instant("closed_at", "Closed", sql.instant("c.closed_at")),
        instant("updated_at", "Last change", sql.instant("c.updated_at")),
        integer("days_to_close", "Days to close", sql.whole_days("c.opened_at", "c.closed_at")),
        boolean("closed_late", "Closed late", "c.closed_at > c.due_at"),
    )


def _worth(sql: Dialect) -> tuple[Field, ...]:
    share = Column("recovery_rate", "Share recovered", ColumnType.PERCENTAGE, "0.0%", 11, tags=BOARD)
    risk = Column("risk_score", "Risk score", ColumnType.DECIMAL, "0.0", 11, tags=BOARD)
    return (
        text("outcome", "Outcome", "c.outcome", 17, tags=SENSITIVE | BOARD),
        text("currency", "Currency", "c.currency", 9),
        money("estimated_loss", "Estimated loss", "c.estimated_loss"),
        money("recovered", "Recovered", "c.recovered"),
        Field(sql.share("c.recovered", "c.estimated_loss"), share),
        Field("c.risk_score", risk),
    )


def aging_fields(sql: Dialect) -> tuple[Field, ...]:
    """Return how old and how late a case is at the end of the period."""
    end = f"COALESCE(c.closed_at, {sql.AS_OF})"
    overdue = f"CASE WHEN c.due_at < {end} THEN {sql.whole_days('c.due_at', end)} END"
    return (
        integer("days_open", "Days open", sql.whole_days("c.opened_at", end), tags=BOARD),
        integer("days_overdue", "Days overdue", overdue, tags=BOARD),
    )


def investigation_fields(sql: Dialect) -> tuple[Field, ...]:
    """Return the columns of an investigation `i`, with some of its case."""
    of_case = ("severity", "category", "business_unit", "location")
    return (
        text("investigation_number", "Investigation", "i.number", 18),
        *picked(_what(), ["case_number"]),
        integer("position", "Of its case, number", "i.place"),
        text("type", "Type", "i.type", 18),
        text("investigation_status", "Status", "i.status", 10),
        text("investigator_name", "Investigator", "investigator.name", 22, tags=PII),
        text("investigator_email", "Investigator’s email", "investigator.email", 32, tags=PII),  # noqa: RUF001
        instant("investigation_opened_at", "Opened", sql.instant("i.opened_at")),
        instant("investigation_closed_at", "Closed", sql.instant("i.closed_at")),
        text("conclusion", "Conclusion", "i.conclusion", 26, tags=SENSITIVE),
        Field("i.hours", Column("hours", "Hours", ColumnType.DECIMAL, "0.00", 9)),
        text("case_status", "Case status", "c.status", 12),
        *picked((*_what(), *_where()), of_case),
    )


def disclosure_fields(sql: Dialect) -> tuple[Field, ...]:
    """Return the columns of a disclosure `d` by `person`."""
    return (
        text("disclosure_number", "Disclosure", "d.number", 13),
        text("kind", "Kind", "d.kind", 24),
        text("status", "Status", "d.status", 12),
        text("person", "Disclosed by", "person.name", 22, tags=PII),
        text("person_email", "Email", "person.email", 32, tags=PII),
        text("department", "Department", "person.department", 18),
        *picked(_where(), ["business_unit", "location"]),
        text("counterparty", "Counterparty", "d.counterparty", 26, tags=EXTERNAL),
        text("description", "Description", "d.description", 40, tags=SENSITIVE),
        Field("d.amount", Column("amount", "Value", ColumnType.CURRENCY, MONEY, 14, tags=SENSITIVE)),
        text("currency", "Currency", "d.currency", 9),
        boolean("public_official", "Public official", "d.public_official"),
        date("event_date", "Date of event", "d.event_date"),
        instant("submitted_at", "Submitted", sql.instant("d.submitted_at")),
        instant("decided_at", "Decided", sql.instant("d.decided_at")),
        text("reviewer", "Decided by", "reviewer.name", 22, tags=PII),
    )
