"""Which explanations a request asks for, and how they are made of what the network says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import InvalidParameter
from booth_client.wire import Attribute
from models.card import Card
from models.finer import FinerConfidences
from service.engine import explain
from service.engine.inference import Explanation
from service.engine.naming import first_labels
from service.photo.decode import Seen
from service.runtimes.explaining import Evidence

__all__ = ["FEATURES", "MOST_LABELS", "PARTS", "Explaining", "parts_of"]

PARTS = ("region", "cells", "attributes")
FEATURES = frozenset({"features"})  # asked for by themselves, not as a part
# Each label has a map of its own, and so many stand at each place.
MOST_LABELS = 20
_MOST_ATTRIBUTES = 10


def parts_of(text: str) -> frozenset[str]:
    """What a request asks for: some of ``PARTS``, with commas between them.

    Raises:
        InvalidParameter: it is something else.

    """
    parts = text.split(",")
    if not set(parts) <= set(PARTS):
        raise InvalidParameter(
            f"explain must be some of {', '.join(PARTS)}, with commas between them, "
            f"not {text[:32]!r}."
        )
    return frozenset(parts)


@dataclass(frozen=True, slots=True)
class Explaining:
    """Makes the explanations that a request asks for.

    Attributes:
        card: of the model.
        parts: some of ``PARTS``, or ``FEATURES``.
        top_k: how many labels an answer and a place get.

    """

    card: Card
    parts: frozenset[str]
    top_k: int

    def __call__(self, evidence: Evidence, seen: Seen) -> Explanation:
        """The explanation of one answer."""
        view = explain.view(seen)
        regions = cells = None
        if "region" in self.parts and evidence.activations is not None:
            first = first_labels(evidence.answer[: len(self.card.labels)], self.top_k)
            regions = explain.regions(evidence.activations[..., first], seen.box)
        if "cells" in self.parts and evidence.head:
            cells = explain.cells(
                evidence.logits,
                self.card.labels,
                top_k=self.top_k,
                temperature=evidence.head.temperature
                * FinerConfidences(self.card).temperature(seen.box),
                box=view.box,
            )
        attributes = None
        if "attributes" in self.parts and evidence.attributes is not None:
            attributes = _first_attributes(self.card.attributes, evidence.attributes)
        features = evidence.features if self.parts >= FEATURES else None
        return Explanation(view, regions, cells, attributes, features)


def _first_attributes(names: Sequence[str], scores: NDArray[np.float32]) -> list[Attribute]:
    first = np.argsort(-scores, kind="stable")[:_MOST_ATTRIBUTES]
    return [Attribute(names[index], round(float(scores[index]), 3)) for index in first.tolist()]
