"""Any colour mode that Pillow decodes to, made RGB as an eye would see it on white paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.photo.profile import Conversion
    from service.photo.resample import Region

    _Step = Callable[[Image.Image], Image.Image]

__all__ = ["is_rgb", "to_rgb"]

# Of what is converted at a time: some 30 bytes a pixel are held meanwhile.
_BAND_PIXELS = 1 << 18


def is_rgb(image: Image.Image) -> bool:
    """Tell whether a decoded image is RGB as it is, without transparency."""
    return image.mode == "RGB" and not image.has_transparency_data


def to_rgb(image: Image.Image, region: Region, conversion: Conversion | None = None) -> Image.Image:
    """Make a part of a decoded image RGB, 8 bits a channel.

    * Transparency, in any of its forms, goes over white.
    * 16-bit grey is scaled by its white point, not clipped.
    * CMYK is multiplied out, (1 - ink) * (1 - black).

    Args:
        image: in any mode.
        region: left, top, right, bottom.
        conversion: of its colours to sRGB.

    """
    convert = _step(image, conversion)
    left, top, right, bottom = region
    rgb = Image.new("RGB", (right - left, bottom - top))
    for first, last in _bands(region):
        rgb.paste(convert(image.crop((left, first, right, last))), (0, first - top))
    return rgb


def _bands(region: Region) -> Iterator[tuple[int, int]]:
    """First row of each band, and the one after its last."""
    left, top, right, bottom = region
    rows = max(1, _BAND_PIXELS // (right - left))
    for first in range(top, bottom, rows):
        yield first, min(first + rows, bottom)


def _step(image: Image.Image, conversion: Conversion | None) -> _Step:
    """What makes RGB of any part of the image."""
    to_srgb: _Step = conversion.apply if conversion else lambda part: part
    if conversion and image.mode == conversion.mode == "CMYK":
        return to_srgb
    if image.mode.startswith("I;16"):
        return lambda part: to_srgb(_eight_bit(part).convert("RGB"))
    if image.has_transparency_data:
        return lambda part: _over_white(part, to_srgb)
    return lambda part: to_srgb(part.convert("RGB"))


def _over_white(image: Image.Image, to_srgb: _Step) -> Image.Image:
    if image.mode == "La":  # Pillow converts premultiplied grey to nothing but LA
        image = image.convert("LA")
    image = image.convert("RGBA")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(to_srgb(image.convert("RGB")), mask=image.getchannel("A"))
    return paper


def _eight_bit(image: Image.Image) -> Image.Image:
    levels = np.asarray(image)
    grey = (levels.astype(np.float32) * np.float32(255 / 65535)).round()
    if (transparent := image.info.get("transparency")) is not None:
        grey[levels == transparent] = 255
    return Image.fromarray(grey.astype(np.uint8))
