"""Pictures that people send, and files that only look like some."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

TEAL, WHITE = (11, 96, 117), (255, 255, 255)
TOP_AT_RIGHT = 6
"""EXIF's orientation of a picture whose top is at its right (CIPA DC-008, tag 0x0112)."""


def encoded(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def png(width: int = 300, height: int = 100, colour: tuple[int, ...] = TEAL) -> bytes:
    return encoded(Image.new("RGBA" if len(colour) == 4 else "RGB", (width, height), colour))


def sideways_jpeg() -> bytes:
    """Return a JPEG of 40 × 100 pixels, dark above and white below, that is to be shown turned: 100 × 40."""
    picture = Image.new("RGB", (40, 100), WHITE)
    picture.paste(TEAL, (0, 0, 40, 50))
    exif = Image.Exif()
    exif[0x0112] = TOP_AT_RIGHT
    return encoded(picture, "JPEG", exif=exif, quality=95)


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG whose header names any size, and whose content is next to nothing."""
    return _png(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"\0" * 100)


def png_without_palette() -> bytes:
    """Return a PNG that says it has a palette, and has none."""
    return _png(struct.pack(">IIBBBBB", 1, 1, 8, 3, 0, 0, 0), b"\0\0")


def opened(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


def _png(header: bytes, rows: bytes) -> bytes:
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
