"""Resizing a box of an image to a square, antialiased, as Pillow and torchvision define it.

With cykooz_resizer, which the extra ``fast`` brings, in a fifth of Pillow's time.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

try:
    import cykooz_resizer as cykooz
except ModuleNotFoundError:
    cykooz = None

__all__ = ["Box", "Interpolation", "Region", "region_seen", "resample", "resample_whole"]

Box = tuple[float, float, float, float]
Region = tuple[int, int, int, int]
Interpolation = Literal["bilinear", "bicubic"]

# Pillow's resampling has no SIMD code. cykooz_resizer's takes a fifth of its time, but holds the
# interpreter's lock meanwhile: 2.5 ms for an image of this many pixels. Larger ones are rare, since
# a JPEG is decoded at a fraction of its size, and are left to Pillow, which lets others run.
_MOST_PIXELS = 1 << 21

# Beyond this many times the wanted size the filter's taps alone would take gigabytes, so the image
# is first averaged down to it. Only a squashed strip of over 2 * 64 * S pixels comes here: Pillow
# averages those; cykooz_resizer would make 1 x 2,000,000 pixels S x 2,000,000 before all else.
_REDUCING_GAP = 64.0

# How far the filters reach, in pixels of the larger scale.
_REACH = {"bilinear": 1, "bicubic": 2}

# Pillow's names, and cykooz_resizer's, of the same filters: Catmull and Rom's is bicubic at -0.5.
_PILLOW = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_CYKOOZ = {"bilinear": "bilinear", "bicubic": "catmull_rom"}


def region_seen(
    whole: tuple[int, int], side: int, box: Box, interpolation: Interpolation
) -> Region:
    """Find the pixels (left, top, right, bottom) of an image that resizing ``box`` looks at."""
    left, top, right, bottom = box
    across = _REACH[interpolation] * max(1.0, (right - left) / side) + 1
    down = _REACH[interpolation] * max(1.0, (bottom - top) / side) + 1
    return (
        max(0, floor(left - across)),
        max(0, floor(top - down)),
        min(whole[0], ceil(right + across)),
        min(whole[1], ceil(bottom + down)),
    )


def resample(
    image: Image.Image | NDArray[np.uint8],
    side: int,
    box: Box,
    interpolation: Interpolation,
    *,
    sideways: bool = False,
) -> NDArray[np.uint8]:
    """Resize ``box`` (left, top, right, bottom; fractions of a pixel count) to ``side`` x ``side``.

    Args:
        image: RGB: a loaded image, or H x W x 3. A loaded CMYK image stays CMYK.
        side: of the result, in pixels.
        box: what of the image is wanted, within its bounds.
        interpolation: the filter; widened when it makes smaller, so that nothing aliases.
        sideways: the image will be turned by a quarter: what is across now is seen as down.

    Returns:
        side x side x 3, or 4.

    """
    height, width = image.shape[:2] if isinstance(image, np.ndarray) else image.size[::-1]
    left, top, right, bottom = box
    is_strip = max(right - left, bottom - top) > 2 * _REDUCING_GAP * side
    is_ink = isinstance(image, Image.Image) and image.mode == "CMYK"
    if cykooz is None or is_strip or is_ink or width * height > _MOST_PIXELS:
        return _by_pillow(image, side, box, interpolation, sideways=sideways)
    pixels = np.asarray(image)
    if sideways:
        return _array(_resize(_image(pixels), side, side, box, interpolation))
    return _array(_across_then_down(pixels, side, box, interpolation))


def resample_whole(
    image: Image.Image, size: tuple[int, int], interpolation: Interpolation
) -> NDArray[np.uint8]:
    """Resize all of a loaded RGB image to ``size`` (width, height); H x W x 3."""
    return np.asarray(image.resize(size, _PILLOW[interpolation], reducing_gap=_REDUCING_GAP))


def _across_then_down(
    pixels: NDArray[np.uint8], side: int, box: Box, interpolation: Interpolation
) -> Any:
    """Resize in Pillow's order. One call goes down first, and rounds otherwise in between."""
    left, top, right, bottom = box
    reach = _REACH[interpolation] * max(1.0, (bottom - top) / side) + 1
    first, last = max(0, floor(top - reach)), min(len(pixels), ceil(bottom + reach))
    rows = _image(pixels[first:last])
    narrow = _resize(rows, side, last - first, (left, 0, right, last - first), interpolation)
    return _resize(narrow, side, side, (0, top - first, side, bottom - first), interpolation)


def _resize(image: Any, width: int, height: int, box: Box, interpolation: Interpolation) -> Any:
    left, top, right, bottom = box
    filter_ = cykooz.ResizeAlg.convolution(getattr(cykooz.FilterType, _CYKOOZ[interpolation]))
    crop = cykooz.CropBox(left, top, right - left, bottom - top)
    resized = cykooz.ImageData(width, height, cykooz.PixelType.U8x3)
    # One a call: a resizer keeps a buffer, which two threads must not share.
    cykooz.Resizer().resize(image, resized, cykooz.ResizeOptions(filter_, crop_box=crop))
    return resized


def _image(pixels: NDArray[np.uint8]) -> Any:
    height, width, _ = pixels.shape
    return cykooz.ImageData(width, height, cykooz.PixelType.U8x3, pixels.tobytes())


def _array(image: Any) -> NDArray[np.uint8]:
    pixels = np.frombuffer(image.get_buffer(), np.uint8)
    return pixels.reshape(image.height, image.width, 3)


def _by_pillow(
    image: Image.Image | NDArray[np.uint8],
    side: int,
    box: Box,
    interpolation: Interpolation,
    *,
    sideways: bool,
) -> NDArray[np.uint8]:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    filter_ = _PILLOW[interpolation]
    if sideways:
        image, box = _down_first(image, side, box, interpolation)
    return np.asarray(image.resize((side, side), filter_, box=box, reducing_gap=_REDUCING_GAP))


def _down_first(
    image: Image.Image, side: int, box: Box, interpolation: Interpolation
) -> tuple[Image.Image, Box]:
    """Resize the box's height alone, and where it then lies. Pillow goes across first, and rounds
    in between.
    """
    left, top, right, bottom = box
    reach = _REACH[interpolation] * max(1.0, (right - left) / side) + 1
    first, last = max(0, floor(left - reach)), min(image.width, ceil(right + reach))
    columns = (first, top, last, bottom)
    low = image.resize((last - first, side), _PILLOW[interpolation], box=columns)
    return low, (left - first, 0, right - first, side)
