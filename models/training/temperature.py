"""Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_temperature", "softmax"]

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
    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    for _ in range(_STEPS):  # golden-section search: the loss has one valley
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _loss(logits, labels, left) < _loss(logits, labels, right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _loss(logits: Floats, labels: NDArray[np.bool_], log_temperature: float) -> float:
    probabilities = softmax(logits, float(np.exp(log_temperature)))
    right, wrong = (np.log((probabilities * of).sum(1) + _TINY).mean() for of in (labels, ~labels))
    doubt = 1 / (len(labels) + 2)
    return float(-(1 - doubt) * right - doubt * wrong)
