"""How far the answers of two versions of a model agree on a photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.card import Card
from service.engine.naming import first_labels

__all__ = ["FIRST", "Agreement", "Comparison"]

FIRST = 5  # labels that are compared as a set, or all where a version has fewer


@dataclass(frozen=True, slots=True)
class Agreement:
    """On one photograph.

    Attributes:
        first: whether both have the same first label.
        in_common: how many of the first five labels both have.
        difference: the largest difference of a label's confidence, 0 to 1.

    """

    first: bool
    in_common: int
    difference: float


class Comparison:
    """Compares the answers of two versions, whose labels may differ in number and order.

    What makes a label the same is its category. The confidence of one that a version does not have
    is 0.

    Args:
        one: a version's card.
        other: another's.

    """

    def __init__(self, one: Card, other: Card) -> None:
        categories = {label.category for card in (one, other) for label in card.labels}
        places = {category: place for place, category in enumerate(sorted(categories))}
        self._size = len(places)
        self._places = [
            np.array([places[label.category] for label in card.labels]) for card in (one, other)
        ]

    def agreement(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> Agreement:
        """How far two answers agree, each K probabilities of its version, and perhaps more."""
        spread = [
            self._spread(answer, places)
            for answer, places in zip((one, other), self._places, strict=True)
        ]
        firsts = [
            places[first_labels(answer[: places.size], FIRST)]
            for answer, places in zip((one, other), self._places, strict=True)
        ]
        return Agreement(
            first=bool(firsts[0][0] == firsts[1][0]),
            in_common=len(set(firsts[0].tolist()) & set(firsts[1].tolist())),
            difference=float(np.abs(spread[0] - spread[1]).max()),
        )

    def _spread(self, answer: NDArray[np.float32], places: NDArray[np.int_]) -> NDArray[np.float32]:
        """An answer in the common order of all labels."""
        spread = np.zeros(self._size, np.float32)
        spread[places] = answer[: places.size]
        return spread
