"""Scripts whose letters join or run from right to left, as reportlab wants them: glyph after glyph.

Both algorithms are those that xhtml2pdf uses for its own paragraphs: Arabic letters take the joined forms
that Unicode has for them, and a line is put in the order it is drawn in by UAX #9.
"""

import re
from functools import cache
from typing import Any

from arabic_reshaper import ArabicReshaper  # type: ignore[attr-defined] # it names no exports
from xhtml2pdf.bidi import get_display, needs_bidi

_ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff]")


def joined(text: str) -> str:
    """Return `text`, still in the order of reading, with Arabic letters in their joined forms."""
    return str(_reshaper().reshape(text)) if _ARABIC.search(text) else text


def drawn_order(line: str) -> str:
    """Return one line from left to right; its direction is that of its first letter (UAX #9, P2)."""
    return get_display(line, base_dir=None) if needs_bidi(line) else line


@cache
def _reshaper() -> Any:
    # Vowel marks are part of the data; the package would drop them if it were not told.
    return ArabicReshaper({"delete_harakat": False, "delete_tatweel": False})  # type: ignore[no-untyped-call]
