"""What a photograph's first bytes say before a decoder sees it: its kind, its size and its cost.

Reading them takes microseconds whatever they are: no loop here is as long as the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from booth_client.errors import UnsupportedFormat
from service.photo.boxes import read_picture
from service.photo.formats import format_of
from service.photo.raw import RAW, size_of
from service.photo.tiff_tags import Tag, read_directory

__all__ = ["DRAFT_MARGIN", "PLAIN_BYTES", "Header", "read_header"]

# A JPEG is decoded at 1/2, 1/4 or 1/8 of its size while that leaves this many times the side that
# it is resized to. On 60 photographs of 12 megapixels this moved a level by 0.3 on average and 5 at
# most, changed none of EfficientNet-Lite0's first labels, and took 46 ms instead of 115.
DRAFT_MARGIN = 2

# What may be decoded on the threads that serve. A PNG of a megapixel is within it.
_PLAIN_S = 0.05
PLAIN_BYTES = 64_000_000

# An honest photo has a dozen before its pixels; some phones put a depth map into two hundred.
_MOST_SEGMENTS = 300


@dataclass(frozen=True, slots=True)
class _Cost:
    """Of decoding one kind of file and resizing it: nanoseconds, and bytes held at the peak."""

    pixel_ns: float
    byte_ns: float  # for each byte of the file
    pixel_bytes: float


# By `python -m benchmarks.decoding` on 27 November 2026, on one core of an Intel Xeon: photographs
# of 1 and of 12 megapixels, the dearest of each kind.
_COSTS = {
    "JPEG": _Cost(6, 25, 8),
    "JPEG progressive": _Cost(14, 75, 8),
    "PNG": _Cost(20, 25, 8),
    "PNG converted": _Cost(30, 25, 8),
    "WEBP": _Cost(45, 25, 20),
    "GIF": _Cost(35, 0, 8),
    "BMP": _Cost(12, 0, 8),
    "BMP masked": _Cost(60, 0, 8),
    "TIFF": _Cost(25, 10, 8),
    "AVIF": _Cost(22, 110, 14),
    "HEIC": _Cost(75, 50, 14),
    RAW: _Cost(12, 0, 8),
}
_UNPACKED_NS = 3  # for each byte that inflating gives
_DRAFTED = {
    1: 1.0,
    2: 0.5,
    4: 0.25,
    8: 0.17,
}  # a JPEG's time for a pixel, by what its size is divided
_DRAFTED_PROGRESSIVE = 0.7  # at the least: all coefficients are unpacked, and held

# Pillow holds a pointer for each row, and rounds rows up; a picture may be held twice.
_ROW_BYTES = 24
_ROW_NS = 100
# A row, the row before it and a buffer, all unpacked.
_UNPACKED_ROWS = 3
# What a library takes for itself, and what is converted at a time.
_LEAST_BYTES = 8_000_000
# Copies for the faster resizing, which images of up to two megapixels go through.
_COPIED_BYTES = 6
_MOST_COPIED = 1 << 21


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes say of a photograph.

    Attributes:
        format: one of ``formats.FORMATS``, or ``raw.RAW``.
        width: in pixels, as stored.
        height: likewise.
        size: of the file, in bytes.
        kind: among ``_COSTS``.
        is_usual: what the first bytes tell bounds its cost: a JPEG of one scan or of few, a BMP
            without run lengths; the others are, but for AVIF and HEIC.
        row_bytes: of one row that is held unpacked before it becomes pixels.
        beside_bytes: held at the same time as the pixels: coefficients, a strip or tile.

    """

    format: str
    width: int
    height: int
    size: int
    kind: str
    is_usual: bool = True
    row_bytes: int = 0
    beside_bytes: int = 0

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height

    def decode_s(self, resize: int) -> float:
        """Foresee the seconds of one core that decoding takes.

        Args:
            resize: the side that the photograph is resized to, in pixels.

        """
        cost = _COSTS[self.kind]
        packed = self._packed_bytes() if self.format == "PNG" else self.size
        drafted = _DRAFTED[self._divisor(resize)]
        if self.kind == "JPEG progressive":
            drafted = max(drafted, _DRAFTED_PROGRESSIVE)
        pixel_ns = cost.pixel_ns * drafted
        row_ns = _ROW_NS + _UNPACKED_NS * self.row_bytes
        return 1e-9 * (self.pixels * pixel_ns + packed * cost.byte_ns + self.height * row_ns)

    def memory_bytes(self, resize: int) -> int:
        """Foresee the bytes that decoding holds at its peak, beside the file.

        Among them is a copy of the file, without what is not pixels.

        Args:
            resize: the side that the photograph is resized to, in pixels.

        """
        pixels = self.pixels // self._divisor(resize) ** 2
        image = round(pixels * _COSTS[self.kind].pixel_bytes)
        copies = min(pixels, _MOST_COPIED) * _COPIED_BYTES
        rows = self.height * _ROW_BYTES + self.row_bytes * _UNPACKED_ROWS
        return _LEAST_BYTES + self.size + image + copies + rows + self.beside_bytes

    def is_plain(self, resize: int) -> bool:
        """Tell whether it can be decoded on a thread that serves: in little time and memory.

        Args:
            resize: the side that the photograph is resized to, in pixels.

        """
        if not self.is_usual or self.memory_bytes(resize) > PLAIN_BYTES:
            return False
        return self.kind == "JPEG" or (self.format != "TIFF" and self.decode_s(resize) <= _PLAIN_S)

    def _divisor(self, resize: int) -> int:
        """By what a JPEG's width and height are divided, as Pillow's ``draft`` does it."""
        if self.format != "JPEG":
            return 1
        scale = min(self.width, self.height) // (DRAFT_MARGIN * resize)
        return next(divisor for divisor in (8, 4, 2, 1) if scale >= divisor or divisor == 1)

    def _packed_bytes(self) -> float:
        """Bytes that take time to inflate; what is beyond the pixels costs ten times as much.

        Those are chunks, perhaps empty ones, which Pillow reads one by one in Python.
        """
        unpacked = self.row_bytes * self.height
        return min(self.size, unpacked / 4) + 10 * max(0, self.size - unpacked)


