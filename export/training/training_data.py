"""What a training learns from and what it is judged by: no photograph is in both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from export.training.config import TrainingConfig
from export.training.dataset import (
    MIN_VALIDATION_PHOTOGRAPHS,
    DecodedDataset,
    EvaluationData,
    Subset,
    decode_dataset,
    split_validation,
    training_examples,
)
from models.training.duplicates import find_duplicates
from models.training.examples import Examples
from models.training.teacher import teacher_probabilities
from service.lab.dataset import BadDataset, few
from service.lab.folders import printable

__all__ = ["TrainingData", "read_training_data"]


@dataclass(frozen=True)
class TrainingData:
    """The photographs of a training.

    Attributes:
        train: To learn from.
        validation: To judge by: those with a label.
        evaluation: Where the photographs that judge lie, for the model file's measurements.
        known: N x K truth values: the set of labels of each training photograph; no value is true
            where no label is known.

    """

    train: Examples
    validation: Examples
    evaluation: EvaluationData
    known: NDArray[np.bool_]


def read_training_data(config: TrainingConfig) -> TrainingData:
    """Decode the data sets, leave out what judges, and ask the teacher.

    Raises:
        BadDataset: A data set can't be read, or a label has nothing to be learned from.
        BadTeacher: The teacher can't teach these labels.

    """
    train, validation, evaluation = _without_duplicates(config)
    taught = None if config.teacher is None else _taught(config, config.teacher, train)
    if taught is None:
        _require_photographs(config, train)
    judged = validation.subset(np.flatnonzero(validation.labels.any(1)))
    return TrainingData(
        training_examples(train, config.data, taught, config.plan.teacher_weight),
        Examples.labelled(judged.photos, judged.labels),
        evaluation,
        train.labels,
    )


def _without_duplicates(
    config: TrainingConfig,
) -> tuple[DecodedDataset, DecodedDataset, EvaluationData]:
    train, validation, evaluation = _split(config)
    held_out = {evaluation.validation: validation}
    held_out |= {test: _decoded(config, test) for test in evaluation.tests}
    for data, photographs in held_out.items():
        if photographs.labels.any(1).sum() < MIN_VALIDATION_PHOTOGRAPHS:
            raise BadDataset(f"{data.path} needs at least 2 labelled photographs to judge by.")
    judging = np.concatenate([one.photos for one in held_out.values()])
    duplicates = find_duplicates(train.photos, judging)
    if duplicates.any():
        click.echo(f"{duplicates.sum()} photographs repeat one that judges: left out.", err=True)
    return train.subset(np.flatnonzero(~duplicates)), validation, evaluation


def _split(config: TrainingConfig) -> tuple[DecodedDataset, DecodedDataset, EvaluationData]:
    """The data to learn from, those to judge by, and where the latter lie."""
    data = _decoded(config, Subset(config.data))
    tests = tuple(Subset(test) for test in config.tests)
    if config.validation is not None:
        chosen = Subset(config.validation)
        return data, _decoded(config, chosen), EvaluationData(chosen, tests)
    train, validation = split_validation(data)
    chosen = Subset(config.data, frozenset(validation.names))
    return train, validation, EvaluationData(chosen, tests)


def _decoded(config: TrainingConfig, data: Subset) -> DecodedDataset:
    dataset, name = data.read(config.labels, unlabelled=True), printable(data.path.name)
    if dataset.told:
        click.echo(f"{name}: {dataset.told}", err=True)
    with click.progressbar(length=len(dataset), label=f"Decoding {name}") as bar:
        found = decode_dataset(data, config.labels, config.stored_side, config.folder, bar.update)
    if found.unreadable:
        click.echo(
            f"{len(found.unreadable)} of {printable(str(data.path))} can't be decoded: left out: "
            f"{few(found.unreadable)}.",
            err=True,
        )
    return found


def _taught(config: TrainingConfig, teacher: Path, data: DecodedDataset) -> NDArray[np.float16]:
    """The teacher's probabilities, N x K; an earlier start's answers are taken again."""
    kept = config.folder / f"teacher-{len(data)}.npy"
    if not kept.exists():
        with click.progressbar(length=len(data), label="Asking the teacher") as bar:
            found = teacher_probabilities(teacher, data.photos, len(config.labels), bar.update)
        np.save(kept, found)
    return np.asarray(np.load(kept))


def _require_photographs(config: TrainingConfig, train: DecodedDataset) -> None:
    for label, count in zip(config.labels, train.labels.sum(0).tolist(), strict=True):
        if not count:
            raise BadDataset(
                f"No photograph of {config.data} shows {label.category}; add some, or a --teacher."
            )
