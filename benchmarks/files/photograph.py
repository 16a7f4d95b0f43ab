"""The photograph that every generated file shows, and what is written into several formats."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

from PIL import Image, ImageCms

from benchmarks.systems import ROOT

__all__ = ["File", "as_tiff_exif", "encode", "photograph", "profile_of"]

_WIDTH, _HEIGHT = 150, 100  # no multiple of 8 or 16, and no square
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class File:
    """One generated file.

    Attributes:
        name: ``FORMAT/variant``, unique.
        data: its bytes.

    """

    name: str
    data: bytes


@cache
def photograph(width: int = _WIDTH, height: int = _HEIGHT) -> Image.Image:
    """A real photograph (RGB), whose four corners and edges differ; not to be changed."""
    return Image.open(ROOT / "export/photos/coffee.jpg").convert("RGB").resize((width, height))


def encode(image: Image.Image, name: str, **options: Any) -> bytes:
    """Save an image with Pillow, in the format of Pillow's ``name``."""
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def as_tiff_exif(
    orientation: int, *, order: str = "<", kind: int = 3, count: int = 1, tag: int = _ORIENTATION
) -> bytes:
    """Exif data (from the TIFF header on) of one entry: the orientation, or what is said to be."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(order + ("HH" if kind == 3 else "I"), orientation, *(0,) * (kind == 3))  # noqa: PLR2004
    entry = struct.pack(order + "HHI", tag, kind, count) + value
    return mark + struct.pack(order + "IH", 8, 1) + entry + struct.pack(order + "I", 0)


# CIE XYZ of red, green and blue, adapted to D50 as a profile holds them.
_PRIMARIES = {
    "Display P3": (
        (0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407),
    ),
    "Adobe RGB": (
        (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457),
    ),
    "ProPhoto": ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)),
    "swapped": ((0.1431, 0.0606, 0.7141), (0.3851, 0.7169, 0.0971), (0.4361, 0.2225, 0.0139)),
}  # fmt: skip
_GAMMAS = {"Display P3": 2.2, "Adobe RGB": 2.19922, "ProPhoto": 1.8, "swapped": 2.2}


@cache
def profile_of(space: str) -> bytes:
    """An ICC profile (ICC.1:2001-04) of a colour space: a matrix and one gamma.

    Args:
        space: ``sRGB``, ``grey`` (gamma 1.0) or one of ``_PRIMARIES``.

    """
    if space == "sRGB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    white = b"XYZ \0\0\0\0" + _fixed(0.9642, 1.0, 0.82491)
    tags = {b"desc": _described(space), b"cprt": b"text\0\0\0\0CC0\0", b"wtpt": white}
    if space == "grey":
        return _profile(b"GRAY", tags | {b"kTRC": _gamma(1.0)})
    for letter, primary in zip((b"r", b"g", b"b"), _PRIMARIES[space], strict=True):
        tags[letter + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(*primary)
        tags[letter + b"TRC"] = _gamma(_GAMMAS[space])
    return _profile(b"RGB ", tags)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def _described(text: str) -> bytes:
    letters = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(letters)) + letters + bytes(78)


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += name + struct.pack(">II", at + len(body), len(value))
        body += padded
    header = struct.pack(
        ">I4sI4s4s4s12x4s4s24x12s48x",
        at + len(body), b"\0\0\0\0", 0x02400000, b"mntr", space, b"XYZ ", b"acsp", b"\0\0\0\0",
        _fixed(0.9642, 1.0, 0.82491),
    )  # fmt: skip
    return header + struct.pack(">I", len(tags)) + table + body
