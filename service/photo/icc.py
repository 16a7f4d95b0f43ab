"""ICC profiles (ICC.1:2022, version 2 too): what of one matters here, and how a small one is made.

Only what leads from a picture's numbers to colours is kept. LittleCMS would read the rest as well,
and some of it costs without bound: a few megabytes hold a hundred thousand steps of computation.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "D65",
    "MOST_BYTES",
    "PRIMARIES",
    "Chromaticities",
    "colorants",
    "essence",
    "matrix_profile",
    "space_of",
]

# x and y (CIE 1931) of red, green, blue and white.
Chromaticities = Sequence[tuple[float, float]]

# The largest that printers' associations give out for CMYK have 2.7 MB; a camera's has 0.5 to 3 kB.
MOST_BYTES = 4_000_000

_HEADER_BYTES = 128
_SPACE, _CONNECTION, _SIGNATURE = (slice(i, i + 4) for i in (16, 20, 36))
_VERSION, _VERSIONS = slice(8, 9), {b"\2", b"\3", b"\4"}
_ENTRY = struct.Struct(">4sII")
_MOST_TAGS = 200

_SPACES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
_CURVES = {
    "RGB": (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"),
    "L": (b"kTRC",),
    "CMYK": (),
}
_MAB_WIDTH = 16  # where a grid says how many bytes a value has
_TABLES = (b"A2B0", b"A2B1")  # perceptual and colorimetric, in the order in which browsers ask

_READ = {name for names in (_TABLES, *_CURVES.values()) for name in names}

# ITU-T H.273, table 2: red, green, blue and white.

D65 = (0.3127, 0.3290)
PRIMARIES: dict[int, Chromaticities] = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65),  # BT.709, sRGB
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),  # BT.470 M
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),  # BT.470 BG
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),  # BT.601
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),  # SMPTE 240
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI-P3
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),  # Display P3
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),  # EBU 3213
}

# What both of the connection space's sides are adapted to: by Bradford's matrix, to D50.
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def space_of(profile: bytes) -> str | None:
    """Pillow's mode of the pictures that a profile is for; None if it is for no picture."""
    is_known = profile[_SIGNATURE] == b"acsp" and profile[_VERSION] in _VERSIONS
    return _SPACES.get(profile[_SPACE]) if is_known and len(profile) <= MOST_BYTES else None


def essence(profile: bytes) -> bytes:
    """Rewrite a profile with its colorimetric table alone, or its matrix and curves.

    Raises:
        ValueError: it is cut short, or has neither.

    """
    space, tags = space_of(profile), _tags(profile)
    if space is None:
        raise ValueError("it is no profile of a picture's colours")
    table = next((tags[name] for name in _TABLES if name in tags), None)
    if table is not None:
        _check_grid(table)
        return _written(profile[:_HEADER_BYTES], dict.fromkeys(_TABLES, table))
    curves = {name: tags[name] for name in _CURVES[space] if name in tags}
    if not curves or len(curves) < len(_CURVES[space]):
        raise ValueError("it has neither a table nor all curves")
    if space == "L" and profile[_CONNECTION] != b"XYZ ":
        raise ValueError("its greys are no levels of light")  # browsers pass those over
    return _written(profile[:_HEADER_BYTES], curves)


def _check_grid(table: bytes) -> None:
    """Find the values of all corners of the grid in the table: LittleCMS takes their memory first.

    Raises:
        ValueError: they would not fit.

    """
    kind, (inputs, outputs, points) = table[:4], struct.unpack_from(">3B", table, 8)
    if kind == b"mAB ":
        (at,) = struct.unpack_from(">I", table, 24)
        corners = math.prod(table[at : at + inputs]) if at else 0
        size = outputs * corners * table[at + _MAB_WIDTH]
    else:
        size = outputs * points**inputs * (2 if kind == b"mft2" else 1)
    if size > len(table):
        raise ValueError("its table is cut short")


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """What counts of the profile, by its name; the size that it states is often wrong."""
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4], "big")
    table = profile[_HEADER_BYTES + 4 :][: _ENTRY.size * min(count, _MOST_TAGS)]
    entries = _ENTRY.iter_unpack(table[: len(table) // _ENTRY.size * _ENTRY.size])
    return {
        name: profile[at : at + length]
        for name, at, length in entries
        if name in _READ and at + length <= len(profile)
    }


def matrix_profile(primaries: Chromaticities, gamma: float | None) -> bytes:
    """Make a profile of primaries and one curve.

    Args:
        primaries: red, green, blue and white.
        gamma: the curve is this power; sRGB's where there is none.

    Raises:
        ValueError: no colours are made of such primaries.

    """
    columns = colorants(primaries)
    curve = _fixed(b"para", 0, gamma) if gamma else _fixed(b"para", 3, *_SRGB_CURVE)
    xyz = [_fixed(b"XYZ ", None, *column) for column in columns.T]
    tags = dict(zip(_CURVES["RGB"], [*xyz, curve, curve, curve], strict=True))
    head = bytearray(_HEADER_BYTES)
    head[8:24] = struct.pack(">I4x4s4s", 0x04200000, b"RGB ", b"XYZ ")
    head[_SIGNATURE] = b"acsp"
    head[68:80] = struct.pack(">3i", *np.round(_D50 * 65536).astype(int))
    return _written(bytes(head), tags)


_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # IEC 61966-2-1


def colorants(primaries: Chromaticities) -> NDArray[np.float64]:
    """X, Y and Z of red, green and blue, as an eye that is used to D50 sees them.

    Raises:
        ValueError: no colours are made of such primaries.

    """
    try:
        *colours, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in primaries)
        columns = np.stack(colours, 1)
        columns = columns * np.linalg.solve(columns, white)
    except (ZeroDivisionError, np.linalg.LinAlgError):
        raise ValueError("no colours are made of such primaries") from None
    gain = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.solve(_BRADFORD, gain[:, None] * _BRADFORD @ columns)
    return adapted


def _fixed(kind: bytes, function: int | None, *values: float) -> bytes:
    """An element of numbers with 16 bits before the point and 16 behind it."""
    numbers = struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))
    return (
        kind + bytes(4) + (b"" if function is None else struct.pack(">HH", function, 0)) + numbers
    )


def _written(head: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A profile of these tags, of a kind that is read in one way only: a screen's."""
    at, entries, body = _HEADER_BYTES + 4 + _ENTRY.size * len(tags), b"", b""
    places: dict[bytes, int] = {}
    for name, data in tags.items():
        if data not in places:
            places[data] = at + len(body)
            body += data + bytes(-len(data) % 4)
        entries += _ENTRY.pack(name, places[data], len(data))
    size = struct.pack(">I", at + len(body))
    return size + head[4:12] + b"mntr" + head[16:] + struct.pack(">I", len(tags)) + entries + body
