"""Which dates are days off: the public holidays of a place, and an organization's own. Pure.

What the package `holidays` knows ends where its calendars do (2100 for most, 2035 for India's Hindu feasts).
Beyond that a country has no holidays: nothing is skipped or moved but for weekends and own days.
"""

import difflib
import functools
import re
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import holidays
from holidays.registry import COUNTRIES

from portal.errors import InvalidInput

OWN_DAY = "day off of the organization"

_SATURDAY = 5
_ENGLISH = ("en_US", "en_GB")
# The package names classes, not countries. Most split into words well, these don't.
_SPELLED = {
    "AX": "Åland Islands",
    "BL": "Saint Barthélemy",
    "BQ": "Bonaire, Sint Eustatius and Saba",
    "CD": "Democratic Republic of the Congo",
    "CW": "Curaçao",
    "GW": "Guinea-Bissau",
    "HM": "Heard Island and McDonald Islands",
    "RE": "Réunion",
    "SH": "Saint Helena, Ascension and Tristan da Cunha",
    "ST": "São Tomé and Príncipe",
    "SY": "Syria",
    "TL": "Timor-Leste",
}
_NEW_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WITH_ARTICLE = re.compile(
    r"^(United |Bahamas|Comoros|Democratic |Gambia|Isle |Maldives|Netherlands|Philippines)"
    r"|(Islands|Republic|Territory|Territories)$"
)
_SMALL_WORD = re.compile(r"\b(And|Of|The)\b")


@functools.cache
def countries() -> Mapping[str, str]:
    """Return the ISO 3166 codes and the English names of the countries whose holidays are known, by name."""
    named = {code: _SPELLED.get(code) or _in_words(name) for name, code, *_ in COUNTRIES.values()}
    return dict(sorted(named.items(), key=lambda item: item[1].replace("Å", "A")))


def _in_words(class_name: str) -> str:
    return _SMALL_WORD.sub(lambda word: word[0].lower(), _NEW_WORD.sub(" ", class_name))


@functools.lru_cache(maxsize=512)
def regions(country: str) -> Mapping[str, str]:
    """Return the codes and the names of a known country's regions with holidays of their own, by name."""
    calendar = holidays.country_holidays(country)
    named: dict[str, str] = {code: code for code in calendar.subdivisions}
    for name, code in reversed(calendar.subdivisions_aliases.items()):  # the first of several names stays
        named[code] = name
    return dict(sorted(named.items(), key=lambda item: item[1]))


@functools.lru_cache(maxsize=2048)
def check_place(country: str, region: str | None) -> None:
    """Raise InvalidInput, naming a near one, for an unknown code; its field is `country` or `region`."""
    if country not in countries():
        hint = _hint(country, _codes_of_countries(), countries(), "Use a code such as DE or US.")
        raise InvalidInput(f"“{country}” is not a country whose holidays are known. {hint}", "country")
    known = regions(country)
    if region is None or region in known:
        return
    if not known:
        raise InvalidInput(f"No region of {_called(country)} has holidays of its own.", "region")
    codes = {code.casefold(): code for code in known} | {
        name.casefold(): code for code, name in known.items()
    }
    hint = _hint(region, codes, known, f"Its regions are {', '.join(known)}.")
    raise InvalidInput(f"“{region}” is not a region of {_called(country)}. {hint}", "region")


def _codes_of_countries() -> dict[str, str]:
    """Return the code by all that a country is called, folded: its name and its codes."""
    codes = {alias.casefold(): code for _, code, *aliases in COUNTRIES.values() for alias in (code, *aliases)}
    return codes | {name.casefold(): code for code, name in countries().items()}


def _hint(text: str, codes: Mapping[str, str], names: Mapping[str, str], otherwise: str) -> str:
    near = difflib.get_close_matches(text.casefold(), codes, n=1)
    if not near:
        return otherwise
    code = codes[near[0]]
    return f"Did you mean {code} ({names[code]})?"


def place_in_words(country: str, region: str | None) -> str:
    """Return a place as it stands in a sentence: `Germany (Berlin)`, `the United States`."""
    name = _called(country)
    return f"{name} ({regions(country)[region]})" if region else name


def _called(country: str) -> str:
    name = countries()[country]
    return f"the {name}" if _WITH_ARTICLE.search(name) else name


@dataclass(frozen=True, slots=True)
class DaysOff:
    """The days off of a place, whose codes `check_place` has passed, and of an organization."""

    country: str | None = None
    region: str | None = None
    own_days: frozenset[date] = frozenset()

    def is_off(self, day: date) -> bool:
        return day in self.own_days or self._holiday(day) is not None

    def is_business_day(self, day: date) -> bool:
        return day.weekday() < _SATURDAY and not self.is_off(day)

    def name(self, day: date) -> str | None:
        """Return how a day off is called, in English where it is known; None for any other day."""
        return self._holiday(day) or (OWN_DAY if day in self.own_days else None)

    def _holiday(self, day: date) -> str | None:
        return _holidays_of(self.country, self.region, day.year).get(day) if self.country else None


_expanding = threading.Lock()


@functools.lru_cache(maxsize=4096)
def _holidays_of(country: str, region: str | None, year: int) -> Mapping[date, str]:
    """Return the holidays of one year. Lasting: the package's own calendars grow while they are read."""
    with _expanding, warnings.catch_warnings():
        # India's says on every use outside 2001 to 2035 that its lunar feasts are not known there.
        warnings.simplefilter("ignore", UserWarning)
        language = next((known for known in _ENGLISH if known in _languages(country)), None)
        return dict(holidays.country_holidays(country, region, years=year, language=language).items())


@functools.cache
def _languages(country: str) -> tuple[str, ...]:
    return tuple(holidays.country_holidays(country).supported_languages)
