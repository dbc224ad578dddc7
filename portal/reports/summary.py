"""The executive summary of the board report: plain sentences made of the figures, and of nothing else.

No sentence says why something changed: figures don't know that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.reports.figures import Figure
from portal.reports.numbers import figure as text_of
from portal.reports.numbers import grouped, share, shown

_PREVIOUS = "the previous period"
_NAMED = 3  # categories that share the first place


@dataclass(frozen=True, slots=True)
class BoardFigures:
    """What the summary is made of. `categories` are names and numbers of the cases opened.

    `median_days` has the unit days, `substantiation` is a fraction with the unit percent.
    """

    opened: Figure
    closed: Figure
    overdue: Figure
    median_days: Figure
    substantiation: Figure
    categories: Sequence[tuple[str, int]] = ()


def executive_summary(figures: BoardFigures) -> list[str]:
    """Return three to six sentences, each with its full stop; what is not known is said, never guessed."""
    sentences = [
        _counted(figures.opened, "opened"),
        _counted(figures.closed, "closed"),
        _median(figures.median_days),
        _rate(figures.substantiation),
        _unknown(figures),
        _largest(figures.categories),
        _overdue(figures.overdue),
    ]
    return [sentence for sentence in sentences if sentence]


def _counted(figure: Figure, verb: str) -> str:
    if figure.now is None:
        return f"There is no figure for the cases {verb} in this period."
    return f"{_cases(figure.now)} {_was(figure.now)} {verb}{_compared(figure)}."


def _compared(figure: Figure) -> str:
    """Return the comparison of a number of cases with the one before, to follow what it compares."""
    if figure.difference is None or figure.before is None:
        return f"; there is no figure for {_PREVIOUS}"
    if not figure.difference:
        return f", as in {_PREVIOUS}" if not figure.now else f", as many as in {_PREVIOUS}"
    if figure.before <= 0:
        return f", after none in {_PREVIOUS}"
    more = "more" if figure.difference > 0 else "fewer"
    before = text_of(figure.before, figure.unit)
    if not figure.now:
        return f", after {before} in {_PREVIOUS}"
    return f", {_by(figure)} {more} than in {_PREVIOUS} ({before})"


def _by(figure: Figure) -> str:
    """Return the difference in percent, or in cases where a percentage of so few means little."""
    difference, percent = abs(figure.difference or Decimal(0)), abs(figure.percent or Decimal(0))
    if (figure.before or 0) < 10 or percent < 1:
        return text_of(difference, figure.unit)
    return f"{grouped(percent, 0)} %"


def _median(figure: Figure) -> str:
    if figure.now is None:
        return ""
    return f"The median time a case was open was {_beside(figure)}."


def _rate(figure: Figure) -> str:
    if figure.now is None:
        return ""
    return f"The substantiation rate was {_beside(figure)}."


def _beside(figure: Figure) -> str:
    """Return the value with its unit, beside the one before."""
    now, before = shown(figure.now, figure.unit), shown(figure.before, figure.unit)
    if figure.before is None:
        return f"{now}; there is no figure for {_PREVIOUS}"
    return f"{now}, as in {_PREVIOUS}" if now == before else f"{now}, compared with {before} in {_PREVIOUS}"


def _unknown(figures: BoardFigures) -> str:
    missing = [
        name
        for name, figure in (
            ("the median time open", figures.median_days),
            ("the substantiation rate", figures.substantiation),
        )
        if figure.now is None
    ]
    return f"There is no figure for {' or for '.join(missing)} in this period." if missing else ""


def _largest(categories: Sequence[tuple[str, int]]) -> str:
    """Name the category with the most cases and its share; several that share the first place, together."""
    total = sum(count for _, count in categories)
    if total <= 0:
        return ""
    most = max(count for _, count in categories)
    first = [name for name, count in categories if count == most]
    if total == 1:
        return f"The only case is one of {first[0]}."
    if len(first) == 1:
        return f"The largest category was {first[0]} with {most:,} of {total:,} cases ({share(most, total)})."
    each = f"{_number(most)} {'case' if most == 1 else 'cases'} each"
    if len(first) > _NAMED:
        return f"No category stands out: {len(first)} have {each}."
    return f"The largest categories were {_joined(first)} with {each} ({share(most, total)} each)."


def _overdue(figure: Figure) -> str:
    if figure.now is None:
        return "There is no figure for overdue cases."
    number = _cases(figure.now)
    verb = "is" if _single(figure.now) else "are"
    return f"{number} {verb} overdue{_compared(figure)}."


def _cases(count: Decimal) -> str:
    if not count:
        return "No case"
    return f"{_number(count)} {'case' if count == 1 else 'cases'}"


def _number(count: Decimal | int) -> str:
    return grouped(Decimal(count), 0)


def _was(count: Decimal) -> str:
    return "was" if _single(count) else "were"


def _single(count: Decimal) -> bool:
    return count in (0, 1)  # "No case was opened"


def _joined(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}"
