"""Writes bitmaps of every kind as Windows' and OS/2's documents describe them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["bmp", "packed", "palette_of"]

Pixels = NDArray[np.uint32]


def bmp(
    size: tuple[int, int],
    bits: int,
    data: bytes,
    *,
    header: int = 40,
    compression: int = 0,
    masks: Sequence[int] = (),
    palette: bytes = b"",
    colours: int | None = None,
    offset: int | None = None,
    planes: int = 1,
) -> bytes:
    """Write a bitmap.

    Args:
        size: width and height; the height is negative where the first row is the top one.
        bits: of a pixel.
        data: of the pixels.
        header: bytes of the header: 12, 16, 40, 52, 56, 64, 108 or 124.
        compression: the field's value.
        masks: of red, green, blue and perhaps alpha.
        palette: its bytes.
        colours: the field's value; as many as the palette has otherwise.
        offset: where the file says that the pixels begin; where they do otherwise.
        planes: the field's value.

    """
    width, height = size
    entry = 3 if header == 12 else 4
    count = len(palette) // entry if colours is None else colours
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, abs(height), planes, bits)
    else:
        head = struct.pack(
            "<IiiHHIIiiII", header, width, height, planes, bits, compression, len(data),
            2835, 2835, count, 0,
        )[:header]  # fmt: skip
    mask_bytes = struct.pack(f"<{len(masks)}I", *masks)
    if header in {52, 56, 108, 124}:
        head = (head + mask_bytes)[:header].ljust(header, b"\0")
        mask_bytes = b""
        if header >= 108:
            head = head[:56] + b"BGRs" + head[60:]
    head = head.ljust(header, b"\0") + mask_bytes
    start = 14 + len(head) + len(palette)
    first = struct.pack(
        "<2sIHHI", b"BM", start + len(data), 0, 0, start if offset is None else offset
    )
    return first + head + palette + data


def packed(pixels: Pixels, bits: int, *, bottom_up: bool = True) -> bytes:
    """Rows of pixels, each filled up to four bytes.

    Args:
        pixels: H x W, as numbers of so many bits.
        bits: of a pixel.
        bottom_up: the last row comes first.

    """
    rows = []
    for row in pixels[::-1] if bottom_up else pixels:
        if bits >= 8:
            packed_row = row.astype("<u4")[:, None].view(np.uint8)[:, : bits // 8].tobytes()
        else:
            each = (row[:, None] >> np.arange(bits)[::-1]) & 1
            packed_row = np.packbits(each.astype(np.uint8).ravel()).tobytes()
        rows.append(packed_row.ljust(-(-len(packed_row) // 4) * 4, b"\0"))
    return b"".join(rows)


def palette_of(colours: Sequence[Sequence[int]], entry: int = 4) -> bytes:
    """Colours in RGB as a palette of three or four bytes each."""
    return b"".join(bytes([blue, green, red]).ljust(entry, b"\0") for red, green, blue in colours)
