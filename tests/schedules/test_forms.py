"""The schedule form: what it makes of what was filled in, and what it says is wrong, at which field."""

from datetime import time
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from portal.datasets.models import Dataset
from portal.errors import InvalidInput
from portal.schedules.forms import ScheduleForm, form_for, values_of
from portal.schedules.models import Channel, ExportFormat, ScheduledExport
from portal.schedules.rule_form import RuleForm
from portal.schedules.rules import Kind, Rule
from tests.factories import NOW
from tests.schedules.pages import filled_in

NO_FOLDER = "Name a folder such as reports/weekly, without .. or a leading /."


def monthly_on(day: str) -> dict[str, Any]:
    return {"rhythm": "monthly", "monthday": day}


def sent(app: Flask, dataset: Dataset, **changes: Any) -> ScheduleForm:
    """Return the form as a browser sends it."""
    values = MultiDict(filled_in(dataset, **changes))
    with app.test_request_context(method="POST", data=values):
        return form_for(dataset)(formdata=values, meta={"csrf": False})


def test_it_makes_a_draft(app: Flask, dataset: Dataset) -> None:
    form = sent(
        app,
        dataset,
        weekday=["4", "0"],
        recipients="Ann <ann@example.org>; bob@example.org",
        filter_statuses=["NEW", "OPEN"],
        filter_period=["previous_week", "", ""],
    )

    assert form.validate(), form.errors
    draft = form.draft(NOW, frozenset())

    assert (draft.name, draft.format, draft.channel) == ("Weekly cases", ExportFormat.CSV, Channel.EMAIL)
    assert draft.rule == Rule(Kind.WEEKLY, time(8, 0), weekdays=(0, 4))
    assert draft.recipients == ("ann@example.org", "bob@example.org")
    assert draft.columns == ("case_number", "status")
    assert draft.filters["statuses"] == ["NEW", "OPEN"]
    assert draft.filters["period"] == {"preset": "previous_week"}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"rhythm": "daily", "monthday": "99"}, Rule(Kind.DAILY, time(8, 0))),
        ({"rhythm": "monthly", "monthday": " 31 "}, Rule(Kind.MONTHLY, time(8, 0), monthday=31)),
        ({"rhythm": "monthly", "monthly": "last", "time": "7:05"}, Rule(Kind.MONTHLY_LAST, time(7, 5))),
    ],
)
def test_it_takes_only_the_fields_of_the_rhythm(
    app: Flask, dataset: Dataset, changes: dict[str, Any], rule: Rule
) -> None:
    form = sent(app, dataset, **changes)

    assert form.validate(), form.errors
    assert form.draft(NOW, frozenset()).rule == rule


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": "  "}, "name", "Give the schedule a name."),
        ({"name": "x" * 121}, "name", "At most 120 characters, please."),
        ({"name": "a\x00b"}, "name", "This holds a character that can't be shown."),
        ({"description": "x" * 2001}, "description", "At most 2,000 characters, please."),
        ({"format": "exe"}, "format", "Choose a format."),
        ({"rhythm": "hourly"}, "rhythm", "Choose how often it runs."),
        ({"weekday": None}, "weekday", "Choose the weekday on which a weekly schedule runs."),
        ({"weekday": ["7"]}, "weekday", "Choose the weekday on which a weekly schedule runs."),
        (monthly_on(""), "monthday", "Choose the day of the month on which a monthly schedule runs."),
        (monthly_on("0"), "monthday", "The day of the month is a number from 1 to 31."),
        (monthly_on("32"), "monthday", "The day of the month is a number from 1 to 31."),
        (monthly_on("first"), "monthday", "The day of the month is a number from 1 to 31."),
        (monthly_on("9" * 5000), "monthday", "The day of the month is a number from 1 to 31."),
        ({"time": "25:00"}, "time", "The time of day must look like 08:00, from 00:00 to 23:59."),
        ({"timezone": "X"}, "timezone", "“X” is not a known timezone. Use a name such as Europe/Berlin."),
        ({"channel": "pigeon"}, "channel", "Choose how it is delivered."),
        ({"recipients": " , "}, "recipients", "Name at least one recipient."),
        ({"recipients": "a@b.org, c, d@"}, "recipients", "These are not e-mail addresses: “c”, “d@”."),
        ({"channel": "storage", "location": "../up"}, "location", NO_FOLDER),
        ({"channel": "storage", "location": ""}, "location", NO_FOLDER),
        ({"columns": None}, "columns", "Choose at least one column."),
        ({"filter_period": ["dates", "", ""]}, "filter_period", "A period needs a first and a last day."),
    ],
)  # fmt: skip
def test_it_says_at_the_field_what_is_wrong(
    app: Flask, dataset: Dataset, changes: dict[str, Any], field: str, message: str
) -> None:
    form = sent(app, dataset, **changes)

    assert not form.validate()
    assert form.errors == {field: [message]}


