"""Writes TIFFs of every kind as TIFF 6.0 describes them, without any library that reads them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Directory", "Storage", "compressed", "directory", "file_of", "tiff"]

Samples = NDArray[Any]
Directory = dict[int, Any]


@dataclass(frozen=True)
class Storage:
    """How samples are put into a file, which must not change what is seen.

    Attributes:
        order: of the bytes: ``<`` or ``>``.
        big: a BigTIFF.
        planar: each sample in a plane of its own.
        tile: width and height; strips otherwise.
        rows: of a strip; None for one strip, and no tag that says so.
        compression: the tag's value.
        predictor: likewise.
        fill: likewise: 2 for bytes with their lowest bit first.
        sizes: write how many bytes each strip has.

    """

    order: str = "<"
    big: bool = False
    planar: bool = False
    tile: tuple[int, int] | None = None
    rows: int | None = 5
    compression: int = 1
    predictor: int = 1
    fill: int = 1
    sizes: bool = True


def tiff(samples: Samples, bits: int, photometric: int | None, how: Storage, **tags: Any) -> bytes:
    """Write a TIFF of one picture; as ``directory`` and ``file_of`` say."""
    return file_of(how, directory(samples, bits, photometric, how, **tags))


def directory(
    samples: Samples, bits: int, photometric: int | None, how: Storage, **tags: Any
) -> Directory:
    """Make the entries of a picture.

    Args:
        samples: H x W x N, in numpy's type of at least so many bits.
        bits: of a sample in the file.
        photometric: the tag's value; None for no such tag.
        how: it is stored.
        tags: others, by ``t`` and their number: a value, a tuple of them, or bytes; None leaves
            one out.

    """
    height, width, count = samples.shape
    strips = [compressed(strip, how) for strip in _blocks(samples, bits, how)]
    sizes = tuple(map(len, strips)) if how.sizes else None
    entries: Directory = {
        256: width,
        257: height,
        258: (bits,) * count,
        259: how.compression,
        262: photometric,
        266: how.fill if how.fill > 1 else None,
        277: count,
        284: 2 if how.planar else 1,
        317: how.predictor if how.predictor > 1 else None,
        339: ({"u": 1, "i": 2, "f": 3}[samples.dtype.kind],) * count,
    }
    if how.tile:
        entries |= {322: how.tile[0], 323: how.tile[1], 324: strips, 325: sizes}
    else:
        entries |= {273: strips, 278: how.rows, 279: sizes}
    return entries | {int(name[1:]): value for name, value in tags.items()}


def file_of(how: Storage, *directories: Directory) -> bytes:
    """Write directories one after another, each with those below it, which 330 has in a list."""
    order, number, start = (how.order, "Q", 16) if how.big else (how.order, "I", 8)
    data = bytearray(start)
    places = [_written(data, each, how) for each in directories]
    version, head = (43, struct.pack(order + "HHQ", 8, 0, places[0][0])) if how.big else (42, None)
    head = head or struct.pack(order + "I", places[0][0])
    data[:start] = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", version) + head
    for (_, link), (place, _) in pairwise(places):
        struct.pack_into(order + number, data, link, place)
    return bytes(data)


def _written(data: bytearray, entries: Directory, how: Storage) -> tuple[int, int]:
    """Append a directory; return where it is, and where it says where the next one is."""
    order, number = how.order, "Q" if how.big else "I"
    packed = []
    for tag, value in sorted(entries.items()):
        if value is None:
            continue
        kind, count, values = _packed(_placed(data, value, how), how)
        room = 8 if how.big else 4
        if len(values) > room:
            values = struct.pack(order + number, _append(data, values))
        packed.append(
            struct.pack(order + "HH" + number, tag, kind, count) + values.ljust(room, b"\0")
        )
    head = struct.pack(order + ("Q" if how.big else "H"), len(packed))
    at = _append(data, head + b"".join(packed) + bytes(8 if how.big else 4))
    return at, len(data) - (8 if how.big else 4)


def _placed(data: bytearray, value: Any, how: Storage) -> Any:
    """Append what stands elsewhere in the file, and return where."""
    if isinstance(value, list):
        placed = [
            _append(data, each) if isinstance(each, bytes) else _written(data, each, how)[0]
            for each in value
        ]
        return tuple(placed)
    return value


def _append(data: bytearray, more: bytes) -> int:
    data += bytes(len(data) % 2)
    data += more
    return len(data) - len(more)


def _packed(value: Any, how: Storage) -> tuple[int, int, bytes]:
    """An entry's type, its number of values, and these."""
    if isinstance(value, bytes):
        return 7, len(value), value
    if isinstance(value, int):
        value = (value,)
    if isinstance(value[0], Fraction):
        numbers = [part for each in value for part in each.as_integer_ratio()]
        return 5, len(value), struct.pack(f"{how.order}{len(numbers)}I", *numbers)
    is_long = max(value) > 0xFFFF
    packed = struct.pack(f"{how.order}{len(value)}{'I' if is_long else 'H'}", *value)
    return 4 if is_long else 3, len(value), packed


