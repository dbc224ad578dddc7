"""What a schedule chooses of its dataset: columns, order and number of rows; and what of it is refused."""

from collections.abc import Sequence

from portal.datasets.columns import ColumnChoice
from portal.datasets.definition import TAGS
from portal.datasets.models import DatasetVersion
from portal.datasets.ordering import LARGEST_LIMIT, MOST_SORTS, Sort, sortable
from portal.errors import InvalidInput

LONGEST_LABEL = 120


def valid_columns(version: DatasetVersion, choice: ColumnChoice) -> ColumnChoice:
    """Return a choice of columns that the dataset has. Raises InvalidInput(field="columns")."""
    known = {column.key for column in version.table_columns}
    for key in (*choice.keys, *choice.labels):
        if key not in known:
            raise InvalidInput(f"The dataset has no column “{key}”.", "columns")
    for group in choice.groups:
        if group not in {column.group for column in version.table_columns}:
            raise InvalidInput(f"The dataset has no group of columns “{group}”.", "columns")
    for tag in choice.without:
        if tag not in TAGS:
            raise InvalidInput(f"There is no mark “{tag}”.", "columns")
    for label in choice.labels.values():
        if len(label) > LONGEST_LABEL or not label.isprintable():
            raise InvalidInput(f"A header is one line of at most {LONGEST_LABEL} characters.", "columns")
    if not choice.applied_to(version.table_columns):
        raise InvalidInput("All chosen columns are left out by their marks. Choose others.", "columns")
    return ColumnChoice(
        tuple(dict.fromkeys(choice.keys)),
        tuple(dict.fromkeys(choice.groups)),
        tuple(dict.fromkeys(choice.without)),
        choice.labels,
    )


def valid_sort(version: DatasetVersion, sort: Sequence[Sort]) -> tuple[Sort, ...]:
    """Return by what rows are sorted. Raises InvalidInput(field="sort_1")."""
    known = {column.key for column in sortable(version.table_columns)}
    keys = [one.column for one in sort]
    for key in keys:
        if key not in known:
            raise InvalidInput(f"Rows can't be sorted by “{key}”.", "sort_1")
        if keys.count(key) > 1:
            raise InvalidInput("Sort by each column only once.", "sort_1")
    if len(keys) > MOST_SORTS:
        raise InvalidInput(f"Sort by at most {MOST_SORTS} columns.", "sort_1")
    return tuple(sort)


def valid_limit(limit: int | None, sort: Sequence[Sort]) -> int | None:
    """Return how many rows count. Raises InvalidInput(field="row_limit"), also without an order: which rows
    were the first would be left to chance.
    """
    if limit is None:
        return None
    if not 1 <= limit <= LARGEST_LIMIT:
        raise InvalidInput(f"A row limit is 1 to {LARGEST_LIMIT:,}, or nothing.", "row_limit")
    if not sort:
        raise InvalidInput("Sort the rows, so that it is certain which of them are the first.", "row_limit")
    return limit
