"""One training as a folder: what is in it is not done again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from export.fetch.weights import fetch_weights
from export.graph.model import Normalisation
from export.pipeline import Precision, Recipe, check
from export.training.dataset import (
    FEWEST_JUDGES,
    Decoded,
    Selection,
    decoded,
    examples,
    set_aside,
    squashed,
)
from export.training.model_file import Judges, finish, learned_labels
from models.card import Card, Label
from models.networks import Network, build
from models.networks.checkpoint import load_weights, read_state
from models.sources import Source
from models.training import teacher
from models.training.augment import Scale
from models.training.curves import Entry
from models.training.duplicates import repeated
from models.training.examples import Examples
from models.training.head import fit_head
from models.training.measure import accuracy
from models.training.plan import STRIDE, Plan
from models.training.state import save_weights
from models.training.trainer import CHECKPOINT, Training
from service.dataset import BadDataset, table_of
from service.reliability import draw

__all__ = ["BadRun", "Run"]

_SETTINGS, _START, _WEIGHTS = "settings.json", "start.pth", "weights.pth"
_RELIABILITY = "reliability.png"


class BadRun(ValueError):
    """The run's folder can't be used; the sentence says why."""


@dataclass
class Run:
    """A training and what it makes.

    Attributes:
        data: To learn from.
        validation: To judge by; None sets a tenth of ``data`` aside.
        tests: To measure on at the end.
        labels: Of the model, in the order of its outputs.
        teacher: A model file that knows the same labels, or None.
        source: The published weights of the architecture: how its pixels are scaled.
        weights: To start from; None takes the published ones.
        plan: Of the training.
        stored: The side at which photographs are kept for training, in pixels.
        folder: For all that is made on the way.
        out: The model file.
        precision: Of the model file.
        name: Of the model, in the service.
        title: For people.
        origin: Who trained it and on what.
        licence: Of the weights.

    """

    data: Path
    validation: Path | None
    tests: Sequence[Path]
    labels: tuple[Label, ...]
    teacher: Path | None
    source: Source
    weights: Path | None
    plan: Plan
    stored: int
    folder: Path
    out: Path
    precision: Precision
    name: str
    title: str
    origin: str
    licence: str
    _judges: Judges = field(init=False)
    _known: NDArray[np.bool_] = field(init=False)
    _validation: Examples = field(init=False)

    @property
    def scale(self) -> Scale:
        """How the network wants its pixels."""
        return Scale(self.source.mean, self.source.std)

    def prepare(self) -> Training:
        """Everything before the first step.

        Raises:
            BadDataset: A data set can't be read, or a label has nothing to be learned from.
            BadRun: The folder holds a run with other settings, or lies among the photographs.
            BadTeacher: The teacher can't teach these labels.
            CheckpointError: The weights to start from are no such network's.
            pydantic.ValidationError: The name or the labels make no valid card.

        """
        check(self._recipe(self.labels, self.plan.size))
        if table_of(self.data) is None and self.data.resolve() in self.folder.resolve().parents:
            raise BadRun(f"{self.folder} lies in {self.data}: give an --out or --run elsewhere.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._check_settings()
        train, self._validation = self._examples()
        if not (self.folder / _START).exists():
            self._make_start(train)
        return Training(
            self.plan,
            self._network_to_start_from,
            train=train,
            validation=self._validation,
            scale=self.scale,
            folder=self.folder,
            told=_tell,
        )

    def finish(self, training: Training) -> Card:
        """Everything after the last step: the model file, measured."""
        weights = self.folder / _WEIGHTS
        save_weights(training.state.average, weights)
        labels = learned_labels(self.labels, self._known, is_taught=self.teacher is not None)
        card = finish(
            self._recipe(labels, self._best_side(training.state.average)),
            weights,
            self._judges,
            self.out,
            precision=self.precision,
            cache=self.folder,
            told=lambda step: click.echo(f"{step} ...", err=True),
        )
        if card.calibration:
            bins = card.calibration
            draw(bins.bins_before, self.folder / _RELIABILITY, bins.bins_after)
        return card

    def _recipe(self, labels: tuple[Label, ...], side: int) -> Recipe:
        return Recipe(
            name=self.name,
            title=self.title,
            architecture=self.source.architecture,
            labels=labels,
            input=squashed(side),
            normalisation=Normalisation(self.source.mean, self.source.std),
            origin=self.origin,
            licence=self.licence,
        )

    def _check_settings(self) -> None:
        """A checkpoint goes on only under the settings that it was begun with."""
        path, wanted = self.folder / _SETTINGS, self._settings()
        begun = json.loads(path.read_text(encoding="utf-8")) if path.exists() else wanted
        other = [name for name, value in begun.items() if wanted.get(name) != value]
        if other and (self.folder / CHECKPOINT).exists():
            raise BadRun(
                f"{self.folder} holds a run with another {other[0]}: give the same one "
                "to go on with it, or another --run."
            )
        if other:  # what was made on the way to the first checkpoint is out of date
            for made in (self.folder / _START, *self.folder.glob("teacher-*.npy")):
                made.unlink(missing_ok=True)
        path.write_text(json.dumps(wanted, indent=1), encoding="utf-8")

    def _settings(self) -> dict[str, object]:
        return {
            "plan": self.plan.model_dump(mode="json"),
            "data": _full(self.data),
            "validation": _full(self.validation),
            "test": [_full(test) for test in self.tests],
            "labels": [label.category for label in self.labels],
            "architecture": self.source.architecture,
            "teacher": _full(self.teacher),
            "weights": _full(self.weights),
            "stored": self.stored,
        }

    def _examples(self) -> tuple[Examples, Examples]:
        data, validation = self._data()
        self._known = data.labels
        taught = None if self.teacher is None else self._asked(self.teacher, data)
        counts = data.labels.sum(0).tolist()
        missing = [
            label.category for label, count in zip(self.labels, counts, strict=True) if not count
        ]
        if missing and taught is None:
            raise BadDataset(
                f"No photograph of {self.data} shows {missing[0]}; add some, or a --teacher."
            )
        known = validation.labels.any(1)
        judged = validation.only(np.flatnonzero(known))
        return (
            examples(data, self.data, taught, self.plan.teacher_weight),
            Examples.labelled(judged.photos, judged.labels),
        )

    def _data(self) -> tuple[Decoded, Decoded]:
        """What to learn from and what to judge by; no photograph is in both."""
        data = self._decoded(Selection(self.data))
        tests = [Selection(test) for test in self.tests]
        if self.validation is None:
            train, validation = set_aside(data)
            chosen = Selection(self.data, frozenset(validation.names))
        else:
            chosen = Selection(self.validation)
            train, validation = data, self._decoded(chosen)
        self._judges = Judges(chosen, tests)
        judges = {chosen: validation} | {test: self._decoded(test) for test in tests}
        for judge, photographs in judges.items():
            if photographs.labels.any(1).sum() < FEWEST_JUDGES:
                raise BadDataset(f"{judge.path} needs at least 2 labelled photographs to judge by.")
        repeats = repeated(train.photos, np.concatenate([one.photos for one in judges.values()]))
        if repeats.any():
            click.echo(f"{repeats.sum()} photographs repeat one that judges: left out.", err=True)
        return train.only(np.flatnonzero(~repeats)), validation

    def _decoded(self, data: Selection) -> Decoded:
        with click.progressbar(
            length=data.read(self.labels, unlabelled=True)[0], label=f"Decoding {data.path.name}"
        ) as bar:
            found = decoded(data, self.labels, self.stored, self.folder, bar.update)
        if found.unreadable:
            click.echo(f"{found.unreadable} of {data.path} can't be decoded: left out.", err=True)
        return found

    def _asked(self, path: Path, data: Decoded) -> NDArray[np.float16]:
        kept = self.folder / f"teacher-{len(data)}.npy"
        if not kept.exists():
            with click.progressbar(length=len(data), label="Asking the teacher") as bar:
                answers = teacher.ask(path, data.photos, len(self.labels), bar.update)
            np.save(kept, answers)
        return np.asarray(np.load(kept))

    def _make_start(self, train: Examples) -> None:
        """The weights of the first step, the classifier fitted where it is new."""
        weights = self.weights or fetch_weights(self.source, self.folder)
        network, is_new = _with_classes(self.source.architecture, weights, len(self.labels))
        if is_new:
            click.echo("Fitting the classifier to the network's features ...", err=True)
            fit_head(network, train, self.plan.side_at(0), self.scale, self.plan.seed)
        save_weights(network, self.folder / _START)

    def _network_to_start_from(self) -> Network:
        network = build(self.source.architecture, len(self.labels))
        load_weights(network, self.source.architecture, self.folder / _START)
        return network

    def _best_side(self, network: Network) -> int:
        """Crops show things larger than whole photographs do (Touvron et al. 2019)."""
        sides = (self.plan.size, self.plan.size + STRIDE)
        return max(
            sides, key=lambda side: accuracy(network, self._validation, side, self.scale).top1
        )


def _full(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def _with_classes(architecture: str, weights: Path, classes: int) -> tuple[Network, bool]:
    """A network with these weights, and whether its classifier is new since the file has another.

    Raises:
        CheckpointError: The file is no such network's.

    """
    network, state = build(architecture, classes), read_state(weights)
    bias = next(
        name
        for name, value in network.module.named_parameters()
        if value is network.classifier.bias
    )
    found = state[bias].numel() if bias in state else classes
    published = build(architecture, found)
    load_weights(published, architecture, weights)
    if found == classes:
        return published, False
    network.to_empty(device="cpu")
    own = network.module.state_dict()
    kept = {n: v for n, v in published.module.state_dict().items() if v.shape == own[n].shape}
    with torch.no_grad():
        network.module.load_state_dict(kept, strict=False)
    return network, True


def _tell(entry: Entry) -> None:
    """A line of the log, for people."""
    head = f"{entry.progress:6.1%}  epoch {entry.epoch:.2f}"
    if entry.top1 is not None:
        click.echo(f"{head}  validation top-1 {entry.top1:.1%}  top-5 {entry.top5 or 0:.1%}")
    else:
        click.echo(f"{head}  loss {entry.loss:.3f}  {entry.side} px  {entry.speed:.0f} photos/s")
