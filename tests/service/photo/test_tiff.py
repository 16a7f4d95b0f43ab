"""TIFFs of every kind, written here, are seen as the samples that they were made of."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from booth_client.errors import BadImage, BadRequest, UnsupportedFormat
from models.card import Input
from service.photo import tiff as tiff_module
from service.photo.colour import is_rgb, to_rgb
from service.photo.decode import decode
from service.photo.tiff import read_tiff
from tests.service.photo.tiffs import Storage, directory, file_of, tiff

WIDTH, HEIGHT = 37, 19
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
        return 2**self.bits - 1

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


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_is_seen_as_it_was_made_however_it_is_stored(kind: Kind) -> None:
    samples, expected = kind.samples(), kind.foretold()
    stored = [*STORED]
    if kind.bits in {8, 16, 32, 64} and kind.dtype != "f":
        stored += [replace(each, predictor=2) for each in STORED if each.compression in {5, 8}]
    if kind.dtype == "f":
        stored += [replace(each, predictor=3) for each in STORED if each.compression in {5, 8}]
    most = 2 if kind.extra or kind.photometric == 5 else 1  # rounded twice
    for storage in stored:
        data = tiff(samples, kind.bits, kind.photometric, storage, **kind.tags())
        assert np.abs(seen(data) - expected).max() <= most, storage
