"""Logos: what is kept of a picture, and what is refused before it takes memory."""

import hashlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from portal.errors import InvalidInput
from portal.organizations.logos import read_logo
from tests.organizations.pictures import (
    TEAL,
    WHITE,
    encoded,
    opened,
    png,
    png_that_claims,
    png_without_palette,
    sideways_jpeg,
)

SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1"/></svg>'
NEITHER = "This file is neither PNG nor JPEG, whatever its name says. Choose a PNG or JPEG picture."
DAMAGED = "This picture is damaged or cut short. Save it again, then try it."


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ((300, 100), (300, 100)),
        ((800, 240), (800, 240)),
        ((1600, 240), (800, 120)),
        ((480, 480), (240, 240)),
        ((4000, 4000), (240, 240)),
        ((4000, 1), (800, 1)),
    ],
)
def test_it_shrinks_what_is_larger_than_paper_needs(sent: tuple[int, int], kept: tuple[int, int]) -> None:
    logo = read_logo(png(*sent))

    assert (logo.width, logo.height) == opened(logo.png).size == kept
    assert logo.sha256 == hashlib.sha256(logo.png).hexdigest()


def test_it_keeps_transparency() -> None:
    clear = opened(read_logo(png(colour=(*TEAL, 0))).png)
    keyed = opened(read_logo(encoded(Image.new("RGB", (9, 9), WHITE), transparency=WHITE)).png)

    assert clear.getpixel((0, 0)) == (*TEAL, 0)
    assert keyed.getpixel((0, 0)) == (*WHITE, 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16"])
def test_it_takes_every_kind_of_png(mode: str) -> None:
    logo = opened(read_logo(encoded(Image.new(mode, (9, 9)))).png)
    assert logo.convert("RGB").getpixel((4, 4)) == (0, 0, 0)


def test_it_keeps_the_shade_of_grey_in_16_bits() -> None:
    logo = opened(read_logo(encoded(Image.new("I;16", (9, 9), 0x8000))).png)
    assert logo.getpixel((4, 4)) == (0x80, 0x80, 0x80)


def test_it_takes_the_jpegs_of_printers() -> None:
    logo = opened(read_logo(encoded(Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "JPEG")).png)
    assert logo.getpixel((4, 4)) == (255, 0, 0)


def test_it_turns_a_photo_upright() -> None:
    logo = opened(read_logo(sideways_jpeg()).png)

    assert logo.size == (100, 40)
    left, right = logo.getpixel((10, 20)), logo.getpixel((90, 20))
    assert (left, right) == (WHITE, pytest.approx(TEAL, abs=4))


def test_it_keeps_no_metadata() -> None:
    notes = PngInfo()
    notes.add_text("Author", "Ada Keller")
    exif = Image.Exif()
    exif[0x013B] = "Ada Keller"
    picture = Image.new("RGB", (9, 9))
    sent = encoded(picture, pnginfo=notes, exif=exif, icc_profile=b"a profile", dpi=(300, 300))
    assert b"Ada Keller" in sent

    logo = read_logo(sent)

    assert opened(logo.png).info == {}
    assert b"Ada Keller" not in logo.png
    assert b"iCCP" not in logo.png


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"", "The file is empty. Choose a PNG or JPEG picture."),
        (SVG, "SVG is not taken, since it can hold scripts. Save the logo as PNG."),
        (b"just some text", NEITHER),
        (encoded(Image.new("RGB", (9, 9)), "GIF"), NEITHER),
        (encoded(Image.new("RGB", (9, 9)), "WEBP"), NEITHER),
        (b"%PDF-1.7", NEITHER),
        (png()[:120], DAMAGED),
        (sideways_jpeg()[:-200], DAMAGED),
        (png()[:20], DAMAGED),
        (png_without_palette(), DAMAGED),
        (b"x" * 1_000_001, "This file has more than 1 MB. Save the logo smaller, then try again."),
    ],
)
def test_it_says_what_is_wrong(sent: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_logo(sent)
    assert str(refused.value) == message
    assert refused.value.field == "logo"


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (10_000, 10_000), (4_001, 1), (1, 4_001)])
def test_it_decodes_nothing_that_is_too_large(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("it was decoded"))

    with pytest.raises(InvalidInput, match="A logo has at most 4,000 × 4,000 pixels"):
        read_logo(png_that_claims(width, height))


def test_it_names_the_size_that_is_too_large() -> None:
    with pytest.raises(InvalidInput, match="This one has 4,001 × 20"):
        read_logo(png(4_001, 20))
