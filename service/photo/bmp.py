"""The pixels of a bitmap of Windows or OS/2, as browsers show them.

Pillow knows few of the masks that say where in a pixel its colours are, takes one byte a pixel for
eight pixels where the palette is black and white, and loses pixels of run lengths.
"""

from __future__ import annotations

import functools
import operator
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from booth_client.errors import UnsupportedFormat
from service.photo import bounds
from service.photo.damage import check_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_bmp"]

_FILE_HEADER = struct.Struct("<2sIHHI")
# BITMAPCOREHEADER, and of BITMAPV5HEADER what the others have too; the masks come after it, for a
# BITMAPINFOHEADER as well, which ends before them.
_CORE = struct.Struct("<IHHHH")
_INFO = struct.Struct("<IiiHHIIiiII")
_MASKS = struct.Struct("<IIII")
_LONGEST = 124
_WITH_MASKS = {40, 52, 56, 108, 124}
_WITH_ALPHA = {56, 108, 124}
# OS/2 writes as much of its 64 bytes as it needs.
_HEADERS = {12, *range(16, 65, 4), 42, 46, 108, 124}

_NONE, _RUNS_8, _RUNS_4, _BITFIELDS, _RUNS_24, _ALPHA_BITFIELDS = 0, 1, 2, 3, 4, 6
_RUNS = {_RUNS_8: 8, _RUNS_4: 4, _RUNS_24: 24}  # bits of what a run repeats
_MASKED = {_BITFIELDS, _ALPHA_BITFIELDS}
_BITS = {
    _NONE: {1, 2, 4, 8, 16, 24, 32}, _RUNS_8: {1, 2, 4, 8}, _RUNS_4: {1, 2, 4}, _RUNS_24: {24},
    _BITFIELDS: {16, 24, 32}, _ALPHA_BITFIELDS: {16, 32},
}  # fmt: skip

_Masks = tuple[int, int, int, int]
_USUAL_MASKS: dict[int, _Masks] = {
    16: (0x7C00, 0x3E0, 0x1F, 0),
    24: (0xFF0000, 0xFF00, 0xFF, 0),
    32: (0xFF0000, 0xFF00, 0xFF, 0),
}
# What Pillow unpacks in one go.
_RAW = {
    (16, (0x7C00, 0x3E0, 0x1F, 0)): "BGR;15",
    (16, (0xF800, 0x7E0, 0x1F, 0)): "BGR;16",
    (24, (0xFF0000, 0xFF00, 0xFF, 0)): "BGR",
    (32, (0xFF0000, 0xFF00, 0xFF, 0)): "BGRX",
    (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)): "BGRA",
    (32, (0xFF, 0xFF00, 0xFF0000, 0)): "RGBX",
    (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)): "RGBA",
}

