"""PostgreSQL's way: `timestamptz`, `boolean`, `jsonb`; `json` and text are cast."""

from collections.abc import Mapping, Sequence

from portal.table import ColumnType

ORDERED = ""  # aggregates say their own order
_ASSIGNEES = "COALESCE(CAST(c.assignee_ids AS jsonb), '[]')"
ASSIGNEE_COUNT = f"jsonb_array_length({_ASSIGNEES})"
AS_OF = "COALESCE(CAST(:period_end AS timestamptz), :due_at)"
_FIELDS = "CAST(c.custom_fields AS jsonb)"


def instant(expression: str) -> str:
    return expression


def written_instant(expression: str) -> str:
    # Written by ISO, which the portal asks for. No to_char: SQLAlchemy would take `:MI` for a bind.
    return f"replace(CAST({expression} AT TIME ZONE 'UTC' AS text), ' ', 'T') || 'Z'"


def whole_days(earlier: str, later: str) -> str:
    return f"CAST(trunc(EXTRACT(EPOCH FROM {later} - {earlier}) / 86400) AS integer)"


def share(part: str, whole: str) -> str:
    return f"ROUND(CAST({part} AS numeric) / NULLIF(CAST({whole} AS numeric), 0), 4)"


def assigned(shown: str) -> str:
    return f"""(SELECT string_agg(u.{shown}, '; ' ORDER BY chosen.place)
    FROM jsonb_array_elements_text({_ASSIGNEES}) WITH ORDINALITY AS chosen (id, place)
    JOIN users u ON u.id = CAST(chosen.id AS bigint))"""  # noqa: S608 - a column of ours


def custom_field(path: Sequence[str], type_: ColumnType) -> str:
    if type_ is ColumnType.JSON:
        return f"NULLIF({_FIELDS} #> {_literal(path)}, 'null')"
    return f"{_FIELDS} #>> {_literal(path)}"  # text, NULL for null; read as its type: `values.converters_for`


def json_list(members: Mapping[str, str], condition: str) -> str:
    pairs = ", ".join(f"'{name}', {expression}" for name, expression in members.items())
    return f"jsonb_agg(jsonb_build_object({pairs}) ORDER BY place) FILTER (WHERE {condition})"


def overflow(taken: Sequence[Sequence[str]]) -> str:
    left = "".join([f"COALESCE({_FIELDS}, '{{}}')", *(f" #- {_literal(path)}" for path in taken)])
    further = "CASE WHEN inv.further IS NULL THEN '{}'"
    further += " ELSE jsonb_build_object('further_investigations', inv.further) END"
    return f"NULLIF(({left}) || {further}, '{{}}')"


def _literal(path: Sequence[str]) -> str:
    """Return a path as an array's text: `choice.Slot` lets no name hold a quote."""
    return "'{" + ",".join(f'"{name}"' for name in path) + "}'"
