"""Ordinary JPEG files, decoded without Pillow's detour over four bytes a pixel.

That takes simplejpeg, which the extra ``fast`` brings; without it Pillow decodes them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    import simplejpeg
except ModuleNotFoundError:
    simplejpeg = None

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

__all__ = ["rgb_pixels"]

# Pillow's reads can be stopped once a file has cost too much, this decoder can't.
_MOST_PIXELS = 64_000_000


def rgb_pixels(image: Image.Image, data: bytes, scale: int) -> NDArray[np.uint8] | None:
    """The pixels (H x W x 3) that Pillow would give: the decoder beneath is the same.

    Args:
        image: the file as Pillow opened it; no pixel has been read.
        data: the file.
        scale: by what width and height are divided: 1, 2, 4 or 8; of a lossless file always 1.

    Returns:
        None for a file that is damaged or out of the ordinary: progressive, of several pictures,
        grey or CMYK. Those are Pillow's, and all are where simplejpeg is missing.

    """
    width, height = image.size
    if simplejpeg is None or not _is_ordinary(image) or width * height * scale**2 > _MOST_PIXELS:
        return None
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGB", min_height=height, min_width=width, min_factor=scale
        )
    except ValueError:
        return None
    return pixels if pixels.shape == (height, width, 3) else None


def _is_ordinary(image: Image.Image) -> bool:
    return image.format == "JPEG" and image.mode == "RGB" and "progressive" not in image.info
