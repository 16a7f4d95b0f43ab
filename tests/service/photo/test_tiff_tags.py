"""What a directory says, in both byte orders, and in files that are damaged."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from service.photo.tiff_tags import Tag, read_directory
from tests.service.photo.tiffs import Storage, directory, file_of, tiff

SAMPLES = np.zeros((3, 5, 3), np.uint8)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_numbers_are_read_wherever_they_are(kind: type, order: str, big: bool) -> None:
    data = tiff(SAMPLES, 8, 2, Storage(order, big, rows=1), t34675=b"abcdefghi")
    tags = read_directory(kind(data))
    assert (tags.number(Tag.WIDTH), tags.number(Tag.HEIGHT)) == (5, 3)
    assert tags.numbers(Tag.BITS).tolist() == [8, 8, 8]
    assert tags.number(Tag.BITS) == 8
    assert tags.numbers(Tag.STRIP_BYTES).tolist() == [15, 15, 15]
    assert tags.numbers(Tag.PROFILE).tobytes() == b"abcdefghi"
    assert tags.number(Tag.PREDICTOR, 1) == 1
    assert tags.numbers(Tag.COLOURS).tolist() == []


def test_the_first_picture_that_is_no_preview_is_read() -> None:
    how = Storage()
    preview, page = directory(SAMPLES[:1], 8, 2, how, t254=1), directory(SAMPLES, 8, 2, how)
    assert read_directory(file_of(how, preview, preview, page)).number(Tag.HEIGHT) == 3
    assert read_directory(file_of(how, preview | {330: [preview, page]})).number(Tag.HEIGHT) == 3
    assert read_directory(file_of(how, preview, preview)).number(Tag.HEIGHT) == 1


def test_directories_that_follow_each_other_without_end_are_left() -> None:
    data = bytearray(file_of(Storage(), directory(SAMPLES, 8, 2, Storage(), t254=1)))
    (first,) = struct.unpack_from("<I", data, 4)
    data[-4:] = struct.pack("<I", first)
    assert read_directory(bytes(data)).number(Tag.HEIGHT) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"II*\0",
        b"II*\0\x08\0\0\0",
        b"II*\0\x08\0\0\0\1\0",
        b"II*\0\x08\0\0\0\xff\xff" + bytes(999_999),
        b"MM\0+\0\x08\0\0" + struct.pack(">QQ", 16, 2**63),
    ],
)
def test_what_is_no_directory_raises_what_is_promised(data: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        read_directory(data)


def test_damage_anywhere_raises_nothing_else() -> None:
    dice = random.Random(4)  # noqa: S311
    how = Storage()
    page = directory(SAMPLES, 8, 2, how, t254=1)
    data = file_of(how, page | {330: [page]}, page)
    for _ in range(2000):
        spoilt = bytearray(data)
        for _ in range(dice.choice([1, 2, 4])):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        try:
            tags = read_directory(bytes(spoilt))
            tags.number(Tag.BITS)
            tags.numbers(Tag.STRIPS)
        except (ValueError, struct.error):
            continue
