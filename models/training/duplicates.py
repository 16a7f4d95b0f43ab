"""Photographs that look alike: no training photograph may repeat one that judges the network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["find_duplicates"]

_SIDE = 16
_CORRELATION = 0.98
_CHUNK = 2000

_Floats = NDArray[np.float32]


def find_duplicates(photos: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which photographs show the same as one of the others.

    Two do when their grey thumbnails of 16 x 16 pixels correlate by more than 0.98.

    Args:
        photos: N x S x S x 3.
        others: M x S x S x 3.

    Returns:
        N truth values.

    """
    known = _thumbnails(others).T
    found = [
        (_thumbnails(photos[start : start + _CHUNK]) @ known).max(1) > _CORRELATION
        for start in range(0, len(photos), _CHUNK)
    ]
    return np.concatenate(found)


def _thumbnails(photos: NDArray[np.uint8]) -> _Floats:
    """Centred and of unit length, so that the product of two is their correlation: N x 256."""
    values = np.stack([_grey(photo) for photo in photos])
    values -= values.mean(1, keepdims=True)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    return values


def _grey(photo: NDArray[np.uint8]) -> _Floats:
    image = Image.fromarray(photo).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(image, np.float32).ravel()
