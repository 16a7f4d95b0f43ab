"""``booth calibrate``: confidences of a model file that are as high as its labels are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from booth_client.errors import BadRequest
from export.cli.libraries import require_onnx
from export.cli.options import DATA, OUT
from models.card import Measurement
from models.errors import UserError
from models.shelf import ZOO, find_model
from service.cli.options import MODEL_HELP, progress
from service.fleet.identity import read_card
from service.lab.dataset import few, part_of, read_dataset
from service.lab.folders import sendable
from service.photo.decode import decode
from service.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from onnx import ModelProto

    from export.confidences import Answers
    from models.card import Calibration, Card
    from service.lab.dataset import Dataset

__all__ = ["CannotCalibrate", "calibrate"]

_FEWEST = 2  # one to fit the temperature on, one to see what that did
_LEAST_GAIN = 0.001  # of the calibration error: less would not show in what is printed


class CannotCalibrate(UserError):
    """The confidences can't be fitted, or gain nothing by it; the sentence says why."""


@click.command()
@click.argument("dataset", type=DATA)
@click.option("--model", required=True, help=MODEL_HELP)
@click.option("--out", type=OUT, help="[default: the model's own file]")
def calibrate(dataset: Path, model: str, out: Path | None) -> None:
    """Fit a model's confidences on DATASET: labelled photographs that it did not learn from.

    DATASET is one that `booth evaluate` takes; where it is split, `val` is taken, or else `test`.
    One temperature divides the network's logits (Guo et al. 2017): labels stay in their order, and
    a confidence of 70 % becomes one that is right in 70 of 100. It is fitted on one half of the
    photographs, some hundred of which are enough, and looked at on the other. If the other half
    does not gain by it, nothing is written.
    """
    require_onnx()
    import onnx

    from export.graph.file import write_model

    path = find_model(model, read_settings().model_dir)
    target = _target(path, out)
    card, file = read_card(path), onnx.load(path)
    if card.calibration and card.calibration.finer:
        raise CannotCalibrate(
            f"{path} has a second temperature, for finer photographs, which was fitted to go with "
            "the first: `booth calibrate` fits files that have one."
        )
    part, note = part_of(dataset, "validation", "test", "train")
    found = read_dataset(part, card.labels)
    if told := " ".join(one for one in (note, found.told) if one):
        click.echo(told, err=True)
    calibrated = _calibrated(file, card, _answers(file, card, found), sendable(dataset.stem))
    write_model(file, calibrated, target)
    _echo(calibrated.calibration, target)


def _target(path: Path, out: Path | None) -> Path:
    if out is None and path.parent == ZOO:
        raise CannotCalibrate(f"{path.name} ships with Booth: name another file with --out.")
    return out or path


def _answers(file: ModelProto, card: Card, dataset: Dataset) -> Answers:
    """The file's answers to all photographs that can be read.

    Raises:
        CannotCalibrate: There are too few.

    """
    from export.confidences import Answers, log_probabilities

    rights: list[frozenset[int]] = []
    faults: list[str] = []

    def squares() -> Iterator[NDArray[np.uint8]]:
        with progress(len(dataset), "Asking the model") as bar:
            for one in dataset:
                bar.update(1)
                try:
                    square = decode(one.photo, card.input).pixels
                except BadRequest:
                    faults.append(one.name)
                    continue
                rights.append(one.targets)
                yield square

    logits = log_probabilities(file, squares())
    if faults:
        click.echo(f"{len(faults)} can't be read, and are left out: {few(faults)}", err=True)
    if len(rights) < _FEWEST:
        raise CannotCalibrate(
            f"It takes {_FEWEST} photographs that can be read, and some hundred for a good fit; "
            f"there are {len(rights)}."
        )
    labels = np.zeros(logits.shape, np.bool_)
    for row, right in zip(labels, rights, strict=True):
        row[list(right)] = True
    return Answers(logits, labels)


def _calibrated(file: ModelProto, card: Card, answers: Answers, name: str) -> Card:
    """Fit, change the file's temperature, and tell what is known of that.

    Raises:
        CannotCalibrate: The half that had no part in the fit gains nothing.

    """
    from export.confidences import fit_calibration, halves
    from export.graph.temperature import scale_temperature

    fit, check = (answers.of(half) for half in halves(len(answers.logits)))
    found = fit_calibration(fit, check, name)
    if found.error_before - found.error_after < _LEAST_GAIN:
        raise CannotCalibrate(
            f"The calibration error of the other half would go from {found.error_before:.1%} to "
            f"{found.error_after:.1%}, so nothing is written: the confidences fit as they are, or "
            f"{len(answers.logits)} photographs are too few to tell."
        )
    total = scale_temperature(file, found.temperature)
    measured = Measurement(
        dataset=name,
        top1=check.top(1),
        top5=check.top(5),
        photographs=len(check.logits),
        calibration_error=found.error_after,
    )
    calibration = found.model_copy(update={"temperature": total})
    # What was measured before had other confidences.
    return card.model_copy(update={"calibration": calibration, "measured": (measured,)})


def _echo(found: Calibration | None, out: Path) -> None:
    assert found  # noqa: S101 (it was fitted just now)
    click.echo(
        f"{out}: temperature {found.temperature:.3f}, fitted on {found.fitted_photographs} "
        f"photographs; calibration error of the other {found.measured_photographs}: "
        f"{found.error_before:.1%} before, {found.error_after:.1%} after"
    )
