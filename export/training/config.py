"""What is asked of a training: everything that is chosen before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from export.pipeline import ExportConfig, Precision
from export.training.dataset import square_input
from models.card import Label
from models.errors import UserError
from models.sources import Source
from models.training.plan import Plan
from service.lab.layout import table_of

__all__ = ["RunFolderError", "TrainingConfig"]


class RunFolderError(UserError):
    """The folder for what a training makes can't be used; the sentence says why."""


@dataclass(frozen=True)
class TrainingConfig:
    """A training and the model file that it is to make.

    Attributes:
        data: To learn from.
        validation: To judge by; None splits a tenth of ``data`` off.
        tests: To measure on at the end.
        labels: Of the model, in the order of its outputs.
        teacher: A model file that knows the same labels, or None.
        source: The published weights of the architecture: how its pixels are normalised.
        weights: To start from; None takes the published ones.
        mirror: Address of a folder to take the published ones from, by their name.
        plan: Of the training.
        stored_side: At which photographs are kept for training, in pixels.
        folder: For all that is made on the way.
        out: The model file.
        precision: Of the model file.
        name: Of the model, in the service.
        version: Likewise.
        title: For people.
        origin: Who trained it and on what.
        licence: Of the weights.

    """

    data: Path
    validation: Path | None
    tests: tuple[Path, ...]
    labels: tuple[Label, ...]
    teacher: Path | None
    source: Source
    weights: Path | None
    mirror: str | None
    plan: Plan
    stored_side: int
    folder: Path
    out: Path
    precision: Precision
    name: str
    version: str
    title: str
    origin: str
    licence: str

    def check(self) -> None:
        """Refuse what can't be before the work, not after.

        Raises:
            InvalidCard: The name or the labels make no valid card.
            RunFolderError: The folder lies among the photographs.

        """
        self.export_config(self.labels, self.plan.size).check()
        if table_of(self.data) is None and self.data.resolve() in self.folder.resolve().parents:
            raise RunFolderError(
                f"{self.folder} lies in {self.data}: give an --out or --run elsewhere."
            )

    def export_config(self, labels: tuple[Label, ...], side: int) -> ExportConfig:
        """What to make of the trained weights.

        Args:
            labels: Those of the training, each with what it was learned from.
            side: Of the square that the network sees in the service, in pixels.

        """
        return ExportConfig(
            name=self.name,
            version=self.version,
            title=self.title,
            architecture=self.source.architecture,
            labels=labels,
            input=square_input(side),
            normalisation=self.source.normalisation,
            origin=self.origin,
            licence=self.licence,
        )

    def recorded(self) -> dict[str, object]:
        """What a checkpoint depends on, as JSON can hold it: with other values it can't go on."""
        return {
            "plan": self.plan.model_dump(mode="json"),
            "data": _full(self.data),
            "validation": _full(self.validation),
            "test": [_full(test) for test in self.tests],
            "labels": [label.category for label in self.labels],
            "architecture": self.source.architecture,
            "teacher": _full(self.teacher),
            "weights": _full(self.weights),
            "stored": self.stored_side,
        }


def _full(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())
