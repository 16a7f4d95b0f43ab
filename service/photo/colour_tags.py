"""What a file says of its colours: an ICC profile, or numbers that stand for one.

It counts as it does in Chromium: the profile in any container that has a place for one; a PNG's
cICP, then iCCP, sRGB, and gAMA with cHRM; a BMP's calibration; the nclx of AVIF and HEIC.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from PIL import Image

from service.photo.hdr import HLG, PQ
from service.photo.icc import D65, MOST_BYTES, PRIMARIES, Chromaticities, matrix_profile

__all__ = ["HighRange", "Stated", "stated_colours"]


@dataclass(frozen=True, slots=True)
class HighRange:
    """Colours of a high dynamic range.

    Attributes:
        primaries: red, green, blue and white.
        transfer: ``hdr.PQ`` or ``hdr.HLG``.

    """

    primaries: Chromaticities
    transfer: int


Stated: TypeAlias = bytes | HighRange  # the first is an ICC profile


def stated_colours(image: Image.Image, data: bytes) -> Iterator[Stated]:
    """Read what a file says, whole or damaged; the first of them that can be used counts.

    Args:
        image: as Pillow opened it.
        data: the file.

    """
    return _READERS.get(image.format or "", _of_container)(image, data)


def _of_container(image: Image.Image, _: bytes) -> Iterator[bytes]:
    """What Pillow found: in JPEG, MPO, WebP, TIFF, AVIF."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes):
        yield profile


# ICC.1:2022, annex B.4: what a segment holds of a profile, after the sign, its number and theirs.

_SIGN = b"\xff\xe2", b"ICC_PROFILE\0"
_SCAN = b"\xff\xda"
_MOST_IN_SEGMENT = 65_519
_MOST_SEGMENTS = 1000


def _of_jpeg(image: Image.Image, data: bytes) -> Iterator[Stated]:
    """What Pillow found in one segment; it only counts several, of which one may be there twice."""
    if "icc_profile" in image.info:
        found = image.info["icc_profile"]
        yield found if found and len(found) <= _MOST_IN_SEGMENT else _joined(data)


