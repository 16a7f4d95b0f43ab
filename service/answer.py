"""What the service says about a photograph. The JSON of the HTTP API has exactly these fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Answer", "Environment", "Prediction", "Timing"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One label. ``index`` and ``category`` are its identity; ``label`` is for people."""

    label: str
    category: str
    index: int
    confidence: float


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
    predictions: list[Prediction]
    environment: Environment | None
    timing_ms: Timing
