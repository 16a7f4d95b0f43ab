"""From the colours that a file says it has to sRGB, which networks are trained on.

What a file says counts as in Chromium: an ICC profile in any container that has a place for one; a
PNG's cICP, then iCCP, sRGB, and gAMA with cHRM; a BMP's calibration; the nclx of AVIF and HEIC.
Whatever is wrong with it is no reason to refuse the picture, which is then taken for sRGB.

LittleCMS takes 50 ns a pixel, ten times what decoding a JPEG does, so it is the square for the
network that is converted, after resizing: 2.5 ms whatever the photograph. On 60 photographs as
Display P3, Adobe RGB, ProPhoto and Rec. 2020 this moved a level by 0.2, 0.4, 0.8 and 0.6 on average
against the photograph in sRGB, a first label's confidence by 0.010 to 0.017 (0.008 to 0.015 where
all pixels were converted first), and no first label. Where it would tell, few pixels are converted
before: see ``Conversion.comes_first``.
"""

from __future__ import annotations

import hashlib
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from service.photo.hdr import HLG, PQ, to_sdr
from service.photo.icc import MOST_BYTES, Chromaticities, essence, matrix_profile, space_of

__all__ = ["Conversion", "conversion_to_srgb"]

# As browsers convert: what is white stays white, and black is not scaled.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC

# Each holds up to half a megabyte. The files of one camera or program all have the same profile.
_MOST_KNOWN = 32
# A digest takes longer than a look into the dictionary, but need not be kept as a whole.
_MOST_KEPT = 1 << 16

# A profile that moves no level further is sRGB's, of which there are many, each rounded in its way.
_SAME = 2
# Middle grey is moved by 60 levels from linear light, by 19 from ProPhoto's curve.
_BENT = 32
# Of them 30 ms are spent on converting.
_MOST_EARLY = 1 << 19

_GREY_MODES = {"1", "L", "La", "LA", "I", "I;16", "I;16L", "I;16B", "I;16N", "F"}


_Step = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Conversion:
    """From one profile to sRGB. Safe for many threads at once.

    Attributes:
        mode: Pillow's, of the colours that are converted: RGB, L or CMYK.
        is_needed: False where it would change nothing.
        is_bent: its curve is so far from sRGB's that it and resizing can't change places.

    """

    mode: str
    is_needed: bool
    is_bent: bool
    _convert: _Step

    def apply(self, picture: Image.Image) -> Image.Image:
        """Convert a picture in CMYK, or in RGB: one of three equal channels where grey is meant."""
        if self.mode == "L":
            picture = picture.getchannel(0)
        return self._convert(picture)

    def apply_to(self, square: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert S x S x 3 levels of RGB, or S x S x 4 of CMYK; read-only."""
        side, _, channels = square.shape
        mode = "CMYK" if channels == len("CMYK") else "RGB"
        return np.asarray(self.apply(Image.frombytes(mode, (side, side), square.tobytes())))

    def comes_first(self, pixels: float, *, blended: bool) -> bool:
        """Tell whether so many pixels are converted before they are resized.

        Args:
            pixels: those that the network sees.
            blended: with white, as they are transparent.

        """
        return self.mode != "CMYK" and pixels <= _MOST_EARLY and (self.is_bent or blended)


_Candidate: TypeAlias = bytes | Conversion  # a profile, or what stands for one


def conversion_to_srgb(image: Image.Image, data: bytes) -> Conversion | None:
    """Find how the colours of a photograph become sRGB.

    Args:
        image: as Pillow opened it.
        data: the file.

    Returns:
        None where they are sRGB, or the file says nothing that can be used.

    """
    candidates = _CANDIDATES.get(image.format or "", _of_container)
    try:
        for candidate in candidates(image, data):
            conversion = _usable(candidate, image.mode)
            if conversion:
                return conversion if conversion.is_needed else None
    except Exception:  # noqa: BLE001 what is said of the colours leaves the pixels unharmed
        return None
    return None


def _usable(candidate: _Candidate, mode: str) -> Conversion | None:
    if isinstance(candidate, Conversion):
        return candidate
    return _known.get(candidate) if _suits(mode, candidate) else None


def _suits(mode: str, profile: bytes) -> bool:
    """Whether a profile can be that of pictures in a mode; RGB's may be that of grey ones."""
    space = space_of(profile)
    if mode == "CMYK" or space == "CMYK":
        return space == mode
    return space == "RGB" or (space == "L" and mode in _GREY_MODES)


class _Known:
    """The latest conversions by their profiles: building one takes 10 to 90 ms."""

    def __init__(self) -> None:
        self._conversions: dict[bytes, Conversion | None] = {}
        self._changing = threading.Lock()

    def get(self, profile: bytes) -> Conversion | None:
        """None if the profile is of no use."""
        key = profile if len(profile) <= _MOST_KEPT else hashlib.sha256(profile).digest()
        with self._changing:
            if key in self._conversions:
                found = self._conversions[key] = self._conversions.pop(key)
                return found
        built = _build(profile)
        with self._changing:
            self._conversions[key] = built
            while len(self._conversions) > _MOST_KNOWN:
                del self._conversions[next(iter(self._conversions))]
        return built


_known = _Known()


def _build(profile: bytes) -> Conversion | None:
    """A conversion, tried on all greys and on some colours."""
    mode = space_of(profile) or "RGB"
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(essence(profile)))
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        transform = ImageCms.ImageCmsTransform(source, target, mode, "RGB", _INTENT)
    except Exception:  # noqa: BLE001 Pillow has no class for what LittleCMS refuses
        return None
    if mode == "CMYK":
        return Conversion(mode, is_needed=True, is_bent=False, _convert=transform.apply)
    tried = _samples() if mode == "RGB" else _samples().getchannel(0)
    before, after = (
        np.asarray(i.convert("RGB"), np.int16)[0] for i in (tried, transform.apply(tried))
    )
    moved = np.abs(after - before)
    return Conversion(
        mode, bool(moved.max() > _SAME), bool(moved[128].mean() > _BENT), transform.apply
    )


