"""Make the model file that ships with Booth again: ``python -m export.cli.zoo DATA``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import numpy as np

import models.zoo
from export.cli.output import echo_step, echo_summary
from export.fetch.weights import fetch_weights
from export.photographs import Photographs, shipped_photographs
from export.pipeline import ExportConfig, export_model, write_card
from models.card import Measurement
from models.sources import SOURCES
from service.fleet.local import local_classifier
from service.lab.dataset import read_dataset
from service.lab.evaluation import evaluate
from service.photo.decode import decode

if TYPE_CHECKING:
    from models.card import Card

__all__ = ["make"]

_SHIPPED = "efficientnet_lite0"
_FOLDER = Path(models.zoo.__path__[0])


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--dataset", default=None, help="what the card calls the data  [default: its name]")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=_FOLDER / f"{_SHIPPED}.onnx")
def make(data: Path, dataset: str | None, weights: Path | None, out: Path) -> None:
    """Make the shipped file from its published weights, and measure it on the photographs in DATA.

    DATA is what `booth evaluate` takes: a folder or a CSV of labelled photographs. They only
    judge; int8 is calibrated on the photographs that come with Booth.
    """
    config = ExportConfig.from_source(SOURCES[_SHIPPED])
    judges = _squares(data, config)
    with TemporaryDirectory() as folder:
        card = export_model(
            config,
            weights or fetch_weights(SOURCES[_SHIPPED], Path(folder)),
            out,
            precision="int8",
            photographs=Photographs(shipped_photographs(config.input).calibration, judges),
            progress=echo_step,
        )
    measured = _measure(out, card, data, dataset or data.stem)
    write_card(out, card.model_copy(update={"measured": (measured,)}))
    echo_summary(card, out)
    click.echo(measured)


def _squares(data: Path, config: ExportConfig) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    dataset = read_dataset(data, config.labels)
    return np.stack([decode(one.photo, config.input).pixels for one in dataset])


def _measure(out: Path, card: Card, data: Path, dataset: str) -> Measurement:
    with local_classifier(str(out)) as classifier:
        found = evaluate(classifier, read_dataset(data, card.labels))
    return Measurement(
        dataset=dataset,
        top1=found.top1,
        top5=found.top5,
        photographs=found.photographs,
        calibration_error=found.calibration_error,
    )


if __name__ == "__main__":
    make()
