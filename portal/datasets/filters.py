"""What a schedule chose for its dataset's parameters: checked, put in words, and bound at an occurrence."""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from portal.datasets import periods
from portal.datasets.models import DatasetVersion
from portal.datasets.parameters import Parameter, ParameterKind
from portal.errors import InvalidInput

_LARGEST = 2**53  # beyond it a float skips whole numbers
_LONGEST_TEXT = 1000
_ANY_DAY = datetime(2025, 1, 1, tzinfo=UTC)


BUILT_IN = frozenset({"organization_id", "due_at", "period_start", "period_end"})
"""What every query can name: the organization's public id, when the run was due, and, null unless a period is
called `period`, its bounds."""


def bound_names(parameters: Iterable[Parameter]) -> Iterator[str]:
    """Yield the names that a query can use for some parameters."""
    for parameter in parameters:
        if parameter.kind is ParameterKind.PERIOD:
            yield from (f"{parameter.name}_start", f"{parameter.name}_end")
        elif parameter.kind is ParameterKind.MULTI_CHOICE:
            yield from (parameter.name, f"{parameter.name}_any")
        else:
            yield parameter.name


def parameters_of(version: DatasetVersion) -> tuple[Parameter, ...]:
    return tuple(Parameter.from_dict(parameter) for parameter in version.parameters)


def valid_filters(version: DatasetVersion, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was chosen for the dataset's parameters, without empty answers. Raises InvalidInput."""
    known = {parameter.name: parameter for parameter in parameters_of(version)}
    valid: dict[str, Any] = {}
    for name, value in chosen.items():
        if name not in known:
            raise InvalidInput(f"The dataset has no filter “{name}”.", "filters")
        if is_chosen(value):
            valid[name] = valid_value(known[name], value)
    return valid


def is_chosen(value: Any) -> bool:
    """Say whether an answer is one: empty ones leave a parameter open."""
    return value not in (None, "", [], {}) and not (isinstance(value, str) and value.isspace())


def bindings(
    parameters: Iterable[Parameter],
    filters: Mapping[str, Any],
    *,
    due_at: datetime,
    timezone: str,
    sqlite: bool,
    since: datetime | None = None,
) -> dict[str, Any]:
    """Return the values bound to the SQL's parameters for one occurrence.

    A period `p` binds `:p_start` and `:p_end`, half-open, null when none was chosen; a multi-choice `p`
    binds the list `:p` and `:p_any`, 1 when nothing was chosen. On SQLite instants are UTC text. `since` is
    that of `periods.resolve`.
    """
    values: dict[str, Any] = {
        "due_at": _instant(due_at, sqlite=sqlite),
        "period_start": None,
        "period_end": None,
    }
    for parameter in parameters:
        chosen = filters.get(parameter.name)
        if parameter.kind is ParameterKind.PERIOD:
            values[f"{parameter.name}_start"] = values[f"{parameter.name}_end"] = None
            if chosen:
                period = periods.resolve(chosen, at=due_at, timezone=timezone, since=since)
                values[f"{parameter.name}_start"] = _instant(period.start, sqlite=sqlite)
                values[f"{parameter.name}_end"] = _instant(period.end, sqlite=sqlite)
        elif parameter.kind is ParameterKind.MULTI_CHOICE:
            values[parameter.name] = list(chosen or [])
            values[f"{parameter.name}_any"] = 0 if chosen else 1
        else:
            values[parameter.name] = chosen
    return values


def filters_in_words(version: DatasetVersion, filters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return label and words of each filter, for pages and for a file's own facts."""
    words = []
    for parameter in parameters_of(version):
        chosen = filters.get(parameter.name)
        if parameter.kind is ParameterKind.PERIOD:
            words.append((parameter.label, periods.describe(chosen) if chosen else "all"))
        elif chosen in (None, []):
            words.append((parameter.label, "all"))
        else:
            values = chosen if isinstance(chosen, list) else [chosen]
            words.append((parameter.label, ", ".join(_word(parameter, value) for value in values)))
    return words


def _word(parameter: Parameter, value: Any) -> str:
    """Return the label of a choice where it is fixed; one read from the source is its own word."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return dict(parameter.choices).get(value, str(value))


def valid_value(parameter: Parameter, value: Any) -> Any:
    """Return what is kept of a value chosen for a parameter. Raises InvalidInput with its name."""
    if parameter.kind is ParameterKind.PERIOD:
        return _valid_period(parameter, value)
    if parameter.kind is ParameterKind.MULTI_CHOICE:
        if not isinstance(value, list | tuple):
            raise InvalidInput(f"{parameter.label} takes a list of choices.", parameter.name)
        return [_known_choice(parameter, str(item)) for item in value]
    if parameter.kind is ParameterKind.CHOICE:
        return _known_choice(parameter, str(value))
    if parameter.kind is ParameterKind.NUMBER:
        return _valid_number(parameter, value)
    if parameter.kind is ParameterKind.BOOLEAN and not isinstance(value, bool):
        raise InvalidInput(f"{parameter.label} is yes or no.", parameter.name)
    return _valid_text(parameter, value) if parameter.kind is ParameterKind.TEXT else value


def _valid_text(parameter: Parameter, value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise InvalidInput(
            f"{parameter.label} takes one line of at most {_LONGEST_TEXT:,} characters.", parameter.name
        )
    return value


def _valid_period(parameter: Parameter, value: Any) -> Any:
    try:
        periods.resolve(value, at=_ANY_DAY, timezone="UTC")
    except InvalidInput as error:
        raise InvalidInput(str(error), parameter.name) from None
    return value


def _known_choice(parameter: Parameter, value: str) -> str:
    allowed = {choice for choice, _ in parameter.choices}
    if allowed and value not in allowed:
        raise InvalidInput(f"{parameter.label} has no choice “{value}”.", parameter.name)
    return value


def _valid_number(parameter: Parameter, value: Any) -> int | float:
    """Return the number, whole where it is: as text SQLite would compare it greater than every number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number) or abs(number) >= _LARGEST:
        raise InvalidInput(f"{parameter.label} must be a number such as 25 or 2.5.", parameter.name)
    return int(number) if number.is_integer() else number


def _instant(at: datetime, *, sqlite: bool) -> Any:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if sqlite else at