def test_it_names_the_one_wrong_address_and_why(app: Flask, dataset: Dataset) -> None:
    form = sent(app, dataset, recipients="ann@example.org bob@@example.org")

    assert not form.validate()
    (message,) = form.recipients.errors
    assert message.startswith("“bob@@example.org” is not an e-mail address: ")


def test_it_says_all_that_is_wrong_at_once(app: Flask, dataset: Dataset) -> None:
    form = sent(app, dataset, name="", time="8", timezone="Mars", recipients="")

    assert not form.validate()
    assert set(form.errors) == {"name", "time", "timezone", "recipients"}


def test_it_asks_for_no_recipients_where_a_folder_is_filled(app: Flask, dataset: Dataset) -> None:
    form = sent(app, dataset, channel="storage", recipients="nobody", location="reports/weekly")

    assert form.validate(), form.errors
    assert form.draft(NOW, frozenset()).location == "reports/weekly"


def test_it_keeps_all_columns_as_none_so_that_later_ones_come_along(app: Flask, dataset: Dataset) -> None:
    every = [column["key"] for column in dataset.versions[-1].columns]

    assert sent(app, dataset, columns=every).draft(NOW, frozenset()).columns == ()


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (InvalidInput("no", "recipients"), "recipients"),
        (InvalidInput("no", "statuses"), "filter_statuses"),
        (InvalidInput("no", "period"), "filter_period"),
        (InvalidInput("no", "filters"), "dataset"),
        (InvalidInput("no"), "dataset"),
    ],
)
def test_it_puts_a_services_objection_at_its_field(
    app: Flask, dataset: Dataset, error: InvalidInput, field: str
) -> None:
    form = sent(app, dataset)

    form.refuse(error)

    assert form.errors == {field: ["no"]}


def test_it_shows_a_schedule_as_it_was_filled_in(app: Flask, schedule: ScheduledExport) -> None:
    with app.test_request_context():
        form = form_for(schedule.dataset)(data=values_of(schedule), meta={"csrf": False})

    assert form.draft(NOW, frozenset()).rule == schedule.recurrence
    assert form.draft(NOW, frozenset()).recipients == ("ann@example.org",)
    assert form.draft(NOW, frozenset()).columns == ()
    assert form["columns"].ticked == [column["key"] for column in schedule.dataset.versions[-1].columns]


def test_it_offers_what_was_chosen_and_is_no_longer_among_the_choices(app: Flask, dataset: Dataset) -> None:
    form = sent(app, dataset, filter_business_units=["BU-GONE"])

    form.offer({"business_units": [("BU-01", "Logistics")]})

    offered = [(option.data, option.label.text, option.checked) for option in form["filter_business_units"]]  # type: ignore[attr-defined]
    assert offered == [("BU-GONE", "BU-GONE", True), ("BU-01", "Logistics", False)]


def test_it_reads_a_rule_from_a_query() -> None:
    form = RuleForm(
        MultiDict(
            [("rhythm", "weekly"), ("weekday", "2"), ("weekday", "0"), ("time", "06:30"), ("timezone", "UTC")]
        )
    )

    assert form.rule(NOW) == Rule(Kind.WEEKLY, time(6, 30), weekdays=(0, 2))