def _blocks(samples: Samples, bits: int, how: Storage) -> list[bytes]:
    """Strips or tiles, not yet compressed."""
    height, width, count = samples.shape
    planes = [samples[:, :, i : i + 1] for i in range(count)] if how.planar else [samples]
    blocks = []
    for plane in planes:
        across, down = how.tile or (width, how.rows or height)
        for top in range(0, height, down):
            for left in range(0, width, across):
                block = plane[top : top + down, left : left + across]
                if how.tile:
                    missing = (down - block.shape[0], across - block.shape[1])
                    block = np.pad(block, ((0, missing[0]), (0, missing[1]), (0, 0)), "edge")
                blocks.append(_rows(block, bits, how))
    return blocks


def _rows(block: Samples, bits: int, how: Storage) -> bytes:
    rows = len(block)
    if how.predictor == 2:
        block = np.concatenate([block[:, :1], np.diff(block, axis=1)], axis=1)
    if bits == 8 * block.dtype.itemsize:
        if how.predictor == 3:
            return _predicted(block).tobytes()
        return block.astype(f"{how.order}{block.dtype.kind}{block.dtype.itemsize}").tobytes()
    each = (block.reshape(rows, -1, 1).astype(np.uint32) >> np.arange(bits)[::-1]) & 1
    return np.packbits(each.astype(np.uint8).reshape(rows, -1), axis=1).tobytes()


def _predicted(block: Samples) -> Samples:
    """Adobe's TIFF Technical Note 3: the bytes by their weight, then their differences."""
    rows, _, count = block.shape
    size = block.dtype.itemsize
    big = np.ascontiguousarray(block.astype(block.dtype.newbyteorder(">")))
    by_weight = big.view(np.uint8).reshape(rows, -1, size).transpose(0, 2, 1).reshape(rows, -1)
    result = by_weight.copy()
    result[:, count:] = by_weight[:, count:] - by_weight[:, :-count]
    return result


def compressed(block: bytes, how: Storage) -> bytes:
    """Pack a strip or tile."""
    data = _COMPRESSORS[how.compression](block)
    return data.translate(_REVERSED) if how.fill == 2 else data


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _packbits(block: bytes) -> bytes:
    """Runs where there are some, the rest as it is."""
    packed, at = b"", 0
    while at < len(block):
        run = len(block[at : at + 128]) - len(block[at : at + 128].lstrip(block[at : at + 1]))
        if run > 2:
            packed += bytes([257 - run]) + block[at : at + 1]
        else:
            run = len(block[at : at + 9])
            packed += bytes([run - 1]) + block[at : at + run]
        at += run
    return packed


def _lzw(block: bytes) -> bytes:
    """TIFF 6.0, section 13, by the book."""
    bits, known, table, following = "", b"", dict(_SINGLE), 258
    bits += f"{_CLEAR:09b}"
    for byte in block:
        longer = known + bytes([byte])
        if longer in table:
            known = longer
            continue
        bits += f"{table[known]:0{max(9, following.bit_length())}b}"
        table[longer], following, known = following, following + 1, bytes([byte])
        if following == 4094:
            bits += f"{_CLEAR:012b}"
            table, following = dict(_SINGLE), 258
    bits += f"{table[known]:0{max(9, following.bit_length())}b}"
    bits += f"{_END:0{max(9, (following + 1).bit_length())}b}"
    size = -(-len(bits) // 8)
    return int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")


_SINGLE = {bytes([byte]): byte for byte in range(256)}
_CLEAR, _END = 256, 257

_COMPRESSORS: dict[int, Callable[[bytes], bytes]] = {
    1: bytes,
    5: _lzw,
    8: zlib.compress,
    32946: zlib.compress,
    32773: _packbits,
}
