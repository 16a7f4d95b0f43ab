"""Photographs whose marks of how they were stored are made alike, or taken off.

Collections differ in how they keep photographs: one as small JPEG files, another as large ones
that are made small here. A network that learns from several finds those marks, which show nothing,
and tells a category that only one collection has by them (Torralba and Efros 2011, "Unbiased Look
at Dataset Bias"; Geirhos et al. 2020, "Shortcut Learning in Deep Neural Networks").
"""

from __future__ import annotations

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

__all__ = ["coarsened", "recompressed"]

_QUALITY = 75  # what most writers of JPEG take when they are not told
_COARSEST, _FINEST = 0.5, 0.95
_LEVELS = 255


def recompressed(photos: Tensor, share: float) -> Tensor:
    """Store some photographs as JPEG of quality 75, and read them again.

    To one that was stored so at this size before, next to nothing happens.

    Args:
        photos: N x S x S x 3, uint8, on the CPU.
        share: Of the photographs to be stored, 0..1.

    Returns:
        N x S x S x 3, uint8; the tensor itself where none is stored.

    """
    chosen = _chosen(len(photos), share)
    if not len(chosen):
        return photos
    result = photos.clone()
    for place in chosen:
        result[place] = torch.from_numpy(_stored(photos[place].numpy()))
    return result


def coarsened(photos: Tensor, share: float) -> Tensor:
    """Reduce some photographs to 50 to 95 % of their side, and enlarge them again.

    Args:
        photos: N x S x S x 3, uint8.
        share: Of the photographs to be reduced, 0..1.

    Returns:
        N x S x S x 3, uint8; the tensor itself where none is reduced.

    """
    chosen = _chosen(len(photos), share)
    if not len(chosen):
        return photos
    result = photos.clone()
    reductions = torch.empty(len(chosen)).uniform_(_COARSEST, _FINEST)
    for place, reduction in zip(chosen, reductions, strict=True):
        result[place] = _reduced(photos[place], reduction.item())
    return result


def _chosen(count: int, share: float) -> Tensor:
    """Places of a random part of so many; no random number is drawn for none."""
    chosen = torch.rand(count) < share if share else torch.zeros(count, dtype=torch.bool)
    return chosen.nonzero()[:, 0]


def _stored(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=_QUALITY)
    return np.array(Image.open(file))


def _reduced(photo: Tensor, share: float) -> Tensor:
    """A photograph S x S x 3 by way of a smaller one."""
    x = photo.permute(2, 0, 1)[None].float()
    side = x.shape[-1]
    for step in (max(round(side * share), 1), side):
        x = functional.interpolate(x, (step, step), mode="bicubic", antialias=True)
    return x[0].round().clamp(0, _LEVELS).byte().permute(1, 2, 0)
