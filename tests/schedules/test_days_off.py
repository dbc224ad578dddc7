"""Days off: the holidays of places and an organization's own, and how codes are listed and checked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from portal.errors import InvalidInput
from portal.schedules.days_off import DaysOff, check_place, countries, place_in_words, regions

BERLIN = DaysOff("DE", "BE", frozenset({date(2026, 12, 24)}))


@pytest.mark.parametrize(
    ("days_off", "day", "name"),
    [
        (BERLIN, "2026-12-25", "Christmas Day"),
        (BERLIN, "2026-12-24", "day off of the organization"),
        (BERLIN, "2026-12-23", None),
        (BERLIN, "2026-12-27", None),  # a Sunday alone is no day off
        # A region's own holiday, which the country as such does not have.
        (BERLIN, "2026-03-08", "Women's Day"),
        (DaysOff("DE"), "2026-03-08", None),
        (DaysOff("US"), "2026-07-03", "Independence Day (observed)"),
        (DaysOff("US"), "2027-12-31", "New Year's Day (observed)"),
        (DaysOff("FR"), "2026-07-14", "National Day"),
        (DaysOff(), "2026-12-25", None),
        (DaysOff(own_days=frozenset({date(2026, 12, 25)})), "2026-12-25", "day off of the organization"),
        # What the package does not know of is no day off, and no warning either.
        (BERLIN, "2101-12-25", None),
        (BERLIN, "1900-12-25", None),
        (BERLIN, "9999-12-25", None),
        (DaysOff("IN"), "2040-01-26", "Republic Day"),
    ],
)
def test_it_names_days_off(days_off: DaysOff, day: str, name: str | None) -> None:
    assert days_off.name(date.fromisoformat(day)) == name
    assert days_off.is_off(date.fromisoformat(day)) is (name is not None)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-12-23", True),
        ("2026-12-24", False),
        ("2026-12-25", False),
        ("2026-12-27", False),
        ("2026-12-28", True),
    ],
)
def test_it_knows_business_days(day: str, expected: bool) -> None:
    assert BERLIN.is_business_day(date.fromisoformat(day)) is expected


def test_it_answers_many_threads_alike() -> None:
    days = [date(year, 12, 25) for year in range(1995, 2035)] * 5
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(DaysOff("AT", "9").is_off, days))


def test_it_lists_countries_by_their_english_names() -> None:
    names = list(countries().values())

    assert len(names) > 200
    assert {
        "DE": "Germany",
        "GB": "United Kingdom",
        "BA": "Bosnia and Herzegovina",
    }.items() <= countries().items()
    assert names[:3] == ["Afghanistan", "Åland Islands", "Albania"]
    assert all(len(code) == 2 and code.isupper() for code in countries())
    assert [name for name in names if not name[0].isupper()] == []


def test_it_lists_the_regions_of_a_country() -> None:
    assert list(regions("GB").items()) == [
        ("ENG", "England"),
        ("NIR", "Northern Ireland"),
        ("SCT", "Scotland"),
        ("WLS", "Wales"),
    ]
    assert regions("DE")["BE"] == "Berlin"
    assert regions("DE")["Augsburg"] == "Augsburg"  # a code without a name is its own
    assert regions("SA") == {}


def test_every_place_it_lists_can_be_chosen() -> None:
    for country in ("AT", "CH", "DE", "ES", "FR", "GB", "IN", "US"):
        for region in regions(country):
            check_place(country, region)
            assert DaysOff(country, region).is_off(date(2026, 1, 1)) is (country != "IN")


@pytest.mark.parametrize(
    ("country", "region", "field", "sentence"),
    [
        (
            "Germany",
            None,
            "country",
            "“Germany” is not a country whose holidays are known. Did you mean DE (Germany)?",
        ),
        ("de", None, "country", "“de” is not a country whose holidays are known. Did you mean DE (Germany)?"),
        (
            "UK",
            None,
            "country",
            "“UK” is not a country whose holidays are known. Did you mean GB (United Kingdom)?",
        ),
        ("", None, "country", "“” is not a country whose holidays are known. Use a code such as DE or US."),
        ("DE", "Berlin", "region", "“Berlin” is not a region of Germany. Did you mean BE (Berlin)?"),
        (
            "GB",
            "X",
            "region",
            "“X” is not a region of the United Kingdom. Its regions are ENG, NIR, SCT, WLS.",
        ),
        ("SA", "01", "region", "No region of Saudi Arabia has holidays of its own."),
    ],
)
def test_it_refuses_an_unknown_place(country: str, region: str | None, field: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_place(country, region)
    assert (caught.value.field, str(caught.value)) == (field, sentence)


def test_it_says_a_place_in_words() -> None:
    assert place_in_words("DE", None) == "Germany"
    assert place_in_words("DE", "BE") == "Germany (Berlin)"
    assert place_in_words("US", "CA") == "the United States (California)"
    assert place_in_words("KY", None) == "the Cayman Islands"
