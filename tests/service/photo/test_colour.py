"""Files of every colour mode, made here, must come out in the colours that they state."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.card import Input
from service.photo import colour as colour_module
from service.photo.colour import to_rgb
from service.photo.decode import decode
from tests.service.photo.parts import encoded

Colour = tuple[int, int, int]

RED, GREEN, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (255, 255, 255), (0, 0, 0)
INPUT = Input(size=16, resize=16)


def colour_of(data: bytes) -> Colour:
    """The one colour of a plain picture."""
    pixels = decode(data, INPUT).pixels.reshape(-1, 3)
    assert (pixels == pixels[0]).all()
    red, green, blue = (int(level) for level in pixels[0])
    return red, green, blue


def plain(mode: str, colour: Any) -> Image.Image:
    return Image.new(mode, (16, 16), colour)


def tiff(array: np.ndarray[Any, Any], **tags: int) -> bytes:
    """A single-strip TIFF as TIFF 6.0 describes it, in the byte order and kind of the array."""
    order = ">" if array.dtype.byteorder == ">" else "<"
    samples = array.shape[2] if array.ndim == 3 else 1
    kind = {"u": 1, "i": 2, "f": 3}[array.dtype.kind]
    entries = {
        256: array.shape[1],
        257: array.shape[0],
        258: tags.get("bits", array.dtype.itemsize * 8),
        259: 1,
        262: tags["photometric"],
        273: 256,
        277: samples,
        278: array.shape[0],
        279: array.nbytes,
        **({338: tags["extra"]} if "extra" in tags else {}),
        339: kind,
    }
    head = struct.pack(order + "2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(entries))
    shared = {258, 339} if samples > 1 else set()  # one value for each sample, stored further on
    for tag, value in entries.items():
        many = tag in shared
        head += struct.pack(
            order + "HHII", tag, 3 if many else 4, samples if many else 1, 200 if many else value
        )
        if many and tag == 339:
            head = head[:-4] + struct.pack(order + "I", 220)
    bits = struct.pack(order + f"{samples}H", *[entries[258]] * samples)
    kinds = struct.pack(order + f"{samples}H", *[kind] * samples)
    return (
        (head.ljust(200, b"\0") + bits).ljust(220, b"\0") + kinds.ljust(36, b"\0") + array.tobytes()
    )


@pytest.mark.parametrize("name", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_rgb_keeps_its_colours(name: str) -> None:
    options = {"lossless": True} if name == "WEBP" else {}
    assert colour_of(encoded(plain("RGB", RED), name, **options)) == RED


def test_jpeg_keeps_its_colours_within_its_rounding() -> None:
    red = colour_of(encoded(plain("RGB", (200, 30, 60)), "JPEG", quality=100))
    assert np.abs(np.subtract(red, (200, 30, 60))).max() <= 2


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP", "TIFF"])
def test_grey_is_the_same_in_all_channels(name: str) -> None:
    assert colour_of(encoded(plain("L", 77), name)) == (77, 77, 77)


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "GIF"])
def test_one_bit_is_black_or_white(name: str) -> None:
    assert colour_of(encoded(plain("1", 1), name)) == WHITE
    assert colour_of(encoded(plain("1", 0), name)) == BLACK


def palette_picture(index: int) -> Image.Image:
    image = plain("P", index)
    image.putpalette([*RED, *GREEN, *BLACK])
    return image


@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF"])
def test_a_palette_is_looked_up(name: str) -> None:
    assert colour_of(encoded(palette_picture(1), name)) == GREEN


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_a_palette_s_transparent_index_shows_white(name: str) -> None:
    assert colour_of(encoded(palette_picture(0), name, transparency=0)) == WHITE
    assert colour_of(encoded(palette_picture(1), name, transparency=0)) == GREEN


def test_a_palette_s_alpha_bytes_are_blended_with_white() -> None:
    alpha = bytes([255, 51, 0])
    assert colour_of(encoded(palette_picture(0), "PNG", transparency=alpha)) == RED
    assert colour_of(encoded(palette_picture(1), "PNG", transparency=alpha)) == (204, 255, 204)
    assert colour_of(encoded(palette_picture(2), "PNG", transparency=alpha)) == WHITE


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_blended_with_white(name: str) -> None:
    options = {"lossless": True, "exact": True} if name == "WEBP" else {}
    half = encoded(plain("RGBA", (255, 0, 0, 51)), name, **options)
    assert colour_of(half) == (255, 204, 204)
    assert colour_of(encoded(plain("RGBA", (9, 9, 9, 0)), name, **options)) == WHITE


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_grey_alpha_is_blended_with_white(name: str) -> None:
    assert colour_of(encoded(plain("LA", (0, 51)), name)) == (204, 204, 204)


def test_premultiplied_alpha_of_a_tiff_is_blended_with_white() -> None:
    array = np.full((16, 16, 4), (51, 0, 0, 51), np.uint8)
    assert colour_of(tiff(array, photometric=2, extra=1)) == (255, 204, 204)


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("La", (0, 51), (204, 204, 204)),
        ("RGBa", (51, 0, 0, 51), (255, 204, 204)),
        ("PA", (0, 0), WHITE),
        ("YCbCr", (76, 85, 255), (254, 0, 0)),
    ],
)
def test_modes_that_few_files_have_are_converted_too(mode: str, colour: Any, seen: Colour) -> None:
    assert to_rgb(plain(mode, colour), (2, 2, 10, 10)).getpixel((3, 3)) == seen


def test_a_colour_key_of_a_png_shows_white() -> None:
    assert colour_of(encoded(plain("RGB", RED), "PNG", transparency=RED)) == WHITE
    assert colour_of(encoded(plain("RGB", GREEN), "PNG", transparency=RED)) == GREEN
    assert colour_of(encoded(plain("L", 7), "PNG", transparency=7)) == WHITE
    sixteen = Image.fromarray(np.full((16, 16), 257 * 9, np.uint16))
    assert colour_of(encoded(sixteen, "PNG", transparency=257 * 9)) == WHITE
    assert colour_of(encoded(sixteen, "PNG", transparency=257 * 8)) == (9, 9, 9)


def inked(cyan: int, magenta: int, yellow: int, black: int) -> Image.Image:
    return plain("CMYK", (cyan, magenta, yellow, black))


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_ink_is_multiplied_out(name: str) -> None:
    assert colour_of(encoded(inked(0, 0, 0, 0), name)) == WHITE
    assert colour_of(encoded(inked(0, 0, 0, 255), name)) == BLACK
    assert colour_of(encoded(inked(0, 255, 255, 0), name)) == RED
    assert colour_of(encoded(inked(0, 255, 255, 51), name)) == (204, 0, 0)


def test_a_cmyk_jpeg_is_read_inverted_even_without_adobe_s_marker() -> None:
    # Adobe stores 255 for no ink and everybody followed, marker or not: browsers invert always.
    # The marker says besides that the file is not YCCK, which is the default without it, too.
    data = encoded(inked(0, 255, 255, 0), "JPEG")
    start = data.index(b"\xff\xee")
    without = data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]
    assert b"Adobe" in data
    assert b"Adobe" not in without
    assert colour_of(without) == RED


def test_a_ycck_jpeg_is_turned_into_ink_first() -> None:
    # Adobe's transform 2: YCC is that of 1 - C, 1 - M, 1 - Y, where these are stored inverted.
    # All four channels hold what they hold below, so the file needs but the marker's last byte.
    stored = 255 - np.array([55, 55, 55, 0])
    data = encoded(inked(55, 55, 55, 0), "JPEG", quality=100)
    at = data.index(b"Adobe") + len(b"Adobe\0\x64\0\0\0\0")
    seen = colour_of(data[:at] + b"\2" + data[at + 1 :])
    luma, chroma = stored[0], stored[1] - 128
    full = luma + chroma * np.array([1.402, -0.344136 - 0.714136, 1.772])
    assert np.abs(seen - (255 - full.clip(0, 255))).max() <= 2
    assert seen[1] > 100


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_16_bit_grey_is_scaled_not_clipped(dtype: str) -> None:
    levels = np.full((16, 16), 257 * 99, dtype)
    assert colour_of(tiff(levels, photometric=1)) == (99, 99, 99)


def test_16_bit_grey_of_a_png_is_scaled_not_clipped() -> None:
    levels = np.full((16, 16), 257 * 99, np.uint16)
    assert colour_of(encoded(Image.fromarray(levels), "PNG")) == (99, 99, 99)


def test_16_bit_colour_is_scaled_not_clipped() -> None:
    levels = np.full((16, 16, 3), (257 * 255, 257 * 99, 0), np.uint16)
    assert colour_of(tiff(levels, photometric=2)) == (255, 99, 0)


def test_white_is_zero_where_the_tiff_says_so() -> None:
    assert colour_of(tiff(np.zeros((16, 16), np.uint8), photometric=0)) == WHITE
    assert colour_of(tiff(np.zeros((16, 16), np.uint16), photometric=0)) == WHITE
    assert colour_of(tiff(np.full((16, 16), 257 * 55, np.uint16), photometric=0)) == (200, 200, 200)


@pytest.mark.parametrize(
    ("dtype", "level", "grey"),
    [("<f4", 0.6, 153), (">f4", 0.6, 153), ("<u4", 257 * 99, 99), ("<i4", 65535, 255)],
)
def test_32_bit_levels_in_the_usual_range_are_scaled_from_it(
    dtype: str, level: float, grey: int
) -> None:
    assert colour_of(tiff(np.full((16, 16), level, dtype), photometric=1)) == (grey,) * 3


@pytest.mark.parametrize("dtype", ["<f4", "<i4"])
def test_32_bit_levels_beyond_it_are_scaled_from_their_own_range(dtype: str) -> None:
    levels = np.linspace(-1_000_000, 1_000_000, 16).astype(dtype)[:, None].repeat(16, 1)
    pixels = decode(tiff(levels, photometric=1), INPUT).pixels
    assert (pixels[:, 0, 0] == np.arange(0, 256, 17)).all()


def test_floats_that_are_no_numbers_do_no_harm() -> None:
    levels = np.full((16, 16), 0.6, np.float32)
    levels[0, :3] = np.nan, np.inf, -np.inf
    row = decode(tiff(levels, photometric=1), INPUT).pixels[0, :4, 0]
    assert row.tolist() == [0, 255, 0, 153]


def test_cielab_of_a_tiff_is_converted() -> None:
    # sRGB red is L* 53.2, a* 80.1, b* 67.2 (D65); L* is stored as 255 / 100, a* and b* signed.
    array = np.full((16, 16, 3), (136, 80, 67), np.uint8)
    seen = np.array(colour_of(tiff(array, photometric=8)))
    assert np.abs(seen - RED).max() <= 16  # TIFF's white is D50, which moves a* and b* a little


def test_ycbcr_of_a_tiff_is_converted() -> None:
    data = encoded(plain("YCbCr", (76, 85, 255)), "TIFF", compression="jpeg", quality=100)
    assert np.abs(np.subtract(colour_of(data), (254, 0, 0))).max() <= 4


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "P", "CMYK", "1", "I", "F", "I;16"])
def test_bands_give_the_pixels_of_the_whole(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 4), np.uint8)
    image = Image.fromarray(noise)
    if mode == "RGBA":
        data = encoded(image, "PNG")
    elif mode == "F":  # beyond 0..1, so that each band has a range of its own
        data = encoded(image.convert("F"), "TIFF")
    else:
        data = encoded(
            image.convert("L").convert(mode) if mode != "LA" else image.convert(mode), "TIFF"
        )
    whole = decode(data, INPUT).pixels
    monkeypatch.setattr(colour_module, "_BAND_PIXELS", 700)
    assert (decode(data, INPUT).pixels == whole).all()


def bmp(alpha: int) -> bytes:
    """A 32-bit BMP with a mask for alpha (BITMAPV4HEADER), all of it ``alpha``."""
    pixels = bytes([10, 20, 240, alpha]) * 64
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, 8, 8, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    head += masks + b"BGRs" + bytes(48)
    start = 14 + len(head)
    return struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + head + pixels


def test_a_bmp_whose_alpha_is_0_everywhere_is_opaque() -> None:
    wanted = Input(size=8, resize=8)
    assert decode(bmp(0), wanted).pixels[4, 4].tolist() == [240, 20, 10]
    assert decode(bmp(255), wanted).pixels[4, 4].tolist() == [240, 20, 10]
    assert decode(bmp(1), wanted).pixels[4, 4].tolist() == [255, 254, 254]
