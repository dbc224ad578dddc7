"""Colours of organizations: read, measured against each other, and darkened until text stands out."""

import re

from portal.errors import InvalidInput

WHITE = "#ffffff"
DARK_INK = "#17262b"
"""The portal's own ink, `--ink` of tokens.css."""
MINIMUM_CONTRAST = 4.5
"""What text needs: WCAG 2.2, success criterion 1.4.3, level AA."""

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_STEPS = 255


def parse_colour(text: str) -> str:
    """Return a colour as `#rrggbb` in lower case. Raises InvalidInput(field="colour")."""
    colour = text.strip().lower()
    if not _COLOUR.fullmatch(colour):
        raise InvalidInput(f"“{text.strip()[:20]}” is not a colour such as #0b6075.", "colour")
    return colour


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, from 0 (black) to 1 (white).

    Source: WCAG 2.2, "relative luminance", https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
    """
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21.

    Source: WCAG 2.2, "contrast ratio", https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(colour: str) -> str:
    """Return the colour of text on a ground: white or dark, whichever stands out more."""
    return max((WHITE, DARK_INK), key=lambda ink: contrast(ink, colour))


def is_readable(colour: str) -> bool:
    """Say whether text in this colour can be read on white, and white text on it."""
    return contrast(colour, WHITE) >= MINIMUM_CONTRAST


def darkened(colour: str) -> str:
    """Return the lightest shade of a colour that `is_readable`; the colour itself where it is already."""
    shades = (_scaled(colour, step) for step in range(_STEPS, -1, -1))
    return next(shade for shade in shades if is_readable(shade))


def readable_colour(text: str) -> str:
    """Return a colour that `is_readable`.

    Raises InvalidInput(field="colour") that says the contrast and the nearest darker colour that has enough.
    """
    colour = parse_colour(text)
    if is_readable(colour):
        return colour
    # Down, not to the nearest: 4.496 must not be said to be 4.5.
    ratio = int(contrast(colour, WHITE) * 100) / 100
    raise InvalidInput(
        f"{colour} is too light: its contrast with white is {ratio:.2f}:1, and text needs"
        f" {MINIMUM_CONTRAST}:1. The nearest darker colour that has it is {darkened(colour)}.",
        "colour",
    )


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _scaled(colour: str, step: int) -> str:
    # All channels alike, so that the hue stays.
    return "#" + "".join(f"{channel * step // _STEPS:02x}" for channel in _channels(colour))
