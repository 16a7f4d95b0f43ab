"""From a trained network to its model file: calibrated, quantised, proven, measured, described."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from export.confidences import Answers, fit_calibration, halves, log_probabilities
from export.photographs import Photographs
from export.pipeline import ExportConfig, Exporter, Precision, write_card
from export.training.dataset import DecodedDataset, EvaluationData, Subset, decode_dataset
from models.card import Card, Label, Measurement
from service.fleet.local import local_classifier
from service.lab.evaluation import evaluate
from service.lab.folders import sendable

__all__ = ["labels_with_basis", "make_model_file", "measure_model"]

_DRAFT = "draft.onnx"
_MOST_FOR_CALIBRATION = 256

Progress = Callable[[str], None]


def make_model_file(
    config: ExportConfig,
    weights: Path,
    evaluation: EvaluationData,
    out: Path,
    *,
    precision: Precision,
    cache: Path,
    progress: Progress,
) -> Card:
    """Make the model file.

    Args:
        config: What to make; its temperature is found here.
        weights: Of the trained network.
        evaluation: Photographs to calibrate with and to measure on.
        out: The file.
        precision: Of the arithmetic.
        cache: A folder for decoded photographs.
        progress: Called with the name of each step as it begins.

    Raises:
        BadDataset: A data set can't be read.
        ParityError: A file in floating point does not answer as the network does.

    """
    progress("Decoding the validation photographs")
    size = config.input.size
    validation = decode_dataset(evaluation.validation, config.labels, size, cache, lambda _: None)
    fit, check = _halves(validation)
    exporter = Exporter.load(config, weights, progress)
    seen = Photographs(fit.photos[:_MOST_FOR_CALIBRATION], check.photos[:_MOST_FOR_CALIBRATION])
    draft = cache / _DRAFT  # ``out`` appears once, finished
    exporter.write(draft, precision=precision, photographs=seen, progress=progress)
    progress("Fitting the temperature")
    model = onnx.load(draft)
    name = sendable(evaluation.validation.path.stem)
    calibration = fit_calibration(_answers(model, fit), _answers(model, check), name)
    final = exporter.with_temperature(calibration.temperature)
    card = final.write(draft, precision=precision, photographs=seen, progress=progress)
    progress("Measuring the file")
    found = tuple(measure_model(draft, one) for one in (evaluation.validation, *evaluation.tests))
    card = card.model_copy(update={"calibration": calibration, "measured": found})
    write_card(draft, card, out)
    draft.unlink()
    return card


def measure_model(model: Path, data: Subset) -> Measurement:
    """What ``booth evaluate`` finds for a model file on a data set, for its card."""
    with local_classifier(str(model)) as classifier:
        found = evaluate(classifier, data.read(classifier.card.labels))
    return Measurement(
        dataset=sendable(data.path.stem),
        top1=found.top1,
        top5=found.top5,
        photographs=found.photographs,
        calibration_error=found.calibration_error,
        environment=found.environment,
    )


def labels_with_basis(
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


def _halves(data: DecodedDataset) -> tuple[DecodedDataset, DecodedDataset]:
    """Two halves of the photographs whose label is known."""
    known = np.flatnonzero(data.labels.any(1))
    fit, check = halves(len(known))
    return data.subset(known[fit]), data.subset(known[check])


def _answers(model: onnx.ModelProto, data: DecodedDataset) -> Answers:
    return Answers(log_probabilities(model, data.photos), data.labels)
