"""Pixels that were never a file, or are none any more: a form of them that goes a file's way.

It is no image format: only who has decoded pixels makes one, of the fronts' requests. Whoever sends
such a file himself gets the same answer, within the same bounds.
"""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

from service.photo import bounds

__all__ = ["HEAD_BYTES", "RAW", "is_raw", "raw_photo", "read_raw", "size_of"]

RAW = "RAW"

# No text, and no file's first bytes; width and height follow, and behind them the rows of RGB.
_MARK = b"\0booth\0\x01"
_HEAD = struct.Struct("<8sII")
HEAD_BYTES = _HEAD.size

_CHANNELS = 3


def raw_photo(pixels: bytes | memoryview, width: int, height: int) -> bytes:
    """A photograph of pixels, height x width x 3, RGB, as ``decode`` reads it.

    Args:
        pixels: row by row, as many bytes as the size says.
        width: below 2**32.
        height: likewise.

    """
    return b"".join((_HEAD.pack(_MARK, width, height), pixels))


def is_raw(data: bytes | memoryview) -> bool:
    """Whether it is such a photograph, by its first bytes."""
    return bytes(data[: len(_MARK)]) == _MARK


def size_of(data: bytes | memoryview) -> tuple[int, int]:
    """Its width and height.

    Raises:
        struct.error: it ends before them.

    """
    _, width, height = _HEAD.unpack_from(data)
    return width, height


def read_raw(data: bytes, max_pixels: int) -> Image.Image:
    """The picture that it holds.

    Raises:
        TooManyPixels: more than ``max_pixels``.
        ValueError: there are not as many pixels as its size says.

    """
    width, height = size_of(data)
    if width * height > max_pixels:
        raise bounds.too_many(max_pixels)
    if not width * height or len(data) - HEAD_BYTES != width * height * _CHANNELS:
        raise ValueError("pixels that don't fit their size")
    pixels = np.frombuffer(data, np.uint8, offset=HEAD_BYTES)
    image = Image.frombuffer("RGB", (width, height), pixels, "raw", "RGB", 0, 1)
    image.format = RAW
    return image
