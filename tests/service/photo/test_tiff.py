"""TIFFs of every kind, written here, are seen as the samples that they were made of."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from booth_client.errors import BadImage, UnsupportedFormat
from models.card import Input
from service.photo import tiff as tiff_module
from service.photo.colour import is_rgb, to_rgb
from service.photo.decode import decode
from service.photo.tiff import read_tiff
from tests.service.photo import tiffs
from tests.service.photo.parts import segment
from tests.service.photo.tiffs import Storage, directory, file_of, tiff

WIDTH, HEIGHT = 23, 17
MOST = 1_000_000


def levels(count: int) -> NDArray[np.float64]:
    """A smooth picture of ``count`` channels with some noise, from 0 to 1 inclusive."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    noise = np.random.default_rng(count).uniform(-0.1, 0.1, (HEIGHT, WIDTH, count))
    waves = [np.sin(across / (5 + i) + i) * np.cos(down / (4 + i)) / 2 + 0.5 for i in range(count)]
    picture = (np.stack(waves, 2) + noise).clip(0, 1)
    picture[0, 0], picture[-1, -1] = 0, 1
    return picture


def seen(data: bytes) -> NDArray[np.uint8]:
    """The picture in RGB over white, as it is stored."""
    image = read_tiff(data, MOST)
    assert image.size == (WIDTH, HEIGHT)
    return np.asarray(image if is_rgb(image) else to_rgb(image, (0, 0, *image.size)))


@dataclass(frozen=True)
class Kind:
    """What samples mean; with it, a picture is made and what it looks like is foretold."""

    photometric: int
    bits: int
    count: int
    dtype: str = "u"
    extra: tuple[int, ...] = ()

    @property
    def white(self) -> int:
        return (1 << self.bits) - 1

    def samples(self) -> NDArray[Any]:
        picture = levels(self.count)
        if self.dtype == "f":
            return picture.astype(f"f{self.bits // 8}")
        size = next(size for size in (8, 16, 32, 64) if size >= self.bits)
        white = 2 ** (self.bits - 1) - 1 if self.dtype == "i" else self.white
        if self.bits > 16:
            white = 65535
        if self.photometric == 3:
            white = min(white, 299)
        return (picture * white).round().astype(f"{self.dtype}{size // 8}")

    def unit(self) -> NDArray[np.float64]:
        """The samples from 0 to 1."""
        samples = self.samples().astype(float)
        if self.dtype == "f":
            return samples
        white = 2 ** (self.bits - 1) - 1 if self.dtype == "i" else self.white
        return samples / (65535 if self.bits > 16 else white)

    def palette(self) -> tuple[int, ...]:
        colours = np.random.default_rng(5).integers(0, 256, (3, 2**self.bits)) * 257
        return tuple(colours.ravel().tolist())

    def tags(self) -> dict[str, Any]:
        tags: dict[str, Any] = {"t338": self.extra} if self.extra else {}
        return tags | ({"t320": self.palette()} if self.photometric == 3 else {})

    def foretold(self) -> NDArray[np.float64]:
        """RGB over white, 0 to 255."""
        unit = self.unit()
        colours = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4}[self.photometric]
        colour, alpha = unit[:, :, :colours], np.ones((HEIGHT, WIDTH, 1))
        associated = False
        for sample, extra in enumerate(self.extra, colours):
            if extra in {1, 2}:
                alpha, associated = unit[:, :, sample : sample + 1], extra == 1
                break
        if self.photometric == 0:
            colour = 1 - colour
        if self.photometric == 3:
            index = self.samples()[:, :, 0]
            colour = (np.reshape(self.palette(), (3, -1)).T[index]) / 65535
        if self.photometric == 5:
            colour = (1 - colour[:, :, :3]) * (1 - colour[:, :, 3:])
        over = (colour if associated else colour * alpha) + 1 - alpha
        return np.broadcast_to(over.clip(0, 1) * 255, (HEIGHT, WIDTH, 3))


