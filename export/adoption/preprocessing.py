"""How a photograph becomes the network's input: by whoever knows it, or as is usual.

What is only usual is said as such, for nothing can prove it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from export.adoption.facts import Facts, Told
from export.adoption.original import AdoptionError
from models.card import Input
from models.errors import validation_as
from models.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from export.adoption.facts import Rgb
    from export.adoption.signature import PhotoInput

__all__ = ["ASSUMED", "GREY", "Preprocessing", "usual"]

ASSUMED = "assumed"
"""Who tells what nobody knows."""

_IMAGENET = SOURCES["resnet50"].normalisation
_USUAL_SIZE = 224
GREY = np.array([19595, 38470, 7471], np.float32)  # Pillow's, and ITU-R BT.601's, in 65,536ths


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """From a photograph to what the network takes.

    Attributes:
        photo: The network's input.
        input: How the square is cut out.
        mean: Of R, G and B, on pixels of 0..255.
        std: Likewise.
        bgr: Whether blue comes first.

    """

    photo: PhotoInput
    input: Input
    mean: Rgb
    std: Rgb
    bgr: bool

    @classmethod
    def of(cls, photo: PhotoInput, facts: Facts, by: Mapping[str, str]) -> Preprocessing:
        """Take the facts, all of which are there but perhaps the side before the crop.

        Raises:
            AdoptionError: They contradict the network or each other.

        """
        size = _size(photo, facts.size, by.get("size", ""))
        if facts.interpolation not in ("bilinear", "bicubic"):
            raise AdoptionError(
                f"Photographs were resized by {facts.interpolation!r} ({by['interpolation']}), "
                "which Booth does not have; give --interpolation bilinear or bicubic, whichever "
                "is nearer."
            )
        resize = facts.resize or (size if facts.squash else round(size * 8 / 7))
        with validation_as(AdoptionError):
            square = Input(
                size=size,
                resize=resize,
                keep_aspect=not facts.squash,
                interpolation=facts.interpolation,
            )
        mean, std = facts.mean or (0.0,) * 3, facts.std or (1.0,) * 3
        if not all(np.isfinite([*mean, *std])) or min(std) <= 0:
            raise AdoptionError(f"The standard deviation can't be {std}: it has to be positive.")
        if photo.takes_bytes and (any(mean) or set(std) != {1.0}):
            raise AdoptionError(
                f"The input {photo.name!r} is {photo.kind}, so that pixels go in as they are; "
                "leave out --mean, --std and --range."
            )
        return cls(photo, square, mean, std, bool(facts.bgr))

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.generic]:
        """The network's input, by numpy alone: what the graph is proven against.

        Args:
            photos: N x S x S x 3, RGB.

        """
        wide = np.dtype("float64" if self.photo.kind == "float64" else "float32")
        pixels: Any = photos.astype(wide)
        if self.photo.channels == 1:
            pixels = np.floor((pixels @ GREY.astype(wide) + 32768) / 65536)[..., None]
        mean, std = (np.array(v[: self.photo.channels], wide) for v in (self.mean, self.std))
        pixels = (pixels - mean) / std
        if self.bgr:
            pixels = pixels[..., ::-1]
        if self.photo.layout == "nchw":
            pixels = pixels.transpose(0, 3, 1, 2)
        if self.photo.flat:
            pixels = pixels.reshape(len(photos), -1)
        return np.ascontiguousarray(pixels.astype(self.photo.kind))


def usual(photo: PhotoInput) -> Told:
    """What most networks of this kind were trained with.

    PyTorch's, channels first, as torchvision's: a crop of 7/8, and ImageNet's mean and deviation.
    Keras', channels last: the photograph squashed, and pixels of -1..1. Grey ones: 0..1.
    """
    torch = photo.layout == "nchw"
    mean, std = (_IMAGENET.mean, _IMAGENET.std) if torch else ((127.5,) * 3, (127.5,) * 3)
    if photo.channels == 1 or photo.flat:
        mean, std = (0.0,) * 3, (255.0,) * 3
    facts = Facts(
        size=photo.size or _USUAL_SIZE,
        squash=not torch or photo.flat or photo.channels == 1,
        interpolation="bilinear",
        mean=mean,
        std=std,
        bgr=False,
    )
    return Told(ASSUMED, facts)


def _size(photo: PhotoInput, told: int | None, by: str) -> int:
    if told and photo.size and told != photo.size:
        raise AdoptionError(
            f"The input {photo.name!r} is {photo.size} pixels wide and high, but {told} by {by}; "
            f"leave --size out, or give --size {photo.size} and --resize."
        )
    return photo.size or told or _USUAL_SIZE
