"""What a person may choose before a dataset is read: a period, statuses, business units.

A parameter becomes bound values of the query, never text in it. Its binds, by kind, for the name `p`:

- PERIOD: `:p_start` and `:p_end`, half-open bounds in UTC, both NULL when no period was chosen
- MULTI_CHOICE: `:p`, an expanding list, and `:p_any`, 1 when nothing was chosen
- all others: `:p`, NULL when empty
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class ParameterKind(StrEnum):
    PERIOD = "period"
    MULTI_CHOICE = "multi_choice"
    CHOICE = "choice"
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"


_CHOOSING = frozenset({ParameterKind.MULTI_CHOICE, ParameterKind.CHOICE})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One choice offered by a dataset.

    `name` is the name of its bind: small letters, digits and `_`. What can be chosen is either fixed,
    `choices` of value and label, or asked of the source: `choices_sql` returns rows of value and label.
    Raises ValueError for a name that can't be bound, and where choices and kind don't fit together.
    """

    name: str
    label: str
    kind: ParameterKind
    choices: tuple[tuple[str, str], ...] = ()
    choices_sql: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a parameter can't be named {self.name!r}")
        origins = bool(self.choices) + (self.choices_sql is not None)
        if origins != (self.kind in _CHOOSING):
            raise ValueError(
                f"parameter {self.name!r}: a choice needs either choices or choices_sql, others none"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database; `from_dict` reads it back."""
        return {
            "name": self.name,
            "label": self.label,
            "kind": self.kind.value,
            "choices": [list(choice) for choice in self.choices],
            "choices_sql": self.choices_sql,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read the form written by `to_dict`. Raises KeyError or ValueError on anything else."""
        return cls(
            name=data["name"],
            label=data["label"],
            kind=ParameterKind(data["kind"]),
            choices=tuple((value, label) for value, label in data.get("choices", ())),
            choices_sql=data.get("choices_sql"),
        )
