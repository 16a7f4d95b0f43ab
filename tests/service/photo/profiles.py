"""ICC profiles, written here as ICC.1:2022 has them, for the tests."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ADOBE_RGB",
    "D50",
    "D65",
    "DISPLAY_P3",
    "PROPHOTO",
    "REC2020",
    "SRGB",
    "SRGB_CURVE",
    "cmyk_profile",
    "gamma",
    "grey_profile",
    "parametric",
    "rgb_profile",
    "tabulated",
    "written",
]

Chromaticities = Sequence[tuple[float, float]]

D50, D65 = (0.3457, 0.3585), (0.3127, 0.3290)

# Red, green, blue and white, as the standards have them.
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65)
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
PROPHOTO = ((0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105), D50)
REC2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65)

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50_XYZ = np.array([0.9642, 1.0, 0.8249])


def written(
    tags: Mapping[bytes, bytes],
    *,
    space: bytes = b"RGB ",
    pcs: bytes = b"XYZ ",
    kind: bytes = b"mntr",
    version: int = 0x02400000,
) -> bytes:
    """A profile of these tags, each with its type and its contents."""
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s28x", at + len(body), version, kind, space, pcs, b"acsp")
    head += struct.pack(">3i", *(round(v * 65536) for v in _D50_XYZ))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def gamma(value: float) -> bytes:
    """A curve that is a power."""
    return struct.pack(">4s4xIH", b"curv", 1, round(value * 256))


def parametric(*values: float) -> bytes:
    """A curve by its parameters g, a, b, c, d, e, f, as many as its function has."""
    function = {1: 0, 3: 1, 4: 2, 5: 3, 7: 4}[len(values)]
    fixed = [round(value * 65536) for value in values]
    return struct.pack(f">4s4xHH{len(fixed)}i", b"para", function, 0, *fixed)


def tabulated(levels: NDArray[np.float64]) -> bytes:
    """A curve by a table of its values from 0 to 1."""
    points = np.round(levels * 65535).astype(">u2")
    return struct.pack(">4s4xI", b"curv", len(points)) + points.tobytes()


SRGB_CURVE = parametric(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def rgb_profile(
    primaries: Chromaticities, curve: bytes, more: Mapping[bytes, bytes] | None = None
) -> bytes:
    """A profile of three primaries and one curve for all of them."""
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    columns = zip(names, _to_d50(primaries).T, strict=True)
    tags = {b"desc": _description("made"), b"wtpt": _xyz(_D50_XYZ)}
    tags |= {name: _xyz(column) for name, column in columns}
    return written(tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve) | dict(more or {}))


def grey_profile(curve: bytes) -> bytes:
    """A profile of grey levels."""
    return written(
        {b"desc": _description("grey"), b"wtpt": _xyz(_D50_XYZ), b"kTRC": curve}, space=b"GRAY"
    )


def cmyk_profile(paper: tuple[float, float, float] = (100.0, 0.0, 0.0), grid: int = 2) -> bytes:
    """A profile of four inks, by a table of 8 bits of L*a*b* (``mft1``)."""
    axes = np.meshgrid(*[np.linspace(0, 1, grid)] * 4, indexing="ij")
    cyan, magenta, yellow, black = (axis.ravel() for axis in axes)
    light = paper[0] * (1 - 0.35 * cyan) * (1 - 0.5 * magenta) * (1 - 0.1 * yellow) * (1 - black)
    red_green = paper[1] + (60 * magenta - 40 * cyan) * (1 - black)
    yellow_blue = paper[2] + (70 * yellow - 40 * cyan) * (1 - black)
    lab = np.stack([light * 2.55, red_green + 128, yellow_blue + 128], -1).round().clip(0, 255)
    linear = bytes(range(256))
    table = struct.pack(">4s4x4B", b"mft1", 4, 3, grid, 0)
    table += struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    table += linear * 4 + lab.astype(np.uint8).tobytes() + linear * 3
    tags = {b"desc": _description("inks"), b"wtpt": _xyz(_D50_XYZ), b"A2B0": table}
    return written(tags, space=b"CMYK", pcs=b"Lab ", kind=b"prtr")


def _to_d50(primaries: Chromaticities) -> NDArray[np.float64]:
    """Columns: XYZ of red, green and blue, seen by an eye that is used to D50 (Bradford)."""
    *colours, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in primaries)
    columns = np.stack(colours, 1)
    columns = columns * np.linalg.solve(columns, white)
    gain = (_BRADFORD @ _D50_XYZ) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD @ columns
    return adapted


def _xyz(values: Sequence[float] | NDArray[np.float64]) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(float(v) * 65536) for v in values))


def _description(text: str) -> bytes:
    name = text.encode() + b"\0"
    return struct.pack(">4s4xI", b"desc", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67)
