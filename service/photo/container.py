"""What of a file is its picture: the rest is left out before a decoder sees it.

Comments, previews, texts and other data beside the pixels may be huge, or damaged, and mean nothing
to a network; of them only the Exif data's orientation counts. Pillow reads them all, and refuses
the picture with them.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from booth_client.errors import BadImage
from service.photo.bounds import Allowance
from service.photo.segments import LOSSLESS, SOS, Segment, end_of, segments

__all__ = ["Contents", "picture_of", "with_checksum"]


@dataclass(frozen=True, slots=True)
class Contents:
    """A file without what its pixels don't need.

    Attributes:
        data: the file; the same object if there was nothing to leave out.
        exif: its Exif data, from the byte order on, where browsers look for them; empty where there
            are none, and None where the decoder has to be asked.
        is_lossless: whether it is a lossless JPEG, which can't be decoded at a fraction of its
            size. libjpeg-turbo 3 promises the fraction, and then writes whole rows: beyond the end
            of what its callers allocated. So they must not ask.

    """

    data: bytes
    exif: bytes | None = None
    is_lossless: bool = False


class _Chunk(NamedTuple):
    """One part of a file: from ``start`` to ``end``, of which ``body`` on are its data."""

    kind: bytes
    start: int
    body: int
    end: int


def picture_of(name: str, data: bytes) -> Contents:
    """Leave out what the pixels don't need, whole or damaged.

    Args:
        name: of the format, one of ``service.photo.formats.FORMATS``.
        data: the file.

    Raises:
        BadImage: a WebP whose pixels are not all there.
        TimeoutError: there are more parts than can be looked at in time.

    """
    return _READERS.get(name, Contents)(data)


_FILL, _FILLING = b"\xff" * 65_536, re.compile(rb"\xff+")  # more than a segment holds
_COMMENT = 0xFE
_APPLICATION = range(0xE0, 0xF0)
_APP1 = 0xE1
# Of what applications write, libjpeg heeds two for the colours, and a third is the profile.
_KEPT = {0xE0: (b"JFIF\0", 14), 0xE2: (b"ICC_PROFILE\0", 15), 0xEE: (b"Adobe", 12)}


def _jpeg(data: bytes) -> Contents:
    """Keep the segments of which the picture is made, and from its first scan to its end all."""
    kept, exif, last, is_lossless = [data[:2]], None, 2, False
    for segment in segments(data, 2):
        if segment.marker == SOS:
            last = segment.start
            break
        is_lossless = is_lossless or segment.marker in LOSSLESS
        if segment.marker == _APP1 and exif is None and data.startswith(b"Exif\0", segment.body):
            exif = data[segment.body + 6 : segment.end]
        if _is_needed(data, segment):
            kept.append(data[segment.start : segment.end])
        last = segment.end
    scans = _without_fill(data, last, end_of(data, last) or len(data))
    size = sum(map(len, kept)) + sum(map(len, scans))
    whole = data if size == len(data) else b"".join([*kept, *scans])
    return Contents(whole, exif or b"", is_lossless)


def _without_fill(data: bytes, at: int, end: int) -> list[memoryview]:
    """What stands from ``at`` to ``end``, with one byte in place of many that may fill it up.

    Pillow reads a file piece by piece, and libjpeg goes over all of these again with each.
    """
    view = memoryview(data)
    # Of so many, two of these are among them.
    if b"\xff\xff" not in data[at : end : len(_FILL) // 2]:
        return [view[at:end]]
    kept = []
    while (start := data.find(_FILL, at, end)) >= 0:
        kept.append(view[at:start])
        at = _FILLING.match(data, start).end() - 1  # type: ignore[union-attr]
    return [*kept, view[at:end]]


def _is_needed(data: bytes, segment: Segment) -> bool:
    if segment.marker in _APPLICATION:
        start, least = _KEPT.get(segment.marker, (b"", 1 << 16))
        return data.startswith(start, segment.body) and segment.end - segment.body >= least
    return segment.marker != _COMMENT


_PNG_START = 8
# A chunk's least and greatest length, where the picture is decoded with it or its colours are.
_PNG_KEPT = {
    b"IHDR": (13, 13),
    b"PLTE": (0, 768),
    b"tRNS": (1, 256),
    b"gAMA": (4, 4),
    b"cHRM": (32, 32),
    b"sRGB": (1, 1),
    b"cICP": (4, 4),
    b"iCCP": (3, 8_000_000),
}
_MOST_PROFILE = 8_000_000
_MOST_EXIF = 8_000_000  # as browsers have it
_TRANSPARENCY = {0: 2, 2: 6, 3: 1}  # the least bytes of it, by colour type


def _png(data: bytes) -> Contents:
    """Keep what the picture is made of, up to the end of its pixels."""
    kept: list[memoryview] = [memoryview(data)[:_PNG_START]]
    exif, pixels, is_changed = None, False, False
    frame = _first_frame(data)
    for chunk in _png_chunks(data):
        if chunk.kind == b"IDAT" and frame:
            return Contents(b"".join([*kept, *frame, _IEND]), exif or b"")
        if chunk.kind == b"IEND":
            kept.append(memoryview(_IEND))
            is_changed = is_changed or chunk.end != len(data)
            break
        if chunk.kind == b"IDAT":
            pixels = True
            kept.append(memoryview(data)[chunk.start : chunk.end])
        elif not pixels and _is_kept(data, chunk):
            kept.append(memoryview(data)[chunk.start : chunk.end])
        else:
            is_changed = True
            if chunk.kind == b"eXIf" and exif is None and not pixels and _is_intact(data, chunk):
                exif = data[chunk.body : chunk.end - 4]
    return Contents(b"".join(kept) if is_changed else data, exif or b"")


_IEND = b"\0\0\0\0IEND\xae\x42\x60\x82"
_PNG_SIZE = struct.Struct(">16xII")
_PNG_INTERLACED_AT = 28
_FRAME_CONTROL = struct.Struct(">IIIIIHHBB")  # PNG, 3rd edition, section 11.3.6.2


def _first_frame(data: bytes) -> list[bytes | bytearray]:
    """The first frame of an animation, where the pixels before it are none of its frames.

    Returns:
        The chunks that put it in their place: where it lies on the canvas, and its pixels. Nothing
        for another picture, and where it can't be placed: then the pixels before it count.

    """
    chunks = _png_chunks(data)
    before = {one.kind: one for one in takewhile(_is_no_pixels, chunks) if one.kind in _ANIMATED}
    if b"fcTL" in before or b"acTL" not in before or not any(_body(data, before[b"acTL"])[:4]):
        return []
    control, packed = b"", bytearray()
    for chunk in chunks:
        if chunk.kind == b"IEND" or (chunk.kind == b"fcTL" and control):
            break
        if chunk.kind == b"fcTL":
            control = bytes(_body(data, chunk))
        elif chunk.kind == b"fdAT" and control:
            packed += _body(data, chunk)[4:]
    if not packed or not _can_be_placed(data, control):
        return []
    head = struct.pack(">I4s", len(packed), b"IDAT")
    checksum = struct.pack(">I", zlib.crc32(packed, zlib.crc32(b"IDAT")))
    return [_png_chunk(b"fcTL", bytes(4) + control[4:]), head, packed, checksum]


_ANIMATED = {b"acTL", b"fcTL"}


def _is_no_pixels(chunk: _Chunk) -> bool:
    return chunk.kind != b"IDAT"


def _body(data: bytes, chunk: _Chunk) -> memoryview:
    return memoryview(data)[chunk.body : chunk.end - 4]


def _can_be_placed(data: bytes, control: bytes) -> bool:
    if len(control) != _FRAME_CONTROL.size:
        return False
    across, down = _PNG_SIZE.unpack_from(data)
    _, width, height, left, top, *_ = _FRAME_CONTROL.unpack(control)
    is_inside = left + width <= across and top + height <= down
    # Pillow puts pixels that are interlaced into the corner, wherever they belong.
    is_placed = not data[_PNG_INTERLACED_AT] or not (left or top)
    return bool(width and height and is_inside and is_placed)


def _png_chunks(data: bytes) -> Iterator[_Chunk]:
    allowance, at = Allowance(), _PNG_START
    while at + 8 <= len(data):
        allowance.check()
        length = int.from_bytes(data[at : at + 4], "big")
        yield _Chunk(data[at + 4 : at + 8], at, at + 8, at + 12 + length)
        at += 12 + length


def with_checksum(data: bytes) -> bytes:
    """Put right the checksum over a PNG's pixels, which keeps Pillow from their last rows.

    Returns:
        The same object if there was nothing to put right.

    Raises:
        TimeoutError: there is more to unpack than can be in time.

    """
    parts = [chunk for chunk in _png_chunks(data) if chunk.kind == b"IDAT"]
    packed = b"".join(data[chunk.body : chunk.end - 4] for chunk in parts)
    checksum, after = _unpacked_checksum(packed[_ZLIB_HEADER:])
    if checksum is None or packed[len(packed) - after :][:4] == checksum:
        return data
    pixels = packed[: len(packed) - after] + checksum
    return b"".join([data[: parts[0].start], _png_chunk(b"IDAT", pixels), _IEND])


_ZLIB_HEADER = 2
_UNPACKED_AT_A_TIME = 1 << 20


def _unpacked_checksum(packed: bytes) -> tuple[bytes | None, int]:
    """The checksum of what is packed, and how many bytes follow; None if it is damaged."""
    unpacking, allowance, checksum = zlib.decompressobj(-zlib.MAX_WBITS), Allowance(), 1
    while packed and not unpacking.eof:
        allowance.check()
        try:
            checksum = zlib.adler32(unpacking.decompress(packed, _UNPACKED_AT_A_TIME), checksum)
        except zlib.error:
            break
        packed = unpacking.unconsumed_tail
    whole = struct.pack(">I", checksum) if unpacking.eof else None
    return whole, len(unpacking.unused_data)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", checksum)


def _is_kept(data: bytes, chunk: _Chunk) -> bool:
    """Tell whether a chunk before the pixels is of use, and whole."""
    least, most = _PNG_KEPT.get(chunk.kind, (1, 0))
    if not least <= chunk.end - 4 - chunk.body <= most:
        return False
    if chunk.kind in {b"IHDR", b"PLTE"}:
        return True
    if chunk.kind == b"tRNS":
        least = _TRANSPARENCY.get(data[25], most + 1)
        return chunk.end - 4 - chunk.body >= least and _is_intact(data, chunk)
    return _is_intact(data, chunk) and (chunk.kind != b"iCCP" or _is_profile(data, chunk))


def _is_intact(data: bytes, chunk: _Chunk) -> bool:
    if chunk.end > len(data) or chunk.end - 4 - chunk.body > _MOST_EXIF:
        return False
    return data[chunk.end - 4 : chunk.end] == struct.pack(
        ">I", zlib.crc32(memoryview(data)[chunk.start + 4 : chunk.end - 4])
    )


def _is_profile(data: bytes, chunk: _Chunk) -> bool:
    """Tell whether a colour profile can be unpacked, and to how much (PNG, 3rd edition, 11.3.2)."""
    name, zero, packed = data[chunk.body : chunk.end - 4].partition(b"\0")
    if not (name and zero and packed.startswith(b"\0")):
        return False
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(packed[1:], _MOST_PROFILE)
    except zlib.error:
        return False
    return unpacking.eof


_GIF_FRAME, _GIF_EXTENSION, _GIF_CONTROL = 0x2C, 0x21, 0xF9


def _gif(data: bytes) -> Contents:
    """Leave out comments and the like before the first frame; what follows it is not read."""
    if len(data) < 13:  # noqa: PLR2004 (the screen's description, GIF89a, section 18)
        return Contents(data, b"")
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    kept, allowance = [data[:at]], Allowance()
    while data[at : at + 1] == bytes([_GIF_EXTENSION]):
        start, is_control = at, data[at + 1 : at + 2] == bytes([_GIF_CONTROL])
        at += 2
        while at < len(data) and data[at]:
            allowance.check()
            at += 1 + data[at]
        at += 1
        if is_control:
            kept.append(data[start:at])
    size = sum(map(len, kept)) + len(data) - at
    whole = data if size >= len(data) else b"".join([*kept, memoryview(data)[at:]])
    return Contents(whole, b"")


_RIFF_START = 12
_WEBP_KEPT = {b"VP8X", b"ICCP", b"ANIM", b"ALPH", b"VP8 ", b"VP8L", b"ANMF"}
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"ANMF"}
_WEBP_FLAGS = 0b00111010  # profile, transparency, animation; Exif and XMP are left out
_WEBP_PROFILE, _WEBP_TRANSPARENCY, _WEBP_HAS_EXIF = 0b00100000, 0b00010000, 0b00001000


def _webp(data: bytes) -> Contents:
    """Keep the chunks of the first picture (RFC 9649), and write a header that fits them."""
    kept: dict[bytes, _Chunk] = {}
    exif = b""
    for chunk in _webp_chunks(data):
        if chunk.kind == b"EXIF" and not exif and data[20] & _WEBP_HAS_EXIF:
            exif = data[chunk.body : chunk.end].removeprefix(b"Exif\0\0")
        if chunk.kind not in _WEBP_KEPT or _WEBP_PIXELS & kept.keys():
            continue
        if chunk.end > len(data):
            raise _cut_short(len(data) - _RIFF_START, int.from_bytes(data[4:8], "little") - 4)
        kept.setdefault(chunk.kind, chunk)
        if b"VP8X" not in kept:
            break
    return Contents(_riff(data, kept), exif) if _WEBP_PIXELS & kept.keys() else Contents(data, exif)


def _webp_chunks(data: bytes) -> Iterator[_Chunk]:
    allowance, at = Allowance(), _RIFF_START
    while at + 8 <= len(data):
        allowance.check()
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield _Chunk(data[at : at + 4], at, at + 8, at + 8 + length)
        at += 8 + length + (length & 1)


def _riff(data: bytes, chunks: dict[bytes, _Chunk]) -> bytes:
    parts = [memoryview(b"WEBP")]
    for kind, chunk in chunks.items():
        part = memoryview(data)[chunk.start : chunk.end]
        if kind == b"VP8X" and len(part) > 8:  # noqa: PLR2004 (where its flags are)
            flags = part[8] & _WEBP_FLAGS
            flags &= ~0 if b"ICCP" in chunks else ~_WEBP_PROFILE
            # A frame may cover a part of the canvas, and be clear in places, whatever this says.
            flags |= _WEBP_TRANSPARENCY if b"ANMF" in chunks else 0
            part = memoryview(b"".join([part[:8], bytes([flags]), part[9:]]))
        parts += [part, memoryview(bytes(len(part) & 1))]
    body = b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _cut_short(there: int, whole: int) -> BadImage:
    percent = 100 * there // max(whole, there + 1)
    return BadImage(
        f"The WEBP file ends after {percent} % of its data, and is decoded only whole: send all "
        "of it."
    )


_READERS: dict[str, Callable[[bytes], Contents]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp,
}
