"""One small table of "what to do with a value of this type", shared by all exporters."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_NULL = type(None)


class ByType(dict[type, Callable[[Any], T]], Generic[T]):
    """Functions by the exact type of a value: `table[type(value)](value)` is one dict lookup a cell.

    A type that is not listed (a driver's own int, a `StrEnum`) takes the function of its nearest listed
    ancestor, found once and kept; everything else goes to `other`.
    """

    def __init__(self, functions: dict[type, Callable[[Any], T]], other: Callable[[Any], T]) -> None:
        super().__init__(functions)
        self._other = other

    def __missing__(self, kind: type) -> Callable[[Any], T]:
        # `get` is used because it never calls __missing__.
        found = next((f for f in map(self.get, kind.__mro__) if f is not None), self._other)
        self[kind] = found
        return found


def by_column(table: ByType[Sequence[T]], values: Sequence[Any]) -> Sequence[T]:
    """Return what the functions of `table` make of a column, each called once with all values of its type.

    Most columns hold one type, or one and NULL, so work is done a column at a time instead of a cell.
    """
    kinds = set(map(type, values))
    if len(kinds) == 1:
        return table[kinds.pop()](values)
    if len(kinds) == 2 and _NULL in kinds:  # most of the others
        (kind,) = kinds - {_NULL}
        null, left = table[_NULL]((None,))[0], iter(table[kind]([v for v in values if v is not None]))
        return [null if value is None else next(left) for value in values]
    made = {kind: iter(table[kind]([value for value in values if type(value) is kind])) for kind in kinds}
    return [next(made[type(value)]) for value in values]
