"""What somebody tries a query with while writing it: a value for each of its parameters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import Form

from portal.config import Settings
from portal.datasets.filter_form import Filter, filters_form
from portal.datasets.filters import is_chosen, valid_value
from portal.datasets.parameters import Parameter
from portal.datasets.service import choices_of
from portal.errors import PortalError
from portal.sources.models import DataSource

PREFIX = "preview_"


@dataclass(frozen=True)
class Trial:
    """A form of its own, sent along with the editor's."""

    form: Form
    filters: Sequence[Filter]

    def values(self) -> dict[str, Any]:
        """Return the values chosen, as `filters.bindings` takes them. Raises InvalidInput."""
        return {
            asked.parameter.name: valid_value(asked.parameter, asked.field.data)
            for asked in self.filters
            if is_chosen(asked.field.data)
        }

    def offer(self, source: DataSource | None, settings: Settings) -> str:
        """Offer what can be chosen; return why the source does not say, if so."""
        found: Mapping[str, Sequence[tuple[str, str]]] = {}
        problem = ""
        if source is not None:
            try:
                found = choices_of([asked.parameter for asked in self.filters], source, settings)
            except PortalError as error:
                problem = str(error)
        for asked in self.filters:
            asked.offer(found.get(asked.parameter.name, ()))
        return problem


def trial_of(parameters: Iterable[Parameter], sent: MultiDict[str, str]) -> Trial:
    """Return the form of some parameters, filled with what was sent."""
    by_name = {parameter.name: parameter for parameter in parameters}
    form = filters_form(by_name.values(), PREFIX)(sent)
    return Trial(form, [Filter(parameter, form[PREFIX + name]) for name, parameter in by_name.items()])