_SLICE_PIXELS = 1 << 17  # of what is converted at a time
_LOOKED_AT = 1 << 14  # bytes of runs between two looks at the clock
_LAST = 1
_MOST_INDEXED = 8  # bits of a pixel that is an index


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the header says.

    Attributes:
        width: in pixels.
        height: likewise.
        is_top_down: the first row is the top one.
        bits: of a pixel.
        compression: one of those above.
        masks: where in a pixel red, green, blue and alpha are.
        palette: N x 3, RGB.
        start: where the pixels begin.

    """

    width: int
    height: int
    is_top_down: bool
    bits: int
    compression: int
    masks: _Masks
    palette: NDArray[np.uint8]
    start: int

    @property
    def stride(self) -> int:
        """Bytes of a row."""
        return (self.width * self.bits + 31) // 32 * 4


def read_bmp(data: bytes, max_pixels: int) -> Image.Image:
    """Decode a bitmap.

    Returns:
        The picture, the right way up: P, RGB or RGBA.

    Raises:
        BadImage: more than a tenth of it is missing.
        TooManyPixels: more than ``max_pixels``.
        UnsupportedFormat: of a kind that is not decoded here.
        Exception: it is damaged: whatever struct, numpy and Pillow raise.

    """
    layout = _layout(data)
    if layout.width * layout.height > max_pixels:
        raise bounds.too_many(max_pixels)
    is_of_runs = layout.compression in _RUNS
    image = _Runs(data, layout).image() if is_of_runs else _stored(data, layout)
    image.format = "BMP"
    return image


def _layout(data: bytes) -> _Layout:
    *_, offset = _FILE_HEADER.unpack_from(data)
    at = _FILE_HEADER.size
    (size,) = struct.unpack_from("<I", data, at)
    if size not in _HEADERS:
        raise _unusual(f"a header of {size} bytes")
    head = data[at : at + size].ljust(_LONGEST, b"\0")
    if size == _CORE.size:
        _, width, height, _, bits = _CORE.unpack_from(head)
        compression = colours = 0
    else:
        _, width, height, _, bits, compression, *_, colours, _ = _INFO.unpack_from(head)
    if width <= 0 or height == 0:
        raise ValueError("a bitmap without a size")
    if bits not in _BITS.get(compression, set()):
        raise _unusual(f"{bits} bits a pixel in compression {compression}")
    masks = _masks(data, size, bits, compression)
    is_info = size == _INFO.size and compression in _MASKED
    table = at + size + (4 * (3 + (compression == _ALPHA_BITFIELDS)) if is_info else 0)
    entry = 3 if size == _CORE.size else 4
    count = min(colours, 1 << 16) if bits > _MOST_INDEXED else colours or 1 << bits
    after = table + entry * count
    end = offset if table <= offset < after else after
    if 0 < offset < table:
        raise ValueError("a bitmap whose pixels lie in its header")
    return _Layout(
        width,
        abs(height),
        height < 0,
        bits,
        compression,
        masks,
        _palette(data[table:end], entry) if bits <= _MOST_INDEXED else _NO_PALETTE,
        offset or after,
    )


def _unusual(what: str) -> UnsupportedFormat:
    return UnsupportedFormat(
        f"The BMP has {what}, which is not decoded here: save it anew with 24 bits a pixel, or as "
        "a PNG."
    )


def _masks(data: bytes, size: int, bits: int, compression: int) -> _Masks:
    usual = _USUAL_MASKS.get(bits, (0, 0, 0, 0))
    at = _FILE_HEADER.size + _INFO.size
    masks = _MASKS.unpack(data[at : at + _MASKS.size].ljust(_MASKS.size, b"\0"))
    has_alpha = size in _WITH_ALPHA or compression == _ALPHA_BITFIELDS
    is_masked = compression in _MASKED and size in _WITH_MASKS
    red, green, blue, _ = masks if is_masked else usual
    alpha = masks[3] if has_alpha else 0  # also where the other three are the usual ones
    _check_masks(red, green, blue, alpha)
    return red, green, blue, alpha


def _check_masks(*masks: int) -> None:
    """Refuse those that overlap or have gaps."""
    sums = [mask + (mask & -mask) for mask in masks]
    if sum(masks) != functools.reduce(operator.or_, masks) or any(
        total & (total - 1) for total in sums
    ):
        raise _unusual("colours whose bits overlap or lie apart")


def _palette(stored: bytes, entry: int) -> NDArray[np.uint8]:
    """The colours; those that the file doesn't have are black."""
    count = min(len(stored) // entry, 256)
    palette = np.zeros((256, 3), np.uint8)
    palette[:count] = np.frombuffer(stored, np.uint8, count * entry).reshape(-1, entry)[:, 2::-1]
    return palette


_NO_PALETTE = np.zeros((0, 3), np.uint8)


def _stored(data: bytes, layout: _Layout) -> Image.Image:
    """Rows of pixels as they are."""
    rows = memoryview(data)[layout.start : layout.start + layout.height * layout.stride]
    row_bytes = (layout.width * layout.bits + 7) // 8
    there = len(rows) // layout.stride + (len(rows) % layout.stride >= row_bytes)
    check_share("BMP", there / layout.height)
    whole = layout.height * layout.stride
    pixels = rows if len(rows) == whole else bytes(rows).ljust(whole, b"\0")
    image = _unpacked(pixels, layout)
    if there < layout.height:
        image = image.convert("RGB")
        missing = (there, layout.height) if layout.is_top_down else (0, layout.height - there)
        image.paste("white", (0, missing[0], layout.width, missing[1]))
    return image


def _unpacked(pixels: bytes | memoryview, layout: _Layout) -> Image.Image:
    size = layout.width, layout.height
    if layout.bits <= _MOST_INDEXED:
        rows = np.frombuffer(pixels, np.uint8).reshape(layout.height, -1)
        return _indexed(_upright(_indices(rows, layout), layout), layout)
    mode = _RAW.get((layout.bits, layout.masks))
    if mode is None:
        return _masked(pixels, layout)
    direction = 1 if layout.is_top_down else -1
    made = "RGBA" if mode.endswith("A") else "RGB"
    image = Image.frombytes(made, size, pixels, "raw", mode, layout.stride, direction)
    return _without_unused_alpha(image)


def _upright(rows: NDArray[np.uint8], layout: _Layout) -> NDArray[np.uint8]:
    return rows if layout.is_top_down else rows[::-1]


def _indices(rows: NDArray[np.uint8], layout: _Layout) -> NDArray[np.uint8]:
    """Take each byte apart, the highest bits first."""
    bits = layout.bits
    if bits == _MOST_INDEXED:
        return rows[:, : layout.width]
    shifts = np.arange(8 - bits, -1, -bits)
    of_byte = (np.arange(256)[:, None] >> shifts & (1 << bits) - 1).astype(np.uint8)
    return of_byte[rows].reshape(len(rows), -1)[:, : layout.width]


def _indexed(indices: NDArray[np.uint8], layout: _Layout) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(indices))
    image.putpalette(layout.palette.tobytes())
    return image


