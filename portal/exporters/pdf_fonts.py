"""Fonts for every script we can get from packages, chosen a run of characters at a time.

Noto Sans has Latin, Greek, Cyrillic and more, FiraGO adds Arabic, Hebrew and Thai, Cascadia Mono symbols.
All three come from `pymupdf-fonts`; its fonts of symbols have outlines that reportlab can't embed. For
Chinese, Japanese and Korean there is one where a package brings it (`cjk_font`). All are embedded as subsets:
reportlab's own CID fonts for them are not, and a viewer without them draws empty boxes. A character in no
font is shown by its code.
"""

import io
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, cast

import pymupdf_fonts
from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from svglib.fonts import register_font

from portal.exporters.pdf_scripts import joined

REGULAR = (("NotoSans", "notos"), ("FiraGO", "figo"), ("CascadiaMono", "cascadia"))
BOLD = (("NotoSans-Bold", "notosbo"), ("FiraGO-Bold", "figbo"), ("CascadiaMono-Bold", "cascadiab"))
CJK = "CJK"

# Fonts with TrueType outlines, the only ones that reportlab can embed: Debian's fonts-wqy-microhei and
# fonts-droid-fallback, and macOS's own. No package for Python carries such a font from its makers.
_CJK_FILES = (
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"),
    Path("/System/Library/Fonts/Supplemental/Arial Unicode.ttf"),
)

# Joiners, marks and overrides of direction, variation selectors: nothing is drawn for them.
_INVISIBLE = re.compile(
    "[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)

# Arabic Presentation Forms A and B: what `joined` makes of letters.
_JOINED_FORM = re.compile("[\ufb50-\ufdff\ufe70-\ufeff]")


@cache
def cjk_font() -> Path | None:
    """Return the file of an installed font that has Chinese, Japanese and Korean, or None."""
    return next((file for file in _CJK_FILES if file.is_file()), None)


class Run(NamedTuple):
    """Consecutive characters of one font."""

    font: str
    text: str


class Fonts:
    """One weight: a first font and those to fall back on, each loaded when a text first needs it."""

    def __init__(self, chain: Sequence[tuple[str, str]], cjk: Path | None = None) -> None:
        """Take names and keys of pymupdf-fonts, and the file to draw Chinese, Japanese and Korean with."""
        self._waiting = iter([*chain[1:], *([(CJK, cjk)] if cjk else [])])
        self._loaded = [_load(*chain[0])]
        self.first, self._first_widths = self._loaded[0]
        self._first_characters = frozenset(self._first_widths)
        self._known: dict[str, str | None] = {}
        self.unknown = 0
        """How many texts held a character that no font has."""

    def printable(self, text: str) -> str:
        """Return `text` with everything we can't draw as `[U+1F642]`, and without invisible characters.

        Arabic letters are joined; the order is still that of reading.
        """
        if self._first_characters.issuperset(text):
            return text
        shown = [c if self._font_of(c) else self._stand_in(c) for c in _INVISIBLE.sub("", joined(text))]
        self.unknown += any(part.startswith("[U+") for part in shown)
        return "".join(shown)

    def runs(self, text: str) -> list[Run]:
        """Return printable `text` by font."""
        if self._first_characters.issuperset(text):
            return [Run(self.first, text)]
        by_font = groupby(text, key=lambda character: self._font_of(character) or self.first)
        return [Run(font, "".join(characters)) for font, characters in by_font]

    def width(self, text: str, size: float) -> float:
        """Return the width of printable `text` in points."""
        if self._first_characters.issuperset(text):
            return sum(map(self._first_widths.__getitem__, text)) * size / 1000
        return sum(float(pdfmetrics.stringWidth(run.text, run.font, size)) for run in self.runs(text))

    def _font_of(self, character: str) -> str | None:
        """Return a font that can draw the character, or None."""
        if character not in self._known:
            self._known[character] = self._find(character)
        return self._known[character]

    def _find(self, character: str) -> str | None:
        return next((name for name, widths in self._fonts() if character in widths), None)

    def _fonts(self) -> Iterator[tuple[str, dict[str, float]]]:
        yield from self._loaded
        for name, source in self._waiting:
            self._loaded.append(_load(name, source))
            yield self._loaded[-1]

    def _stand_in(self, character: str) -> str:
        if character == "\n":  # which the text is broken at
            return character
        # A joined form that the font lacks is drawn as the letters it is made of. Other characters that NFKC
        # would resolve mean more than what it makes of them: ㎡ is no m2.
        if _JOINED_FORM.match(character):
            letters = unicodedata.normalize("NFKC", character)
            if letters != character and all(map(self._font_of, letters)):
                return letters
        return f"[U+{ord(character):04X}]"


def load_named(names: Collection[str]) -> None:
    """Load those of our fonts that `names` has, as a drawing made in another process needs it."""
    sources: dict[str, str | Path | None] = {**dict(REGULAR), **dict(BOLD), CJK: cjk_font()}
    for name, source in sources.items():
        if source and name in names:
            _load(name, source)


@cache
def _load(name: str, source: str | Path) -> tuple[str, dict[str, float]]:
    """Register a font of pymupdf-fonts or of a file; return its name and what it can draw.

    The latter are characters and their widths in thousandths of the font's size.
    """
    data: bytes = (
        source.read_bytes() if isinstance(source, Path) else pymupdf_fonts.myfont(source)  # type: ignore[no-untyped-call]
    )
    # svglib registers it with reportlab and for itself. Drawings in a PDF would otherwise look for the font
    # among the host's, by a program, and put what they find in the place of ours.
    if register_font(name, io.BytesIO(data)) == (None, False):  # type: ignore[arg-type] # it takes files, too
        raise TTFError(f"{name} is no font that reportlab can embed.")
    font = cast(TTFont, pdfmetrics.getFont(name))
    _single_face(name)
    face = font.face
    return name, {chr(c): face.charWidths.get(c, face.defaultWidth) for c in face.charToGlyph if c >= 32}


def _single_face(name: str) -> None:
    # xhtml2pdf asks for a bold or italic face of whatever it draws; each of ours is a family of its own.
    for bold in (0, 1):
        for italic in (0, 1):
            addMapping(name, bold, italic, name)
