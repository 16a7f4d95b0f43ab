"""Lossless JPEG files (ITU-T T.81, annex H), which Pillow does not write."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from tests.service.photo.parts import segment

__all__ = ["lossless_jpeg"]

_SOF3, _HUFFMAN, _SCAN, _ADOBE = 0xC3, 0xC4, 0xDA, 0xEE


def lossless_jpeg(levels: NDArray[np.uint8], *before: bytes) -> bytes:
    """A JPEG that decodes to exactly these levels, H x W x C, each foretold by its left neighbour.

    Args:
        levels: of grey (C = 1) or RGB (C = 3).
        before: segments in front of the frame.

    """
    height, width, count = levels.shape
    components = b"".join(bytes([place + 1, 0x11, 0]) for place in range(count))
    # Each of the categories 0 to 8 has a code of four bits: its own number.
    codes = bytes([0, 0, 0, 0, 9, *[0] * 12]) + bytes(range(9))
    scan = b"".join(bytes([place + 1, 0]) for place in range(count))
    return b"".join(
        [
            b"\xff\xd8",
            segment(_ADOBE, b"Adobe\0\x64\0\0\0\0\0"),  # RGB as it is
            *before,
            segment(_SOF3, struct.pack(">BHHB", 8, height, width, count) + components),
            segment(_HUFFMAN, codes),
            segment(_SCAN, bytes([count]) + scan + b"\x01\0\0"),
            _packed(_differences(levels.astype(int))),
            b"\xff\xd9",
        ]
    )


def _differences(levels: NDArray[np.int_]) -> list[int]:
    """From the left neighbour; in the first column from that above, at the start from 128."""
    foretold = np.empty_like(levels)
    foretold[:, 1:] = levels[:, :-1]
    foretold[1:, 0] = levels[:-1, 0]
    foretold[0, 0] = 128
    return [int(one) for one in (levels - foretold).ravel()]


def _packed(differences: list[int]) -> bytes:
    bits = "".join(_code(one) for one in differences)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")


def _code(difference: int) -> str:
    category = abs(difference).bit_length()
    value = difference if difference > 0 else difference + (1 << category) - 1
    return f"{category:04b}" + (f"{value:0{category}b}" if category else "")
