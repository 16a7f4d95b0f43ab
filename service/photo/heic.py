"""HEIC photographs, decoded by libheif, which the extra ``heic`` brings.

Booth decodes them in processes of their own alone (see ``service.photo.header``), and only there is
the library loaded.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["open_heic"]


def open_heic(file: BytesIO) -> Image.Image:
    """Read the boxes; no pixel yet. The picture is the one to be shown, cropped and turned.

    Args:
        file: in memory.

    Raises:
        SyntaxError: it is damaged, or no HEVC.

    """
    from pillow_heif import HeifImageFile, options

    options.DECODE_THREADS = 1
    # A smaller picture in the file need not be of the same.
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    image: Image.Image = HeifImageFile(file)
    return image
