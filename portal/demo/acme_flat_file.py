"""The flat file's repeated and tagged columns: one row a case, whatever hangs on it spread to the right."""

from dataclasses import replace

from portal.demo.acme_fields import PII, SENSITIVE, Field
from portal.table import Column, ColumnType

MOST_INVESTIGATIONS = 10

# Key, label, type, width and tags of each repeated column, and what fills it in `numbered`.
_REPEATED = (
    Field("number", Column("number", "number", width=18)),
    Field("type", Column("type", "type", width=18)),
    Field("status", Column("status", "status", width=10)),
    Field("investigator", Column("investigator", "investigator", width=22, tags=PII)),
    Field("opened_at", Column("opened_at", "opened", ColumnType.DATETIME, "yyyy-mm-dd hh:mm", 17)),
    Field("closed_at", Column("closed_at", "closed", ColumnType.DATETIME, "yyyy-mm-dd hh:mm", 17)),
    Field("conclusion", Column("conclusion", "conclusion", width=26, tags=SENSITIVE)),
    Field("hours", Column("hours", "hours", ColumnType.DECIMAL, "0.00", 9)),
)

_TAGGED = (
    Column("policy_reference", "Policy", width=12),
    Column("root_cause", "Root cause", width=20),
    Column("regulator_notified", "Regulator notified", ColumnType.BOOLEAN, width=11, tags=SENSITIVE),
    Column("retaliation_alleged", "Retaliation alleged", ColumnType.BOOLEAN, width=11, tags=SENSITIVE),
    Column("witness_count", "Witnesses", ColumnType.INTEGER, width=10),
)

_TAGGED_PATHS = {column.key: f"'$.{column.key}'" for column in _TAGGED}

TAGGED_FIELDS = tuple(
    Field(f"json_extract(c.custom_fields, {_TAGGED_PATHS[column.key]})", replace(column, group="tagged"))
    for column in _TAGGED
)

# Whatever has no column of its own, so that a file with few investigation columns loses nothing in silence.
# Patching with null adds no key (RFC 7396), which leaves cases without further investigations alone.
_UNTAGGED = f"json_remove(c.custom_fields, {', '.join(_TAGGED_PATHS.values())})"
OVERFLOW_FIELD = Field(
    f"NULLIF(json_patch({_UNTAGGED}, json_object('further_investigations', json(inv.further))), '{{}}')",
    Column("overflow", "Further fields", ColumnType.JSON, width=40, group="overflow", tags=SENSITIVE),
)


def repeated_fields(investigations: int) -> tuple[Field, ...]:
    """Return the columns `inv_1_number` … `inv_N_hours`, group by group.

    Raises ValueError outside 0 to 10.
    """
    if investigations not in range(MOST_INVESTIGATIONS + 1):
        raise ValueError(f"a flat file has 0 to {MOST_INVESTIGATIONS} investigations a row")
    return tuple(
        _nth(nth, field, f"inv.inv_{nth}_{field.column.key}")
        for nth in range(1, investigations + 1)
        for field in _REPEATED
    )


def _nth(nth: int, field: Field, expression: str) -> Field:
    key, label = f"inv_{nth}_{field.column.key}", f"Investigation {nth} {field.column.label}"
    return Field(expression, replace(field.column, key=key, label=label, group=f"inv_{nth}"))


def spread(investigations: int) -> str:
    """Return the query of `inv`: one row a case, its first N investigations spread, the rest a JSON list."""
    spread_columns = [
        f"MAX(CASE WHEN position = {nth} THEN {field.expression} END) AS inv_{nth}_{field.column.key}"
        for nth in range(1, investigations + 1)
        for field in _REPEATED
    ]
    members = ", ".join(f"'{field.column.key}', {field.expression}" for field in _REPEATED)
    rest = f"json_group_array(json_object({members})) FILTER (WHERE position > {investigations})"
    columns = ("case_id", "COUNT(*) AS total", *spread_columns, f"NULLIF({rest}, '[]') AS further")
    return "\n".join(("SELECT", "    " + ",\n    ".join(columns), "  FROM numbered GROUP BY case_id"))
