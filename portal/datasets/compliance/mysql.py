"""The way of MySQL 8.0 and MariaDB 10.6: `DATETIME` in UTC, `tinyint(1)`, `JSON`.

Only what both know. They have no type for an instant with its zone, so instants arrive as text with `+00:00`.
"""

from collections.abc import Mapping, Sequence

from portal.table import ColumnType

ORDERED = ""  # aggregates say their own order
ASSIGNEE_COUNT = "COALESCE(JSON_LENGTH(c.assignee_ids), 0)"
AS_OF = "CAST(COALESCE(:period_end, :due_at) AS DATETIME)"
_FIELDS = "COALESCE(c.custom_fields, '{}')"


def instant(expression: str) -> str:
    return f"CONCAT({expression}, '+00:00')"


def written_instant(expression: str) -> str:
    return f"DATE_FORMAT({expression}, '%Y-%m-%dT%H:%i:%sZ')"


def whole_days(earlier: str, later: str) -> str:
    return f"TIMESTAMPDIFF(DAY, {earlier}, {later})"


def share(part: str, whole: str) -> str:
    return f"ROUND({part} / NULLIF({whole}, 0), 4)"


def assigned(shown: str) -> str:
    return f"""(SELECT GROUP_CONCAT(u.{shown} ORDER BY chosen.place SEPARATOR '; ')
    FROM JSON_TABLE(c.assignee_ids, '$[*]' COLUMNS (place FOR ORDINALITY, id BIGINT PATH '$')) AS chosen
    JOIN users u ON u.id = chosen.id)"""  # noqa: S608 - a column of ours


def custom_field(path: Sequence[str], type_: ColumnType) -> str:
    value = f"JSON_EXTRACT(c.custom_fields, {_literal(path)})"
    # JSON_VALUE would cut long texts in MySQL. Text is read as its type: `values.converters_for`.
    shown = value if type_ is ColumnType.JSON else f"JSON_UNQUOTE({value})"
    return f"CASE WHEN JSON_TYPE({value}) <> 'NULL' THEN {shown} END"


def json_list(members: Mapping[str, str], condition: str) -> str:
    pairs = ", ".join(f"'{name}', {expression}" for name, expression in members.items())
    # JSON_ARRAYAGG has no order in MySQL; `sources.mysql` allows long lists
    objects = f"CASE WHEN {condition} THEN JSON_OBJECT({pairs}) END"
    return f"CONCAT('[', GROUP_CONCAT({objects} ORDER BY place SEPARATOR ','), ']')"


def overflow(taken: Sequence[Sequence[str]]) -> str:
    left = f"JSON_REMOVE({', '.join([_FIELDS, *map(_literal, taken)])})" if taken else _FIELDS
    # MariaDB would take plain text for a string
    further = "JSON_OBJECT('further_investigations', JSON_EXTRACT(inv.further, '$'))"
    # Patching with null adds no key (RFC 7396), which leaves cases without further investigations alone.
    return f"NULLIF(CAST(JSON_MERGE_PATCH({left}, {further}) AS CHAR), '{{}}')"


def _literal(path: Sequence[str]) -> str:
    """Return a path as a string: `choice.Slot` lets no name hold a quote."""
    return "'$." + ".".join(f'"{name}"' for name in path) + "'"
