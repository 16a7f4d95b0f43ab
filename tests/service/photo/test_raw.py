"""Bare pixels go a photograph's way: the same answer as from a file of them, the same bounds."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from booth_client.errors import BadImage, TooManyPixels
from models.card import Input
from service.photo.decode import decode
from service.photo.formats import FORMATS, format_of
from service.photo.header import read_header
from service.photo.raw import HEAD_BYTES, RAW, raw_photo

WANTED = Input(size=8, resize=10)
PIXELS = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
PHOTO = raw_photo(PIXELS.tobytes(), 30, 20)


def test_pixels_are_seen_like_a_png_of_them() -> None:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG")
    seen = decode(PHOTO, WANTED)
    np.testing.assert_array_equal(seen.pixels, decode(file.getvalue(), WANTED).pixels)
    assert (seen.width, seen.height) == (30, 20)


def test_they_are_no_format_that_could_be_turned_off() -> None:
    assert RAW not in FORMATS
    assert format_of(PHOTO, ["JPEG"]) == RAW


def test_a_header_foresees_them() -> None:
    header = read_header(PHOTO)
    assert header
    assert (header.width, header.height, header.format) == (30, 20, RAW)
    assert header.is_plain(256)


def test_the_bound_of_pixels_holds() -> None:
    with pytest.raises(TooManyPixels):
        decode(PHOTO, WANTED, max_pixels=599)


@pytest.mark.parametrize(
    "photo",
    [
        PHOTO[:-1],
        PHOTO + b"\0",
        PHOTO[:HEAD_BYTES],
        PHOTO[:10],
        raw_photo(b"", 0, 5),
        PHOTO[:8] + struct.pack("<II", 2**32 - 1, 1),
    ],
)
def test_what_does_not_fit_its_size_is_damaged(photo: bytes) -> None:
    with pytest.raises((BadImage, TooManyPixels)):
        decode(photo, WANTED)
