"""The boxes of an AVIF or HEIC file, as far as they tell what picture is in it.

ISO/IEC 14496-12 has the boxes, ISO/IEC 23008-12 those of still pictures. A stranger wrote them: no
loop here is longer than a few hundred steps, and none is entered twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

__all__ = ["Picture", "Size", "read_picture"]

_MOST_BOXES = 200  # in one box; a phone's photograph has some thirty properties
_MOST_ITEMS = 500  # with properties; a photograph of 48 megapixels has 200 tiles
_FULL = 4  # bytes of version and flags

_HEAD = struct.Struct(">I4s")
_SIZE = struct.Struct(">II")
_SAMPLE_SIZE = struct.Struct(">24xHH")
_APERTURE = struct.Struct(">IIIIiIiI")
_COLOUR = struct.Struct(">HH")

_Bytes: TypeAlias = bytes | memoryview


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What is shown: the primary item, or a sequence's first frame.

    Attributes:
        size: as stored, before it is cropped or turned.
        aperture: what is left of it, from the upper left corner, where it is cropped like that.
        colour: its primaries and its transfer characteristics (ITU-T H.273), if it names them.

    """

    size: Size
    aperture: Size | None = None
    colour: tuple[int, int] | None = None


class _Span(NamedTuple):
    """Where a box's content begins, and where it ends."""

    start: int
    end: int


def read_picture(data: _Bytes) -> Picture | None:
    """Read what a file shows; the larger where it has an item and a sequence, as decoders differ.

    Returns:
        None where the boxes don't tell.

    Raises:
        IndexError, struct.error: they end too early.

    """
    whole = _Span(0, len(data))
    pictures = [_item(data, meta) for meta in _find(data, whole, b"meta")]
    pictures += [_frame(data, moov) for moov in _find(data, whole, b"moov")]
    known = [picture for picture in pictures if picture]
    return max(known, key=lambda one: one.size.width * one.size.height) if known else None


def _boxes(data: _Bytes, within: _Span) -> Iterator[tuple[bytes, _Span]]:
    """Kind and content of one box after the other, until one that can't be."""
    at = within.start
    for _ in range(_MOST_BOXES):
        if at + _HEAD.size > within.end:
            return
        size, kind = _HEAD.unpack_from(data, at)
        start = at + _HEAD.size
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + size if size else within.end
        if not start <= end <= within.end:
            return
        yield kind, _Span(start, end)
        at = end


def _find(data: _Bytes, within: _Span, *path: bytes) -> list[_Span]:
    """Follow a path of kinds, the first of each kind; nothing or one."""
    for kind in path:
        found = next((content for one, content in _boxes(data, within) if one == kind), None)
        if found is None:
            return []
        within = found
    return [within]


def _item(data: _Bytes, meta: _Span) -> Picture | None:
    """The primary item, by the properties that belong to it."""
    inside = _Span(meta.start + _FULL, meta.end)
    primary = [_primary(data, pitm) for pitm in _find(data, inside, b"pitm")]
    all_properties = [list(_boxes(data, ipco)) for ipco in _find(data, inside, b"iprp", b"ipco")]
    owners = _find(data, inside, b"iprp", b"ipma")
    if not (primary and all_properties and owners):
        return None
    return _picture(
        data, [all_properties[0][index - 1] for index in _owned(data, owners[0], primary[0])]
    )


def _picture(data: _Bytes, properties: list[tuple[bytes, _Span]]) -> Picture | None:
    size = aperture = colour = None
    for kind, (start, end) in properties:
        if kind == b"ispe":
            size = Size(*_SIZE.unpack_from(data, start + _FULL))
        elif kind == b"clap":
            aperture = _APERTURE.unpack_from(data, start)
        elif kind == b"colr" and data[start : min(start + 4, end)] == b"nclx":
            colour = _COLOUR.unpack_from(data, start + 4)
    if size is None:
        return None
    return Picture(size, _cropped(size, *aperture) if aperture else None, colour)


def _cropped(size: Size, *aperture: int) -> Size | None:
    """A clean aperture (14496-12, section 12.1.4) in the corner, as browsers ignore all others.

    Its middle is told, as a distance from the picture's, and all four numbers are fractions.
    """
    wide, by_wide, high, by_high, right, by_right, down, by_down = aperture
    if 0 in (by_wide, by_high, by_right, by_down) or wide % by_wide or high % by_high:
        return None
    width, height = wide // by_wide, high // by_high
    left = width - size.width, height - size.height
    in_corner = (2 * right, 2 * down) == (left[0] * by_right, left[1] * by_down)
    fits = 0 < width <= size.width and 0 < height <= size.height
    return Size(width, height) if in_corner and fits else None


def _primary(data: _Bytes, pitm: _Span) -> int:
    """The number of the item that is meant to be shown."""
    code = ">I" if data[pitm.start] else ">H"
    return int(struct.unpack_from(code, data, pitm.start + _FULL)[0])


def _owned(data: _Bytes, ipma: _Span, item: int) -> list[int]:
    """The numbers, from 1, of an item's properties."""
    wide_items, wide_indices = data[ipma.start] > 0, data[ipma.start + 3] & 1
    head = struct.Struct(">IB" if wide_items else ">HB")
    (entries,) = struct.unpack_from(">I", data, ipma.start + _FULL)
    at = ipma.start + _FULL + 4
    for _ in range(min(entries, _MOST_ITEMS)):
        number, count = head.unpack_from(data, at)
        at += head.size
        if number == item:
            code, mask = ("H", 0x7FFF) if wide_indices else ("B", 0x7F)
            indices = struct.unpack_from(f">{count}{code}", data, at)
            return [index & mask for index in indices if index & mask]
        at += count * (2 if wide_indices else 1)
    return []


def _frame(data: _Bytes, moov: _Span) -> Picture | None:
    """The first track's frames, by the description of its samples (14496-12, section 12.1.3)."""
    path = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    for stsd in _find(data, moov, *path):
        for _, entry in _boxes(data, _Span(stsd.start + _FULL + 4, stsd.end)):
            return Picture(Size(*_SAMPLE_SIZE.unpack_from(data, entry.start)))
    return None
