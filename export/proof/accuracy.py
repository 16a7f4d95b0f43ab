"""Whether a measured accuracy agrees with the published one, for as many photographs as there were.

The share of right answers among n photographs scatters binomially around the true one, with a
standard deviation of sqrt(p (1 - p) / n).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Comparison", "tolerance"]

# Three standard deviations: chance alone exceeds them in 1 of 370 comparisons.
_DEVIATIONS = 3.0
# Half a point for another JPEG decoder and another resizing than the publisher's.
_DECODING = 0.005


def tolerance(published: float, photographs: int) -> float:
    """How far a measured share may be from a published one, both of 1."""
    scatter = math.sqrt(published * (1 - published) / photographs)
    return _DEVIATIONS * scatter + _DECODING


@dataclass(frozen=True, slots=True)
class Comparison:
    """One accuracy, as published and as measured. Shares are of 1."""

    what: str
    published: float
    measured: float
    photographs: int

    @property
    def tolerance(self) -> float:
        """How far apart the two may be."""
        return tolerance(self.published, self.photographs)

    @property
    def agrees(self) -> bool:
        """Whether chance and decoding explain the difference."""
        return abs(self.measured - self.published) <= self.tolerance

    @property
    def sentence(self) -> str:
        """The verdict, for people."""
        if self.agrees:
            return f"{self.what} agrees with the published figure."
        if self.measured < self.published:
            return f"{self.what} is lower than published by more than chance allows."
        return (
            f"{self.what} is higher than published by more than chance allows; the network may "
            "have been trained on these very photographs, or they are easier than the publisher's."
        )
