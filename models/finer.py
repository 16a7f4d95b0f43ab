"""Confidences of photographs with finer detail than a network is shown; see `models.card.Finer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.card import Card

__all__ = ["FinerConfidences", "is_finer", "sharpened"]


def is_finer(box: tuple[float, float, float, float], detail: int | None) -> bool:
    """Whether what is seen of a photograph has more pixels on both sides than the network is shown.

    Args:
        box: left, top, right and bottom of it on the photograph.
        detail: of the card's input.

    """
    left, top, right, bottom = box
    return detail is not None and min(right - left, bottom - top) > detail


def sharpened(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """K probabilities whose logarithms are divided by a temperature."""
    # The largest is 1 before it is raised to a power: no sum can be 0.
    powers = (probabilities / probabilities.max()) ** np.float32(1 / temperature)
    return np.asarray(powers / powers.sum())


class FinerConfidences:
    """Makes a network's answer to a photograph the one that is given, by the model's card."""

    def __init__(self, card: Card) -> None:
        self._labels, self._detail = len(card.labels), card.input.detail
        finer = card.calibration.finer if card.calibration else None
        self._temperature = finer.temperature if finer else 1.0

    def temperature(self, box: tuple[float, float, float, float]) -> float:
        """What divides the logarithms of the probabilities of a photograph seen so."""
        return self._temperature if is_finer(box, self._detail) else 1.0

    def __call__(
        self, answer: NDArray[np.float32], box: tuple[float, float, float, float]
    ) -> NDArray[np.float32]:
        """The answer to a photograph seen so: K probabilities, and what stands behind them."""
        temperature = self.temperature(box)
        if temperature == 1:
            return answer
        own = sharpened(answer[: self._labels], temperature)
        return np.concatenate([own, answer[self._labels :]])
