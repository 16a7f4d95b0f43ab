"""What 8-bit integers change: the answer of a model file against the mean of its places' logits.

    python -m benchmarks.places --photos PLACE [--count 60] [MODEL ...]

In floats the two are the same. In integers the features are rounded between them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.machine import describe
from benchmarks.photographs import read_photographs
from benchmarks.table import markdown
from models.shelf import find_model
from service.fleet.identity import read_model_file
from service.photo.decode import decode
from service.runtimes.explaining import Evidence
from service.runtimes.session import Session
from service.settings import read_settings

__all__ = ["Difference", "difference", "main"]


class Difference(NamedTuple):
    """How an answer differs from the mean of its places.

    Attributes:
        logits: the largest difference of a logit.
        confidence: that of the first label's confidence.
        same_label: whether both have the same first label.

    """

    logits: float
    confidence: float
    same_label: bool


def difference(evidence: Evidence) -> Difference:
    """Compare, up to what all logits have in common, which probabilities do not tell."""
    assert evidence.head  # noqa: S101
    mean = evidence.logits.mean((0, 1), np.float64)
    probabilities = evidence.answer[: len(evidence.head.bias)]
    answered = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    answered = answered.astype(np.float64) * evidence.head.temperature
    apart = (answered - np.median(answered)) - (mean - np.median(mean))
    powers = np.exp((mean - mean.max()) / evidence.head.temperature)
    first = int(probabilities.argmax())
    confidence = powers[first] / powers.sum() - float(probabilities[first])
    return Difference(float(abs(apart).max()), abs(confidence), int(mean.argmax()) == first)


def main() -> None:
    """Measure and print the table."""
    options = parse()
    photos = read_photographs(options.photos, options.count).values()
    headings = (
        "model",
        "photographs",
        "same label",
        "logits, largest",
        "confidence, mean",
        "largest",
    )
    rows = []
    for model in options.models:
        session = Session(read_model_file(find_model(model, read_settings().model_dir)))
        explainer, wanted = session.explainer().result(), session.card.input
        found = [
            difference(explainer.run(decode(photo, wanted).pixels[None])[0]) for photo in photos
        ]
        confidences = [one.confidence for one in found]
        rows.append(
            [
                model,
                str(len(found)),
                str(sum(one.same_label for one in found)),
                f"{max(one.logits for one in found):.3f}",
                f"{np.mean(confidences):.4f}",
                f"{max(confidences):.4f}",
            ]
        )
        session.close()
    print(describe())
    print(markdown(headings, rows))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.places", description=__doc__)
    parser.add_argument("models", nargs="*", default=["places365", "efficientnet_lite0"])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60)
    return parser.parse_args()


if __name__ == "__main__":
    main()
