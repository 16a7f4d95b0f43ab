"""Probabilities -> the labels of an answer, by the names that the model's card gives them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from booth_client.wire import (
    Answer,
    Environment,
    ExplainedAnswer,
    ExplainedPrediction,
    KnownAnswer,
    Prediction,
    PredictionWithBasis,
    Region,
    Timing,
)
from models.card import Card
from service.engine.inference import Explanation, Inference

__all__ = ["Labeller", "first_labels"]


class Labeller:
    """Names the outputs of one network, whose card has its labels."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._is_scene_model = card.is_scene_model
        self._indoor = np.array([label.kind == "indoor" for label in card.labels])

    def answer(self, inference: Inference, top_k: int, total_s: float) -> Answer:
        """The ``top_k`` most confident labels, and the times it took."""
        probabilities = inference.answer[: len(self._card.labels)]
        answer = Answer(
            model=self._card.name,
            version=self._card.version,
            predictions=self.predictions(probabilities, top_k),
            environment=self._environment(probabilities),
            timing_ms=Timing(
                decode=_milliseconds(inference.decode_s),
                queue=_milliseconds(inference.queue_s),
                inference=_milliseconds(inference.inference_s),
                total=_milliseconds(total_s),
            ),
        )
        known = self._is_known(inference.answer)
        if inference.explanation:
            return _explained(answer, inference.explanation, known)
        return answer if known is None else _with_known(answer, known)

    def _is_known(self, answer: NDArray[np.float32]) -> bool | None:
        """Whether the photograph is like those that the model learned from; None if untold."""
        familiarity = self._card.familiarity
        return None if familiarity is None else bool(answer[-1] >= familiarity.threshold)

    def predictions(
        self, probabilities: NDArray[np.float32], top_k: int
    ) -> list[PredictionWithBasis | Prediction]:
        """The ``top_k`` most confident labels."""
        return [
            self._prediction(index, float(probabilities[index]))
            for index in first_labels(probabilities, top_k)
        ]

    def _prediction(self, index: int, confidence: float) -> Prediction:
        label, share = self._card.labels[index], round(confidence, 6)
        if label.basis:
            return PredictionWithBasis(label.name, label.category, index, share, label.basis)
        return Prediction(label.name, label.category, index, share)

    def _environment(self, probabilities: NDArray[np.float32]) -> Environment | None:
        if not self._is_scene_model:
            return None
        indoor = min(1.0, float(probabilities[self._indoor].sum()))
        if indoor >= 0.5:  # noqa: PLR2004
            return Environment("indoor", round(indoor, 6))
        return Environment("outdoor", round(1 - indoor, 6))


def _with_known(answer: Answer, known: bool) -> KnownAnswer:
    return KnownAnswer(
        answer.model,
        answer.version,
        answer.predictions,
        answer.environment,
        answer.timing_ms,
        known,
    )


def _explained(answer: Answer, explanation: Explanation, known: bool | None) -> Answer:
    """The answer, with what led to it."""
    predictions = answer.predictions
    if explanation.regions:
        pairs = zip(predictions, explanation.regions, strict=True)
        predictions = [_with_region(one, region) for one, region in pairs]
    return ExplainedAnswer(
        answer.model,
        answer.version,
        predictions,
        answer.environment,
        answer.timing_ms,
        explanation.view,
        explanation.cells,
        explanation.attributes,
        known,
    )


def _with_region(one: Prediction, region: Region) -> ExplainedPrediction:
    return ExplainedPrediction(
        one.label, one.category, one.index, one.confidence, region, one.basis
    )


def first_labels(probabilities: NDArray[np.float32], top_k: int) -> list[int]:
    """Indices of the ``top_k`` largest of K probabilities, largest first, ties by index."""
    count = min(top_k, probabilities.size)
    # Partition first: sorting all of 1000 costs several times as much. It leaves out some of those
    # that equal the last one, so all of them are sorted.
    least = np.partition(probabilities, -count)[-count]
    candidates = np.flatnonzero(probabilities >= least)
    order = np.argsort(-probabilities[candidates], kind="stable")
    return candidates[order][:count].tolist()  # type: ignore[no-any-return]


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
