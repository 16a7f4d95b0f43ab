"""Everything that was found out about a network before its model file is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from export.adoption.outputs import as_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from export.adoption.facts import Facts
    from export.adoption.original import Original
    from export.adoption.outputs import Scores
    from export.adoption.preprocessing import Preprocessing

__all__ = ["Findings"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a network, and how.

    Attributes:
        original: The network.
        wanted: How a photograph becomes its input.
        scores: Its output.
        facts: Of its input and labels.
        by: Who told each of them.
        photos: Real photographs, N x S x S x 3.
        answers: What the original puts out for them, by the names of its outputs.

    """

    original: Original
    wanted: Preprocessing
    scores: Scores
    facts: Facts
    by: Mapping[str, str]
    photos: NDArray[np.uint8] = field(repr=False)
    answers: Mapping[str, NDArray[Any]] = field(repr=False)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The original's, N x (number of labels)."""
        rows = as_rows(self.answers[self.scores.name], len(self.photos))
        if rows is None:
            raise ValueError(f"{self.scores.name} has no row for each photograph")
        return self.scores.probabilities(rows)
