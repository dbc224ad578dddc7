"""Text in lines that fit, each in runs of one font: xhtml2pdf breaks at blanks only, and off the paper."""

from portal.exporters.pdf_fonts import Fonts, Run
from portal.exporters.pdf_layout import TextWrapper


def lines(text: str, fonts: Fonts, size: float, room: float) -> list[list[Run]]:
    """Break text to `room` points; each line comes in runs of one font."""
    return [fonts.runs(line) for line in _broken(text, fonts, size, room)]


def first_line(text: str, fonts: Fonts, size: float, room: float) -> list[list[Run]]:
    """Return the one line that fits, with an ellipsis where there is more."""
    line, *more = _broken(text, fonts, size, room - fonts.width("…", size))
    return [fonts.runs(f"{line}…" if more else line)]


def _broken(text: str, fonts: Fonts, size: float, room: float) -> list[str]:
    return TextWrapper(fonts, size).lines(" ".join(text.split()), room - 1)
