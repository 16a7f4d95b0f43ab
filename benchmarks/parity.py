"""Whether a system's answers are right: a fast wrong answer is worth nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.peers.work import RESAMPLE, Work
from models.card import Input
from service.fleet.identity import read_card

__all__ = ["Reference", "WrongAnswers", "references", "require_right"]

FIRST = 5
AGREEMENT = 0.95
# Decoders and resizers differ by a level here and there, and int8 activations flip with it.
MEAN_DIFFERENCE = 0.05


class WrongAnswers(Exception):
    """A system answers otherwise than the network does; the sentence says how."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What the network itself says of one photograph.

    Attributes:
        labels: of all K outputs.
        probabilities: K.

    """

    labels: Sequence[str]
    probabilities: NDArray[np.float32]

    @property
    def first(self) -> str:
        """The first label."""
        return self.labels[int(self.probabilities.argmax())]

    @property
    def lead(self) -> float:
        """By how much the first label is more probable than the second."""
        second, first = np.partition(self.probabilities, -2)[-2:]
        return float(first - second)

    def difference(self, label: str, confidence: float) -> float:
        """How far off a confidence is; of labels of the same name, the nearest counts."""
        same = [p for p, name in zip(self.probabilities, self.labels, strict=True) if name == label]
        return min((abs(float(p) - confidence) for p in same), default=1.0)


def references(model: Path, photos: Sequence[bytes]) -> list[Reference]:
    """The network's own answers, on the reference preprocessing.

    That is torchvision's: decode all of the photograph, resize it, cut the middle out.
    """
    work, wanted = Work(str(model)), read_card(model).input
    return [Reference(work.labels, work.run([_preprocess(photo, wanted)])[0]) for photo in photos]


def require_right(answers: Sequence[str | None], expected: Sequence[Reference]) -> None:
    """Compare bodies of answers with the network's own answers, photograph by photograph.

    Args:
        answers: JSON as ``{"predictions": [{"label": ..., "confidence": ...}, ...]}``; None for a
            photograph that got no answer or an error.
        expected: of the same photographs.

    Raises:
        WrongAnswers: an answer is missing or no answer; the first label is another one for more
            than 5 % of the photographs; the confidences are not those of their labels.

    """
    if len({one.first for one in expected}) < 2:  # noqa: PLR2004
        raise WrongAnswers("All photographs have one label, so a constant answer would pass.")
    named = [_predictions(answer) for answer in answers]
    agree = sum(
        bool(one[0][0] == reference.first) for one, reference in zip(named, expected, strict=True)
    )
    if agree < AGREEMENT * len(expected):
        raise WrongAnswers(f"only {agree} of {len(expected)} first labels are the network's own")
    difference = float(
        np.mean(
            [
                reference.difference(*prediction)
                for one, reference in zip(named, expected, strict=True)
                for prediction in one
            ]
        )
    )
    if difference > MEAN_DIFFERENCE:
        raise WrongAnswers(f"the confidences are off by {difference:.3f} on average")


def _predictions(answer: str | None) -> list[tuple[str, float]]:
    if answer is None:
        raise WrongAnswers("a photograph got no answer, or an error")
    try:
        found = [
            (str(one["label"]), float(one["confidence"]))
            for one in json.loads(answer)["predictions"]
        ]
    except (ValueError, KeyError, TypeError):
        raise WrongAnswers(f"this is no answer: {answer[:200]}") from None
    falling = all(before[1] >= after[1] for before, after in pairwise(found))
    if len(found) != FIRST or not falling:
        raise WrongAnswers(f"these are not the first {FIRST} labels in order: {answer[:200]}")
    return found


def _preprocess(photo: bytes, wanted: Input) -> NDArray[np.uint8]:
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    scale = wanted.resize / min(image.size)
    size = int(image.width * scale), int(image.height * scale)
    image = image.resize(size, RESAMPLE[wanted.interpolation])
    left, top = (round((side - wanted.size) / 2) for side in size)
    return np.asarray(image.crop((left, top, left + wanted.size, top + wanted.size)))
