"""What a TIFF's directory says of the picture that counts (TIFF 6.0, section 2; BigTIFF)."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Directory", "Tag", "read_directory"]

_Bytes: TypeAlias = bytes | memoryview


class Tag(IntEnum):
    """Those that say how a picture is stored and what its samples mean."""

    SUBFILE = 254
    OLD_SUBFILE = 255
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIPS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS = 278
    STRIP_BYTES = 279
    PLANAR = 284
    PREDICTOR = 317
    COLOURS = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILES = 324
    TILE_BYTES = 325
    SUBDIRECTORIES = 330
    INK_SET = 332
    EXTRA = 338
    FORMAT = 339
    JPEG_TABLES = 347
    COEFFICIENTS = 529
    SUBSAMPLING = 530
    REFERENCE = 532
    PROFILE = 34675


_BIGTIFF = 43  # where the version of a classic TIFF is 42
_MOST_ENTRIES = 1000  # a photo has some fifty
_MOST_DIRECTORIES = 32  # that are looked at for one which is no preview

_REDUCED_OR_MASK = 1 | 4  # bits of a NewSubfileType
_OLD_REDUCED = 2

_KINDS = {
    1: "u1", 2: "u1", 3: "u2", 4: "u4", 5: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4",
    11: "f4", 12: "f8", 13: "u4", 16: "u8", 17: "i8", 18: "u8",
}  # fmt: skip
_RATIONAL = 5


@dataclass(frozen=True, slots=True)
class Directory:
    """The entries of one directory, each read when it is asked for.

    Attributes:
        data: the file.
        order: its byte order: ``<`` or ``>``.
        is_big: it is a BigTIFF.
        entries: by tag: the type and the number of values, and the bytes of the entry that hold
            them or say where they are.
        next_at: where the next directory is; 0 after the last.

    """

    data: _Bytes
    order: str
    is_big: bool
    entries: dict[int, tuple[int, int, bytes]]
    next_at: int

    def numbers(self, tag: int) -> NDArray[np.generic]:
        """All values of a tag; none where it is missing or no number.

        Raises:
            ValueError: they lie outside the file.

        """
        kind, count, value = self.entries.get(tag, (0, 0, b""))
        if kind not in _KINDS:
            return np.empty(0, np.uint8)
        dtype = np.dtype(self.order + _KINDS[kind])
        count *= 2 if kind == _RATIONAL else 1
        if count * dtype.itemsize <= len(value):
            return np.frombuffer(value, dtype, count)
        return np.frombuffer(self.data, dtype, count, self._place(value))

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of a tag, or the default.

        Raises:
            ValueError: it lies outside the file.

        """
        kind, count, value = self.entries.get(tag, (0, 0, b""))
        if kind not in _KINDS or not count:
            return default
        dtype = np.dtype(self.order + _KINDS[kind])
        if count * dtype.itemsize <= len(value):
            return int(np.frombuffer(value, dtype, 1)[0])
        return int(np.frombuffer(self.data, dtype, 1, self._place(value))[0])

    def _place(self, value: bytes) -> int:
        return int(struct.unpack(self.order + ("Q" if self.is_big else "I"), value)[0])


def read_directory(data: _Bytes) -> Directory:
    """Read the first directory whose picture is neither a preview nor a mask of another one.

    Raises:
        ValueError: there is no directory.
        struct.error: likewise.

    """
    first = None
    for directory in _directories(data):
        first = first or directory
        if not _is_beside(directory):
            return directory
    if first is None:
        raise ValueError("a TIFF without a directory")
    return first


def _is_beside(directory: Directory) -> bool:
    """Whether the picture goes with another one, if there is another one."""
    reduced = directory.number(Tag.OLD_SUBFILE) == _OLD_REDUCED
    return reduced or bool(directory.number(Tag.SUBFILE) & _REDUCED_OR_MASK)


def _directories(data: _Bytes) -> Iterator[Directory]:
    """Each directory, and after it those that it has below it."""
    order = "<" if bytes(data[:2]) == b"II" else ">"
    is_big = _BIGTIFF in data[2:4]
    (at,) = struct.unpack_from(order + ("8xQ" if is_big else "4xI"), data)
    yield (first := _directory(data, at, order, is_big=is_big))
    with suppress(ValueError, struct.error):  # what comes after the first must not cost the picture
        places = _places_after(first)
        for _ in range(_MOST_DIRECTORIES):
            if not places or not places[0]:
                return
            yield (directory := _directory(data, places.pop(0), order, is_big=is_big))
            places += _places_after(directory)


def _places_after(directory: Directory) -> list[int]:
    """Where those below a directory are, and the one after it."""
    below = directory.numbers(Tag.SUBDIRECTORIES)[:_MOST_DIRECTORIES].tolist()
    return [*below, directory.next_at]


def _directory(data: _Bytes, at: int, order: str, *, is_big: bool) -> Directory:
    number, entry, after = ("Q", "HHQ8s", "Q") if is_big else ("H", "HHI4s", "I")
    (count,) = struct.unpack_from(order + number, data, at)
    if count > _MOST_ENTRIES:
        raise ValueError("a TIFF's directory of too many entries")
    at += struct.calcsize(order + number)
    end = at + count * struct.calcsize(order + entry)
    table = struct.iter_unpack(order + entry, data[at:end])
    entries = {tag: (kind, values, value) for tag, kind, values, value in table}
    if len(entries) < count and end > len(data):
        raise ValueError("a TIFF's directory is cut short")
    end_of_file = end + struct.calcsize(order + after) > len(data)
    (next_at,) = (0,) if end_of_file else struct.unpack_from(order + after, data, end)
    return Directory(data, order, is_big, entries, next_at)
