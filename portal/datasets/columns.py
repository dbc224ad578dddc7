"""Which columns of a dataset a schedule exports, in which order and under which headers. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from portal.table import Column


@dataclass(frozen=True)
class ColumnChoice:
    """A choice as a schedule keeps it, and rules for what a dataset gains later.

    `keys` in their order; with neither these nor groups all columns count. Of `groups` every column comes
    along, also one of later; columns with a tag of `without` never do. `labels` are headers by key.
    """

    keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Mapping[str, Any]) -> Self:
        """Read a choice from a run's snapshot; one of an earlier release names only keys."""
        return cls(
            keys=tuple(snapshot["columns"]),
            groups=tuple(snapshot.get("column_groups") or ()),
            without=tuple(snapshot.get("excluded_tags") or ()),
            labels=snapshot.get("column_labels") or {},
        )

    @property
    def takes_all(self) -> bool:
        return not self.keys and not self.groups

    def applied_to(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """Return those chosen of a dataset's columns, in order, each under its own header."""
        chosen = [column for column in self.ordered(columns) if not self.leaves_out(column)]
        return tuple(replace(one, label=self.labels.get(one.key, one.label)) for one in chosen)

    def leaves_out(self, column: Column) -> bool:
        """Say whether a column is left out for what it is marked with, chosen or not."""
        return not column.tags.isdisjoint(self.without)

    def ordered(self, columns: Sequence[Column]) -> list[Column]:
        """Return those chosen in order, before any is left out."""
        if self.takes_all:
            return list(columns)
        by_key = {column.key: column for column in columns}
        chosen = [by_key[key] for key in self.keys if key in by_key]
        for column in columns:
            if column.group in self.groups and column.key not in self.keys:
                chosen.insert(_after_its_group(chosen, column.group), column)
        return chosen


def _after_its_group(chosen: Sequence[Column], group: str) -> int:
    """Return where a column that came later stands: behind the last of its group, else at the end."""
    last = [place for place, column in enumerate(chosen) if column.group == group]
    return last[-1] + 1 if last else len(chosen)


def arranged(keys: Iterable[str], places: Mapping[str, int]) -> tuple[str, ...]:
    """Return keys with some of them put at a place, counted from 1; the others stay in order around them."""
    keys = list(keys)
    result = [key for key in keys if key not in places]
    next_free = 0
    for key in sorted((key for key in keys if key in places), key=lambda key: places[key]):
        at = min(max(places[key] - 1, next_free), len(result))
        result.insert(at, key)
        next_free = at + 1
    return tuple(result)


def places_of(ordered: Sequence[str], keys: Sequence[str]) -> dict[str, int]:
    """Return the fewest places by which `arranged` makes `ordered` of the same `keys` in their own order."""
    at_home = {key: number for number, key in enumerate(keys)}
    still = _longest_rising([at_home[key] for key in ordered])
    return {key: place for place, key in enumerate(ordered, 1) if at_home[key] not in still}


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """Return a longest rising part of distinct numbers (patience sorting)."""
    tops: list[int] = []
    before: dict[int, int | None] = {}
    for number in numbers:
        pile = bisect_left(tops, number)
        before[number] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [number]
    found: set[int] = set()
    at: int | None = tops[-1] if tops else None
    while at is not None:
        found.add(at)
        at = before[at]
    return found
