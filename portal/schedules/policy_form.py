"""The part of a schedule's form that says what happens out of the ordinary."""

from typing import Any

from wtforms import Form, SelectField, StringField
from wtforms.validators import AnyOf

from portal.errors import InvalidInput
from portal.schedules.drafts import valid_window
from portal.schedules.fields import said_at_the_field
from portal.schedules.models import Drift, Empty, Misfire, Overlap, Unchanged
from portal.schedules.policies import (
    DRIFT_WORDS,
    EMPTY_WORDS,
    MISFIRE_WORDS,
    OVERLAP_WORDS,
    UNCHANGED_WORDS,
)


class PolicyForm(Form):
    """What happens when something goes wrong, and with a result that is out of the ordinary."""

    misfire = SelectField(
        "After downtime, of the runs that were missed",
        choices={known.value: words for known, words in MISFIRE_WORDS.items()},
        default=Misfire.LATEST.value,
        validate_choice=False,
        validators=[AnyOf(list(Misfire), message="Choose what happens after downtime.")],
        description="Those that did not start when they were due, since the portal or its server was down.",
    )
    overlap = SelectField(
        "While an earlier run is still under way",
        choices={known.value: words for known, words in OVERLAP_WORDS.items()},
        default=Overlap.QUEUE.value,
        validate_choice=False,
        validators=[AnyOf(list(Overlap), message="Choose what happens while a run is under way.")],
        description="At most one waits; the next is skipped and says so. Runs started by hand never wait.",
    )
    start_window = StringField(
        "Start within … minutes",
        description="A run that could not start so soon after it was due is not run but marked as missed,"
        " and people are told. Empty: it runs however late.",
    )

    empty = SelectField(
        "When there are no rows",
        choices={known.value: words for known, words in EMPTY_WORDS.items()},
        default=Empty.SEND.value,
        validate_choice=False,
        validators=[AnyOf(list(Empty), message="Choose what happens when there are no rows.")],
        description="A run that is skipped sends nothing, says why and is no failure."
        " A folder has nobody to tell.",
    )
    unchanged = SelectField(
        "When the rows are the same as last time",
        choices={known.value: words for known, words in UNCHANGED_WORDS.items()},
        default=Unchanged.SEND.value,
        validate_choice=False,
        validators=[AnyOf(list(Unchanged), message="Choose what happens when the rows are the same.")],
        description="The same columns, values and order as in the last run that was delivered, whatever the"
        " format. Runs started by hand are always sent, and so is one with a new recipient.",
    )
    drift = SelectField(
        "When the dataset's columns change",
        choices={known.value: words for known, words in DRIFT_WORDS.items()},
        default=Drift.STOP.value,
        validate_choice=False,
        validators=[AnyOf(list(Drift), message="Choose what happens when columns change.")],
        description="Columns that are gone, new or hold another kind of value since the schedule was saved."
        " Saving it again accepts them. A chosen column that is gone always stops the run.",
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
