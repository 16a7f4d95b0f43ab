"""Bitmaps of every kind, written here, are seen as Chromium shows them."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from booth_client.errors import BadImage, TooManyPixels, UnsupportedFormat
from models.card import Input
from service.photo.bmp import read_bmp
from service.photo.colour import is_rgb, to_rgb
from service.photo.decode import decode
from tests.service.photo.bmps import bmp, packed, palette_of
from tests.service.photo.profiles import PROPHOTO, gamma, rgb_profile

WIDTH, HEIGHT = 23, 17
SIZE = WIDTH, HEIGHT
MOST = 1_000_000
WINDOWS = (40, 52, 56, 108, 124)
OS2 = (16, 20, 36, 42, 46, 64)
INPUT = Input(size=16, resize=16)


def seen(data: bytes) -> NDArray[np.int64]:
    """The picture in RGB over white."""
    image = read_bmp(data, MOST)
    pixels = image if is_rgb(image) else to_rgb(image, (0, 0, *image.size))
    return np.asarray(pixels).astype(np.int64)


def numbers(bits: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint32]:
    width, height = size
    random_bytes = np.random.default_rng(bits).integers(0, 2**bits, (height, width))
    return random_bytes.astype(np.uint32)


def colours(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, 3)).astype(np.uint8)


def channel(pixels: NDArray[np.uint32], mask: int) -> NDArray[np.int64]:
    """Levels of 0 to 255 that a mask takes out of pixels."""
    if not mask:
        return np.zeros(pixels.shape, np.int64)
    lowest = mask & -mask
    levels = (pixels.astype(np.int64) & mask) // lowest
    return (levels * 255 / (mask // lowest)).round().astype(np.int64)


def foretold(pixels: NDArray[np.uint32], masks: tuple[int, ...]) -> NDArray[np.float64]:
    rgb = np.stack([channel(pixels, mask) for mask in masks[:3]], axis=2)
    alpha = channel(pixels, masks[3])[:, :, None] if len(masks) > 3 and masks[3] else np.array(255)
    alpha = alpha if alpha.any() else np.array(255)
    return (rgb * alpha + 255.0 * (255 - alpha)) / 255


@pytest.mark.parametrize("header", [12, *WINDOWS, *OS2])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_is_looked_up_whatever_its_header(header: int, bits: int) -> None:
    palette, pixels = colours(2**bits), numbers(bits)
    stored = palette_of(palette.tolist(), 3 if header == 12 else 4)
    data = bmp(SIZE, bits, packed(pixels, bits), header=header, palette=stored)
    assert (seen(data) == palette[pixels]).all()


@pytest.mark.parametrize("header", [12, *WINDOWS, *OS2])
@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, (0x7C00, 0x3E0, 0x1F)),
        (24, (0xFF0000, 0xFF00, 0xFF)),
        (32, (0xFF0000, 0xFF00, 0xFF)),
    ],
)
def test_colours_are_where_they_usually_are(header: int, bits: int, masks: tuple[int, ...]) -> None:
    pixels = numbers(bits)
    data = bmp(SIZE, bits, packed(pixels, bits), header=header)
    assert np.abs(seen(data) - foretold(pixels, masks)).max() <= 1


MASKS = [
    (16, (0xF800, 0x7E0, 0x1F)),
    (16, (0x7C00, 0x3E0, 0x1F)),
    (16, (0xF800, 0x7C0, 0x3F)),
    (16, (0xF00, 0xF0, 0xF)),
    (16, (0xE0, 0x1C, 0x3)),
    (16, (4, 2, 1)),
    (24, (0xFF, 0xFF00, 0xFF0000)),
    (32, (0xFF0000, 0xFF00, 0xFF)),
    (32, (0xFF, 0xFF00, 0xFF0000)),
    (32, (0xFF000000, 0xFF0000, 0xFF00)),
    (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    (32, (0x7FF, 0x3FF800, 0xFFC00000)),
    (32, (0, 0xFF00, 0xFF)),
    (32, (0, 0, 0)),
]


@pytest.mark.parametrize("header", WINDOWS)
@pytest.mark.parametrize(("bits", "masks"), MASKS)
def test_masks_say_where_the_colours_are(header: int, bits: int, masks: tuple[int, ...]) -> None:
    pixels = numbers(bits)
    data = bmp(SIZE, bits, packed(pixels, bits), header=header, compression=3, masks=masks)
    assert np.abs(seen(data) - foretold(pixels, masks)).max() <= 1


@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, (0xF00, 0xF0, 0xF, 0xF000)),
        (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
        (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
        (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
        (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
        (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
    ],
)
def test_alpha_is_heeded_where_a_mask_says_so(bits: int, masks: tuple[int, ...]) -> None:
    pixels = numbers(bits)
    stored = packed(pixels, bits)
    for header in (56, 108, 124):
        data = bmp(SIZE, bits, stored, header=header, compression=3, masks=masks)
        assert np.abs(seen(data) - foretold(pixels, masks)).max() <= 2
    data = bmp(SIZE, bits, stored, compression=6, masks=masks)
    assert np.abs(seen(data) - foretold(pixels, masks)).max() <= 2
    for header in (40, 52):  # they have three masks
        data = bmp(SIZE, bits, stored, header=header, compression=3, masks=masks[:3])
        assert np.abs(seen(data) - foretold(pixels, masks[:3])).max() <= 1


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("header", [56, 108, 124])
def test_alpha_s_mask_counts_without_the_others(header: int, bits: int) -> None:
    usual = (0x7C00, 0x3E0, 0x1F, 0x8000) if bits == 16 else (0xFF0000, 0xFF00, 0xFF, 0xFF << 24)
    pixels = numbers(bits)
    data = bmp(SIZE, bits, packed(pixels, bits), header=header, masks=(0, 0, 0, usual[3]))
    assert np.abs(seen(data) - foretold(pixels, usual)).max() <= 2


@pytest.mark.parametrize("compression", [0, 3])
def test_alpha_that_is_0_everywhere_is_none(compression: int) -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    pixels = numbers(32) & np.uint32(0xFFFFFF)
    for bits, shown in ((32, pixels), (16, pixels & np.uint32(0x7FFF))):
        where = masks if bits == 32 else (0x7C00, 0x3E0, 0x1F, 0x8000)
        stored = packed(shown, bits)
        data = bmp(SIZE, bits, stored, header=124, compression=compression, masks=where)
        assert np.abs(seen(data) - foretold(shown, where[:3])).max() <= 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16, 24, 32])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17])
def test_rows_are_as_long_as_four_bytes_want_them(width: int, bits: int) -> None:
    pixels = numbers(bits, (width, 3))
    palette = colours(256)
    stored = palette_of(palette[: 2**bits].tolist()) if bits <= 8 else b""
    masks = {16: (0x7C00, 0x3E0, 0x1F)}.get(bits, (0xFF0000, 0xFF00, 0xFF))
    expected = palette[pixels] if bits <= 8 else foretold(pixels, masks)
    upright = bmp((width, 3), bits, packed(pixels, bits), palette=stored)
    assert np.abs(seen(upright) - expected).max() <= 1
    turned = bmp((width, -3), bits, packed(pixels, bits, bottom_up=False), palette=stored)
    assert np.abs(seen(turned) - expected).max() <= 1


GREYS = [(level, level, level) for level in range(256)]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_of_greys_or_of_black_and_white_is_a_palette(bits: int) -> None:
    two, few = numbers(1), numbers(bits)
    black_and_white = palette_of([(0, 0, 0), (255, 255, 255)])
    data = bmp(SIZE, bits, packed(two, bits), palette=black_and_white)
    assert (seen(data)[:, :, 0] == two * 255).all()
    data = bmp(SIZE, bits, packed(two, bits), palette=palette_of([(255, 255, 255), (0, 0, 0)]))
    assert (seen(data)[:, :, 0] == 255 - two.astype(int) * 255).all()
    data = bmp(SIZE, bits, packed(few, bits), palette=palette_of(GREYS[: 2**bits]))
    assert (seen(data)[:, :, 1] == few).all()


@pytest.mark.parametrize("header", [12, 40, 64])
def test_a_palette_that_is_short_or_long_or_counted_wrongly(header: int) -> None:
    palette, pixels, entry = colours(300), numbers(8), 3 if header == 12 else 4
    stored, black = packed(pixels, 8), np.zeros((256, 3), int)
    short = palette_of(palette[:20].tolist(), entry)
    known = np.concatenate([palette[:20], black])[pixels]
    assert (seen(bmp(SIZE, 8, stored, header=header, palette=short)) == known).all()
    assert (seen(bmp(SIZE, 8, stored, header=header, palette=short, colours=0)) == known).all()
    long = palette_of(palette.tolist(), entry)
    assert (seen(bmp(SIZE, 8, stored, header=header, palette=long)) == palette[pixels]).all()
    whole = palette_of(palette[:256].tolist(), entry)
    data = bmp(SIZE, 8, stored, header=header, palette=whole, colours=5000)
    assert (seen(data) == palette[pixels]).all()
    assert (seen(bmp(SIZE, 8, stored, header=header, colours=0)) == 0).all()


def test_pixels_begin_where_the_file_says_or_else_after_what_is_before_them() -> None:
    pixels, palette = numbers(24), palette_of(colours(256).tolist())
    stored, usual = packed(pixels, 24), (0xFF0000, 0xFF00, 0xFF)
    expected = foretold(pixels, usual)
    for data in (
        bmp(SIZE, 24, stored, offset=0),
        bmp(SIZE, 24, bytes(10) + stored, offset=64),
        bmp(SIZE, 24, stored, palette=palette),
        bmp(SIZE, 24, stored, palette=palette, offset=0),
        bmp(SIZE, 24, stored, colours=10),
        bmp(SIZE, 24, stored, planes=0),
        bmp(SIZE, 24, stored) + b"more",
        bmp(SIZE, 24, stored[:-3]),  # what only fills up the last row
    ):
        assert (seen(data) == expected).all()
    green = numbers(16)
    data = bmp(SIZE, 16, bytes(6) + packed(green, 16), offset=72, compression=3,
               masks=(0xF800, 0x7E0, 0x1F))  # fmt: skip
    assert np.abs(seen(data) - foretold(green, (0xF800, 0x7E0, 0x1F))).max() <= 1
    indices = numbers(8)
    looked_up = seen(bmp(SIZE, 8, packed(indices, 8), palette=palette))
    data = bmp(SIZE, 8, packed(indices, 8), palette=palette, offset=0)
    assert (seen(data) == looked_up).all()


PALETTE = colours(256)
BACKGROUND = (255, 255, 255)


def runs(codes: list[int], bits: int = 8, size: tuple[int, int] = (5, 4), **more: Any) -> bytes:
    stored = palette_of(PALETTE[: 2**bits].tolist())
    compression = 1 if bits == 8 else 2
    return bmp(size, bits, bytes(codes), palette=stored, compression=compression, **more)


def drawn(*rows: Sequence[int | None]) -> NDArray[np.int64]:
    """Rows of indices, the lowest first; None where nothing is drawn."""
    shown = [[BACKGROUND if i is None else PALETTE[i].tolist() for i in row] for row in rows]
    return np.array(shown[::-1])


N = None
REST = [5, 2, 0, 0, 5, 3, 0, 0, 5, 4, 0, 1]
AS_REST = ([2] * 5, [3] * 5, [4] * 5)


@pytest.mark.parametrize(
    ("codes", "rows"),
    [
        ([5, 1, 0, 0, *REST], ([1] * 5, *AS_REST)),
        ([2, 1, 3, 9, 0, 0, *REST], ([1, 1, 9, 9, 9], *AS_REST)),
        ([9, 1, 0, 0, *REST], ([1] * 5, *AS_REST)),  # no further than the row
        ([5, 1, 5, 8, 0, 0, *REST], ([1] * 5, *AS_REST)),
        ([3, 1, 0, 0, *REST], ([1, 1, 1, N, N], *AS_REST)),
        ([0, 3, 1, 2, 3, 0, 2, 7, 0, 0, *REST], ([1, 2, 3, 7, 7], *AS_REST)),
        ([0, 4, 1, 2, 3, 4, 1, 9, 0, 0, *REST], ([1, 2, 3, 4, 9], *AS_REST)),
        ([0, 5, 1, 2, 3, 4, 5, 0, 0, 0, *REST], ([1, 2, 3, 4, 5], *AS_REST)),
        (
            [2, 1, 0, 2, 2, 1, 1, 9, 0, 0, 5, 3, 0, 0, 5, 4, 0, 1],
            ([1, 1, N, N, N], [N, N, N, N, 9], [3] * 5, [4] * 5),
        ),
        ([0, 2, 1, 1, 3, 9, 0, 0, 5, 3, 0, 1], ([N] * 5, [N, 9, 9, 9, N], [3] * 5, [N] * 5)),
        ([5, 1, 0, 0, 5, 2, 0, 1], ([1] * 5, [2] * 5, [N] * 5, [N] * 5)),
        ([5, 1, 0, 0, *REST[:-2]], ([1] * 5, *AS_REST)),  # no end
        ([5, 1, 0, 0, *REST[:-2], 0, 0], ([1] * 5, *AS_REST)),
        ([5, 1, 0, 0, *REST[:-2], 0, 0, 5, 8, 0, 1], ([1] * 5, *AS_REST)),  # a row too many
        ([0, 1], ([N] * 5,) * 4),
    ],
)
def test_runs_of_8_bits_are_drawn(codes: list[int], rows: tuple[Sequence[int | None], ...]) -> None:
    assert (seen(runs(codes)) == drawn(*rows)).all()
    assert (seen(runs(codes, size=(5, -4))) == drawn(*rows)[::-1]).all()


@pytest.mark.parametrize(
    ("codes", "row"),
    [
        ([5, 0x12], [1, 2, 1, 2, 1]),
        ([9, 0x12], [1, 2, 1, 2, 1]),
        ([2, 0x12, 3, 0x34], [1, 2, 3, 4, 3]),
        ([0, 5, 0x12, 0x34, 0x50, 0], [1, 2, 3, 4, 5]),
        ([0, 3, 0x12, 0x30, 2, 0x45], [1, 2, 3, 4, 5]),
        ([0, 4, 0x12, 0x34, 1, 0x50], [1, 2, 3, 4, 5]),
        ([1, 0x10, 0, 2, 3, 0, 1, 0x90], [1, N, N, N, 9]),
    ],
)
def test_runs_of_4_bits_are_drawn(codes: list[int], row: list[int | None]) -> None:
    data = runs([*codes, 0, 0, 5, 0x22, 0, 0, 5, 0x33, 0, 0, 5, 0x44, 0, 1], 4)
    assert (seen(data) == drawn(row, *AS_REST)).all()


def test_runs_of_colours_are_drawn() -> None:
    codes = [5, 30, 20, 10, 0, 0, 0, 5, *range(15), 0, 0, 0, 0, 3, *range(9), 0, 2, 9, 9, 9, 0, 0]
    codes += [5, 6, 5, 4, 0, 1]
    for header in (40, 64):
        picture = seen(bmp((5, 4), 24, bytes(codes), header=header, compression=4))[::-1]
        assert (picture[0] == (10, 20, 30)).all()
        assert picture[1].tolist() == [[3 * i + 2, 3 * i + 1, 3 * i] for i in range(5)]
        assert picture[2, 2:].tolist() == [[8, 7, 6], [9, 9, 9], [9, 9, 9]]
        assert (picture[3] == (4, 5, 6)).all()


def test_fewer_bits_than_a_run_repeats_do_no_harm() -> None:
    stored = palette_of(PALETTE[:16].tolist())
    data = bmp((5, 1), 4, bytes([5, 9, 0, 1]), palette=stored, compression=1)
    assert (seen(data) == PALETTE[9]).all()


def test_runs_give_the_pixels_of_a_whole_photograph() -> None:
    pixels, codes = numbers(8) // 64, b""
    for row in pixels[::-1]:
        for index in row:
            codes += bytes([1, index])
        codes += b"\0\0"
    data = bmp(SIZE, 8, codes + b"\0\1", palette=palette_of(PALETTE.tolist()), compression=1)
    assert (seen(data) == PALETTE[pixels]).all()


def test_nine_tenths_of_a_picture_are_enough_and_the_rest_is_white() -> None:
    pixels = numbers(24, (8, 20))
    expected = foretold(pixels, (0xFF0000, 0xFF00, 0xFF))
    data = bmp((8, 20), 24, packed(pixels, 24))
    assert (seen(data[: -2 * 24])[2:] == expected[2:]).all()
    assert (seen(data[: -2 * 24])[:2] == 255).all()
    turned = bmp((8, -20), 24, packed(pixels, 24, bottom_up=False))[:-30]
    assert (seen(turned)[:18] == expected[:18]).all()
    assert (seen(turned)[18:] == 255).all()
    told = "only 85 % of its picture is there, and at least 90 % is needed"
    with pytest.raises(BadImage, match=told):
        seen(data[: -3 * 24])
    drawn_rows = [5, 1, 0, 0] * 19
    assert (seen(runs(drawn_rows, size=(5, 20)))[0] == 255).all()
    with pytest.raises(BadImage, match="only 80 %"):
        seen(runs(drawn_rows[: 4 * 16], size=(5, 20)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bmp(SIZE, 24, b"", header=40, compression=5), "24 bits a pixel in compression 5"),
        (bmp(SIZE, 0, b"\xff\xd8", header=40, compression=4), "0 bits a pixel in compression 4"),
        (bmp(SIZE, 1, b"", header=64, compression=3), "1 bits a pixel in compression 3"),
        (bmp(SIZE, 24, b"", compression=11), "24 bits a pixel in compression 11"),
        (bmp(SIZE, 8, b"", compression=2), "8 bits a pixel in compression 2"),
        (bmp(SIZE, 64, b""), "64 bits a pixel in compression 0"),
        (bmp(SIZE, 3, b""), "3 bits a pixel in compression 0"),
        (bmp(SIZE, 24, b"", header=63), "a header of 63 bytes"),
        (bmp(SIZE, 24, b"", header=128), "a header of 128 bytes"),
        (bmp(SIZE, 32, b"", compression=3, masks=(0xFF00, 0xFF00, 0xFF)), "overlap or lie apart"),
        (bmp(SIZE, 32, b"", compression=3, masks=(0xF0F000, 0xF00, 0xF)), "overlap or lie apart"),
    ],
)
def test_what_is_not_decoded_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(UnsupportedFormat, match=reason):
        decode(data, INPUT)


@pytest.mark.parametrize(
    "data",
    [
        b"BM",
        bmp(SIZE, 24, b"")[:30],
        bmp((0, 5), 24, bytes(100)),
        bmp((5, 0), 24, bytes(100)),
        bmp((-5, 5), 24, bytes(100)),
        bmp((5, 5), 24, bytes(100), offset=20),
        runs([0, 7, 1, 2, 3, 4, 5, 6, 7, 0, 0, 1]),  # pixels that go beyond their row
    ],
)
def test_a_damaged_header_is_called_so(data: bytes) -> None:
    with pytest.raises(BadImage, match="is damaged"):
        decode(data, INPUT)


def test_the_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bmp((30_000, 30_000), 8, bytes([0, 1]), compression=1)
    with pytest.raises(TooManyPixels):
        decode(data, INPUT)
    monkeypatch.setattr("service.photo.bounds._CPU_SECONDS", -1)
    with pytest.raises(BadImage, match="far more than its size warrants"):
        decode(runs([0, 1]), INPUT)


def test_the_colours_of_a_profile_in_the_file_become_srgb() -> None:
    pixels = packed(np.full((16, 16), 0x30C050, np.uint32), 24)
    profile = rgb_profile(PROPHOTO, gamma(1.8))
    data = bytearray(bmp((16, 16), 24, pixels, header=124) + profile)
    struct.pack_into("<I", data, 14 + 56, 0x4D424544)
    struct.pack_into("<II", data, 14 + 112, 124 + len(pixels), len(profile))
    assert np.abs(decode(bytes(data), INPUT).pixels - (0, 222.0, 64)).max() <= 1  # as Chromium


def test_pillow_reads_what_it_knows_the_same_way() -> None:
    image = Image.fromarray(np.random.default_rng(3).integers(0, 256, (17, 23, 3), np.uint8))
    for mode in ("RGB", "L", "1", "P"):
        file = io.BytesIO()
        image.convert(mode).save(file, "BMP")
        expected = np.asarray(Image.open(file).convert("RGB"))
        assert (seen(file.getvalue()) == expected).all()


def test_damage_anywhere_gives_a_picture_or_a_refusal() -> None:
    dice = random.Random(8)  # noqa: S311
    masks = (0xF00, 0xF0, 0xF, 0xF000)
    for data in (
        bmp(SIZE, 4, packed(numbers(4), 4), palette=palette_of(PALETTE[:16].tolist())),
        bmp(SIZE, 16, packed(numbers(16), 16), header=124, compression=3, masks=masks),
        runs([5, 1, 0, 0, 0, 3, 1, 2, 3, 0, 0, 2, 1, 1, *REST]),
        runs([5, 0x12, 0, 3, 1, 2, 0, 0, 0, 2, 1, 1, 5, 3, 0, 1], 4),
        bmp((5, 2), 24, bytes([5, 1, 2, 3, 0, 0, 5, 4, 5, 6, 0, 1]), compression=4),
    ):
        for _ in range(400):
            spoilt = bytearray(data)
            for _ in range(dice.choice([1, 2, 4])):
                spoilt[dice.randrange(2, len(spoilt))] = dice.randrange(256)
            try:
                photo = decode(bytes(spoilt[: dice.randrange(20, 2 * len(data))]), INPUT,
                               max_pixels=100_000)  # fmt: skip
            except (BadImage, TooManyPixels, UnsupportedFormat):
                continue
            assert photo.pixels.shape == (16, 16, 3)
