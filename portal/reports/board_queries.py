"""The queries of the built-in board report, over the compliance tables or views of docs/compliance-schema.md.

Each adds up in the database and gives some dozens of rows at most. Cases count by the instant at which they
were opened or closed; months are those of UTC. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.datasets.parameters import Parameter, ParameterKind
from portal.table import Column, ColumnType

PERIOD = Parameter("period", "Period", ParameterKind.PERIOD)
MONTHS = 12
"""Of the trend."""
OVERDUE_LISTED = 100


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """A dataset of the board report: `key` names it to `board.SECTIONS`."""

    key: str
    name: str
    description: str
    sql: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What SQLite, PostgreSQL and MySQL don't have in common: `{0}`, `{1}` are expressions of instants."""

    days: str
    """Days between two instants, with fractions."""
    month: str
    """The month of an instant, as `2025-03`."""
    joined: str
    """Two texts as one."""

    def in_words(self, column: str) -> str:
        """Return a code such as CONFLICT_OF_INTEREST as `Conflict of interest`."""
        plain = f"REPLACE(LOWER({column}), '_', ' ')"
        return self.joined.format(f"SUBSTR({column}, 1, 1)", f"SUBSTR({plain}, 2)")


DIALECTS: Mapping[str, Dialect] = {
    "sqlite": Dialect(
        days="(julianday({1}) - julianday({0}))",
        month="strftime('%Y-%m', {0})",
        joined="{0} || {1}",
    ),
    "postgresql": Dialect(
        days="(EXTRACT(EPOCH FROM ({1} - {0})) / 86400.0)",
        month="to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM')",
        joined="{0} || {1}",
    ),
    "mysql": Dialect(
        days="(TIMESTAMPDIFF(SECOND, {0}, {1}) / 86400.0)",
        month="DATE_FORMAT({0}, '%Y-%m')",
        joined="CONCAT({0}, {1})",
    ),
}

_AS_OF = "COALESCE(:period_end, :due_at)"
_OVERDUE = f"c.due_at < {_AS_OF} AND (c.closed_at IS NULL OR c.closed_at >= {_AS_OF})"
_COUNT = ColumnType.INTEGER


def board_queries(backend: str) -> tuple[BoardQuery, ...]:
    """Return the queries for `sqlite`, `postgresql` or `mysql`. Raises KeyError for any other."""
    dialect = DIALECTS[backend]
    return (
        _figures(dialect),
        _breakdowns(dialect),
        _trend(dialect),
        _disclosures(dialect),
        _overdue(dialect),
    )


def _within(expression: str) -> str:
    return (
        f"(:period_start IS NULL OR {expression} >= :period_start)"
        f" AND (:period_end IS NULL OR {expression} < :period_end)"
    )


def _figures(dialect: Dialect) -> BoardQuery:
    closed = _within("c.closed_at")
    # The middle one of an odd number of cases, the two in the middle of an even one.
    sql = f"""WITH closed AS (
  SELECT {dialect.days.format("c.opened_at", "c.closed_at")} AS days
  FROM cases c WHERE c.closed_at IS NOT NULL AND {closed}
), placed AS (
  SELECT days, ROW_NUMBER() OVER (ORDER BY days) AS place, COUNT(*) OVER () AS total FROM closed
)
SELECT
  (SELECT COUNT(*) FROM cases c WHERE {_within("c.opened_at")}) AS opened,
  (SELECT COUNT(*) FROM closed) AS closed,
  (SELECT AVG(days) FROM placed WHERE 2 * place BETWEEN total AND total + 2) AS median_days,
  (SELECT AVG(CASE WHEN c.outcome = 'SUBSTANTIATED' THEN 1.0 ELSE 0.0 END)
   FROM cases c WHERE c.outcome IS NOT NULL AND {closed}) AS substantiation,
  (SELECT COUNT(*) FROM cases c WHERE {_OVERDUE}) AS overdue,
  (SELECT COUNT(*) FROM disclosures d WHERE {_within("d.submitted_at")}) AS disclosures"""  # noqa: S608
    return BoardQuery(
        "figures",
        "Board: key figures",
        "One row: cases opened, closed and overdue, median days open, substantiation rate, disclosures.",
        sql,
        (
            Column("opened", "Cases opened", _COUNT),
            Column("closed", "Cases closed", _COUNT),
            Column("median_days", "Median days open", ColumnType.DECIMAL, "0.0"),
            Column("substantiation", "Substantiation rate", ColumnType.PERCENTAGE, "0.0%"),
            Column("overdue", "Overdue cases", _COUNT),
            Column("disclosures", "Disclosures submitted", _COUNT),
        ),
    )


