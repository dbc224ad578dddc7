"""What a run's filters were, in words, and which days a relative period meant at this occurrence."""

from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portal.datasets import ordering, periods
from portal.datasets import service as datasets
from portal.datasets.filters import filters_in_words, parameters_of
from portal.datasets.parameters import ParameterKind
from portal.runs.models import ScheduledExportRun
from portal.runs.snapshot import is_report
from portal.schedules.subjects import PERIOD


class ChosenFilter(NamedTuple):
    """A filter of a run; `days` is empty where the words already say all."""

    label: str
    words: str
    days: str

    @property
    def text(self) -> str:
        """Words and days on one line: `previous month (1 Jun 2025 to 30 Jun 2025)`."""
        return f"{self.words} ({self.days})" if self.days else self.words


def filters_of(run: ScheduledExportRun) -> list[ChosenFilter]:
    """Return each filter that the run's dataset has, in the dataset's order; of a report its period."""
    if is_report(run.snapshot):
        period = run.snapshot["filters"][PERIOD]
        return [ChosenFilter("Period", periods.describe(period), _days(period, run))]
    version = datasets.get_version(run.snapshot["dataset_version"])
    chosen = run.snapshot["filters"]
    words = filters_in_words(version, chosen)
    found = []
    for parameter, (label, text) in zip(parameters_of(version), words, strict=True):
        value = chosen.get(parameter.name)
        relative = parameter.kind is ParameterKind.PERIOD and value and "preset" in value
        found.append(ChosenFilter(label, text, _days(value, run) if relative else ""))
    return found


def order_of(run: ScheduledExportRun) -> str:
    """Say how a run's rows are sorted and how many of them count; empty where the query decides that."""
    sort = ordering.sorts_of(run.snapshot)
    if not sort:
        return ""
    version = datasets.get_version(run.snapshot["dataset_version"])
    labels = {column.key: column.label for column in version.table_columns}
    labels |= run.snapshot.get("column_labels") or {}
    return ordering.in_words(sort, run.snapshot.get("row_limit"), labels)


def rows_left_out(run: ScheduledExportRun) -> str:
    """Say whether a run's limit left rows out; empty where there was none, or nobody looked yet."""
    if run.more_rows is None:
        return ""
    return "There were more rows than that." if run.more_rows else "There were no more rows than that."


def _days(chosen: dict[str, str], run: ScheduledExportRun) -> str:
    zone = ZoneInfo(run.snapshot["timezone"])
    if periods.is_since_last_success(chosen):
        return _instants(run, zone)
    period = periods.resolve(chosen, at=run.due_at, timezone=zone.key)
    first = period.start.astimezone(zone)
    last = period.end.astimezone(zone) - timedelta(days=1)
    if first.date() == last.date():
        return f"{last:%-d %b %Y}"
    return f"{first:%-d %b %Y} to {last:%-d %b %Y}"


def _instants(run: ScheduledExportRun, zone: ZoneInfo) -> str:
    """Return from when to when a period since the last success is; nobody knows before the run has begun."""
    if run.period_since is None:
        return ""
    first, last = (at.astimezone(zone) for at in (run.period_since, run.due_at))
    return f"{first:%-d %b %Y, %H:%M} to {last:%-d %b %Y, %H:%M}"
