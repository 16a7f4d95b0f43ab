"""What decoding one file may cost.

A pixel limit alone does not bound it: a few kilobytes can hold a hundred thousand progressive
scans of the same pixels, one TIFF tile far larger than the picture, or chunks without end.
Pillow follows them all, for minutes or into gigabytes.
"""

from __future__ import annotations

import math
import re
import struct
import time
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import ExifTags
from PIL.TiffImagePlugin import TiffImageFile

from booth_client.errors import BadImage, UnsupportedFormat

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "SCAN",
    "Allowance",
    "BoundedFile",
    "check_compression",
    "check_layout",
    "check_strips",
    "too_costly",
]

# Several times what 50 million pixels of an honest progressive JPEG need.
_CPU_SECONDS = 5.0

# libjpeg's own progression has 10 scans; a thumbnail or a second picture bring theirs.
_MAX_FULL_SIZESCANS = 30

# Asking for a thread's processor time costs more than a step, and an honest photo has some forty.
_STEPS_PER_CHECK = 16

SCAN = re.compile(rb"\xff\xda\0")  # a JPEG's start of scan, whose header is under 256 bytes

_MAX_STRIPS = 100_000

_BIGTIFF = 43  # where the version of a classic TIFF is 42
# Every TIFF that cameras, scanners and editors write of a colour photograph. libtiff has others, of
# which fax is the worst: a damaged one costs a message a row.
_TIFF_COMPRESSIONS = {
    1: "none", 5: "LZW", 7: "JPEG", 8: "Deflate", 32946: "Deflate", 32773: "PackBits",
}  # fmt: skip

_STRIP_TAGS = {ExifTags.Base.StripOffsets, ExifTags.Base.TileOffsets}


class Allowance:
    """Of the thread's processor time, which one file may take."""

    def __init__(self) -> None:
        self._end = time.thread_time() + _CPU_SECONDS
        self._checks = 0

    def check(self) -> None:
        """Count one step of many; every few steps look at the clock.

        Raises:
            TimeoutError: the thread's processor time is spent.

        """
        self._checks += 1
        if self._checks % _STEPS_PER_CHECK == 0 and time.thread_time() > self._end:
            raise TimeoutError


class BoundedFile(BytesIO):
    """A file in memory that can't be read any more once the thread has worked on it for seconds."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._allowance = Allowance()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as from any file.

        Raises:
            TimeoutError: the thread's processor time is spent.

        """
        self._allowance.check()
        return super().read(size)


def too_costly(name: str) -> BadImage:
    """Say that the file is refused for its layout, not for its size."""
    return BadImage(
        f"The {name} file is laid out so that decoding it would take far more than its size "
        "warrants: save it anew."
    )


def check_strips(data: bytes) -> None:
    """Count the strips or tiles of a TIFF's first picture, each of which costs Pillow an object.

    Raises:
        BadImage: there are too many.

    """
    if any(count > _MAX_STRIPS for tag, count in _first_directory(data) if tag in _STRIP_TAGS):
        raise too_costly("TIFF")


def check_compression(image: Image.Image) -> None:
    """Refuse a TIFF whose compression is not among the usual ones.

    Raises:
        UnsupportedFormat: it is not.

    """
    if isinstance(image, TiffImageFile):
        number = image.tag_v2.get(ExifTags.Base.Compression, 1)
        if number not in _TIFF_COMPRESSIONS:
            usual = ", ".join(dict.fromkeys(_TIFF_COMPRESSIONS.values()))
            raise UnsupportedFormat(
                f"The TIFF's compression is not decoded here: save it anew with one of {usual}."
            )


def check_layout(image: Image.Image, data: bytes, max_pixels: int) -> None:
    """Estimate an opened file's cost, in pixels written, before it is decoded.

    Raises:
        BadImage: it is out of proportion to ``max_pixels``.

    """
    if _pixels_written(image, data) > max_pixels:
        raise too_costly(image.format or "image")


def _pixels_written(image: Image.Image, data: bytes) -> int:
    width, height = image.size
    if image.format in {"JPEG", "MPO"}:
        return width * height * len(SCAN.findall(data)) // _MAX_FULL_SIZESCANS
    if image.format == "BMP" and image.tile[0].codec_name == "bmp_rle":  # type: ignore[attr-defined]
        return 255 * width  # one code skips as many rows, and Pillow writes them out
    if isinstance(image, TiffImageFile) and image.tag_v2.get(ExifTags.Base.TileWidth):
        return _padded(image)
    return width * height


def _padded(image: TiffImageFile) -> int:
    """Pixels of all tiles together; one more in each direction costs nothing worth refusing."""
    tags = image.tag_v2
    across, down = int(tags[ExifTags.Base.TileWidth]), int(tags[ExifTags.Base.TileLength])
    columns, rows = math.ceil(image.width / across), math.ceil(image.height / down)
    return max(columns - 1, 1) * across * max(rows - 1, 1) * down


def _first_directory(data: bytes) -> list[tuple[int, int]]:
    """Tag and count of each entry of a TIFF's first directory (TIFF 6.0, section 2; BigTIFF)."""
    order = "<" if data[:2] == b"II" else ">"
    start, number, entry = ("8xQ", "Q", "HHQ8x") if _BIGTIFF in data[2:4] else ("4xI", "H", "HHI4x")
    try:
        (offset,) = struct.unpack_from(order + start, data)
        (entries,) = struct.unpack_from(order + number, data, offset)
        offset += struct.calcsize(order + number)
        table = data[offset : offset + entries * struct.calcsize(order + entry)]
        return [(tag, count) for tag, _, count in struct.iter_unpack(order + entry, table)]
    except struct.error:
        return []  # Pillow finds out what is wrong with it