GREY = [Kind(photometric, bits, 1) for photometric in (0, 1) for bits in (1, 2, 4, 8, 12, 16, 32)]
ODD = [Kind(1, bits, 1) for bits in (3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 64)]
RGB = [Kind(2, bits, 3) for bits in (1, 2, 4, 8, 10, 12, 14, 16, 32, 64)]
WIDE = [
    Kind(p, bits, n, dtype)
    for p, n in ((1, 1), (0, 1), (2, 3))
    for dtype in "if"
    for bits in (8, 16, 32, 64)
    if (dtype, bits) != ("f", 8)
]
ALPHA = [
    Kind(photometric, bits, count + len(extra), dtype, extra)
    for photometric, count in ((0, 1), (1, 1), (2, 3))
    for bits, dtype in ((8, "u"), (16, "u"), (32, "f"))
    for extra in ((0,), (1,), (2,), (2, 0), (0, 2), (0, 0, 2))
    if not (photometric == 0 and 1 in extra)
]
SPARE = [Kind(2, 8, 5, "u", (0, 0)), Kind(2, 16, 5, "u", (0, 0)), Kind(5, 8, 5, "u", (0,))]
OTHERS = [
    *(Kind(3, bits, 1) for bits in (1, 2, 4, 8, 16)),
    Kind(3, 8, 2, "u", (2,)),
    Kind(5, 8, 4),
    Kind(5, 16, 4),
    Kind(5, 4, 4),
]
KINDS = [*GREY, *ODD, *RGB, *WIDE, *ALPHA, *SPARE, *OTHERS]
STORED = [
    Storage(order, big, planar, tile, rows, compression, fill=fill, sizes=sizes)
    for order, big, planar, tile, rows, compression, fill, sizes in [
        ("<", False, False, None, 5, 1, 1, True),
        (">", False, False, None, 5, 1, 1, True),
        ("<", True, False, None, None, 1, 1, False),
        (">", True, True, None, 7, 8, 1, True),
        ("<", False, True, None, 7, 1, 1, False),
        (">", False, True, None, 1, 5, 1, True),
        ("<", False, False, None, 19, 5, 1, True),
        (">", False, False, None, 1000, 32773, 1, True),
        ("<", False, False, None, None, 32946, 1, False),
        ("<", False, False, (16, 16), None, 1, 1, True),
        (">", False, False, (16, 32), None, 5, 1, True),
        ("<", True, True, (16, 16), None, 8, 1, True),
        (">", False, True, (64, 32), None, 32773, 1, True),
        ("<", False, False, (48, 16), None, 8, 1, False),
        ("<", False, False, None, 5, 1, 2, True),
        (">", False, True, (16, 16), None, 1, 2, True),
        ("<", False, False, None, 5, 8, 2, True),
    ]
]
STORED += [replace(each, predictor=2) for each in STORED if each.compression in {5, 8}]


@pytest.mark.parametrize("number", range(len(KINDS)), ids=lambda number: str(KINDS[number]))
def test_every_kind_is_seen_as_it_was_made_however_it_is_stored(number: int) -> None:
    kind = KINDS[number]
    samples, expected = kind.samples(), kind.foretold()
    stored = [each for each in STORED if each.predictor == 1 or kind.bits in {8, 16, 32, 64}]
    stored = stored[number % 2 :: 2]  # each way for every second kind: all would take 6 s
    if kind.dtype == "f":
        stored = [replace(each, predictor=3 if each.predictor > 1 else 1) for each in stored]
    most = 2 if kind.extra or kind.photometric == 5 else 1  # rounded twice
    for storage in stored:
        data = tiff(samples, kind.bits, kind.photometric, storage, **kind.tags())
        assert np.abs(seen(data) - expected).max() <= most, storage


def plain(count: int = 3, dtype: str = "u1") -> NDArray[Any]:
    return (levels(count) * 255).round().astype(dtype)


def rgb(samples: NDArray[Any] | None = None, how: Storage | None = None, **tags: Any) -> bytes:
    """A TIFF in RGB of 8 bits."""
    return tiff(plain() if samples is None else samples, 8, 2, how or Storage(), **tags)


