"""How wide text is in a browser whose font we don't know: that of Noto Sans, which is wider than most."""

import unicodedata

# Advance widths of Noto Sans, in thousandths of its size, from the blank (U+0020) to the tilde (U+007E).
_ASCII = (
    260, 269, 408, 646, 572, 831, 732, 225, 300, 300, 551, 572, 268, 322, 268, 372, 572, 572, 572, 572,
    572, 572, 572, 572, 572, 572, 268, 268, 572, 572, 572, 434, 899, 639, 650, 632, 730, 556, 519, 728,
    741, 339, 273, 619, 524, 907, 760, 781, 605, 781, 622, 549, 556, 731, 600, 930, 586, 566, 572, 329,
    372, 329, 572, 444, 281, 561, 615, 480, 615, 564, 344, 615, 618, 258, 258, 534, 258, 935, 618, 605,
    615, 615, 413, 479, 361, 618, 508, 786, 529, 510, 470, 380, 551, 380, 572,
)  # fmt: skip
_FULL, _OTHER = 1000, 640
_BOLD = 1.07


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide `text` is in the unit of `size`."""
    return sum(map(_width, text)) * size / 1000 * (_BOLD if bold else 1)


def _width(character: str) -> int:
    if " " <= character <= "~":
        return _ASCII[ord(character) - 32]
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return _FULL
    base = unicodedata.normalize("NFD", character)[0]
    return _ASCII[ord(base) - 32] if " " <= base <= "~" else _OTHER
