"""AVIF pictures, decoded by libavif, which is in Pillow's wheels."""

from __future__ import annotations

import struct
from io import BytesIO

from PIL import AvifImagePlugin, Image

from service.photo.boxes import read_picture

__all__ = ["cropped", "open_avif"]

# One thread a photograph, as for all; libavif would start one a core.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def open_avif(file: BytesIO) -> Image.Image:
    """Read the boxes; no pixel yet.

    Pillow's own look at the first brand, which comes before that, is narrower than browsers'.

    Args:
        file: in memory.

    Raises:
        SyntaxError: it is damaged.

    """
    return AvifImagePlugin.AvifImageFile(file)


def cropped(image: Image.Image, data: bytes) -> Image.Image:
    """Crop a decoded picture as its file says, which libavif leaves to others.

    Args:
        image: with its pixels.
        data: the file.

    """
    try:
        picture = read_picture(data)
    except (IndexError, struct.error):
        return image
    if picture and picture.aperture and picture.size == image.size:
        return image.crop((0, 0, *picture.aperture))
    return image