@pytest.mark.parametrize("how", STORED, ids=str)
@pytest.mark.parametrize("kind", [Kind(2, 16, 3), Kind(1, 32, 1, "f")], ids=str)
def test_seams_between_what_is_converted_at_a_time_do_not_show(
    how: Storage, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = replace(how, predictor=1)
    data = tiff(kind.samples(), kind.bits, kind.photometric, how)
    whole = seen(data)
    monkeypatch.setattr(tiff_module, "_BAND_BYTES", 1000)
    monkeypatch.setattr(tiff_module, "_SLICE_SAMPLES", 70)
    assert (seen(data) == whole).all()


def jpegs(samples: NDArray[Any], mode: str, down: int, **options: Any) -> list[bytes]:
    """Strips, each of them a JPEG."""
    strips = []
    for top in range(0, len(samples), down):
        file = io.BytesIO()
        image = Image.fromarray(np.ascontiguousarray(samples[top : top + down]), mode)
        image.save(file, "JPEG", quality=100, **options)
        strips.append(file.getvalue())
    return strips


def jpeg_in_tiff(
    samples: NDArray[Any], strips: list[bytes], photometric: int, **tags: Any
) -> bytes:
    entries = directory(samples, 8, photometric, Storage(rows=8), t259=7, **tags)
    return file_of(Storage(), entries | {273: strips, 279: tuple(map(len, strips))})


@pytest.mark.parametrize("photometric", [0, 1])
def test_grey_packed_as_jpeg_is_seen(photometric: int) -> None:
    samples = plain(1)
    data = jpeg_in_tiff(samples, jpegs(samples[:, :, 0], "L", 8), photometric)
    expected = samples if photometric else 255 - samples
    assert np.abs(seen(data) - expected.astype(int)).max() <= 2


@pytest.mark.parametrize("planar", [False, True])
def test_rgb_packed_as_jpeg_is_not_taken_for_ycbcr(planar: bool) -> None:
    samples = plain()
    strips = (
        [strip for plane in range(3) for strip in jpegs(samples[:, :, plane], "L", 8)]
        if planar
        else jpegs(samples, "RGB", 8, keep_rgb=True)
    )
    data = jpeg_in_tiff(samples, strips, 2, t284=2 if planar else 1)
    assert np.abs(seen(data) - samples.astype(int)).max() <= 2


@pytest.mark.parametrize(("subsampling", "pair"), [(0, (1, 1)), (1, (2, 1)), (2, (2, 2))])
def test_ycbcr_packed_as_jpeg_is_seen_as_rgb(subsampling: int, pair: tuple[int, int]) -> None:
    samples = np.full((HEIGHT, WIDTH, 3), (200, 60, 90), np.uint8)
    samples[:, :, 1] += np.arange(WIDTH, dtype=np.uint8)
    strips = jpegs(samples, "RGB", 16, subsampling=subsampling)
    data = jpeg_in_tiff(samples, strips, 6, t278=16, t530=pair)
    assert np.abs(seen(data) - samples.astype(int)).max() <= 4


def test_cmyk_and_alpha_packed_as_jpeg_are_seen() -> None:
    for mode in ("CMYK", "RGBA", "LA"):
        image, file = Image.new("RGB", (WIDTH, HEIGHT), (200, 60, 90)).convert(mode), io.BytesIO()
        image.save(file, "TIFF", compression="jpeg", quality=100)
        expected = np.asarray(image.convert("RGB"), int)
        assert np.abs(seen(file.getvalue()) - expected).max() <= 3


def lossless(components: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A lossless JPEG of the one colour (168, 88, 128), or of its first components."""
    frame = struct.pack(">BHHB", 8, height, width, components)
    numbers = range(1, components + 1)
    # Codes: 0 for no difference to the pixel before, 10 for one of 6 bits.
    parts = [
        segment(0xC3, frame + b"".join(bytes([number, 0x11, 0]) for number in numbers)),
        segment(0xC4, b"\0\1\1" + bytes(14) + b"\0\6"),
        segment(
            0xDA,
            bytes([components, *(byte for number in numbers for byte in (number, 0))]) + b"\1\0\0",
        ),
    ]
    pixels = b"\xa8\x97"[:components] + bytes(width * height * components)  # +40, then -40
    return b"\xff\xd8" + b"".join(parts) + pixels + b"\xff\xd9"


_DECODE_ALL = """
import json, sys
from booth_client.errors import BoothError
from service.photo.tiff import read_tiff
for data in json.load(sys.stdin):
    try:
        print(read_tiff(bytes.fromhex(data), 1_000_000).convert("RGB").getpixel((3, 3)))
    except BoothError as error:
        print(error.detail)
    except Exception:
        print("damaged")
"""


def test_lossless_jpeg_is_seen_or_named_and_never_takes_the_process_down() -> None:
    def of(photometric: int, strip: bytes, channels: int, **tags: Any) -> bytes:
        samples = np.zeros((HEIGHT, WIDTH, channels), np.uint8)
        return jpeg_in_tiff(samples, [strip], photometric, t278=HEIGHT, **tags)

    files = [
        of(1, lossless(1), 1),
        of(2, lossless(3), 3),
        of(6, lossless(3), 3, t530=(1, 1)),
        of(6, lossless(3), 3, t530=(2, 2)),
        of(2, lossless(3, WIDTH * 8, HEIGHT * 8), 3),
        of(1, lossless(3), 1),
    ]
    command, told = [sys.executable, "-c", _DECODE_ALL], json.dumps([one.hex() for one in files])
    answer = subprocess.run(
        command, input=told, stdout=subprocess.PIPE, check=True, text=True, timeout=100
    )
    grey, rgb, *ycbcr, larger, odd = answer.stdout.splitlines()
    assert (grey, rgb) == ("(168, 168, 168)", "(168, 88, 128)")
    assert all("YCbCr packed as lossless JPEG, which is not decoded here" in one for one in ycbcr)
    assert (larger, odd) == ("damaged", "damaged")


def ycbcr_units(ycc: NDArray[np.uint8], across: int, down: int) -> NDArray[np.uint8]:
    """TIFF 6.0, section 21: the luma of a few pixels, then the chroma that they share."""
    height, width = (-(-HEIGHT // down) * down, -(-WIDTH // across) * across)
    padded = np.pad(ycc, ((0, height - HEIGHT), (0, width - WIDTH), (0, 0)), "edge")
    split = padded.reshape(height // down, down, width // across, across, 3)
    luma = split[..., 0].transpose(0, 2, 1, 3).reshape(height // down, width // across, -1)
    return np.concatenate([luma, split[:, 0, :, 0, 1:]], axis=2)


@pytest.mark.parametrize("pair", [(1, 1), (2, 1), (2, 2), (1, 2), (4, 1), (4, 2), (4, 4)], ids=str)
@pytest.mark.parametrize("compression", [1, 5])
def test_ycbcr_that_is_no_jpeg_is_seen_whatever_shares_its_chroma(
    pair: tuple[int, int], compression: int
) -> None:
    across, down = pair
    colours = np.full((HEIGHT, WIDTH, 3), (200, 60, 90), np.uint8)
    colours[:, WIDTH // 8 * 4 :] = (20, 160, 30)
    ycc = np.asarray(Image.fromarray(colours).convert("YCbCr"))
    units = ycbcr_units(ycc, across, down)
    whole = directory(colours, 8, 6, Storage(rows=None, compression=1), t530=pair)
    strips = [units[top : top + 8 // down].tobytes() for top in range(0, len(units), 8 // down)]
    packed = [tiffs.compressed(strip, Storage(compression=compression)) for strip in strips]
    tags = {273: packed, 279: tuple(map(len, packed)), 278: 8, 259: compression}
    data = file_of(Storage(), whole | tags)
    assert np.abs(seen(data) - colours.astype(int)).max() <= 2


def test_ycbcr_in_the_range_of_television_is_seen() -> None:
    colours = np.full((HEIGHT, WIDTH, 3), (16 + 219 // 2, 128, 128), np.uint8)
    reference = tuple(Fraction(number) for number in (16, 235, 128, 240, 128, 240))
    data = tiff(colours, 8, 6, Storage(), t530=(1, 1), t532=reference)
    assert np.abs(seen(data) - 127).max() <= 1


# sRGB's red is L* 54.29, a* 80.81, b* 69.89 under D50, which is TIFF's white.
@pytest.mark.parametrize(
    ("photometric", "bits", "samples"),
    [
        (8, 8, (138, 81, 70)),
        (9, 8, (138, 81 + 128, 70 + 128)),
        (8, 16, (35579, 81 << 8, 70 << 8)),
        (9, 16, (35579, 81 + 128 << 8, 70 + 128 << 8)),
    ],
)
def test_both_kinds_of_cielab_are_seen(
    photometric: int, bits: int, samples: tuple[int, int, int]
) -> None:
    array = np.full((HEIGHT, WIDTH, 3), samples, f"u{bits // 8}")
    assert np.abs(seen(tiff(array, bits, photometric, Storage())) - (255, 0, 0)).max() <= 6


@pytest.mark.parametrize("factor", [1, 256, 257])
def test_a_palette_of_bytes_or_of_bytes_times_256_is_no_black_picture(factor: int) -> None:
    palette = np.zeros((3, 256), int)
    palette[:, 1] = 200, 60, 90
    data = tiff(
        np.ones((HEIGHT, WIDTH, 1), np.uint8),
        8,
        3,
        Storage(),
        t320=tuple((palette * factor).ravel().tolist()),
    )
    assert (seen(data) == (200, 60, 90)).all()


def test_levels_without_a_white_point_are_scaled_from_their_own_range() -> None:
    picture = levels(3)
    for samples in (
        (picture * 100 + 280).astype(np.float32),
        (picture * 2e5 - 1e5).astype(np.int32),
        (picture * 200 - 100).round().astype(np.int8),
        (picture * 4e9).astype(np.uint32),
    ):
        low, high = float(samples.min()), float(samples.max())
        expected = (samples.astype(float) - low) / (high - low) * 255
        data = tiff(samples, 8 * samples.itemsize, 2, Storage())
        assert np.abs(seen(data) - expected).max() <= 1


def test_a_fourth_sample_that_nobody_calls_alpha_is_it_unless_nothing_would_show() -> None:
    samples = np.concatenate([plain(), np.full((HEIGHT, WIDTH, 1), 0, np.uint8)], axis=2)
    assert (seen(rgb(samples)) == samples[:, :, :3]).all()
    samples[:, :, 3] = 255
    samples[0, :, 3] = 0
    assert (seen(rgb(samples))[0] == 255).all()
    assert (seen(rgb(samples))[1:] == samples[1:, :, :3]).all()
    assert (seen(rgb(samples, t338=0))[0] == samples[0, :, :3]).all()


def test_what_the_file_does_not_say_is_taken_as_libtiff_takes_it() -> None:
    picture = plain()
    assert (seen(rgb(t262=None, t284=None, t339=None)) == picture).all()
    assert (seen(tiff(picture[:, :, :1], 8, None, Storage(), t277=None)) == picture[:, :, :1]).all()
    assert (seen(rgb(t258=8, t339=1)) == picture).all()
    assert (seen(rgb(how=Storage(rows=None), t278=2**32 - 1)) == picture).all()
    assert (seen(rgb(how=Storage(rows=None), t278=0)) == picture).all()
    assert (seen(rgb(t317=2)) == picture).all()  # a predictor of nothing that is packed


def small(**tags: Any) -> dict[int, Any]:
    return directory(np.zeros((4, 4, 3), np.uint8), 8, 2, Storage(), **tags)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", "<>")
def test_a_preview_before_the_picture_is_not_the_picture(order: str, big: bool) -> None:
    how = Storage(order, big)
    picture = directory(plain(), 8, 2, how)
    for first in (small(t254=1), small(t255=2), small(t254=4, t262=4)):
        assert (seen(file_of(how, first, picture)) == plain()).all()
        assert (seen(file_of(how, first | {330: [picture]})) == plain()).all()
        assert (seen(file_of(how, picture, first)) == plain()).all()


def test_of_several_pages_the_first_counts_and_damage_after_it_does_no_harm() -> None:
    how = Storage()
    picture, other = directory(plain(), 8, 2, how), directory(255 - plain(), 8, 2, how)
    assert (seen(file_of(how, picture, other)) == plain()).all()
    assert (seen(file_of(how, picture | {330: (99_999_999,)})) == plain()).all()
    data = bytearray(file_of(how, picture | {254: 1}))
    data[-4:] = b"\xf0\xff\xff\x7f"  # where there is no next one
    assert (seen(bytes(data)) == plain()).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_is_turned_as_its_tag_says(orientation: int, bits: int) -> None:
    samples = (levels(3)[:16, :16] * (2**bits - 1)).astype(f"u{bits // 8}")
    upright = np.asarray(samples.astype(float) / (2**bits - 1) * 255)
    turned = {
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright[::-1].transpose(1, 0, 2),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: upright[:, ::-1].transpose(1, 0, 2),
    }.get(orientation, upright)
    data = tiff(samples, bits, 2, Storage(), t274=orientation)
    assert np.abs(decode(data, Input(size=16, resize=16)).pixels - turned).max() <= 1


def test_the_profile_goes_with_the_picture() -> None:
    assert read_tiff(rgb(t34675=b"a profile"), MOST).info["icc_profile"] == b"a profile"


TWO, THREE, FOUR, FIVE = (np.zeros((8, 8, count), np.uint8) for count in (2, 3, 4, 5))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tiff(THREE, 8, 2, Storage(), t258=(8, 8, 16)), "samples of unequal bits"),
        (tiff(THREE, 8, 2, Storage(), t339=(1, 1, 3)), "samples of unequal formats"),
        (tiff(THREE, 8, 2, Storage(), t339=5), "8-bit samples of the format 5"),
        (tiff(THREE, 8, 2, Storage(), t258=24), "24-bit samples of the format 1"),
        (tiff(THREE, 8, 2, Storage(), t258=24, t339=3), "24-bit samples of the format 3"),
        (tiff(THREE, 8, 10, Storage()), "colours of the kind 10"),
        (tiff(THREE, 8, 4, Storage()), "colours of the kind 4"),
        (tiff(THREE, 8, 32844, Storage()), "colours of the kind 32844"),
        (tiff(THREE, 8, 5, Storage()), "3 samples a pixel"),
        (tiff(THREE, 8, 1, Storage()), "3 samples a pixel, and says that they are grey"),
        (tiff(THREE, 8, 1, Storage(), t338=(0, 0)), "3 samples a pixel, and says that they are"),
        (tiff(TWO, 8, 1, Storage()), "2 samples a pixel, and says that they are grey"),
        (tiff(FOUR, 8, 5, Storage(), t332=2), "inks other than cyan"),
        (tiff(FIVE, 8, 5, Storage(), t338=1), "alpha channel beside inks"),
        (tiff(FIVE.repeat(4, 2), 8, 2, Storage()), "20 samples a pixel"),
        (tiff(TWO[:, :, :1], 8, 3, Storage(), t339=2), "in signed numbers"),
        (tiff(THREE, 8, 8, Storage(), t258=4), "CIELAB of 4 bits"),
        (tiff(THREE, 8, 6, Storage(), t530=(3, 1)), "an odd subsampling"),
        (tiff(THREE, 8, 6, Storage(planar=True), t530=(1, 1)), "YCbCr of another kind"),
        (tiff(THREE.astype("u2"), 16, 6, Storage(), t259=7), "16-bit samples of the format 1"),
        (tiff(THREE, 8, 2, Storage(compression=8), t317=4), "the predictor 4 for 8-bit samples"),
        (tiff(THREE, 4, 2, Storage(compression=8), t317=2), "the predictor 2 for 4-bit samples"),
        (tiff(THREE, 8, 32803, Storage()), "a camera's raw photograph"),
        (tiff(THREE, 8, 34892, Storage(), t259=34892), "a camera's raw photograph"),
        *(
            (tiff(THREE, 8, 2, Storage(), t259=number), "compression is not decoded here")
            for number in (
                2,
                3,
                4,
                6,
                32766,
                32767,
                32773 + 1,
                32809,
                33003,
                34712,
                34887,
                34925,
                50000,
                50001,
                50002,
            )
        ),
    ],
)
def test_what_is_not_decoded_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(UnsupportedFormat, match=reason):
        decode(data, Input(size=16, resize=16))


@pytest.mark.parametrize(
    "data",
    [
        rgb()[:-60],
        rgb(t273=(8, 8)),
        rgb(t273=(0,) * 4),
        rgb(how=Storage(compression=5), t279=(3,) * 4),
        rgb(t273=(8,) * 100),
        rgb(t256=None),
        rgb(t257=0),
        rgb(how=Storage(tile=(16, 16)), t323=None),
        tiff(plain(1), 8, 3, Storage()),
        tiff(plain(1), 8, 3, Storage(), t320=(1, 2, 3)),
        b"II*\0\x08\0\0\0",
    ],
)
def test_a_file_whose_tags_do_not_fit_it_is_called_damaged(data: bytes) -> None:
    with pytest.raises(BadImage, match="it is damaged"):
        decode(data, Input(size=16, resize=16))


def test_a_strip_that_says_it_is_longer_than_it_may_be_is_not_copied_for_each_row() -> None:
    packed = Storage(rows=1, compression=8)
    data = rgb(how=packed) + bytes(1_000_000)
    sizes = tuple([1_000_000] * HEIGHT)
    assert (seen(rgb(how=packed, t279=sizes) + bytes(1_000_000)) == plain()).all()
    assert (seen(data) == plain()).all()


def test_a_strip_too_large_to_unpack_at_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_module, "_MOST_UNPACKED", WIDTH * HEIGHT - 1)
    assert (seen(rgb(how=Storage(rows=None))) == plain()).all()
    with pytest.raises(BadImage, match="far more than its size warrants"):
        seen(rgb(how=Storage(rows=None, compression=8)))


def test_the_time_of_a_thread_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.photo.bounds._CPU_SECONDS", -1)
    with pytest.raises(BadImage, match="far more than its size warrants"):
        decode(rgb(), Input(size=16, resize=16))