def _masked(pixels: bytes | memoryview, layout: _Layout) -> Image.Image:
    """Colours that lie anywhere in a pixel."""
    channels = 4 if layout.masks[3] else 3
    image = Image.new("RGBA" if channels == 4 else "RGB", (layout.width, layout.height))  # noqa: PLR2004
    levels = [_Channel(mask) for mask in layout.masks[:channels]]
    step = max(1, _SLICE_PIXELS // layout.width)
    rows = np.frombuffer(pixels, np.uint8).reshape(layout.height, -1)
    for top in range(0, layout.height, step):
        band = _upright(rows, layout)[top : top + step]
        numbers = _numbers(band[:, : layout.width * layout.bits // 8], layout.bits // 8)
        part = np.stack([each.bytes_of(numbers) for each in levels], axis=2)
        image.paste(Image.fromarray(part), (0, top))
    return _without_unused_alpha(image)


def _numbers(rows: NDArray[np.uint8], size: int) -> NDArray[np.uint32]:
    """Pixels as numbers, of which the first byte is the lowest."""
    each = rows.reshape(len(rows), -1, size)
    return np.pad(each, ((0, 0), (0, 0), (0, 4 - size))).view("<u4")[:, :, 0]


class _Channel:
    """One colour of a pixel, by its mask."""

    def __init__(self, mask: int) -> None:
        self._mask = np.uint32(mask)
        bits = mask.bit_length()
        lowest = (mask & -mask).bit_length() - 1 if mask else 0
        self._shift = np.uint32(max(lowest, bits - 8))
        white = (mask >> int(self._shift)) or 1
        self._table = ((np.arange(256) * 255 + white // 2) // white).astype(np.uint8)

    def bytes_of(self, numbers: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Levels of 8 bits."""
        return np.asarray(self._table[(numbers & self._mask) >> self._shift])


def _without_unused_alpha(image: Image.Image) -> Image.Image:
    """Alpha that is 0 everywhere is none: nobody shows it so."""
    if image.mode == "RGBA" and not image.getchannel("A").getbbox():
        return image.convert("RGB")
    return image


class _Runs:
    """Run lengths: of indices of 4 or 8 bits, or of colours."""

    def __init__(self, data: bytes, layout: _Layout) -> None:
        self._data, self._layout = data, layout
        self._end = bounds.deadline()
        self._bits = _RUNS[layout.compression]
        self._pixel_bytes = max(1, self._bits // 8)
        self._canvas = bytearray(layout.width * layout.height * self._pixel_bytes)
        self._gaps: list[tuple[int, int]] = []
        self._x = self._y = 0
        self._at = layout.start

    def image(self) -> Image.Image:
        """Draw all runs; what they leave out is white.

        Raises:
            BadImage: they end too early.
            TimeoutError: the thread's processor time is spent.

        """
        layout, is_ended = self._layout, self._draw()
        if not is_ended:
            check_share("BMP", self._place() / (layout.width * layout.height))
        self._skip(0, layout.height - self._y)
        shape = layout.height, layout.width
        if self._pixel_bytes == 1:
            indices = np.frombuffer(self._canvas, np.uint8).reshape(shape)
            image = _indexed(_upright(indices, layout), layout)
        else:
            colours = np.frombuffer(self._canvas, np.uint8).reshape(*shape, 3)[:, :, ::-1]
            image = Image.fromarray(np.ascontiguousarray(_upright(colours, layout)))
        return self._with_gaps(image) if self._gaps else image

    def _with_gaps(self, image: Image.Image) -> Image.Image:
        missing = np.zeros((self._layout.height, self._layout.width), bool)
        for first, last in self._gaps:
            missing.reshape(-1)[first:last] = True
        image = image.convert("RGB")
        image.paste("white", mask=Image.fromarray(_upright(missing, self._layout)))
        return image

    def _place(self) -> int:
        return self._y * self._layout.width + self._x

    def _draw(self) -> bool:
        """Follow the codes; return whether they came to an end, or to that of the picture."""
        while self._y < self._layout.height:
            if time.thread_time() > self._end:
                raise TimeoutError
            code = self._row()
            if code is not None:
                if code == _LAST:
                    return True
                self._escape(code)
            elif self._at + 1 >= len(self._data):
                return False
        return True

    def _row(self) -> int | None:
        """Draw runs up to the next code that is none, and return that code.

        Returns:
            None where the file ends, or where it is time to look at the clock.

        """
        data, canvas, size = self._data, self._canvas, self._pixel_bytes
        x, width, in_halves = self._x, self._layout.width, self._bits == 4  # noqa: PLR2004
        row, step, code = self._y * width, 1 + size, None
        until = min(len(data) - 1, self._at + _LOOKED_AT)
        for at in range(self._at, until, step):
            if not (count := data[at]):
                code = data[at + 1]
                break
            stop = min(width, x + count)
            pattern = _HALVES[data[at + 1]] if in_halves else data[at + 1 : at + step] * count
            if len(pattern) < count * size:
                at = len(data)  # noqa: PLW2901 the last colour is cut short
                break
            canvas[(row + x) * size : (row + stop) * size] = pattern[: (stop - x) * size]
            x = stop
        else:
            at = max(self._at, until)
        self._at = at if code is None else at + 2
        self._x = x
        return code

    def _taken(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def _escape(self, code: int) -> None:
        """Go to the next row, or elsewhere; or draw pixels that are no run."""
        if code == 0:
            self._skip(0, 1)
        elif code == 2:  # noqa: PLR2004
            right, up = self._taken(2).ljust(2, b"\0")
            self._skip(min(self._x + right, self._layout.width), up)
        else:
            self._literal(code)

    def _skip(self, x: int, rows: int) -> None:
        """Leave out what is before ``x`` some rows on."""
        before, whole = self._place(), self._layout.width * self._layout.height
        self._x, self._y = x, self._y + rows
        if self._place() > before:
            self._gaps.append((before, min(self._place(), whole)))

    def _literal(self, count: int) -> None:
        if count > self._layout.width - self._x:
            raise ValueError("a bitmap's pixels that go beyond their row")
        size = (count * self._bits + 7) // 8
        pixels = self._taken(size + size % 2)[:size]
        if self._bits == 4:  # noqa: PLR2004
            pixels = bytes(half for byte in pixels for half in (byte >> 4, byte & 15))[:count]
        at = self._place() * self._pixel_bytes
        self._canvas[at : at + len(pixels)] = pixels
        self._x += len(pixels) // self._pixel_bytes


_HALVES = [bytes([byte >> 4, byte & 15]) * 128 for byte in range(256)]
