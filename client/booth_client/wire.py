"""What the service says about a photograph. The JSON of the HTTP API has exactly these fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from models.card import Basis

__all__ = ["Answer", "Environment", "Prediction", "PredictionWithBasis", "Timing"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One label. ``index`` and ``category`` are its identity; ``label`` is for people."""

    label: str
    category: str
    index: int
    confidence: float

    @property
    def basis(self) -> Basis | None:
        """What the label was learned from; None where the model's card does not say."""
        return None


@dataclass(frozen=True, slots=True)
class PredictionWithBasis(Prediction):
    """A label of a model whose card says what it was learned from.

    "labelled": from labelled photographs; "distilled": from a teacher network's answers alone, so
    that nothing has measured its confidence.
    """

    basis: Basis = field()  # `field`, or the property above would be its default


@dataclass(frozen=True, slots=True)
class Environment:
    """Whether a scene is indoors, with the summed confidence of all labels of that kind."""

    kind: Literal["indoor", "outdoor"]
    confidence: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time went, in milliseconds. ``total`` is from the whole body to the answer."""

    decode: float
    queue: float
    inference: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The first labels of one photograph, most confident first."""

    model: str
    version: str
    predictions: list[PredictionWithBasis | Prediction]
    environment: Environment | None
    timing_ms: Timing
