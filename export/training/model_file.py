"""From a trained network to its model file: calibrated, quantised, proven, measured, described."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from export.photographs import Photographs
from export.pipeline import Precision, Recipe, Traced, describe, trace
from export.proof.parity import answers
from export.training.dataset import Decoded, Selection, decoded
from models.card import Bin, Calibration, Card, Label, Measurement
from models.training.temperature import fit_temperature, scaled
from service.commands import classifier_for
from service.evaluation import calibration_error, evaluate, reliability

__all__ = ["Judges", "finish", "learned_labels", "measured"]

_DRAFT = "draft.onnx"
_MOST_FOR_CALIBRATION = 256
_TINY = 1e-12

Told = Callable[[str], None]


@dataclass(frozen=True)
class Judges:
    """The photographs that judge a trained network.

    Attributes:
        validation: Data that it was not trained on. One half fits the temperature (and the 8-bit
            grids), the other measures what that did.
        tests: Data that nothing was chosen by.

    """

    validation: Selection
    tests: Sequence[Selection] = ()


def finish(
    recipe: Recipe,
    weights: Path,
    judges: Judges,
    out: Path,
    *,
    precision: Precision,
    cache: Path,
    told: Told,
) -> Card:
    """Make the model file.

    Args:
        recipe: What to make; its temperature is found here.
        weights: Of the trained network.
        judges: Photographs to calibrate with and to measure on.
        out: The file.
        precision: Of the arithmetic.
        cache: A folder for decoded photographs.
        told: Called with the name of each step as it begins.

    Raises:
        BadDataset: A data set can't be read.
        ParityError: A file in floating point does not answer as the network does.

    """
    told("Decoding the validation photographs")
    size = recipe.input.size
    validation = decoded(judges.validation, recipe.labels, size, cache, lambda _: None)
    fit, check = _halves(validation)
    traced = trace(recipe, weights, told)
    seen = Photographs(fit.photos[:_MOST_FOR_CALIBRATION], check.photos[:_MOST_FOR_CALIBRATION])
    draft = cache / _DRAFT  # ``out`` appears once, finished
    traced.write(draft, precision=precision, photographs=seen, progress=told)
    told("Fitting the temperature")
    calibration = _calibrate(draft, fit, check, judges.validation.path.stem)
    final = _with_temperature(traced, calibration.temperature)
    card = final.write(draft, precision=precision, photographs=seen, progress=told)
    told("Measuring the file")
    found = tuple(measured(draft, one) for one in (judges.validation, *judges.tests))
    card = card.model_copy(update={"calibration": calibration, "measured": found})
    describe(draft, card, out)
    draft.unlink()
    return card


def measured(model: Path, data: Selection) -> Measurement:
    """What ``booth evaluate`` finds for a model file on a data set, for its card."""
    with classifier_for(str(model)) as classifier:
        found = evaluate(classifier, data.read(classifier.card.labels)[1])
    return Measurement(
        dataset=data.path.stem,
        top1=found.top1,
        top5=found.top5,
        photographs=found.photographs,
        calibration_error=found.calibration_error,
        environment=found.environment,
    )


def learned_labels(
    labels: Sequence[Label], known: NDArray[np.bool_], *, is_taught: bool
) -> tuple[Label, ...]:
    """The labels, each with what it was learned from.

    Args:
        labels: K of them.
        known: N x K truth values: the set of labels of each training photograph.
        is_taught: Whether a teacher spoke for the labels that no photograph bears.

    """
    counts = known.sum(0)
    return tuple(
        _learned(label, int(count), is_taught=is_taught)
        for label, count in zip(labels, counts, strict=True)
    )


def _learned(label: Label, count: int, *, is_taught: bool) -> Label:
    if count:
        return label.model_copy(update={"basis": "labelled", "photographs": count})
    return label.model_copy(update={"basis": "distilled", "photographs": 0} if is_taught else {})


def _halves(data: Decoded) -> tuple[Decoded, Decoded]:
    """Two random halves, always the same ones, of the photographs whose label is known."""
    known = np.flatnonzero(data.labels.any(1))
    shuffled = np.random.default_rng(0).permutation(known)
    middle = (len(shuffled) + 1) // 2
    return data.only(shuffled[:middle]), data.only(shuffled[middle:])


def _with_temperature(traced: Traced, temperature: float) -> Traced:
    return replace(traced, recipe=replace(traced.recipe, temperature=temperature))


def _calibrate(model: Path, fit: Decoded, check: Decoded, name: str) -> Calibration:
    """Fit on the answers of the very file, so that its precision's own errors are scaled too."""
    file = onnx.load(model)
    temperature = fit_temperature(_logits(file, fit.photos), fit.labels)
    logits = _logits(file, check.photos)
    before = _bins(scaled(logits, 1.0), check.labels)
    after = _bins(scaled(logits, temperature), check.labels)
    return Calibration(
        temperature=temperature,
        fitted_on=f"one half of {name}",
        fitted_photographs=len(fit),
        measured_on=f"the other half of {name}",
        measured_photographs=len(check),
        error_before=calibration_error(before),
        error_after=calibration_error(after),
        bins_before=before,
        bins_after=after,
    )


def _logits(model: onnx.ModelProto, photos: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Up to a constant for each photograph, which softmax takes away again."""
    return np.log(np.maximum(answers(model, photos), _TINY), dtype=np.float64)


def _bins(probabilities: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[Bin, ...]:
    first = probabilities.argmax(1)
    return reliability(probabilities.max(1), labels[np.arange(len(labels)), first])
