"""The part of a schedule's form that says how rows are sorted and how many of them count."""

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import Form, SelectField, StringField
from wtforms.validators import ValidationError

from portal.datasets.filter_form import said_at_the_field
from portal.datasets.ordering import LARGEST_LIMIT, MOST_SORTS, Sort
from portal.errors import InvalidInput
from portal.schedules.choices import valid_limit
from portal.table import Column

_ORDERS = {"ascending": "Ascending", "descending": "Descending"}


def _by(label: str) -> Any:
    return SelectField(label, choices={"": "–"}, default="", validate_choice=False)


def _order(label: str) -> Any:
    return SelectField(label, choices=_ORDERS, default="ascending", validate_choice=False)


class OrderForm(Form):
    """Up to three columns, and a number of rows."""

    sort_1, sort_1_order = _by("Sort by"), _order("Order")
    sort_2, sort_2_order = _by("Then by"), _order("Order, then by")
    sort_3, sort_3_order = _by("Last by"), _order("Order, last by")
    row_limit = StringField(
        "At most … rows",
        description="The first so many, as sorted. File, mail and run say so. Empty: all rows.",
    )

    @property
    def sort_fields(self) -> list[tuple[Any, Any]]:
        """The fields of columns, each with that of its order."""
        return [(self[f"sort_{n}"], self[f"sort_{n}_order"]) for n in range(1, MOST_SORTS + 1)]

    def offer_columns(self, columns: Sequence[Column]) -> None:
        """Offer columns to sort by, and those already chosen that are no longer among them."""
        offered = {column.key: column.label for column in columns}
        for field, _ in self.sort_fields:
            kept = {field.data: field.data} if field.data else {}
            field.choices = {"": "As the dataset sorts" if field.name == "sort_1" else "–"} | kept | offered

    def sorts(self) -> tuple[Sort, ...]:
        """Return by what rows are sorted."""
        return tuple(
            Sort(field.data, order.data == "descending") for field, order in self.sort_fields if field.data
        )

    def limit(self) -> int | None:
        """Return how many rows count, None for all. Raises InvalidInput(field="row_limit")."""
        text = (self.row_limit.data or "").strip().replace(",", "")
        if text and not (text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_LIMIT))):
            raise InvalidInput("Give a whole number of rows such as 1000, or nothing.", "row_limit")
        return valid_limit(int(text) if text else None, self.sorts())

    def validate_sort_1(self, _field: Any) -> None:
        keys = [one.column for one in self.sorts()]
        if len(set(keys)) < len(keys):
            raise ValidationError("Sort by each column only once.")

    def validate_row_limit(self, _field: Any) -> None:
        with said_at_the_field():
            self.limit()


def values_of_order(sorts: Sequence[Sort], row_limit: int | None) -> Mapping[str, str]:
    """Return an order as the form's data."""
    values = {"row_limit": str(row_limit or "")}
    for number, one in enumerate(sorts, 1):
        values[f"sort_{number}"] = one.column
        values[f"sort_{number}_order"] = "descending" if one.descending else "ascending"
    return values
