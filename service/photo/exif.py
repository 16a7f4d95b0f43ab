"""How a photograph is to be turned, by its Exif data, read as browsers read them.

Exif data are a small TIFF file (Exif 2.32, section 4.5). What is damaged in them turns nothing, and
keeps nothing else from being read.
"""

from __future__ import annotations

import struct

__all__ = ["orientation"]

_ORIENTATION, _EXIF_DIRECTORY = 0x0112, 0x8769
_SHORT, _LONG = 3, 4
_ORIENTATIONS = range(1, 9)
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8; 1 where there is none, or none that browsers heed.

    Args:
        exif: from its byte order on, without ``Exif`` and two zeros.

    """
    order = _ORDERS.get(exif[:4])
    if order is None or len(exif) < 8:  # noqa: PLR2004 (the header of a TIFF file)
        return 1
    (at,) = struct.unpack_from(order + "I", exif, 4)
    return _in_directory(exif, order, at, is_first=True) or 1


def _in_directory(exif: bytes, order: str, at: int, *, is_first: bool) -> int | None:
    """Look through the entries that are there, and once into the directory that they may name."""
    if at + 2 > len(exif):
        return None
    (count,) = struct.unpack_from(order + "H", exif, at)
    entries = exif[at + 2 : at + 2 + 12 * count]
    for tag, kind, values, value in struct.iter_unpack(
        order + "HHI4s", entries[: len(entries) // 12 * 12]
    ):
        found = None
        if tag == _ORIENTATION and (kind, values) == (_SHORT, 1):
            (found,) = struct.unpack_from(order + "H", value)
        elif tag == _EXIF_DIRECTORY and (kind, values) == (_LONG, 1) and is_first:
            (offset,) = struct.unpack(order + "I", value)
            found = _in_directory(exif, order, offset, is_first=False)
        if found in _ORIENTATIONS:
            return found
    return None
