"""A training carried out in a folder: what is in it is not done again."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click

from export.fetch.weights import fetch_weights
from export.training.config import RunFolderError, TrainingConfig
from export.training.model_file import labels_with_basis, make_model_file
from export.training.training_data import TrainingData, read_training_data
from models.card import Card
from models.networks import Network
from models.networks.checkpoint import load_network
from models.training.curves import Entry
from models.training.examples import Examples
from models.training.head import fit_head
from models.training.measure import accuracy
from models.training.plan import STRIDE
from models.training.state import save_weights
from models.training.trainer import CHECKPOINT, Trainer
from service.lab.reliability import draw

__all__ = ["TrainingRun"]

_SETTINGS, _START, _WEIGHTS = "settings.json", "start.pth", "weights.pth"
_RELIABILITY = "reliability.png"


@dataclass(frozen=True)
class TrainingRun:
    """A training that is ready for its next step.

    Attributes:
        config: What was asked.
        data: To learn from and to judge by.
        trainer: Takes the steps.

    """

    config: TrainingConfig
    data: TrainingData
    trainer: Trainer

    @classmethod
    def prepare(cls, config: TrainingConfig) -> TrainingRun:
        """Do everything before the first step, or before the next one of a run that was stopped.

        Raises:
            BadDataset: A data set can't be read, or a label has nothing to be learned from.
            BadTeacher: The teacher can't teach these labels.
            CheckpointError: The weights to start from are no such network's.
            DownloadError: They could not be had.
            InvalidCard: The name or the labels make no valid card.
            RunFolderError: The folder holds a run with other settings, or lies among the
                photographs.

        """
        config.check()
        config.folder.mkdir(parents=True, exist_ok=True)
        _record(config)
        data = read_training_data(config)
        if not (config.folder / _START).exists():
            _make_start(config, data.train)
        trainer = Trainer(
            config.plan,
            lambda: _start(config),
            train=data.train,
            validation=data.validation,
            normalisation=config.source.normalisation,
            folder=config.folder,
            on_entry=_print_entry,
        )
        return cls(config, data, trainer)

    def export(self) -> Card:
        """Make the model file of the trained network, and measure it.

        Raises:
            ParityError: A file in floating point does not answer as the network does.

        """
        config, network = self.config, self.trainer.state.average
        weights = config.folder / _WEIGHTS
        save_weights(network, weights)
        labels = labels_with_basis(
            config.labels, self.data.known, is_taught=config.teacher is not None
        )
        card = make_model_file(
            config.export_config(labels, self._best_side(network)),
            weights,
            self.data.evaluation,
            config.out,
            precision=config.precision,
            cache=config.folder,
            progress=lambda step: click.echo(f"{step} ...", err=True),
        )
        if card.calibration:
            bins = card.calibration
            draw(bins.bins_before, config.folder / _RELIABILITY, bins.bins_after)
        return card

    def _best_side(self, network: Network) -> int:
        """Crops show things larger than whole photographs do (Touvron et al. 2019)."""
        size, normalisation = self.config.plan.size, self.config.source.normalisation
        return max(
            (size, size + STRIDE),
            key=lambda side: accuracy(network, self.data.validation, side, normalisation).top1,
        )


def _record(config: TrainingConfig) -> None:
    """A checkpoint goes on only under the settings that it was begun with."""
    path, wanted = config.folder / _SETTINGS, config.recorded()
    begun = json.loads(path.read_text(encoding="utf-8")) if path.exists() else wanted
    other = [name for name, value in begun.items() if wanted.get(name) != value]
    if other and (config.folder / CHECKPOINT).exists():
        raise RunFolderError(
            f"{config.folder} holds a run with another {other[0]}: give the same one "
            "to go on with it, or another --run."
        )
    if other:  # what was made on the way to the first checkpoint is out of date
        for made in (config.folder / _START, *config.folder.glob("teacher-*.npy")):
            made.unlink(missing_ok=True)
    path.write_text(json.dumps(wanted, indent=1), encoding="utf-8")


def _make_start(config: TrainingConfig, train: Examples) -> None:
    """The weights of the first step, the classifier fitted where it is new."""
    source, plan = config.source, config.plan
    weights = config.weights or fetch_weights(source, config.folder, mirror=config.mirror)
    network, is_new = load_network(source.architecture, len(config.labels), weights)
    if is_new:
        click.echo("Fitting the classifier to the network's features ...", err=True)
        fit_head(network, train, plan.side_at(0), source.normalisation, plan.seed)
    save_weights(network, config.folder / _START)


def _start(config: TrainingConfig) -> Network:
    classes, path = len(config.labels), config.folder / _START
    return load_network(config.source.architecture, classes, path)[0]


def _print_entry(entry: Entry) -> None:
    """A line of the log, for people."""
    head = f"{entry.progress:6.1%}  epoch {entry.epoch:.2f}"
    if entry.top1 is not None:
        click.echo(f"{head}  validation top-1 {entry.top1:.1%}  top-5 {entry.top5 or 0:.1%}")
    else:
        click.echo(f"{head}  loss {entry.loss:.3f}  {entry.side} px  {entry.speed:.0f} photos/s")
