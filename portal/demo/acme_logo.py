"""Acme's logo, drawn here: a peak in a ring beside the name, on a transparent ground."""

from io import BytesIO

import pymupdf_fonts
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 480, 160
COLOUR = "#0b6075"
_FINER = 4  # drawn so much larger and shrunk, since Pillow draws edges without anti-aliasing


def acme_logo() -> bytes:
    """Return a PNG of 480 × 160 pixels."""
    picture = Image.new("RGBA", (WIDTH * _FINER, HEIGHT * _FINER), (255, 255, 255, 0))
    pen = ImageDraw.Draw(picture)
    pen.ellipse(_finer(6, 6, 154, 154), outline=COLOUR, width=12 * _FINER)
    pen.polygon(_finer(34, 112, 72, 46, 110, 112), fill=COLOUR)
    pen.polygon(_finer(82, 112, 104, 76, 126, 112), fill="#7f9098")
    letters: bytes = pymupdf_fonts.myfont("notosbo")  # type: ignore[no-untyped-call]
    font = ImageFont.truetype(BytesIO(letters), 104 * _FINER)
    pen.text((186 * _FINER, 80 * _FINER), "Acme", fill=COLOUR, font=font, anchor="lm")
    out = BytesIO()
    picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def _finer(*places: int) -> list[int]:
    return [place * _FINER for place in places]
