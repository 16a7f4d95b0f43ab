"""Any colour mode that Pillow decodes to, made RGB as an eye would see it on white paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["to_rgb"]


def to_rgb(image: Image.Image) -> Image.Image:
    """Make a decoded image RGB, 8 bits a channel, of the same size.

    * Transparency, in any of its forms, goes over white.
    * 16-bit grey is scaled by its white point (65535; 4095 at 12 bits), not clipped.
    * 32-bit integers and floats have no white point: those within 0..65535 and 0..1 are scaled
      from these ranges, others from their own darkest and lightest value.
    * CMYK is multiplied out, (1 - ink) * (1 - black); no colour profile is applied, as torchvision
      applies none.
    """
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bit(image)
    if image.has_transparency_data:
        return _over_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode == "La":  # Pillow converts premultiplied grey to nothing but LA
        image = image.convert("LA")
    image = image.convert("RGBA")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _eight_bit(image: Image.Image) -> Image.Image:
    levels = np.asarray(image)
    black, white = _range(image, levels)
    with np.errstate(over="ignore", invalid="ignore"):  # floats may hold anything, inf and NaN too
        grey = (levels.astype(np.float32) - black) * np.float32(255 / ((white - black) or 1))
        grey = np.nan_to_num(grey.clip(0, 255)).round()
    if (transparent := image.info.get("transparency")) is not None:
        grey[levels == transparent] = 255
    return Image.fromarray(grey.astype(np.uint8))


def _range(image: Image.Image, levels: NDArray[Any]) -> tuple[float, float]:
    """What is black and what is white; the first is the larger where white is stored as zero."""
    tags = getattr(image, "tag_v2", {})
    if image.mode.startswith("I;16"):
        black, white = 0.0, 2.0 ** tags.get(ExifTags.Base.BitsPerSample, (16,))[0] - 1
    else:
        black, white = _own_range(levels, usual=1.0 if image.mode == "F" else 65535.0)
    inverted = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
    return (white, black) if inverted else (black, white)


def _own_range(levels: NDArray[Any], usual: float) -> tuple[float, float]:
    finite = levels[np.isfinite(levels)]
    low, high = float(finite.min(initial=usual)), float(finite.max(initial=0))
    return (0.0, usual) if low >= 0 and high <= usual else (low, high)