def _breakdowns(dialect: Dialect) -> BoardQuery:
    joined = {
        "Category": ("cat.name", "LEFT JOIN categories cat ON cat.id = c.category_id"),
        "Business unit": ("bu.name", "LEFT JOIN business_units bu ON bu.id = c.business_unit_id"),
        "Location": ("loc.name", "LEFT JOIN locations loc ON loc.id = c.location_id"),
        "Severity": (dialect.in_words("c.severity"), ""),
    }
    parts = [
        f"SELECT '{name}' AS kind, {column} AS name, COUNT(*) AS cases\n"
        f"FROM cases c {join}\nWHERE {_within('c.opened_at')}\nGROUP BY {column}"
        for name, (column, join) in joined.items()
    ]
    counted = "\nUNION ALL\n".join(parts)
    return BoardQuery(
        "breakdowns",
        "Board: cases by category, unit, location, severity",
        "Cases opened, counted four ways; choose one by its kind.",
        f"SELECT kind, name, cases FROM (\n{counted}\n) AS b\nORDER BY kind, cases DESC, name",  # noqa: S608
        (Column("kind", "Counted by"), Column("name", "Name"), Column("cases", "Cases", _COUNT)),
    )


def _trend(dialect: Dialect) -> BoardQuery:
    opened, closed = dialect.month.format("c.opened_at"), dialect.month.format("c.closed_at")
    sql = f"""SELECT month, opened, closed FROM (
  SELECT month, SUM(opened) AS opened, SUM(closed) AS closed FROM (
    SELECT {opened} AS month, COUNT(*) AS opened, 0 AS closed
    FROM cases c WHERE c.opened_at < {_AS_OF} GROUP BY {opened}
    UNION ALL
    SELECT {closed} AS month, 0 AS opened, COUNT(*) AS closed
    FROM cases c WHERE c.closed_at < {_AS_OF} GROUP BY {closed}
  ) AS counted GROUP BY month ORDER BY month DESC LIMIT {MONTHS}
) AS latest ORDER BY month"""  # noqa: S608 - all written above
    return BoardQuery(
        "trend",
        "Board: cases by month",
        f"Cases opened and closed in each of the {MONTHS} months up to the end of the period, in UTC.",
        sql,
        (
            Column("month", "Month"),
            Column("opened", "Opened", _COUNT),
            Column("closed", "Closed", _COUNT),
        ),
    )


def _disclosures(dialect: Dialect) -> BoardQuery:
    kind, status = (dialect.in_words(column) for column in ("d.kind", "d.status"))
    sql = f"""SELECT {kind} AS kind, {status} AS status, COUNT(*) AS disclosures
FROM disclosures d WHERE {_within("d.submitted_at")}
GROUP BY d.kind, d.status ORDER BY d.kind, d.status"""  # noqa: S608 - all written above
    return BoardQuery(
        "disclosures",
        "Board: disclosures by kind and status",
        "Disclosures submitted, counted by kind and status.",
        sql,
        (
            Column("kind", "Kind"),
            Column("status", "Status"),
            Column("disclosures", "Disclosures", _COUNT),
        ),
    )


def _overdue(dialect: Dialect) -> BoardQuery:
    days = dialect.days.format("c.due_at", _AS_OF)
    sql = f"""SELECT c.number, c.title, {dialect.in_words("c.severity")} AS severity, cat.name AS category,
  bu.name AS business_unit, DATE(c.due_at) AS due_on, {days} AS days_overdue
FROM cases c
LEFT JOIN categories cat ON cat.id = c.category_id
LEFT JOIN business_units bu ON bu.id = c.business_unit_id
WHERE {_OVERDUE}
ORDER BY c.due_at, c.number LIMIT {OVERDUE_LISTED}"""  # noqa: S608 - all written above
    return BoardQuery(
        "overdue",
        "Board: overdue cases",
        "Cases past their due date at the end of the period, the longest overdue first.",
        sql,
        (
            Column("number", "Case"),
            Column("title", "Title", tags=frozenset({"SENSITIVE"})),
            Column("severity", "Severity"),
            Column("category", "Category"),
            Column("business_unit", "Business unit"),
            Column("due_on", "Due", ColumnType.DATE, "yyyy-mm-dd"),
            Column("days_overdue", "Days overdue", ColumnType.DECIMAL, "0"),
        ),
    )
