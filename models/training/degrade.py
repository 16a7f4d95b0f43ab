"""Photographs whose marks of how they were stored are made alike, or taken off.

Collections differ in how they keep photographs: one as small JPEG files, another as large ones
that are made small here. A network that learns from several finds those marks, which show nothing,
and tells a category that only one collection has by them (Torralba and Efros 2011, "Unbiased Look
at Dataset Bias"; Geirhos et al. 2020, "Shortcut Learning in Deep Neural Networks").
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
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
    return _changed(photos, share, _stored)


def coarsened(photos: Tensor, share: float) -> Tensor:
    """Reduce some photographs to 50 to 95 % of their side, and enlarge them again.

    Args:
        photos: N x S x S x 3, uint8.
        share: Of the photographs to be reduced, 0..1.

    Returns:
        N x S x S x 3, uint8; the tensor itself where none is reduced.

    """
    return _changed(photos, share, _reduced)


def _changed(photos: Tensor, share: float, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change a random part of the photographs; no random number is drawn for none."""
    chosen = (torch.rand(len(photos)) < share).nonzero()[:, 0].tolist() if share else []
    if not chosen:
        return photos
    result = photos.clone()
    for place in chosen:
        result[place] = change(photos[place])
    return result


def _stored(photo: Tensor) -> Tensor:
    """A photograph S x S x 3 by way of a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(photo.numpy()).save(file, "JPEG", quality=_QUALITY)
    return torch.from_numpy(np.array(Image.open(file)))


def _reduced(photo: Tensor) -> Tensor:
    """A photograph S x S x 3 by way of a smaller one."""
    x = photo.permute(2, 0, 1)[None].float()
    side = x.shape[-1]
    share = torch.empty(1).uniform_(_COARSEST, _FINEST).item()
    for step in (max(round(side * share), 1), side):
        x = functional.interpolate(x, (step, step), mode="bicubic", antialias=True)
    return x[0].round().clamp(0, _LEVELS).byte().permute(1, 2, 0)
