"""The part of a schedule's form that says what happens out of the ordinary."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from wtforms import Form, SelectField, StringField
from wtforms.validators import AnyOf

from portal.datasets.filter_form import said_at_the_field
from portal.errors import InvalidInput
from portal.schedules.drafts import valid_window
from portal.schedules.models import Drift, Empty, Misfire, Overlap, Unchanged
from portal.schedules.policies import (
    DRIFT_WORDS,
    EMPTY_WORDS,
    MISFIRE_WORDS,
    OVERLAP_WORDS,
    UNCHANGED_WORDS,
)

_Choice = TypeVar("_Choice", bound=StrEnum)


def _policy(
    label: str, words: Mapping[_Choice, str], default: _Choice, missing: str, description: str
) -> Any:
    """Return the field of one policy: its choices in words, and what is said to any other answer."""
    return SelectField(
        label,
        choices={choice.value: said for choice, said in words.items()},
        default=default.value,
        validate_choice=False,
        validators=[AnyOf(list(words), message=missing)],
        description=description,
    )


class TroubleForm(Form):
    """What happens when something goes wrong."""

    misfire = _policy(
        "After downtime, of the runs that were missed",
        MISFIRE_WORDS,
        Misfire.LATEST,
        "Choose what happens after downtime.",
        "Those that did not start when they were due, since the portal or its server was down.",
    )
    overlap = _policy(
        "While an earlier run is still under way",
        OVERLAP_WORDS,
        Overlap.QUEUE,
        "Choose what happens while a run is under way.",
        "At most one waits; the next is skipped and says so. Runs started by hand never wait.",
    )
    start_window = StringField(
        "Start within … minutes",
        description="A run that could not start so soon after it was due is not run but marked as missed,"
        " and people are told. Empty: it runs however late.",
    )

    def window(self) -> int | None:
        """Return the start window in minutes. Raises InvalidInput."""
        text = (self.start_window.data or "").strip()
        if text and not (text.isdecimal() and len(text) <= 4):
            raise InvalidInput("Give a whole number of minutes such as 90, or nothing.", "start_window")
        return valid_window(int(text) if text else None)

    def validate_start_window(self, _field: Any) -> None:
        with said_at_the_field():
            self.window()


class PolicyForm(Form):
    """What happens with a result that is out of the ordinary."""

    empty = _policy(
        "When there are no rows",
        EMPTY_WORDS,
        Empty.SEND,
        "Choose what happens when there are no rows.",
        "A run that is skipped sends nothing, says why and is no failure. A folder has nobody to tell.",
    )
    unchanged = _policy(
        "When the rows are the same as last time",
        UNCHANGED_WORDS,
        Unchanged.SEND,
        "Choose what happens when the rows are the same.",
        "The same columns, values and order as in the last run that was delivered, whatever the"
        " format. Runs started by hand are always sent, and so is one with a new recipient.",
    )
    drift = _policy(
        "When the dataset's columns change",
        DRIFT_WORDS,
        Drift.STOP,
        "Choose what happens when columns change.",
        "Columns that are gone, new or hold another kind of value since the schedule was saved."
        " Saving it again accepts them. A chosen column that is gone always stops the run.",
    )
