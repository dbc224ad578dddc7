"""Logos: a PNG or JPEG that somebody sent, checked before it is decoded, as a small PNG without metadata."""

import hashlib
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from portal.errors import InvalidInput

MAXIMUM_BYTES = 1_000_000
MAXIMUM_SIDE = 4_000
"""Pixels of width and of height that are decoded at most."""
KEPT_WIDTH, KEPT_HEIGHT = 800, 240
"""Pixels that are kept at most: 300 dpi on 68 × 20 mm of paper."""

# What Pillow raises for files that are cut short or wrong inside, by place and kind of the damage
# (AssertionError: a PNG with a palette that has none).
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, AssertionError, struct.error, zlib.error)

TOO_LARGE = "This file has more than 1 MB. Save the logo smaller, then try again."
_WRONG_KIND = "Choose a PNG or JPEG picture."


@dataclass(frozen=True)
class Logo:
    """A logo as it is kept: a PNG of at most 800 × 240 pixels."""

    png: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.png).hexdigest()


def read_logo(data: bytes) -> Logo:
    """Return what is kept of a picture that somebody sent, upright, with its transparency.

    Raises InvalidInput(field="logo") for anything but a whole PNG or JPEG of at most 1 MB and 4,000 × 4,000
    pixels.
    """
    if not data:
        raise InvalidInput(f"The file is empty. {_WRONG_KIND}", "logo")
    if len(data) > MAXIMUM_BYTES:
        raise InvalidInput(TOO_LARGE, "logo")
    try:
        # Opening reads the header alone. A picture's size is known, and refused, before it takes memory.
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as picture:
            _check_size(*picture.size)
            return _kept(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidInput(_too_large(), "logo") from None
    except UnidentifiedImageError:
        raise InvalidInput(_refusal(data), "logo") from None
    except _DAMAGED:
        raise InvalidInput(
            "This picture is damaged or cut short. Save it again, then try it.", "logo"
        ) from None


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAXIMUM_SIDE:
        raise InvalidInput(_too_large(f" This one has {width:,} × {height:,}."), "logo")


def _too_large(this_one: str = "") -> str:
    return f"A logo has at most {MAXIMUM_SIDE:,} × {MAXIMUM_SIDE:,} pixels.{this_one}"


def _refusal(data: bytes) -> str:
    if b"<svg" in data[:2_000].lower():
        return "SVG is not taken, since it can hold scripts. Save the logo as PNG."
    return f"This file is neither PNG nor JPEG, whatever its name says. {_WRONG_KIND}"


def _kept(picture: Image.Image) -> Logo:
    ImageOps.exif_transpose(picture, in_place=True)
    shrunk = _in_eight_bits(picture).convert("RGBA" if picture.has_transparency_data else "RGB")
    shrunk.thumbnail((KEPT_WIDTH, KEPT_HEIGHT), Image.Resampling.LANCZOS)
    shrunk.info.clear()  # what the encoder would write again: profile, comments, resolution, EXIF
    out = BytesIO()
    shrunk.save(out, "PNG", optimize=True)
    return Logo(out.getvalue(), shrunk.width, shrunk.height)


def _in_eight_bits(picture: Image.Image) -> Image.Image:
    """Return grey of 16 bits in 8; Pillow's own conversion would make white of all but the darkest."""
    if not picture.mode.startswith("I"):
        return picture
    return picture.convert("I").point(lambda value: value / 256).convert("L")
