"""Weights in 8-bit integers with which no CPU's arithmetic overflows.

x86 CPUs without VNNI multiply unsigned bytes by signed ones and add the products of two neighbours
in 16 bits (the instruction PMADDUBSW); ONNX Runtime's and OpenVINO's kernels both do. Neighbours
are two channels at one place of a kernel. Their sum has to stay within 32,767 whatever the
activations are; so two neighbours' weights of one sign may come to 128 at the most (255 x 128 =
32,640). Only rows with such a pair are rounded more coarsely than to 127 levels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["PAIR_LEVELS", "RoundedWeights", "pair_sums", "round_weights"]

PAIR_LEVELS = 128
_LEVELS = 127
_TINY = 1e-12


class RoundedWeights(NamedTuple):
    """Weights K x C / groups x ... as int8, and one scale for each of the K rows, float32."""

    integers: NDArray[np.int8]
    scales: NDArray[np.float32]

    @property
    def values(self) -> NDArray[np.float64]:
        """What the integers stand for."""
        return np.asarray(self.integers * _columns(self.scales, self.integers.ndim))


def round_weights(
    weights: NDArray[np.floating[Any]], smallest: NDArray[np.floating[Any]] | float = 0.0
) -> RoundedWeights:
    """Round each row to the finest grid on which it fits into int8 and no pair overflows.

    Args:
        weights: K x C / groups x ..., of a convolution or a linear layer.
        smallest: K scales, or one, below which none may be.

    """
    single = _largest(np.abs(weights)) / _LEVELS
    pairs = _largest(pair_sums(weights)) / PAIR_LEVELS
    scales = np.maximum(np.maximum(single, pairs), np.maximum(smallest, _TINY)).astype(np.float32)
    integers = np.rint(weights / _columns(scales, weights.ndim))
    return RoundedWeights(_without_overflow(integers).astype(np.int8), scales)


def pair_sums(weights: NDArray[np.number[Any]]) -> NDArray[np.float64]:
    """Of each pair of neighbours the larger sum of one sign: K x pairs x ....

    A channel by itself, as in a depthwise convolution, has no neighbour. With another odd number (a
    photograph has three) it is up to the runtime which two are neighbours; so each counts twice.
    """
    values = weights.astype(np.float64)
    channels = values.shape[1]
    if channels % 2:
        return np.abs(values) * (1 if channels == 1 else 2)
    first, second = values[:, 0::2], values[:, 1::2]
    positive = np.maximum(first, 0) + np.maximum(second, 0)
    negative = np.minimum(first, 0) + np.minimum(second, 0)
    return np.asarray(np.maximum(positive, -negative))


def _without_overflow(integers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take 1 off the larger of two that were both rounded up, and so come to 129."""
    if integers.shape[1] % 2:
        return integers
    first, second = integers[:, 0::2], integers[:, 1::2]
    is_over = pair_sums(integers) > PAIR_LEVELS
    is_first = np.abs(first) >= np.abs(second)
    first -= np.sign(first) * (is_over & is_first)
    second -= np.sign(second) * (is_over & ~is_first)
    return integers


def _largest(values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Of each row."""
    return np.asarray(values.reshape(len(values), -1).max(1))


def _columns(scales: NDArray[np.float32], dimensions: int) -> NDArray[np.float64]:
    """The scales of the rows, so that they multiply these."""
    return scales.astype(np.float64).reshape(-1, *(1,) * (dimensions - 1))
