"""The pixels of a TIFF: its samples by what its own tags say of them.

Pillow, which has libtiff, unpacks strips and tiles to bytes here; what the bytes mean is decided
below. Pillow knows 60 kinds of TIFF by name, and takes some others for one of those: of 16 bits in
separate planes it makes samples of 8.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from io import BytesIO
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from booth_client.errors import UnsupportedFormat
from service.photo import bounds
from service.photo.segments import SOS, segments
from service.photo.tiff_tags import Directory, Tag, read_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["read_tiff"]

# Every compression that cameras, scanners and editors write of a colour photograph. libtiff has
# others, of which fax is the worst: a damaged one costs a message a row.
_NONE, _LZW, _JPEG, _DEFLATE, _OLD_DEFLATE, _PACKBITS = 1, 5, 7, 8, 32946, 32773
_COMPRESSIONS = {
    _NONE: "none", _LZW: "LZW", _JPEG: "JPEG", _DEFLATE: "Deflate", _OLD_DEFLATE: "Deflate",
    _PACKBITS: "PackBits",
}  # fmt: skip
_PREDICTED = {_LZW, _DEFLATE, _OLD_DEFLATE}  # others have no predictor, whatever the tag says

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _CIELAB, _ICCLAB = (
    0, 1, 2, 3, 5, 6, 8, 9,
)  # fmt: skip
_CHANNELS = {
    _WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3, _CIELAB: 3,
    _ICCLAB: 3,
}  # fmt: skip
_CAMERA_RAW = {32803, 34892}
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_UNDEFINED = 4  # libtiff reads it as unsigned

_ASSOCIATED, _UNASSOCIATED = 1, 2
_COREL = 999  # what Corel Draw 10 has for an unassociated one

_MOST_STRIPS = 100_000
_MOST_SAMPLES = 16
# What is unpacked at a time, in bytes, unless one strip or tile is larger; and the most of one, in
# Pillow's pixels.
_BAND_BYTES = 1 << 20
_MOST_UNPACKED = 1 << 27
# Of what is converted at a time, in samples: some 30 bytes each are held meanwhile.
_SLICE_SAMPLES = 1 << 17

_MOST_TABLED_BITS = 16  # beyond it a table of all levels would be larger than most pictures
_BYTE = 8


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the samples of a picture lie in its file.

    Attributes:
        width: of the picture, in pixels.
        height: likewise.
        bits: of a sample.
        kind: of a sample: ``_UNSIGNED``, ``_SIGNED`` or ``_FLOAT``.
        samples: of a pixel.
        photometric: what they mean.
        compression: one of ``_COMPRESSIONS``.
        predictor: 1 for none, 2 for differences, 3 for those of floats.
        planes: of the file: 1, or as many as samples.
        across: a block's width, in pixels; a block is a strip or a tile.
        down: its height.
        is_tiled: the blocks at the right and the bottom are as large as the others.
        subsampling: pixels that share one pair of chroma: across and down.

    """

    width: int
    height: int
    bits: int
    kind: int
    samples: int
    photometric: int
    compression: int
    predictor: int
    planes: int
    across: int
    down: int
    is_tiled: bool
    subsampling: tuple[int, int]

    @property
    def channels(self) -> int:
        """Samples of a pixel that are its colour."""
        return _CHANNELS[self.photometric]

    @property
    def in_block(self) -> int:
        """Samples of a pixel in each block."""
        return self.samples if self.planes == 1 else 1

    @property
    def is_subsampled(self) -> bool:
        """Whether several pixels share one pair of chroma, in units of their own."""
        return self.subsampling != (1, 1)

    @property
    def row_bytes(self) -> int:
        """Of one row of a block, unpacked; where it is subsampled, of one row of units."""
        x, y = self.subsampling
        if self.is_subsampled:
            return -(-self.across // x) * (x * y + 2)
        return (self.across * self.in_block * self.bits + 7) // 8

    @property
    def columns(self) -> int:
        """Blocks that lie beside each other."""
        return -(-self.width // self.across)

    @property
    def rows(self) -> int:
        """Blocks that lie below each other."""
        return -(-self.height // self.down)

    @property
    def is_tabled(self) -> bool:
        """Whether all levels are few enough for a table."""
        return self.kind == _UNSIGNED and self.bits <= _MOST_TABLED_BITS


def read_tiff(data: bytes, max_pixels: int) -> Image.Image:
    """Decode the first picture of a TIFF that is no preview of another one.

    Returns:
        The picture as it is stored, before orientation: L, LA, RGB, RGBA, CMYK or LAB; its profile
        in ``info``, its orientation in ``getexif()``.

    Raises:
        BadImage: it is laid out so that it would cost too much.
        TooManyPixels: more than ``max_pixels``.
        UnsupportedFormat: of a kind that is not decoded here.
        Exception: it is damaged: whatever Pillow and numpy raise.

    """
    end = bounds.deadline()
    directory = read_directory(data)
    _check_strips(directory)
    layout = _layout(directory)
    if layout.width * layout.height > max_pixels:
        raise bounds.too_many(max_pixels)
    _check_tiles(layout, max_pixels)
    image = _Picture(directory, layout, end).image()
    image.format = "TIFF"
    if image.mode != "LAB" and (profile := directory.numbers(Tag.PROFILE).tobytes()):
        image.info["icc_profile"] = profile
    image.getexif()[ExifTags.Base.Orientation] = directory.number(Tag.ORIENTATION, 1)
    return image


def _layout(directory: Directory) -> _Layout:
    """Read what the tags say, and refuse what is not decoded here."""
    compression = _compression(directory)
    width, height = directory.number(Tag.WIDTH), directory.number(Tag.HEIGHT)
    samples = directory.number(Tag.SAMPLES, 1)
    is_tiled = Tag.TILES in directory.entries
    across = directory.number(Tag.TILE_WIDTH) if is_tiled else width
    down = directory.number(Tag.TILE_HEIGHT) if is_tiled else directory.number(Tag.ROWS, height)
    if min(width, height, samples, across) <= 0:
        raise ValueError("a TIFF without a size")
    predictor = directory.number(Tag.PREDICTOR, 1) if compression in _PREDICTED else 1
    layout = _Layout(
        width,
        height,
        _same(directory, Tag.BITS, 1, "bits"),
        _kind(directory),
        samples,
        _photometric(directory, samples),
        compression,
        predictor,
        samples if directory.number(Tag.PLANAR, 1) == 2 else 1,  # noqa: PLR2004
        across,
        down if is_tiled else min(down or height, height),
        is_tiled,
        _subsampling(directory, compression),
    )
    _check_kind(directory, layout)
    return layout


def _compression(directory: Directory) -> int:
    number = directory.number(Tag.COMPRESSION, _NONE)
    if directory.number(Tag.PHOTOMETRIC) in _CAMERA_RAW:
        raise UnsupportedFormat(
            "This TIFF holds a camera's raw photograph, which is not decoded here: develop it, "
            "and save it as a JPEG or as a TIFF in RGB."
        )
    if number not in _COMPRESSIONS:
        usual = ", ".join(dict.fromkeys(_COMPRESSIONS.values()))
        raise UnsupportedFormat(
            f"The TIFF's compression is not decoded here: save it anew with one of {usual}."
        )
    return number


def _same(directory: Directory, tag: int, default: int, name: str) -> int:
    """The one value that a tag has for all samples."""
    values = set(directory.numbers(tag)[:_MOST_SAMPLES].tolist()) or {default}
    if len(values) > 1:
        raise _unusual(f"samples of unequal {name}")
    return int(values.pop())


def _kind(directory: Directory) -> int:
    kind = _same(directory, Tag.FORMAT, _UNSIGNED, "formats")
    return _UNSIGNED if kind == _UNDEFINED else kind


def _photometric(directory: Directory, samples: int) -> int:
    """What the samples mean; libtiff's guess where the file does not say it."""
    guess = _RGB if samples >= _CHANNELS[_RGB] else _BLACK_IS_ZERO
    return directory.number(Tag.PHOTOMETRIC, guess)


def _subsampling(directory: Directory, compression: int) -> tuple[int, int]:
    """Of YCbCr that libjpeg does not unpack."""
    if directory.number(Tag.PHOTOMETRIC) != _YCBCR or compression == _JPEG:
        return 1, 1
    values = directory.numbers(Tag.SUBSAMPLING)[:2].tolist() or [2, 2]
    if len(values) != 2 or not {*values} <= {1, 2, 4}:  # noqa: PLR2004
        raise _unusual("an odd subsampling")
    return values[0], values[1]


def _check_kind(directory: Directory, layout: _Layout) -> None:
    """Refuse a combination that is not decoded here."""
    if layout.photometric not in _CHANNELS:
        raise _unusual(f"colours of the kind {layout.photometric}")
    if not _is_known_sample(layout):
        raise _unusual(f"{layout.bits}-bit samples of the format {layout.kind}")
    if not layout.channels <= layout.samples <= _MOST_SAMPLES:
        raise _unusual(f"{layout.samples} samples a pixel")
    if not _is_known_predictor(layout):
        raise _unusual(f"the predictor {layout.predictor} for {layout.bits}-bit samples")
    _check_colours(directory, layout)


def _is_known_sample(layout: _Layout) -> bool:
    if layout.compression == _JPEG or layout.is_subsampled:
        return (layout.bits, layout.kind) == (_BYTE, _UNSIGNED)
    return layout.bits in {
        _UNSIGNED: {*range(1, 17), 32, 64},  # of 24 bits no two readers agree on the order
        _SIGNED: {8, 16, 32, 64},
        _FLOAT: {16, 32, 64},
    }.get(layout.kind, set())


def _is_known_predictor(layout: _Layout) -> bool:
    if layout.predictor == 2:  # noqa: PLR2004
        is_integer = layout.kind != _FLOAT and not layout.is_subsampled
        return is_integer and layout.bits in {8, 16, 32, 64}
    return layout.predictor == 1 or (layout.predictor == 3 and layout.kind == _FLOAT)  # noqa: PLR2004


def _check_colours(directory: Directory, layout: _Layout) -> None:
    """Refuse colours whose samples don't fit them."""
    photometric, beyond = layout.photometric, layout.samples - layout.channels
    extra = directory.numbers(Tag.EXTRA)
    is_grey = photometric in {_WHITE_IS_ZERO, _BLACK_IS_ZERO}
    if is_grey and (len(extra) < beyond or (beyond > 1 and not extra.any())):
        raise _unusual(f"{layout.samples} samples a pixel, and says that they are grey")
    if photometric in {_PALETTE, _CMYK, _YCBCR, _CIELAB, _ICCLAB} and layout.kind != _UNSIGNED:
        raise _unusual("a palette, inks or chroma in signed numbers or floats")
    if photometric in {_PALETTE, _CMYK, _YCBCR} and not layout.is_tabled:
        raise _unusual(f"a palette, inks or chroma of {layout.bits} bits")
    if photometric in {_CIELAB, _ICCLAB} and layout.bits not in {8, 16}:
        raise _unusual(f"CIELAB of {layout.bits} bits")
    if photometric == _CMYK and directory.number(Tag.INK_SET, 1) != 1:
        raise _unusual("inks other than cyan, magenta, yellow and black")
    if photometric in {_CMYK, _YCBCR, _CIELAB, _ICCLAB} and _alpha(directory, layout):
        raise _unusual("an alpha channel beside inks or chroma")
    if photometric == _YCBCR and (layout.bits != _BYTE or beyond or layout.planes > 1):
        raise _unusual("YCbCr of another kind than 8 bits in one plane")


def _alpha(directory: Directory, layout: _Layout) -> tuple[int, int] | None:
    """Which sample is alpha, and of which kind; a fourth of RGB is also where nothing says so."""
    extra = directory.numbers(Tag.EXTRA)
    for sample, kind in enumerate(extra.tolist(), layout.channels):
        if kind in {_ASSOCIATED, _UNASSOCIATED, _COREL} and sample < layout.samples:
            return sample, kind
    is_unsaid = layout.photometric == _RGB and layout.samples == 4  # noqa: PLR2004
    return (3, 0) if is_unsaid and not len(extra) else None


def _unusual(what: str) -> UnsupportedFormat:
    return UnsupportedFormat(
        f"The TIFF has {what}, which is not decoded here: save it anew as grey or RGB of 8 or 16 "
        "bits."
    )


def _check_strips(directory: Directory) -> None:
    """Refuse more strips or tiles than any picture warrants."""
    counts = (directory.entries.get(tag, (0, 0, b""))[1] for tag in (Tag.STRIPS, Tag.TILES))
    if max(counts) > _MOST_STRIPS:
        raise bounds.too_costly("TIFF")


def _check_tiles(layout: _Layout, max_pixels: int) -> None:
    """Refuse tiles far larger than the picture; one more each way costs little."""
    columns, rows = max(layout.columns - 1, 1), max(layout.rows - 1, 1)
    if columns * layout.across * rows * layout.down > max_pixels:
        raise bounds.too_costly("TIFF")


class _Blocks:
    """The strips or tiles of one plane, from the top to the bottom."""

    def __init__(self, directory: Directory, layout: _Layout, plane: int) -> None:
        tags = (Tag.TILES, Tag.TILE_BYTES) if layout.is_tiled else (Tag.STRIPS, Tag.STRIP_BYTES)
        places, sizes = (directory.numbers(tag) for tag in tags)
        count = layout.columns * layout.rows
        if len(places) < count * (plane + 1) or len(sizes) not in {0, len(places)}:
            raise ValueError("a TIFF whose strips are not all there")
        if not layout.is_tiled and len(places) != count * layout.planes:
            raise ValueError("a TIFF of more strips than rows")
        self._directory, self._layout = directory, layout
        self._places = places[count * plane : count * (plane + 1)].tolist()
        self._sizes = sizes[count * plane : count * (plane + 1)].tolist() or [0] * count

    def rows(self, first: int, last: int) -> tuple[int, Callable[[int, int], NDArray[Any]]]:
        """Unpack some rows of blocks.

        Returns:
            How many rows of bytes they have, those of neighbours below each other, and what gives
            some of these as samples: n x width of a block x samples in a block.

        """
        layout, columns = self._layout, self._layout.columns
        heights = [layout.down] * (last - first) * columns
        if not layout.is_tiled:
            heights[-1] = min(last * layout.down, layout.height) - (last - 1) * layout.down
        heights = [-(-height // layout.subsampling[1]) for height in heights]
        blocks = slice(first * columns, last * columns)
        places, sizes = self._places[blocks], self._sizes[blocks]
        if min(places) < struct.calcsize("<2sHI"):
            raise ValueError("a TIFF whose strip lies in its header")
        if layout.compression == _NONE:
            rows = self._stored(places, heights)
            return len(rows), lambda top, end: self._samples(self._turned(rows[top:end]))
        image = self._unpacked(places, sizes, heights)
        if layout.compression == _JPEG:
            return image.height, lambda top, end: self._pixels(image, top, end)
        return image.height, lambda top, end: self._samples(self._bytes(image, top, end))

    def _stored(self, places: list[int], heights: list[int]) -> NDArray[np.uint8]:
        data, row_bytes = self._directory.data, self._layout.row_bytes
        parts = [
            np.frombuffer(data, np.uint8, height * row_bytes, place)
            for place, height in zip(places, heights, strict=True)
        ]
        return (parts[0] if len(parts) == 1 else np.concatenate(parts)).reshape(-1, row_bytes)

    def _turned(self, rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Put the highest bit of each byte first."""
        is_turned = self._directory.number(Tag.FILL_ORDER, 1) == 2  # noqa: PLR2004
        return _REVERSED[rows] if is_turned else rows

    def _unpacked(self, places: list[int], sizes: list[int], heights: list[int]) -> Image.Image:
        """Have libtiff unpack blocks, given to it as the strips of a picture of bytes."""
        layout, data = self._layout, self._directory.data
        pixel_bytes = self._pixel_bytes()
        width = layout.row_bytes // pixel_bytes
        if width * sum(heights) > _MOST_UNPACKED:
            raise bounds.too_costly("TIFF")
        # No compression makes more of what it packs; what a file says beyond that is not honest.
        most = 2 * layout.row_bytes * heights[0] + 4096
        strips = [
            self._turned(
                np.frombuffer(data[place : place + min(size or most, most)], np.uint8)
            ).tobytes()
            for place, size in zip(places, sizes, strict=True)
        ]
        if layout.compression == _JPEG and layout.photometric == _YCBCR and _is_lossless(strips[0]):
            raise _unusual("YCbCr packed as lossless JPEG")  # libjpeg does not make RGB of it
        tags = self._strip_tags(width, heights, pixel_bytes)
        image = TiffImageFile(BytesIO(_tiff_of(tags, strips)))
        image.load()
        return image

    def _pixel_bytes(self) -> int:
        """Bytes of a pixel of what libtiff unpacks: as many as go, to bound its size."""
        layout = self._layout
        if layout.compression == _JPEG:
            return layout.in_block
        return next(number for number in (4, 3, 1) if layout.row_bytes % number == 0)

    def _strip_tags(self, width: int, heights: list[int], pixel_bytes: int) -> dict[int, Any]:
        layout = self._layout
        tags: dict[int, Any] = {
            Tag.WIDTH: width,
            Tag.HEIGHT: sum(heights),
            Tag.BITS: (_BYTE,) * pixel_bytes,
            Tag.COMPRESSION: layout.compression,
            Tag.PHOTOMETRIC: {1: _BLACK_IS_ZERO, 2: _BLACK_IS_ZERO, 3: _RGB, 4: _CMYK}[pixel_bytes],
            Tag.SAMPLES: pixel_bytes,
            Tag.ROWS: heights[0],
        }
        if pixel_bytes == 2:  # noqa: PLR2004
            tags[Tag.EXTRA] = (_UNASSOCIATED,)
        if layout.compression == _JPEG:
            tags |= self._jpeg_tags()
        return tags

    def _jpeg_tags(self) -> dict[int, Any]:
        tags: dict[int, Any] = {}
        if tables := self._directory.numbers(Tag.JPEG_TABLES).tobytes():
            tags[Tag.JPEG_TABLES] = tables
        if self._layout.photometric == _YCBCR:
            tags[Tag.PHOTOMETRIC] = _YCBCR
            tags[Tag.SUBSAMPLING] = tuple(
                self._directory.numbers(Tag.SUBSAMPLING)[:2].tolist()
            ) or (2, 2)
        return tags

    def _bytes(self, image: Image.Image, top: int, end: int) -> NDArray[np.uint8]:
        part = image.crop((0, top, image.width, end)).tobytes()
        return np.frombuffer(part, np.uint8).reshape(end - top, -1)

    def _pixels(self, image: Image.Image, top: int, end: int) -> NDArray[np.uint8]:
        return self._bytes(image, top, end).reshape(end - top, image.width, -1)

    def _samples(self, rows: NDArray[np.uint8]) -> NDArray[Any]:
        """Take the rows of a block apart into samples."""
        layout = self._layout
        if layout.is_subsampled:
            return _full_chroma(rows, layout)
        shape = len(rows), layout.across, layout.in_block
        if layout.predictor == 3:  # noqa: PLR2004
            return _summed_floats(rows, layout).reshape(shape)
        if layout.bits in {8, 16, 32, 64}:
            code = {_UNSIGNED: "u", _SIGNED: "i", _FLOAT: "f"}[layout.kind]
            dtype = np.dtype(f"{self._directory.order}{code}{layout.bits // 8}")
            samples = np.ascontiguousarray(rows).view(dtype).reshape(shape)
            is_predicted = layout.predictor == 2  # noqa: PLR2004
            return _summed(samples) if is_predicted else samples
        return _packed(rows, layout.across * layout.in_block, layout.bits).reshape(shape)


_LOSSLESS = 0xC3  # ITU-T T.81, table B.1


def _is_lossless(jpeg: bytes) -> bool:
    """Tell whether a JPEG's frame is a lossless one."""
    before = takewhile(lambda segment: segment.marker != SOS, segments(jpeg, 2))
    return any(segment.marker == _LOSSLESS for segment in before)


_REVERSED = np.packbits(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1), axis=1, bitorder="little"
)[:, 0]


def _tiff_of(tags: dict[int, Any], strips: list[bytes]) -> bytes:
    """A little-endian TIFF of these strips."""
    at, places = 8, []
    for strip in strips:
        places.append(at)
        at += len(strip)
    tags = {**tags, Tag.STRIPS: tuple(places), Tag.STRIP_BYTES: tuple(map(len, strips))}
    beyond = at + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag, value in sorted(tags.items()):
        kind, count, packed = _entry(value)
        if len(packed) > 4:  # noqa: PLR2004
            values += packed
            packed = struct.pack("<I", beyond + len(values) - len(packed))
        entries += struct.pack("<HHI4s", tag, kind, count, packed)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"".join([struct.pack("<2sHI", b"II", 42, at), *strips, directory, values])


def _entry(value: Any) -> tuple[int, int, bytes]:
    """An entry's type, its number of values, and these."""
    if isinstance(value, bytes):
        return 7, len(value), value
    if isinstance(value, tuple):
        is_long = max(value) >= 1 << 16
        packed = struct.pack(f"<{len(value)}{'I' if is_long else 'H'}", *value)
        return 4 if is_long else 3, len(value), packed
    return 4, 1, struct.pack("<I", value)


def _packed(rows: NDArray[np.uint8], count: int, bits: int) -> NDArray[Any]:
    """Samples that begin anywhere in a byte, the highest bit first."""
    first = np.arange(count) * bits
    padded = np.pad(rows, ((0, 0), (0, 2))).astype(np.uint32)
    at = first >> 3
    window = padded[:, at] << 16 | padded[:, at + 1] << 8 | padded[:, at + 2]
    shift = (24 - bits - (first & 7)).astype(np.uint32)
    return np.asarray(window >> shift & np.uint32((1 << bits) - 1))


def _summed(samples: NDArray[Any]) -> NDArray[Any]:
    """Undo the predictor of integers (TIFF 6.0, section 14)."""
    return np.add.accumulate(samples, axis=1, dtype=samples.dtype.newbyteorder("="))


def _summed_floats(rows: NDArray[np.uint8], layout: _Layout) -> NDArray[Any]:
    """Undo the predictor of floats (Adobe's TIFF Technical Note 3)."""
    size, samples = layout.bits // 8, layout.in_block
    steps = rows.reshape(len(rows), -1, samples)
    summed = np.add.accumulate(steps, axis=1, dtype=np.uint8)
    by_byte = summed.reshape(len(rows), size, layout.across * samples)
    return np.ascontiguousarray(by_byte.transpose(0, 2, 1)).view(f">f{size}")


def _full_chroma(units: NDArray[np.uint8], layout: _Layout) -> NDArray[np.uint8]:
    """Give each pixel the chroma that it shares (TIFF 6.0, section 21)."""
    x, y = layout.subsampling
    rows = len(units)
    apart = units.reshape(rows, -1, x * y + 2)
    luma = apart[:, :, : x * y].reshape(rows, -1, y, x).transpose(0, 2, 1, 3).reshape(rows * y, -1)
    chroma = apart[:, :, x * y :].repeat(x, axis=1).repeat(y, axis=0)
    return np.concatenate([luma[:, :, None], chroma], axis=2)[:, : layout.across]


class _Picture:
    """Makes of samples what is seen: 8 bits a channel."""

    def __init__(self, directory: Directory, layout: _Layout, end: float) -> None:
        self._directory, self._layout, self._end = directory, layout, end
        self._alpha = _alpha(directory, layout)
        wanted = [*range(layout.channels), *([self._alpha[0]] if self._alpha else [])]
        self._wanted = wanted
        planes = [0] if layout.planes == 1 else wanted
        self._planes = [_Blocks(directory, layout, plane) for plane in planes]

    def image(self) -> Image.Image:
        """Put the picture together, row by row."""
        layout = self._layout
        to_bytes = self._conversion()
        stored, made = self._modes()
        image = None
        for first, samples in self._slices():
            image = image or Image.new(made, (layout.width, layout.height))
            part = Image.frombytes(stored, samples.shape[1::-1], to_bytes(samples).tobytes())
            image.paste(part if stored == made else part.convert(made), (0, first))
        if image is None:
            raise ValueError("a TIFF of no rows")
        if self._alpha == (3, 0) and not image.getchannel("A").getbbox():
            return image.convert("RGB")  # nobody said that it is alpha, and so nothing would show
        return image

    def _modes(self) -> tuple[str, str]:
        """Pillow's modes of the bytes made here, and of the picture."""
        photometric = self._layout.photometric
        if photometric in {_CMYK, _CIELAB, _ICCLAB}:
            mode = "CMYK" if photometric == _CMYK else "LAB"
            return mode, mode
        mode = "L" if photometric in {_WHITE_IS_ZERO, _BLACK_IS_ZERO} else "RGB"
        if not self._alpha:
            return mode, mode
        associated = self._alpha[1] == _ASSOCIATED
        return mode + ("a" if associated else "A"), mode + "A"

    def _slices(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Rows of the picture: the number of the first, and n x width x wanted samples.

        Raises:
            TimeoutError: the thread's processor time is spent.

        """
        layout = self._layout
        block_bytes = layout.row_bytes * layout.down // layout.subsampling[1]
        step = max(1, _BAND_BYTES // max(1, block_bytes * layout.columns * len(self._planes)))
        for first in range(0, layout.rows, step):
            bands = [each.rows(first, min(first + step, layout.rows)) for each in self._planes]
            for top, samples in self._of_band(bands):
                if time.thread_time() > self._end:
                    raise TimeoutError
                row = first * layout.down + top
                if row < layout.height:  # the last tiles may go on below it
                    seen = samples[: layout.height - row, : layout.width]
                    yield row, self._of_interest(seen)

    def _of_interest(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Leave out extra samples."""
        is_all = len(self._wanted) == samples.shape[2]
        return samples if is_all else samples[:, :, self._wanted]

    def _of_band(
        self, bands: list[tuple[int, Callable[[int, int], NDArray[Any]]]]
    ) -> Iterator[tuple[int, NDArray[Any]]]:
        layout, (rows, _) = self._layout, bands[0]
        few = max(1, _SLICE_SAMPLES // (layout.columns * layout.across * layout.in_block))
        step = few if layout.columns == 1 else rows
        for top in range(0, rows, step):
            end = min(top + step, rows)
            samples = [self._side_by_side(of_rows(top, end)) for _, of_rows in bands]
            joined = samples[0] if len(samples) == 1 else np.concatenate(samples, axis=2)
            for first in range(0, len(joined), few):
                yield top * layout.subsampling[1] + first, joined[first : first + few]

    def _side_by_side(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Put tiles, which come below each other, in their places."""
        columns, down = self._layout.columns, self._layout.down
        if columns == 1:
            return samples
        _, across, in_block = samples.shape
        tiles = samples.reshape(-1, columns, down, across, in_block)
        return tiles.transpose(0, 2, 1, 3, 4).reshape(-1, columns * across, in_block)

    def _conversion(self) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
        """What makes bytes of samples."""
        layout = self._layout
        if layout.photometric == _PALETTE:
            return self._of_palette()
        if layout.photometric in {_CIELAB, _ICCLAB}:
            return self._of_cielab
        if layout.photometric == _YCBCR and layout.compression != _JPEG:
            return self._of_ycbcr()
        if layout.is_tabled:
            return self._of_levels()
        return self._of_range()

    def _of_levels(self) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
        """Scale unsigned levels by their white point."""
        if self._layout.bits == _BYTE and self._layout.photometric != _WHITE_IS_ZERO:
            return lambda samples: samples
        table = _bytes_of_levels(self._layout.bits)
        return lambda samples: self._inverted(table[samples])

    def _inverted(self, levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn grey, not alpha, where white is stored as zero."""
        if self._layout.photometric == _WHITE_IS_ZERO:
            levels[:, :, 0] = 255 - levels[:, :, 0]
        return levels

    def _of_range(self) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
        """Scale levels that have no white point, from the usual range or from their own."""
        channels = self._layout.channels
        black, white = self._range()
        usual = _usual_white(self._layout, alpha=True)

        def convert(samples: NDArray[Any]) -> NDArray[np.uint8]:
            colour = _scaled(samples[:, :, :channels], black, white)
            alpha = _scaled(samples[:, :, channels:], 0.0, usual)
            return self._inverted(np.concatenate([colour, alpha], axis=2))

        return convert

    def _range(self) -> tuple[float, float]:
        """What is black and what is white. Everything is unpacked once more for that."""
        low, high = np.inf, -np.inf
        for _, samples in self._slices():
            levels = samples[:, :, : self._layout.channels].astype(np.float64)
            finite = levels[np.isfinite(levels)]
            low, high = float(finite.min(initial=low)), float(finite.max(initial=high))
        usual = _usual_white(self._layout)
        return (0.0, usual) if low >= 0 and high <= usual else (low, high)

    def _of_palette(self) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
        colours: NDArray[Any] = self._directory.numbers(Tag.COLOURS).reshape(3, -1).T
        if len(colours) < 2**self._layout.bits:
            raise ValueError("a TIFF whose palette is too short")
        # Some programs write bytes, and libtiff reads them so; others multiply by 256, not 257.
        is_of_bytes = colours.max() <= 255  # noqa: PLR2004
        table = (colours if is_of_bytes else colours >> 8).astype(np.uint8)
        levels = _bytes_of_levels(self._layout.bits)
        return lambda samples: np.concatenate(
            [table[samples[:, :, 0]], levels[samples[:, :, 1:]]], axis=2
        )

    def _of_cielab(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """Lightness is unsigned, a* and b* are signed; in ICC's kind they have an offset."""
        shift = self._layout.bits - _BYTE
        levels = (samples >> shift).astype(np.uint8)
        levels[:, :, 0] = _bytes_of_levels(self._layout.bits)[samples[:, :, 0]]
        if self._layout.photometric == _ICCLAB:
            levels[:, :, 1:] ^= 0x80
        return levels

    def _of_ycbcr(self) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
        """By ITU-R BT.601 and whole bytes unless the tags say otherwise."""
        red, green, blue = self._rationals(Tag.COEFFICIENTS, [0.299, 0.587, 0.114])
        zeros, ones = np.reshape(
            self._rationals(Tag.REFERENCE, [0, 255, 128, 255, 128, 255]), (3, 2)
        ).T

        def convert(samples: NDArray[Any]) -> NDArray[np.uint8]:
            y, cb, cr = np.moveaxis((samples - zeros) * [255, 127, 127] / (ones - zeros), 2, 0)
            r, b = y + cr * (2 - 2 * red), y + cb * (2 - 2 * blue)
            rgb = np.stack([r, (y - red * r - blue * b) / green, b], axis=2)
            return np.asarray(rgb.round().clip(0, 255), np.uint8)

        return convert

    def _rationals(self, tag: int, default: list[float]) -> list[float]:
        numbers = self._directory.numbers(tag).astype(float)
        if len(numbers) != 2 * len(default):
            return default
        return list(numbers[::2] / numbers[1::2])


def _bytes_of_levels(bits: int) -> NDArray[np.uint8]:
    """The 8-bit level of each unsigned level."""
    white = 2**bits - 1
    levels = np.arange(white + 1, dtype=np.uint32)
    return np.asarray((levels * 255 + white // 2) // white, np.uint8)


def _usual_white(layout: _Layout, *, alpha: bool = False) -> float:
    """The level of white where no level is above it; for alpha, that of what is opaque."""
    if layout.kind == _FLOAT:
        return 1.0
    most = 2 ** (layout.bits - (layout.kind == _SIGNED)) - 1
    return float(most if alpha else min(most, 65535))


def _scaled(levels: NDArray[Any], black: float, white: float) -> NDArray[np.uint8]:
    with np.errstate(over="ignore", invalid="ignore"):  # floats may be anything, inf and NaN too
        grey = (levels.astype(np.float64) - black) * (255 / ((white - black) or 1))
        return np.asarray(np.nan_to_num(grey.clip(0, 255)).round(), np.uint8)