def read_header(data: bytes | memoryview) -> Header | None:
    """Read a photograph's kind and size from its first bytes.

    Returns:
        None where they don't tell: the decoder will say what is wrong with the file.

    """
    try:
        header = _READERS[format_of(data)](data)
    except (UnsupportedFormat, struct.error, IndexError, ValueError):
        return None
    return header if header and header.width > 0 and header.height > 0 else None


_Bytes: TypeAlias = bytes | memoryview

_SEGMENT = struct.Struct(">BBH")
_FRAME = struct.Struct(">BHHB")

# ITU-T T.81, table B.1; of these frames libjpeg-turbo decodes two in one go, row by row.
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_SEQUENTIAL = {0xC0, 0xC1}
_ARITHMETIC = {0xC9, 0xCA}
_SCAN = 0xDA

# Each scan goes through all pixels, however few bytes it has. libjpeg's own progression has 10, as
# has what the costs were measured with; a thumbnail brings its own.
_USUAL_SCANS = 12
# Larger files are not searched for scans: decoding them takes longer than is plain in any case.
_MOST_SEARCHED = 600_000


def _jpeg(data: _Bytes) -> Header | None:
    """Walk from segment to segment, to the frame's and the first scan's."""
    frame, at = None, 2
    for _ in range(_MOST_SEGMENTS):
        prefix, marker, length = _SEGMENT.unpack_from(data, at)
        if prefix != 0xFF or not 0xC0 <= marker <= 0xFE or 0xD0 <= marker <= 0xD9:  # noqa: PLR2004
            return None
        if marker in _FRAMES:
            if frame:
                return None
            frame = (marker, *_FRAME.unpack_from(data, at + 4))
        elif marker == _SCAN:
            return _jpeg_header(data, frame, data[at + 4]) if frame else None
        at += 2 + length
    return None


def _jpeg_header(data: _Bytes, frame: tuple[int, ...], in_scan: int) -> Header:
    marker, _, height, width, components = frame
    one_scan = marker in _SEQUENTIAL and in_scan == components
    kind = "JPEG" if one_scan else "JPEG progressive"
    coefficients = 0 if one_scan else 2 * components * width * height
    usual = one_scan or (marker not in _ARITHMETIC and _has_few_scans(data))
    return Header("JPEG", width, height, len(data), kind, usual, beside_bytes=coefficients)


def _has_few_scans(data: _Bytes) -> bool:
    """Whether its scans are as many as the costs count on. Takes a millisecond at most."""
    if len(data) > _MOST_SEARCHED:
        return False
    found = np.frombuffer(data, np.uint8)
    starts = (found[:-1] == 0xFF) & (found[1:] == _SCAN)  # noqa: PLR2004 every marker's first byte
    return int(np.count_nonzero(starts)) <= _USUAL_SCANS


_PNG = struct.Struct(">IIBBBBB")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type (PNG, 3rd edition, table 9)
_CONVERTED = {4, 6}