def _joined(data: bytes) -> bytes:
    """The first segments of each number, if all are there; otherwise nothing."""
    parts: dict[int, bytes] = {}
    count, at = 0, 2
    for _ in range(_MOST_SEGMENTS):
        marker, length = data[at : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN:
            break
        if (marker, data[at + 4 : at + 16]) == _SIGN:
            number, count = data[at + 16], data[at + 17]
            parts.setdefault(number, data[at + 18 : at + 2 + length])
        at += 2 + length
    return b"".join(parts[number] for number in sorted(parts)) if len(parts) == count else b""


# PNG, 3rd edition, 11.3.2.

_MOST_CHUNKS = 1000
_COLOUR_CHUNKS = {b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"}
# A gamma so near to sRGB's is taken for it, as libpng does where there are no primaries.
_USUAL_GAMMA, _NEAR = 1 / 2.2, 0.05


def _of_png(_: Image.Image, data: bytes) -> Iterator[Stated]:
    chunks = _colour_chunks(data)
    if len(cicp := chunks.get(b"cICP", b"")) == 4:  # noqa: PLR2004
        primaries, transfer, matrix, is_full = cicp
        if matrix == 0 and is_full == 1:
            yield from _of_code_points(primaries, transfer, _VIDEO_GAMMA)
    if b"iCCP" in chunks:
        yield _unpacked(chunks[b"iCCP"])
    if b"sRGB" not in chunks and b"gAMA" in chunks:
        yield from _of_gamma(chunks)


def _colour_chunks(data: bytes) -> dict[bytes, bytes]:
    """The first of each kind before the pixels that is whole."""
    found: dict[bytes, bytes] = {}
    at = 8
    for _ in range(_MOST_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, at)
        if name in {b"IDAT", b"IEND"}:
            break
        if name in _COLOUR_CHUNKS and name not in found:
            chunk = data[at + 8 : at + 8 + length]
            if zlib.crc32(chunk, zlib.crc32(name)) == _crc(data, at + 8 + length):
                found[name] = chunk
        at += 12 + length
    return found


def _crc(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _unpacked(chunk: bytes) -> bytes:
    """A profile from an iCCP chunk: a name, a zero, the method, and the rest; empty if damaged."""
    packed = chunk[chunk.index(b"\0") + 2 :] if b"\0" in chunk else b""
    try:
        return zlib.decompressobj().decompress(packed, MOST_BYTES)
    except zlib.error:
        return b""


def _of_gamma(chunks: dict[bytes, bytes]) -> Iterator[Stated]:
    gamma = int.from_bytes(chunks[b"gAMA"], "big") / 100_000
    values = [v / 100_000 for v in struct.unpack(">8I", chunks.get(b"cHRM", bytes(32)))]
    if gamma <= 0:
        return
    if b"cHRM" in chunks:
        white, *colours = zip(values[::2], values[1::2], strict=True)
        yield matrix_profile([*colours, white], 1 / gamma)
    elif abs(gamma / _USUAL_GAMMA - 1) > _NEAR:
        yield matrix_profile(PRIMARIES[1], 1 / gamma)


# ITU-T H.273, table 3.

_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_SRGB_TRANSFER, _UNSPECIFIED = 13, 2
_VIDEO = {1, 6, 14, 15}
_VIDEO_GAMMA = 2.4  # BT.1886: what a screen makes of all of them


def _of_code_points(primaries: int, transfer: int, video: float | None) -> Iterator[Stated]:
    """What code points stand for; ``video`` is the power that stands for television's curves."""
    if primaries in PRIMARIES and transfer in {PQ, HLG}:
        yield HighRange(PRIMARIES[primaries], transfer)
    gammas = _GAMMAS | {_SRGB_TRANSFER: None} | dict.fromkeys(_VIDEO, video)
    if primaries in PRIMARIES and transfer in gammas:
        yield matrix_profile(PRIMARIES[primaries], gammas[transfer])


_NCLX = b"colrnclx"
_MOST_SEARCHED = 1 << 16


def _of_heif(image: Image.Image, data: bytes) -> Iterator[Stated]:
    """The profile, or the code points (ISO/IEC 23000-22), where sRGB's curve is what is meant."""
    yield from _of_container(image, data)
    at = data.find(_NCLX, 0, _MOST_SEARCHED)
    if at >= 0 and not image.info.get("icc_profile"):
        primaries, transfer = struct.unpack_from(">HH", data, at + len(_NCLX))
        known = _SRGB_TRANSFER if transfer == _UNSPECIFIED else transfer
        yield from _of_code_points(primaries, known, None)


# BITMAPV4HEADER and BITMAPV5HEADER, which begin at byte 14.

_V4_BYTES, _V5_BYTES = 108, 124
_CALIBRATED, _EMBEDDED = bytes(4), b"DEBM"


def _of_bmp(_: Image.Image, data: bytes) -> Iterator[Stated]:
    (size,) = struct.unpack_from("<I", data, 14)
    kind = data[70:74]
    if size >= _V4_BYTES and kind == _CALIBRATED:
        *ends, red, green, blue = struct.unpack_from("<12I", data, 74)
        gamma = (red + green + blue) / 3 / 65536
        if gamma > 0:
            yield matrix_profile(_chromaticities(ends), gamma)
    elif size >= _V5_BYTES and kind == _EMBEDDED:
        at, length = struct.unpack_from("<II", data, 126)
        yield data[14 + at : 14 + at + length]


def _chromaticities(ends: list[int]) -> Chromaticities:
    """Each colour's x and y, by its X, Y and Z; white is not stated."""
    colours = zip(ends[::3], ends[1::3], ends[2::3], strict=True)
    return [*((x / (x + y + z), y / (x + y + z)) for x, y, z in colours), D65]


_READERS: dict[str, Callable[[Any, bytes], Iterator[Stated]]] = {
    "JPEG": _of_jpeg,
    "MPO": _of_jpeg,
    "PNG": _of_png,
    "BMP": _of_bmp,
    "AVIF": _of_heif,
    "HEIF": _of_heif,
}
