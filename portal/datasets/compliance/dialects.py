"""How databases differ in what the built-in queries need. Each module beside this one is a dialect."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from portal.datasets.compliance import mysql, postgresql, sqlite
from portal.table import ColumnType


class Dialect(Protocol):
    """Functions from SQL expressions to SQL expressions. `path` is the names that lead to a custom field."""

    ORDERED: str
    """What sorts the rows that are aggregated, where aggregates can't do so themselves."""

    ASSIGNEE_COUNT: str
    AS_OF: str
    """The end of the period, or the occurrence where none is chosen: never the moment of execution, so that a
    retry says what the first attempt would have said."""

    def instant(self, expression: str) -> str:
        """Return what arrives as an instant in UTC."""

    def written_instant(self, expression: str) -> str:
        """Return an instant as it stands in JSON: `2025-03-09T07:30:00Z`."""

    def whole_days(self, earlier: str, later: str) -> str:
        """Return how many times 24 hours passed between two instants, fractions cut off."""

    def share(self, part: str, whole: str) -> str:
        """Return a fraction with four decimals; NULL of nothing."""

    def assigned(self, shown: str) -> str:
        """Return a column of the case's assignees, joined by `; ` in the order of assignment."""

    def custom_field(self, path: Sequence[str], type_: ColumnType) -> str:
        """Return a custom field of the case; NULL where it is missing or null."""

    def json_list(self, members: Mapping[str, str], condition: str) -> str:
        """Return an aggregate: a JSON list of an object a row, by `place`; NULL where no row meets it."""

    def overflow(self, taken: Sequence[Sequence[str]]) -> str:
        """Return the custom fields but for those taken, with `inv.further`; NULL if nothing is left."""


DIALECTS: Mapping[str, Dialect] = {"sqlite": sqlite, "postgresql": postgresql, "mysql": mysql}
"""By SQLAlchemy's name of the kind of database; MariaDB speaks `mysql`."""
