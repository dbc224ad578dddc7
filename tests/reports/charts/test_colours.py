"""Colours of series: seen on both surfaces, told apart without colour, the same on paper."""

import re
from itertools import combinations

import pytest

from portal.reports.charts.print_look import COLOURS
from portal.resources import resource_root

SERIES = range(1, 6)


def tokens(theme: str) -> dict[str, str]:
    """Return the colours of a theme by name."""
    sheet = (resource_root() / "static/css/tokens.css").read_text()
    block = sheet.split(f'[data-bs-theme="{theme}"] {{')[1].split("\n}")[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("number", SERIES)
def test_a_series_stands_out_from_its_surface_and_text_from_the_series(theme: str, number: int) -> None:
    found = tokens(theme)
    assert contrast(found[f"series-{number}"], found["surface"]) >= 3
    assert contrast(found[f"on-series-{number}"], found[f"series-{number}"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_series_differ_by_lightness_alone(theme: str) -> None:
    found = tokens(theme)
    for one, other in combinations(SERIES, 2):
        assert contrast(found[f"series-{one}"], found[f"series-{other}"]) >= 1.25, (one, other)


def test_paper_has_the_colours_of_the_light_theme() -> None:
    found = tokens("light")
    assert {name: found[name] for name in COLOURS} == COLOURS
