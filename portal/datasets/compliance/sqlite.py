"""SQLite's way: instants are UTC text, booleans 0 or 1, JSON text. Nothing newer than SQLite 3.31."""

from collections.abc import Mapping, Sequence

from portal.table import ColumnType

# SQLite keeps the order of a sorted subquery for aggregates, which know none of their own before 3.44
# (https://www.sqlite.org/optoverview.html, "subquery co-routines").
ORDERED = "\n  ORDER BY i.case_id, place"
ASSIGNEE_COUNT = "COALESCE(json_array_length(c.assignee_ids), 0)"
AS_OF = "COALESCE(:period_end, :due_at)"
_FIELDS = "COALESCE(c.custom_fields, '{}')"


def instant(expression: str) -> str:
    return expression


def written_instant(expression: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%SZ', {expression})"


def whole_days(earlier: str, later: str) -> str:
    # whole seconds: Julian days are floats, in which two days can be 1.9999999
    return f"(CAST(strftime('%s', {later}) AS INTEGER) - CAST(strftime('%s', {earlier}) AS INTEGER)) / 86400"


def share(part: str, whole: str) -> str:
    return f"ROUND(CAST({part} AS REAL) / NULLIF(CAST({whole} AS REAL), 0), 4)"


def assigned(shown: str) -> str:
    return f"""(SELECT group_concat({shown}, '; ') FROM (
    SELECT u.{shown} FROM json_each(c.assignee_ids) AS chosen
    JOIN users u ON u.id = chosen.value ORDER BY chosen.key))"""  # noqa: S608 - a column of ours


def custom_field(path: Sequence[str], type_: ColumnType) -> str:
    place = f"c.custom_fields, {_literal(path)}"
    value, kind = f"json_extract({place})", f"json_type({place})"
    if type_ not in (ColumnType.TEXT, ColumnType.JSON):
        return value
    shown = f"CAST({value} AS TEXT)" if type_ is ColumnType.TEXT else f"json_quote({value})"
    # json_extract makes 1 of true, and json_quote a word of NULL
    return f"CASE WHEN {kind} IN ('true', 'false') THEN {kind} WHEN {value} IS NOT NULL THEN {shown} END"


def json_list(members: Mapping[str, str], condition: str) -> str:
    pairs = ", ".join(f"'{name}', {expression}" for name, expression in members.items())
    return f"NULLIF(json_group_array(json_object({pairs})) FILTER (WHERE {condition}), '[]')"


def overflow(taken: Sequence[Sequence[str]]) -> str:
    left = f"json_remove({', '.join([_FIELDS, *map(_literal, taken)])})" if taken else _FIELDS
    # Patching with null adds no key (RFC 7396), which leaves cases without further investigations alone.
    return f"NULLIF(json_patch({left}, json_object('further_investigations', json(inv.further))), '{{}}')"


def _literal(path: Sequence[str]) -> str:
    """Return a path as a string: `choice.Slot` lets no name hold a quote."""
    return "'$." + ".".join(f'"{name}"' for name in path) + "'"
