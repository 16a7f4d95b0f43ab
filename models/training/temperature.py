"""Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_first_temperature", "fit_temperature", "softmax"]

_LOWEST, _HIGHEST = 0.05, 20.0
_STEPS = 60
_GOLDEN = (5**0.5 - 1) / 2
_TINY = 1e-30

Floats = NDArray[np.float64]


def softmax(logits: Floats, temperature: float) -> Floats:
    """The probabilities (N x K) of logits divided by a temperature."""
    raised = logits / temperature
    powers = np.exp(raised - raised.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def fit_temperature(logits: Floats, labels: NDArray[np.bool_]) -> float:
    """The temperature that makes the true labels likeliest, between 0.05 and 20.

    As in Platt (1999), one photograph among N + 2 is expected to be wrong even where none is: a
    handful of right answers does not make the network certain.

    Args:
        logits: N x K, of photographs that were not trained on; log-probabilities do as well.
        labels: N x K truth values, the set that holds the true class.

    """
    return _lowest(lambda temperature: _loss(logits, labels, temperature))


def fit_first_temperature(logits: Floats, is_right: NDArray[np.bool_]) -> float:
    """The temperature that makes it likeliest that first labels are right as often as they are.

    It looks at their confidences alone (Platt 1999). So it does where a photograph has several
    right labels, of which no more than one can be sure.

    Args:
        logits: N x K, as for `fit_temperature`.
        is_right: N, whether the first label is.

    """
    return _lowest(lambda temperature: _first_loss(logits, is_right, temperature))


def _lowest(loss: Callable[[float], float]) -> float:
    """Where a loss is lowest, by golden-section search: it has one valley."""
    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(float(np.exp(left))) < loss(float(np.exp(right))):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _first_loss(logits: Floats, is_right: NDArray[np.bool_], temperature: float) -> float:
    sure = softmax(logits, temperature).max(1)
    likelihood = np.where(is_right, sure, 1 - sure)
    return -float(np.log(np.maximum(likelihood, _TINY)).sum() / (len(logits) + 2))


def _loss(logits: Floats, labels: NDArray[np.bool_], temperature: float) -> float:
    probabilities = softmax(logits, temperature)
    right, wrong = (np.log((probabilities * of).sum(1) + _TINY).mean() for of in (labels, ~labels))
    doubt = 1 / (len(labels) + 2)
    return float(-(1 - doubt) * right - doubt * wrong)
