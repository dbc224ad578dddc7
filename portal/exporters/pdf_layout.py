"""Where text breaks, how wide columns are, and how large a page must be to hold them. All in points."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from portal.errors import LimitExceeded
from portal.exporters.pdf_fonts import Fonts
from portal.exporters.pdf_job import PdfColumn

SIZE, LEADING, PADDING = 7.5, 9.6, 4.0
MARGIN = 36
TOTAL = "Total"

# Landscape ISO 216 sizes; beyond A0 a page is as wide as it must be, up to what PDF viewers open
# (ISO 32000-1, annex C: 14,400 units).
PAGES = (("A4", 842, 595), ("A3", 1191, 842), ("A2", 1684, 1191), ("A1", 2384, 1684), ("A0", 3370, 2384))
MAX_PAGE = 14_400

_LINE_END = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_NARROWEST, _READABLE, _LONGEST_WORD, _WIDEST = 26.0, 62.0, 90.0, 240.0


class TextWrapper:
    """Breaks printable text of one size into lines; remembers the widths of words."""

    def __init__(self, fonts: Fonts, size: float = SIZE) -> None:
        self.fonts = fonts
        self.size = size
        self._widths: dict[str, float] = {}
        self._blank = fonts.width(" ", size)

    def lines(self, text: str, room: float) -> list[str]:
        """Break `text` into lines of at most `room`: at its own line ends, at blanks, else inside words."""
        text = self.fonts.printable(_LINE_END.sub("\n", text).replace("\t", "    "))
        if "\n" not in text and self.width(text) <= room:
            return [text]
        return [line for paragraph in text.split("\n") for line in self._paragraph(paragraph, room)]

    def width(self, text: str) -> float:
        """Return the width of printable text."""
        width = self._widths.get(text)
        if width is None:
            width = self.fonts.width(text, self.size)
            if len(self._widths) < 50_000 and len(text) < 40:
                self._widths[text] = width
        return width

    def _paragraph(self, text: str, room: float) -> list[str]:
        lines: list[str] = []
        words: list[str] = []
        used = 0.0
        for word in text.split(" "):
            width = self.width(word)
            if words and used + self._blank + width > room:
                lines.append(" ".join(words))
                words, used = [], 0.0
            if width > room:
                *full, word = self._pieces(word, room)
                lines += full
                width = self.width(word)
            used += width + (self._blank if words else 0)
            words.append(word)
        return [*lines, " ".join(words)]

    def _pieces(self, word: str, room: float) -> list[str]:
        """Cut a word that is wider than `room`; a piece has at least one character."""
        pieces: list[str] = []
        start, used = 0, 0.0
        for i, character in enumerate(word):
            width = self.width(character)
            if used + width > room and i > start:
                pieces.append(word[start:i])
                start, used = i, 0.0
            used += width
        return [*pieces, word[start:]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page that holds the table: its name (`A3`), its size, and the width of each column with padding."""

    name: str
    width: float
    height: float
    columns: Sequence[float]


def fit(
    columns: Sequence[PdfColumn], sample: Sequence[Sequence[str]], body: TextWrapper, head: TextWrapper
) -> Page:
    """Choose the smallest page on which every column is legible, and share its width out.

    Raises LimitExceeded when no page is wide enough.
    """
    needs = _all_needs(columns, sample, body, head)
    least = sum(narrow for narrow, _ in needs)
    for name, width, height in PAGES:
        if least <= width - 2 * MARGIN:
            return Page(name, width, height, _shared(columns, needs, width - 2 * MARGIN))
    needed = least + 2 * MARGIN
    if needed > MAX_PAGE:
        raise LimitExceeded(
            f"{len(columns)} columns need a page wider than PDF allows ({MAX_PAGE:,} points)."
        )
    name, _, height = PAGES[-1]
    return Page(f"{needed / 72 * 2.54:.0f} cm wide", needed, height, [narrow for narrow, _ in needs])


def shared_out(
    room: float,
    columns: Sequence[PdfColumn],
    sample: Sequence[Sequence[str]],
    body: TextWrapper,
    head: TextWrapper,
) -> list[float]:
    """Return the width of each column, with padding, on a page that is `room` wide, however narrow."""
    needs = _all_needs(columns, sample, body, head)
    least = sum(narrow for narrow, _ in needs)
    if least > room:
        return [narrow * room / least for narrow, _ in needs]
    return _shared(columns, needs, room)


def _all_needs(
    columns: Sequence[PdfColumn], sample: Sequence[Sequence[str]], body: TextWrapper, head: TextWrapper
) -> list[tuple[float, float]]:
    return [
        _needs(column, [row[i] for row in sample], body, head, first=i == 0)
        for i, column in enumerate(columns)
    ]


def _needs(
    column: PdfColumn, texts: Sequence[str], body: TextWrapper, head: TextWrapper, *, first: bool
) -> tuple[float, float]:
    """Return the least and the best width of a column, with padding."""
    lines = [line for text in texts for line in body.lines(text, float("inf"))]
    widest = min(max(map(body.width, lines), default=0.0), _WIDEST)
    if column.summed:
        # A total has more digits than its parts, and the first one follows its name.
        widest += head.width(f"{TOTAL} 0,000" if first else "0,000")
    words = (word for line in lines for word in line.split(" ")) if column.wraps else ()
    longest_word = min(max(map(body.width, words), default=0.0), _LONGEST_WORD)
    label = min(max(map(head.width, head.fonts.printable(column.label).split()), default=0.0), _READABLE)
    best = max(widest, label, _NARROWEST)
    least = max(longest_word, min(widest, _READABLE) if column.wraps else widest, label, _NARROWEST)
    return least + 2 * PADDING, best + 2 * PADDING


def _shared(columns: Sequence[PdfColumn], needs: Sequence[tuple[float, float]], room: float) -> list[float]:
    """Give each column its least width, then what it lacks to its best; what is left widens the texts."""
    least = [narrow for narrow, _ in needs]
    lacking = [best - narrow for narrow, best in needs]
    spare = room - sum(least)
    if sum(lacking) > spare:
        return [narrow + lack * spare / sum(lacking) for narrow, lack in zip(least, lacking, strict=True)]
    best = [wide for _, wide in needs]
    takes = [wide if column.wraps else 0.0 for column, wide in zip(columns, best, strict=True)]
    shares = takes if any(takes) else best
    left = room - sum(best)
    return [wide + left * share / sum(shares) for wide, share in zip(best, shares, strict=True)]


def edges(widths: Sequence[float]) -> list[float]:
    """Return the left edge of each column and the right edge of the last."""
    return list(accumulate(widths, initial=0.0))
