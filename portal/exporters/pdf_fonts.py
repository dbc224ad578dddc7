"""Fonts for every script we can get from packages, chosen a run of characters at a time.

Noto Sans has Latin, Greek, Cyrillic and more, FiraGO adds Arabic, Hebrew and Thai, Cascadia Mono symbols.
All three come from `pymupdf-fonts` and are embedded as subsets; its fonts of symbols have outlines that
reportlab can't embed. Chinese, Japanese and Korean use the fonts every PDF viewer brings (Adobe's CID
fonts), which need not be embedded. A character in none of them is shown by its code.
"""

import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import pymupdf_fonts
from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

REGULAR = (("NotoSans", "notos"), ("FiraGO", "figo"), ("CascadiaMono", "cascadia"))
BOLD = (("NotoSans-Bold", "notosbo"), ("FiraGO-Bold", "figbo"), ("CascadiaMono-Bold", "cascadiab"))

EAST_ASIAN = _CHINESE, _JAPANESE, _KOREAN = "STSong-Light", "HeiseiKakuGo-W5", "HYGothic-Medium"
# The character sets those fonts cover (Adobe-GB1, -Japan1, -Korea1), by the codecs that have the same ones.
_CODECS = {_CHINESE: "gbk", _JAPANESE: "cp932", _KOREAN: "cp949"}

_EASTERN = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")
_KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")


class Run(NamedTuple):
    """Consecutive characters of one font."""

    font: str
    text: str


class Fonts:
    """One weight: a first font and those to fall back on, each loaded when a text first needs it."""

    def __init__(self, chain: tuple[tuple[str, str], ...]) -> None:
        self._waiting = iter(chain[1:])
        self._loaded = [_load(*chain[0])]
        self.first, self._first_characters = self._loaded[0]
        self._known: dict[str, str | None] = {}
        self.unknown = 0
        """How many texts held a character that no font has."""

    def printable(self, text: str) -> str:
        """Return `text` with everything we can't draw as `[U+1F642]`, and without invisible characters."""
        if self._first_characters.issuperset(text):
            return text
        shown = "".join([c if self._font_of(c) else _stand_in(c) for c in text])
        self.unknown += "[U+" in shown and "[U+" not in text
        return shown

    def runs(self, text: str) -> list[Run]:
        """Return printable `text` by font. Chinese characters follow the kana or hangul beside them."""
        if self._first_characters.issuperset(text):
            return [Run(self.first, text)]
        beside = _JAPANESE if _KANA.search(text) else _KOREAN if _HANGUL.search(text) else _CHINESE
        drawn = groupby(((self._drawing(c, beside), c) for c in text), key=lambda pair: pair[0])
        return [Run(_registered(font), "".join(c for _, c in pairs)) for font, pairs in drawn]

    def width(self, text: str, size: float) -> float:
        """Return the width of printable `text` in points."""
        return sum(float(pdfmetrics.stringWidth(run.text, run.font, size)) for run in self.runs(text))

    def _drawing(self, character: str, beside: str) -> str:
        font = self._font_of(character) or self.first
        return _eastern(character, beside) or font if font in EAST_ASIAN else font

    def _font_of(self, character: str) -> str | None:
        """Return a font that can draw the character, or None."""
        if character not in self._known:
            self._known[character] = self._find(character)
        return self._known[character]

    def _find(self, character: str) -> str | None:
        if character in self._first_characters:
            return self.first
        if _EASTERN.match(character):
            return _eastern(character, _CHINESE)
        return next((name for name, characters in self._fonts() if character in characters), None)

    def _fonts(self) -> Iterator[tuple[str, frozenset[str]]]:
        yield from self._loaded
        for name, key in self._waiting:
            self._loaded.append(_load(name, key))
            yield self._loaded[-1]


def _load(name: str, key: str) -> tuple[str, frozenset[str]]:
    """Register a font of pymupdf-fonts; return its name and the characters it can draw."""
    data: bytes = pymupdf_fonts.myfont(key)  # type: ignore[no-untyped-call]
    font = TTFont(name, io.BytesIO(data))
    pdfmetrics.registerFont(font)
    _single_face(name)
    return name, frozenset(chr(c) for c in font.face.charToGlyph if c >= 32)


@lru_cache(maxsize=30_000)
def _eastern(character: str, beside: str) -> str | None:
    """Return the East Asian font for a character: `beside` if it can, else one that can, else None."""
    for font in (beside, *EAST_ASIAN):
        with suppress(UnicodeEncodeError):
            character.encode(_CODECS[font])
            return font
    return None


def _registered(font: str) -> str:
    """Return `font`, registered with reportlab if it is one of the viewers' own."""
    if font in EAST_ASIAN and font not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(font))
        _single_face(font)
    return font


def _single_face(name: str) -> None:
    # xhtml2pdf asks for a bold or italic face of whatever it draws; each of ours is a family of its own.
    for bold in (0, 1):
        for italic in (0, 1):
            addMapping(name, bold, italic, name)


def _stand_in(character: str) -> str:
    if character == "\n":
        return character
    if unicodedata.category(character) in {"Cf", "Mn"}:  # joiners, direction marks, variation selectors
        return ""
    return f"[U+{ord(character):04X}]"
