"""The parts of which picture files are made, to put together odd ones."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image

__all__ = ["encoded", "exif", "png_chunk", "riff", "segment", "with_chunks", "with_segments"]

Entry = tuple[int, int, int, int]


def encoded(image: Image.Image, name: str = "PNG", **options: Any) -> bytes:
    """An image's file."""
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def exif(*entries: Entry, order: str = "<", gap: int = 0) -> bytes:
    """Exif data of entries (tag, type, count, value); a SHORT's value is its first two bytes."""
    head = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8 + gap)
    packed = [
        struct.pack(order + ("HHIHxx" if kind == 3 else "HHII"), tag, kind, count, value)
        for tag, kind, count, value in entries
    ]
    return head + bytes(gap) + struct.pack(order + "H", len(entries)) + b"".join(packed) + bytes(4)


def segment(marker: int, data: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """Put segments behind a JPEG's first, JFIF's."""
    end = 4 + int.from_bytes(jpeg[4:6], "big")
    return jpeg[:end] + b"".join(segments) + jpeg[end:]


def png_chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(png: bytes, *before: bytes, after: bytes = b"") -> bytes:
    """Put chunks behind a PNG's header, and others behind its pixels."""
    end = len(png) - 12
    return png[:33] + b"".join(before) + png[33:end] + after + png[end:]


def riff(webp: bytes, *after: tuple[bytes, bytes], flags: int = 0, before: Any = ()) -> bytes:
    """A WebP of the pixels of another one, with chunks around them."""
    with Image.open(io.BytesIO(webp)) as image:
        width, height = image.size
    size = int.from_bytes(webp[16:20], "little")
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    start = (b"VP8X", bytes([flags, 0, 0, 0]) + sides)
    chunks = [start, *before, (webp[12:16], webp[20 : 20 + size]), *after]
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) & 1) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body
