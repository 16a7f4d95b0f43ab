"""Fit the confidences of finer photographs: ``python -m export.cli.finer``; see `Finer`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import numpy as np
import onnx

from export.confidences import log_probabilities
from export.graph.file import write_model
from models.card import Finer
from models.errors import UserError
from models.finer import is_finer
from models.training.temperature import fit_first_temperature, softmax
from service.fleet.identity import read_card
from service.lab.dataset import read_dataset
from service.lab.evaluation import calibration_error, reliability
from service.lab.folders import sendable
from service.photo.decode import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.card import Card
    from models.training.temperature import Floats

__all__ = ["fit_finer"]


class _Answers(NamedTuple):
    """What the file says of N photographs, each from one of several collections."""

    logits: Floats
    is_right: NDArray[np.bool_]
    collections: NDArray[np.str_]

    def of(self, wanted: NDArray[np.bool_]) -> _Answers:
        return _Answers(self.logits[wanted], self.is_right[wanted], self.collections[wanted])

    def error(self, confidences: Floats) -> float:
        return calibration_error(reliability(confidences, self.is_right))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="[default: FILE]")
def fit_finer(file: Path, data: Path, out: Path | None) -> None:
    """Fit a temperature for the photographs in DATA with finer detail than FILE's network is shown.

    DATA is a data set as `booth evaluate` takes it, with photographs of several collections: what
    stands before the first slash of a photograph's name is its collection. The card in FILE, or
    OUT, gets the temperature that all of them give, and the calibration error where each collection
    has the one that the others give.
    """
    card, model = read_card(file), onnx.load(file)
    if not (card.input.detail and card.calibration):
        raise UserError(f"{file} has no detail, or no calibration: nothing is finer.")
    answers = _answers(model, card, data)
    finer = _fitted(answers, f"photographs of {sendable(data.stem)} finer than {card.input.detail}")
    calibration = card.calibration.model_copy(update={"finer": finer})
    write_model(model, card.model_copy(update={"calibration": calibration}), out or file)
    click.echo(
        f"temperature {finer.temperature:.3f}, {finer.fitted_photographs} photographs of "
        f"{finer.collections} collections: {finer.error_before:.1%} before, "
        f"{finer.error_after:.1%} after"
    )


def _answers(model: onnx.ModelProto, card: Card, data: Path) -> _Answers:
    """Those to the photographs that are finer than what the network is shown."""
    squares, targets, collections = [], [], []
    for one in read_dataset(data, card.labels):
        decoded = decode(one.photo, card.input)
        if is_finer(decoded.seen.box, card.input.detail):
            squares.append(decoded.pixels)
            targets.append(one.targets)
            collections.append(one.name.split("/", 1)[0])
    if len(set(collections)) < 2:  # noqa: PLR2004
        raise UserError(f"{data} has no finer photographs of two collections.")
    logits = log_probabilities(model, squares)
    firsts = logits.argmax(1).tolist()
    right = [first in wanted for first, wanted in zip(firsts, targets, strict=True)]
    return _Answers(logits, np.array(right), np.array(collections))


def _fitted(answers: _Answers, name: str) -> Finer:
    before, after = (np.empty(len(answers.logits)) for _ in range(2))
    collections = np.unique(answers.collections)
    for one in collections:
        own = answers.collections == one
        others = answers.of(~own)
        temperature = fit_first_temperature(others.logits, others.is_right)
        before[own] = softmax(answers.logits[own], 1).max(1)
        after[own] = softmax(answers.logits[own], temperature).max(1)
    return Finer(
        temperature=round(fit_first_temperature(answers.logits, answers.is_right), 4),
        fitted_on=name,
        fitted_photographs=len(answers.logits),
        collections=len(collections),
        error_before=answers.error(before),
        error_after=answers.error(after),
    )


if __name__ == "__main__":
    fit_finer()
