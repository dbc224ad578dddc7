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
    font = ImageFont.truetype(BytesIO(pymupdf_fonts.myfont("notosbo")), 104 * _FINER)
    pen.text(_finer(186, 80), "Acme", fill=COLOUR, font=font, anchor="lm")
    out = BytesIO()
    picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def _finer(*places: int) -> list[float]:
    return [float(place * _FINER) for place in places]
