"""ICC profiles, written here as ICC.1:2022 has them, for the tests."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = [
    "ADOBE_RGB",
    "COLOURS",
    "D50",
    "D65",
    "DISPLAY_P3",
    "PROPHOTO",
    "REC2020",
    "SHOWN",
    "SRGB",
    "SRGB_CURVE",
    "cmyk_profile",
    "coloured",
    "gamma",
    "grey_profile",
    "parametric",
    "rgb_profile",
    "table_profile",
    "tabulated",
    "with_chunks",
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

# A picture of eight columns, and what Chromium 150 draws of it by what the file says.
COLOURS = (
    (200, 60, 40),
    (60, 180, 70),
    (40, 60, 200),
    (128, 128, 128),
    (40, 40, 40),
    (220, 210, 60),
    (10, 200, 220),
    (250, 250, 250),
)
_NAMED = {
    "sRGB": "200 60 40  60 180 70  40 60 200  128 128 128  40 40 40  220 210 60  10 200 220"
    "  250 250 250",
    "Display P3": "217 42 23  0 183 49  34 61 208  128 128 128  40 40 40  222 210 0  0 204 223"
    "  250 250 250",
    "Adobe RGB": "231 57 34  0 181 57  21 57 205  129 129 129  35 35 35  225 211 33  0 201 222"
    "  250 250 250",
    "ProPhoto": "255 0 43  0 209 49  0 80 223  146 146 146  53 53 53  255 217 0  0 230 230"
    "  251 251 251",
    "Rec. 2020": "252 12 44  0 197 63  0 75 215  140 140 140  56 56 56  235 214 0  0 216 227"
    "  251 251 251",
    "video": "244 0 0  0 185 18  0 48 207  121 121 121  28 28 28  230 207 0  0 207 222"
    "  250 250 250",
    "linear": "229 133 110  133 219 143  110 133 229  188 188 188  110 110 110  239 234 133"
    "  56 229 239  253 253 253",
    "linear Display P3": "244 127 104  101 221 135  104 134 236  188 188 188  110 110 110"
    "  240 234 117  0 233 242  253 253 253",
    "linear grey": "229 229 229  133 133 133  110 110 110  188 188 188  110 110 110  239 239 239"
    "  56 56 56  253 253 253",
    "table": "174 99 116  81 137 79  77 126 179  143 145 145  75 77 77  193 171 110  0 178 165"
    "  248 250 250",
    "PQ": "255 0 0  0 255 0  0 0 255  132 132 132  9 9 9  255 213 0  0 194 255  255 255 255",
    "PQ in P3": "255 0 0  0 251 0  1 11 255  132 132 132  9 9 9  255 227 0  0 189 255  255 255 255",
    "HLG": "230 0 8  0 170 27  0 40 177  99 99 99  21 21 21  240 201 0  0 192 224  251 251 251",
    "half ProPhoto": "255 0 43  0 209 49  127 167 239  200 200 200  154 154 154  255 245 191"
    "  55 236 235  255 255 255",
    "half linear grey": "229 229 229  133 133 133  182 182 182  221 221 221  182 182 182"
    "  251 251 251  99 99 99  255 255 255",
}
SHOWN = {name: np.array(row.split(), int).reshape(8, 3) for name, row in _NAMED.items()}

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


def table_profile() -> bytes:
    """A profile of RGB by a table of 16 bits of L*a*b* (``mft2``)."""
    axes = np.meshgrid(*[np.linspace(0, 1, 9)] * 3, indexing="ij")
    red, green, blue = (axis.ravel() for axis in axes)
    light = 20 + 80 * (red + green + blue) / 3
    lab = np.stack(
        [light * 652.8, (red - green) * 60 * 256 + 32768, (green - blue) * 60 * 256 + 32768]
    )
    table = struct.pack(">4s4x4B", b"mft2", 3, 3, 9, 0)
    table += struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    table += struct.pack(">2H", 2, 2) + struct.pack(">2H", 0, 65535) * 3
    table += lab.T.round().clip(0, 65535).astype(">u2").tobytes()
    table += struct.pack(">2H", 0, 65535) * 3
    tags = {b"desc": _description("table"), b"wtpt": _xyz(_D50_XYZ), b"A2B0": table}
    return written(tags, pcs=b"Lab ", kind=b"scnr")


def coloured(mode: str = "RGB") -> Image.Image:
    """Eight columns of COLOURS, 8 x 8."""
    return Image.fromarray(np.array([COLOURS] * 8, np.uint8)).convert(mode)


def with_chunks(png: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with these chunks behind its first."""
    more = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return png[:33] + more + png[33:]


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
