"""How values of a dataset's parameters are asked for."""

from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form

from portal.datasets.filter_form import Filter, field_for, filters_form
from portal.datasets.parameters import Parameter, ParameterKind

CHOICES = (("NEW", "New"), ("OPEN", "Open"))


class PeriodForm(Form):
    period = field_for(Parameter("period", "Opened", ParameterKind.PERIOD))


@pytest.mark.parametrize(
    ("sent", "chosen"),
    [
        (["", "", ""], None),
        (["previous_week", "", ""], {"preset": "previous_week"}),
        (["previous_week", "2025-01-01", "2025-01-31"], {"preset": "previous_week"}),
        (["dates", "2025-01-01", "2025-01-31"], {"start": "2025-01-01", "end": "2025-01-31"}),
        (["last_n_days", "", "", "45"], {"preset": "last_n_days", "days": 45}),
        (["previous_week", "", "", "45"], {"preset": "previous_week"}),
    ],
)
def test_it_asks_for_a_preset_two_dates_or_days(sent: list[str], chosen: dict[str, Any] | None) -> None:
    form = PeriodForm(MultiDict([("period", value) for value in sent]))

    assert form.validate()
    assert form.period.data == chosen


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (["next_century", "", ""], "There is no period “next_century”."),
        (["dates", "", ""], "A period needs a first and a last day."),
        (["dates", "2025-02-30", "2025-03-01"], "A period needs a first and a last day."),
        (
            ["dates", "2025-03-02", "2025-03-01"],
            "The period's last day must follow its first, within ten years.",
        ),
        (["last_n_days", "", ""], "Name a number of days, 1 to 3,660."),
        (["last_n_days", "", "", "0"], "Name a number of days, 1 to 3,660."),
        (["last_n_days", "", "", "3661"], "Name a number of days, 1 to 3,660."),
        (["last_n_days", "", "", "²"], "Name a number of days, 1 to 3,660."),
        (["last_n_days", "", "", "9" * 5000], "Name a number of days, 1 to 3,660."),
    ],
)
def test_it_says_what_is_wrong_with_a_period_and_keeps_it(sent: list[str], message: str) -> None:
    form = PeriodForm(MultiDict([("period", value) for value in sent]))

    assert not form.validate()
    assert form.period.errors == [message]
    kept = [form.period.preset, form.period.start, form.period.end, form.period.days]
    assert kept == [*sent, ""][:4]


def test_it_shows_the_dates_kept_with_a_schedule() -> None:
    form = PeriodForm(data={"period": {"start": "2025-01-01", "end": "2025-01-31"}})

    assert (form.period.preset, form.period.start, form.period.end) == ("dates", "2025-01-01", "2025-01-31")


def test_it_shows_the_days_kept_with_a_schedule() -> None:
    form = PeriodForm(data={"period": {"preset": "last_n_days", "days": 45}})

    assert (form.period.preset, form.period.days) == ("last_n_days", "45")


def asked(kind: ParameterKind, sent: list[str], choices: tuple[tuple[str, str], ...] = ()) -> Filter:
    parameter = Parameter("p", "Pick", kind, choices)
    form = filters_form([parameter], "x_")(MultiDict([("x_p", value) for value in sent]))
    form.validate()
    return Filter(parameter, form["x_p"])


@pytest.mark.parametrize(
    ("kind", "choices", "sent", "data", "error"),
    [
        (ParameterKind.CHOICE, CHOICES, ["NEW"], "NEW", None),
        (ParameterKind.CHOICE, CHOICES, [""], "", None),
        (ParameterKind.CHOICE, CHOICES, ["ODD"], "ODD", "Pick has no choice “ODD”."),
        (ParameterKind.MULTI_CHOICE, CHOICES, ["NEW", "ODD"], ["NEW", "ODD"], "Pick has no choice “ODD”."),
        (ParameterKind.TEXT, (), ["any ' text"], "any ' text", None),
        (ParameterKind.TEXT, (), ["a\x00b"], "a\x00b", "Pick takes one line of at most 1,000 characters."),
        (ParameterKind.NUMBER, (), ["2.5"], "2.5", None),
        (ParameterKind.NUMBER, (), [" "], " ", None),
        (ParameterKind.NUMBER, (), ["many"], "many", "Pick must be a number such as 25 or 2.5."),
        (ParameterKind.NUMBER, (), ["nan"], "nan", "Pick must be a number such as 25 or 2.5."),
        (ParameterKind.BOOLEAN, (), ["yes"], True, None),
        (ParameterKind.BOOLEAN, (), ["no"], False, None),
        (ParameterKind.BOOLEAN, (), [""], None, None),
        (ParameterKind.BOOLEAN, (), ["perhaps"], "perhaps", "Pick is yes or no."),
    ],
)
def test_it_keeps_what_was_typed_and_says_what_is_wrong(
    kind: ParameterKind, choices: tuple[tuple[str, str], ...], sent: list[str], data: Any, error: str | None
) -> None:
    field = asked(kind, sent, choices).field

    assert field.data == data
    assert list(field.errors) == ([error] if error else [])


@pytest.mark.parametrize(("kept", "sent"), [(True, "yes"), (False, "no"), (None, "")])
def test_it_shows_the_answer_kept_with_a_schedule(kept: bool | None, sent: str) -> None:
    form = filters_form([Parameter("p", "Pick", ParameterKind.BOOLEAN)], "")(data={"p": kept})

    assert f'<option selected value="{sent}">' in form["p"]()


def test_it_offers_what_there_is_and_what_was_chosen_before() -> None:
    gone = asked(ParameterKind.CHOICE, ["GONE"], CHOICES)
    gone.offer()
    assert gone.field.choices == {"": "Any", "GONE": "GONE", "NEW": "New", "OPEN": "Open"}

    found = asked(ParameterKind.CHOICE, ["B"], CHOICES)
    found.offer([("A", "Aa"), ("B", "Bb")])
    assert found.field.choices == {"": "Any", "B": "Bb", "A": "Aa"}
