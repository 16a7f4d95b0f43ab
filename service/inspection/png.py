"""Grey pictures as PNG files, made quickly."""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["grey", "grey_png", "sheet"]

# PNG, third edition: 5.2 (signature), 5.3 (chunks), 11.2.1 (the header's fields).
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
_BITS = 8
# Maps hold hardly anything that repeats; to look for it takes as long as the network.
_LEVEL, _WINDOW_BITS, _MEMORY, _STRATEGY = 1, 15, 9, zlib.Z_HUFFMAN_ONLY
_GAP = 1  # pixels between two tiles


def grey(maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Maps (N x ...) as grey levels: each one's least number black, its largest white."""
    flat = maps.reshape(len(maps), -1)
    least = flat.min(1, keepdims=True)
    spread = flat.max(1, keepdims=True) - least
    levels = np.rint((flat - least) * (255 / np.where(spread > 0, spread, 1)))
    return np.asarray(levels.astype(np.uint8).reshape(maps.shape))


def grey_png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of H x W grey levels."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each begins with its filter, which is none
    rows[:, 1:] = pixels
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY, _STRATEGY)
    parts = (
        (b"IHDR", _HEADER.pack(width, height, _BITS, 0, 0, 0, 0)),
        (b"IDAT", packer.compress(rows.tobytes()) + packer.flush()),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(_chunk(*part) for part in parts)


def sheet(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """N pictures of H x W side by side, row by row, on about a square."""
    count, height, width = tiles.shape
    columns = math.ceil(math.sqrt(count * height / width)) if width else 1
    columns = max(1, min(count, columns))
    rows = -(-count // columns)
    whole = np.zeros((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP), np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * (height + _GAP), number % columns * (width + _GAP)
        whole[top : top + height, left : left + width] = tile
    return whole


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