def _png(data: _Bytes) -> Header | None:
    if data[12:16] != b"IHDR":
        return None
    width, height, depth, colour, *_ = _PNG.unpack_from(data, 16)
    row_bytes = (width * depth * _CHANNELS.get(colour, 4) + 7) // 8
    converted = colour in _CONVERTED or (colour == 0 and depth > 8)  # noqa: PLR2004
    kind = "PNG converted" if converted else "PNG"
    return Header("PNG", width, height, len(data), kind, row_bytes=row_bytes)


def _webp(data: _Bytes) -> Header | None:
    """Read the first chunk (RFC 9649): a whole picture, or the canvas of what follows."""
    kind, at = bytes(data[12:16]), 20
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[i : i + 3], "little") + 1 for i in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, at + 1)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, at + 6))
    else:
        return None
    return Header("WEBP", width, height, len(data), "WEBP")


_GIF_EXTENSION, _GIF_FRAME = 0x21, 0x2C


def _gif(data: _Bytes) -> Header | None:
    """Find the first frame, which may be larger than the screen."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _colours_bytes(flags)
    blocks = _MOST_SEGMENTS
    while data[at] == _GIF_EXTENSION and blocks:
        at += 2
        while data[at] and blocks:
            at, blocks = at + 1 + data[at], blocks - 1
        at += 1
    if data[at] != _GIF_FRAME:
        return None
    left, top, across, down = struct.unpack_from("<HHHH", data, at + 1)
    width, height = max(width, left + across), max(height, top + down)
    return Header("GIF", width, height, len(data), "GIF")


def _colours_bytes(flags: int) -> int:
    """Bytes of a GIF's colour table (GIF89a, section 18)."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


_BMP_CORE = 12  # bytes of OS/2's header, which has sizes of 16 bits
_BMP_UNCOMPRESSED = 0
_BMP_MASKED = {3, 6}


def _bmp(data: _Bytes) -> Header:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == _BMP_CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    compression = 0
    if header_bytes >= 20:  # noqa: PLR2004 shorter ones end before it
        (compression,) = struct.unpack_from("<I", data, 30)
    usual = compression == _BMP_UNCOMPRESSED or compression in _BMP_MASKED
    kind = "BMP masked" if compression in _BMP_MASKED else "BMP"
    row_bytes = (abs(width) * bits + 7) // 8
    return Header("BMP", abs(width), abs(height), len(data), kind, usual, row_bytes)


_UNCOMPRESSED, _UNSIGNED = 1, 1
_TABLED_BITS = 16
# Of a strip or row of tiles: as libtiff unpacks it, as Pillow has it, and as samples side by side.
_UNPACKED_COPIES = 3


def _tiff(data: _Bytes) -> Header:
    """A strip may be as large as the picture, and a tile larger."""
    tags = read_directory(data)
    width, height = tags.number(Tag.WIDTH), tags.number(Tag.HEIGHT)
    bits = tags.number(Tag.BITS, 1) * tags.number(Tag.SAMPLES, 1)
    across = tags.number(Tag.TILE_WIDTH) or width
    down = tags.number(Tag.TILE_HEIGHT) or min(tags.number(Tag.ROWS, height) or height, height)
    row_bytes = -(-width // max(across, 1)) * across * bits // 8
    is_whole = tags.number(Tag.COMPRESSION, 1) == _UNCOMPRESSED and across == width
    beside = 0 if is_whole else _UNPACKED_COPIES * row_bytes * down
    # Without a white point of their own they are unpacked twice, the first time to find it.
    is_unbounded = tags.number(Tag.FORMAT, 1) != _UNSIGNED or tags.number(Tag.BITS) > _TABLED_BITS
    row_bytes *= 2 if is_unbounded else 1
    return Header("TIFF", width, height, len(data), "TIFF", True, row_bytes, beside)


def _avif(data: _Bytes) -> Header | None:
    return _boxed("AVIF", data)


def _heic(data: _Bytes) -> Header | None:
    return _boxed("HEIC", data)


def _raw(data: _Bytes) -> Header:
    return Header(RAW, *size_of(data), len(data), RAW)


def _boxed(name: str, data: _Bytes) -> Header | None:
    """AV1's and HEVC's own headers, deep in the file, may tell of more pixels: never usual."""
    picture = read_picture(data)
    return Header(name, *picture.size, len(data), name, is_usual=False) if picture else None


_READERS: dict[str, Callable[[_Bytes], Header | None]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "GIF": _gif,
    "BMP": _bmp,
    "TIFF": _tiff,
    "AVIF": _avif,
    "HEIC": _heic,
    RAW: _raw,
}
