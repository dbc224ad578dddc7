"""The field that asks which columns are exported: a box, a place and a header for each, and rules."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wtforms.fields import Field
from wtforms.form import BaseForm
from wtforms.utils import unset_value
from wtforms.validators import ValidationError

from portal.datasets.columns import ColumnChoice, arranged, places_of
from portal.datasets.definition import TAGS
from portal.table import Column

MOST_PLACES = 9999


class ColumnGroup(NamedTuple):
    """Columns that stand together in the dataset, under a name people know."""

    key: str
    words: str
    columns: list[Column]


class ColumnsField(Field):
    """Its data is a `ColumnChoice`. What was typed is kept beside it: `ticked`, `places` and `headers`.

    Sent are `NAME` (the keys ticked), `NAME-groups`, `NAME-without`, and for each key `NAME-place-KEY` and
    `NAME-label-KEY`.
    """

    data: ColumnChoice

    def __init__(self, label: str, columns: Sequence[Column], **options: Any) -> None:
        super().__init__(label, default=ColumnChoice, **options)
        self.columns = columns
        self.ticked: list[str] = []
        self.places: dict[str, str] = {}
        self.headers: dict[str, str] = {}

    @property
    def keys(self) -> list[str]:
        return [column.key for column in self.columns]

    @property
    def groups(self) -> list[ColumnGroup]:
        """The columns by the group they stand in, both in the dataset's order."""
        groups: dict[str, ColumnGroup] = {}
        for column in self.columns:
            new = ColumnGroup(column.group, in_words(column.group), [])
            groups.setdefault(column.group, new).columns.append(column)
        return list(groups.values())

    @property
    def tags(self) -> list[str]:
        """The marks by which columns can be left out: those that any has, and those chosen before."""
        used = {tag for column in self.columns for tag in column.tags} | set(self.data.without)
        return [tag for tag in TAGS if tag in used]

    def choose_all(self) -> None:
        """Tick every column, as on a fresh form."""
        self.process_data(ColumnChoice())

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        super().process(formdata, data, extra_filters)
        if formdata is not None:
            self._read(formdata)

    def process_data(self, value: ColumnChoice | None) -> None:
        self.data = value or ColumnChoice()
        ordered = [column.key for column in self.data.ordered(self.columns)]
        chosen = set(ordered)
        numbers = places_of(ordered, [key for key in self.keys if key in chosen])
        self.ticked, self.headers = ordered, dict(self.data.labels)
        self.places = {key: str(place) for key, place in numbers.items()}

    def process_formdata(self, valuelist: list[str]) -> None:
        """Nothing: `process` reads several names at once."""

    def pre_validate(self, form: BaseForm) -> None:  # noqa: ARG002 - WTForms' signature
        if not self.ticked and not self.data.groups:
            raise ValidationError("Choose at least one column.")
        for column in self.columns:
            if self.places.get(column.key) and _place(self.places[column.key]) is None:
                raise ValidationError(f"The place of “{column.label}” is a whole number such as 1.")

    def _read(self, sent: Any) -> None:
        self.ticked = list(dict.fromkeys(sent.getlist(self.name)))
        self.places = self._typed(sent, "place")
        self.headers = self._typed(sent, "label")
        groups = tuple(sent.getlist(f"{self.name}-groups"))
        ticked = set(self.ticked)
        keys = [column.key for column in self.columns if column.key in ticked or column.group in groups]
        unknown = [key for key in self.ticked if key not in self.keys]  # the service says so
        numbers = {key: _place(text) for key, text in self.places.items() if key in keys}
        ordered = arranged(keys, {key: place for key, place in numbers.items() if place is not None})
        as_it_is = ordered == tuple(self.keys) and not groups and not unknown
        self.data = ColumnChoice(
            # All of them, none moved, are kept as none: so what the dataset gains later comes along.
            keys=() if as_it_is else (*ordered, *unknown),
            groups=groups,
            without=tuple(sent.getlist(f"{self.name}-without")),
            labels=self._own_headers(),
        )

    def _typed(self, sent: Any, what: str) -> dict[str, str]:
        typed = {key: sent.get(f"{self.name}-{what}-{key}", "").strip() for key in self.keys}
        return {key: text for key, text in typed.items() if text}

    def _own_headers(self) -> Mapping[str, str]:
        given = {column.key: column.label for column in self.columns}
        return {key: text for key, text in self.headers.items() if text != given[key]}


def _place(text: str) -> int | None:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_PLACES)) else 0
    return number or None


def in_words(group: str) -> str:
    """Return the name under which people know a group of columns."""
    if group.startswith("inv_"):
        return f"Investigation {group.removeprefix('inv_')}"
    words = {"core": "Main columns", "tagged": "Custom fields", "overflow": "Everything else"}
    return words.get(group, group.capitalize())
