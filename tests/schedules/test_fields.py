"""How addresses are read from what people paste, and how a period is asked for."""

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form

from portal.schedules.fields import PeriodField, split_recipients


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("", []),
        ("ann@example.org", ["ann@example.org"]),
        ("ann@a.org, bob@b.org;carl@c.org", ["ann@a.org", "bob@b.org", "carl@c.org"]),
        ("ann@a.org bob@b.org\r\n\tcarl@c.org", ["ann@a.org", "bob@b.org", "carl@c.org"]),
        ("Ann Lee <ann@example.org>", ["ann@example.org"]),
        ('"Lee, Ann" <ann@example.org>; Bob <bob@example.org>', ["ann@example.org", "bob@example.org"]),
        ("ann@a.org Bob Ray <bob@b.org> carl@c.org", ["ann@a.org", "bob@b.org", "carl@c.org"]),
        ("Ann <ann@example.org> Bob <bob@example.org>", ["ann@example.org", "bob@example.org"]),
        ("ann@, bob", ["ann@", "bob"]),
        ("Ann <>", [""]),
        (",;\n ,", []),
    ],
)  # fmt: skip
def test_it_reads_lists_of_addresses_as_people_paste_them(text: str, addresses: list[str]) -> None:
    assert split_recipients(text) == addresses


class PeriodForm(Form):
    period = PeriodField("Opened")


@pytest.mark.parametrize(
    ("sent", "chosen"),
    [
        (["", "", ""], None),
        (["previous_week", "", ""], {"preset": "previous_week"}),
        (["previous_week", "2025-01-01", "2025-01-31"], {"preset": "previous_week"}),
        (["dates", "2025-01-01", "2025-01-31"], {"start": "2025-01-01", "end": "2025-01-31"}),
    ],
)
def test_it_asks_for_a_preset_or_two_dates(sent: list[str], chosen: dict[str, str] | None) -> None:
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
    ],
)
def test_it_says_what_is_wrong_with_a_period_and_keeps_it(sent: list[str], message: str) -> None:
    form = PeriodForm(MultiDict([("period", value) for value in sent]))

    assert not form.validate()
    assert form.period.errors == [message]
    assert [form.period.preset, form.period.start, form.period.end] == sent


def test_it_shows_the_dates_kept_with_a_schedule() -> None:
    form = PeriodForm(data={"period": {"start": "2025-01-01", "end": "2025-01-31"}})

    assert (form.period.preset, form.period.start, form.period.end) == ("dates", "2025-01-01", "2025-01-31")
