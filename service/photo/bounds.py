"""What decoding one file may cost.

A pixel limit alone does not bound it: a few kilobytes can hold a hundred thousand progressive
scans of the same pixels, one TIFF tile far larger than the picture, or chunks without end.
Pillow follows them all, for minutes or into gigabytes.
"""

from __future__ import annotations

import time
from io import BytesIO
from typing import TYPE_CHECKING

from booth_client.errors import BadImage, TooManyPixels

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "Allowance",
    "BoundedFile",
    "check_layout",
    "deadline",
    "too_costly",
    "too_many",
]

# Several times what 64 million pixels of an honest progressive JPEG need.
_CPU_SECONDS = 5.0

# libjpeg's own progression has 10 scans.
_MAX_FULL_SIZE_SCANS = 30

# Asking for a thread's processor time costs more than a step, and an honest photo has some forty.
_STEPS_PER_CHECK = 16

_SCAN = b"\xff\xda\0"  # a JPEG's start of scan, whose header is under 256 bytes
# What a scan counts as at the least, in pixels: each one is looked at, however small the picture.
_LEAST_SCANNED = 1 << 20


class Allowance:
    """Of the thread's processor time, which one file may take."""

    def __init__(self) -> None:
        self._end = deadline()
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


def deadline() -> float:
    """Until when this thread may work on a file, by its own processor time."""
    return time.thread_time() + _CPU_SECONDS


def too_many(max_pixels: int) -> TooManyPixels:
    """Say that a picture is refused for its size."""
    return TooManyPixels(
        f"The photograph has more than {max_pixels:,} pixels, the most that are decoded here: "
        "scale it down first."
    )


def too_costly(name: str) -> BadImage:
    """Say that the file is refused for its layout, not for its size."""
    return BadImage(
        f"The {name} file is laid out so that decoding it would take far more than its size "
        "warrants: save it anew."
    )


def check_layout(image: Image.Image, data: bytes, max_pixels: int) -> None:
    """Estimate an opened file's cost, in pixels written, before it is decoded.

    Args:
        image: the file as Pillow opened it.
        data: the file, a JPEG's without what follows its end.
        max_pixels: the most that may be written.

    Raises:
        BadImage: it is out of proportion to ``max_pixels``.

    """
    if _pixels_written(image, data, min(max_pixels, _LEAST_SCANNED)) > max_pixels:
        raise too_costly(image.format or "image")


def _pixels_written(image: Image.Image, data: bytes, least: int) -> int:
    width, height = image.size
    if image.format in {"JPEG", "MPO"}:
        # Not `findall`: of a file that is nothing else it makes objects of thirty times its size.
        return max(width * height, least) * data.count(_SCAN) // _MAX_FULL_SIZE_SCANS
    return width * height
