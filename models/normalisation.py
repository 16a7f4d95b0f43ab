"""How a network wants its pixels: (pixel - mean) / std, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Normalisation"]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """(pixel - mean) / std for each of R, G, B, on pixels of 0..255."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def is_quantisation(self) -> bool:
        """Whether uint8 pixels are the normalised ones already: one scale, one whole zero point."""
        zero = self.mean[0]
        return len(set(self.mean)) == len(set(self.std)) == 1 and zero == int(zero)

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Photographs N x S x S x 3 of 0..255 -> normalised pixels N x 3 x S x S."""
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return np.ascontiguousarray(((photos - mean) / std).transpose(0, 3, 1, 2))
