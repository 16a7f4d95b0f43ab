"""Make the LeNet-5 that ships with Booth again: ``python -m export.cli.lenet5 MNIST``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import numpy as np
import torch

import models.zoo
from export.cli.output import echo_step, echo_summary
from export.pipeline import ExportConfig, write_card
from export.training.dataset import (
    DecodedDataset,
    EvaluationData,
    Subset,
    decode_dataset,
    labels_from_categories,
    split_validation,
)
from export.training.model_file import labels_with_basis, make_model_file
from models.card import Input
from models.networks.lenet import ink, lenet5
from models.normalisation import Normalisation
from models.training.digits import Epoch, Recipe, train, untrained
from models.training.state import save_weights

if TYPE_CHECKING:
    from models.card import Card
    from models.networks.lenet import LeNet5

__all__ = ["CONFIG", "make", "make_lenet5"]

_OUT = Path(models.zoo.__path__[0]) / "lenet5.onnx"
_SIDE = 28
_LEVELS = 255
_AT_ONCE = 1000
_HELD_OUT = "a tenth of MNIST's training digits, held out"
_DATA_SETS = {"train": _HELD_OUT, "test": "MNIST's test digits"}

CONFIG = ExportConfig(
    name="lenet5",
    title="LeNet-5",
    architecture="lenet5",
    labels=(),
    input=Input(size=_SIDE, resize=_SIDE, content="digits"),
    normalisation=Normalisation((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    origin="Booth, trained on MNIST (LeCun, Cortes and Burges)",
    licence="CC-BY-SA-3.0",
)
"""What to make of the weights; the labels are the folders' names."""


@click.command()
@click.argument("digits", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--epochs", type=click.IntRange(min=1), default=Recipe.epochs, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=_OUT)
def make(digits: Path, epochs: int, out: Path) -> None:
    """Train LeNet-5 on the digits in DIGITS, measure it, and make its model file.

    DIGITS has the folders `train` and `test`, and in each of them a folder of pictures for each
    digit. A tenth of `train` is held out, and fits the confidences.
    """
    with TemporaryDirectory() as folder:
        card = make_lenet5(digits, Recipe(epochs=epochs), out, Path(folder))
    echo_summary(card, out)
    for one in card.measured:
        click.echo(f"{one.dataset}: {one.photographs} digits, {one.top1:.2%} right")


def make_lenet5(digits: Path, recipe: Recipe, out: Path, cache: Path) -> Card:
    """Train and export.

    Args:
        digits: A folder with `train` and `test`.
        recipe: Of the training.
        out: The model file.
        cache: A folder for what is made on the way.

    """
    learned, test = digits / "train", digits / "test"
    labels = labels_from_categories(learned)
    echo_step("Decoding the digits")
    data = decode_dataset(Subset(learned), labels, _SIDE, cache, lambda _: None)
    shown, held_out = split_validation(data)
    network = lenet5(len(labels))
    network.module.load_state_dict(_trained(shown, held_out, recipe).state_dict())
    weights = cache / "lenet5.pth"
    save_weights(network, weights)
    card = make_model_file(
        replace(CONFIG, labels=labels_with_basis(labels, shown.labels, is_taught=False)),
        weights,
        EvaluationData(Subset(learned, frozenset(held_out.names)), (Subset(test),)),
        out,
        precision="fp32",
        cache=cache,
        progress=echo_step,
    )
    named = _named(card)
    write_card(out, named)
    return named


def _named(card: Card) -> Card:
    """The card with the data sets' own names, the test first: `booth models` shows the first."""
    measured = [
        one.model_copy(update={"dataset": _DATA_SETS[one.dataset]}) for one in card.measured
    ]
    changes: dict[str, object] = {"measured": tuple(reversed(measured))}
    if card.calibration:
        halves = {"fitted_on": f"one half of {_HELD_OUT}", "measured_on": "the other half"}
        changes["calibration"] = card.calibration.model_copy(update=halves)
    return card.model_copy(update=changes)


def _trained(shown: DecodedDataset, held_out: DecodedDataset, recipe: Recipe) -> LeNet5:
    strokes, judged = _strokes(held_out).float() / _LEVELS, _classes(held_out)

    def tell(epoch: Epoch, network: LeNet5) -> None:
        with torch.inference_mode():
            right = (network(strokes).argmax(1) == judged).float().mean().item()
        click.echo(
            f"epoch {epoch.number}: loss {epoch.loss:.4f}, held-out digits {right:.2%} right"
        )

    start = untrained(shown.labels.shape[1], recipe.seed)
    return train(start, _strokes(shown), _classes(shown), recipe, tell)


def _strokes(data: DecodedDataset) -> torch.Tensor:
    """N x 1 x S x S, uint8: the ink, as the network sees it."""
    pixels = torch.from_numpy(data.photos).permute(0, 3, 1, 2)
    parts = (pixels[start : start + _AT_ONCE] for start in range(0, len(pixels), _AT_ONCE))
    return torch.cat([(ink(p / _LEVELS) * _LEVELS).round().to(torch.uint8) for p in parts])


def _classes(data: DecodedDataset) -> torch.Tensor:
    return torch.from_numpy(np.asarray(data.labels.argmax(1)))


if __name__ == "__main__":
    make()
