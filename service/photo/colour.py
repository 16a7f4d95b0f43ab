"""Any colour mode that Pillow decodes to, made RGB as an eye would see it on white paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

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
    * 16-bit grey is scaled by its white point (65535; 4095 at 12 bits), not clipped.
    * 32-bit integers and floats have no white point: those within 0..65535 and 0..1 are scaled
      from these ranges, others from the image's own darkest and lightest value.
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
    if image.mode.startswith("I") or image.mode == "F":
        black, white = _range(image)
        return lambda part: to_srgb(_eight_bit(part, black, white).convert("RGB"))
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


def _eight_bit(image: Image.Image, black: float, white: float) -> Image.Image:
    levels = np.asarray(image)
    with np.errstate(over="ignore", invalid="ignore"):  # floats may hold anything, inf and NaN too
        grey = (levels.astype(np.float32) - black) * np.float32(255 / ((white - black) or 1))
        grey = np.nan_to_num(grey.clip(0, 255)).round()
    if (transparent := image.info.get("transparency")) is not None:
        grey[levels == transparent] = 255
    return Image.fromarray(grey.astype(np.uint8))


def _range(image: Image.Image) -> tuple[float, float]:
    """What is black and what is white; the first is the larger where white is stored as zero."""
    tags = getattr(image, "tag_v2", {})
    if image.mode.startswith("I;16"):
        black, white = 0.0, 2.0 ** tags.get(ExifTags.Base.BitsPerSample, (16,))[0] - 1
    else:
        black, white = _own_range(image, usual=1.0 if image.mode == "F" else 65535.0)
    inverted = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
    return (white, black) if inverted else (black, white)


def _own_range(image: Image.Image, usual: float) -> tuple[float, float]:
    low, high = usual, 0.0
    for first, last in _bands((0, 0, *image.size)):
        levels: NDArray[Any] = np.asarray(image.crop((0, first, image.width, last)))
        finite = levels[np.isfinite(levels)]
        low, high = float(finite.min(initial=low)), float(finite.max(initial=high))
    return (0.0, usual) if low >= 0 and high <= usual else (low, high)