@lru_cache(maxsize=1)
def _samples() -> Image.Image:
    """One row: 256 greys and 6 x 6 x 6 colours."""
    greys = np.arange(256)[:, None].repeat(3, 1)
    colours = np.stack(np.meshgrid(*[np.arange(0, 256, 51)] * 3), -1).reshape(-1, 3)
    return Image.fromarray(np.concatenate([greys, colours])[None].astype(np.uint8))


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


def _of_jpeg(image: Image.Image, data: bytes) -> Iterator[_Candidate]:
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


def _of_png(_: Image.Image, data: bytes) -> Iterator[_Candidate]:
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


def _of_gamma(chunks: dict[bytes, bytes]) -> Iterator[_Candidate]:
    gamma = int.from_bytes(chunks[b"gAMA"], "big") / 100_000
    values = [v / 100_000 for v in struct.unpack(">8I", chunks.get(b"cHRM", bytes(32)))]
    if gamma <= 0:
        return
    if b"cHRM" in chunks:
        white, *colours = zip(values[::2], values[1::2], strict=True)
        yield matrix_profile([*colours, white], 1 / gamma)
    elif abs(gamma / _USUAL_GAMMA - 1) > _NEAR:
        yield matrix_profile(_PRIMARIES[1], 1 / gamma)


# ITU-T H.273, tables 2 and 3.

_D65 = (0.3127, 0.3290)
_PRIMARIES: dict[int, Chromaticities] = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65),  # BT.709, sRGB
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),  # BT.470 M
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),  # BT.470 BG
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # BT.601
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # SMPTE 240
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI-P3
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),  # EBU 3213
}
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_SRGB_TRANSFER, _UNSPECIFIED = 13, 2
_VIDEO = {1, 6, 14, 15}
_VIDEO_GAMMA = 2.4  # BT.1886: what a screen makes of all of them


def _of_code_points(primaries: int, transfer: int, video: float | None) -> Iterator[_Candidate]:
    """What code points stand for; ``video`` is the power that stands for television's curves."""
    if primaries in _PRIMARIES and transfer in {PQ, HLG}:
        convert = partial(to_sdr, primaries=_PRIMARIES[primaries], transfer=transfer)
        yield Conversion("RGB", is_needed=True, is_bent=False, _convert=convert)
    gammas = _GAMMAS | {_SRGB_TRANSFER: None} | dict.fromkeys(_VIDEO, video)
    if primaries in _PRIMARIES and transfer in gammas:
        yield matrix_profile(_PRIMARIES[primaries], gammas[transfer])


_NCLX = b"colrnclx"
_MOST_SEARCHED = 1 << 16


def _of_heif(image: Image.Image, data: bytes) -> Iterator[_Candidate]:
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


def _of_bmp(_: Image.Image, data: bytes) -> Iterator[_Candidate]:
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
    return [*((x / (x + y + z), y / (x + y + z)) for x, y, z in colours), _D65]


_CANDIDATES: dict[str, Callable[[Any, bytes], Iterator[_Candidate]]] = {
    "JPEG": _of_jpeg,
    "MPO": _of_jpeg,
    "PNG": _of_png,
    "BMP": _of_bmp,
    "AVIF": _of_heif,
    "HEIF": _of_heif,
}
