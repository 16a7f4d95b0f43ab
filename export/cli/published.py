"""What ``booth pull`` and ``booth verify`` share: a published model, fetched and exported."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.cli.libraries import require_torch
from export.cli.output import echo_step, progress_bar
from export.fetch.weights import fetch_attributes, fetch_weights, sha256_of
from models.errors import UserError
from models.sources import SOURCES, Source
from service.settings import read_settings

if TYPE_CHECKING:
    from export.pipeline import Precision
    from models.card import Card

__all__ = ["PublishedModel", "UnknownSource", "WrongWeights"]


class UnknownSource(UserError):
    """No published model has this name; the sentence says which name is near."""


class WrongWeights(UserError):
    """A file has another hash than the published weights, or than the one asked for."""


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """Whose weights, and where to take them from.

    Attributes:
        source: The model.
        weights: A file to take them from; None fetches it.
        attributes: With ``weights``: the SUN attribute matrix.
        sha256: Expected hash of the weights, or its first digits; None takes the published one.
        mirror: Address of a folder to take the files from, by the same names.

    """

    source: Source
    weights: Path | None
    attributes: Path | None
    sha256: str | None
    mirror: str | None

    @classmethod
    def named(cls, name: str, **options: Any) -> PublishedModel:
        """The model of this name, with the options of `export.cli.options.weights_options`.

        Raises:
            UnknownSource: There is none.

        """
        if name in SOURCES:
            return cls(SOURCES[name], **options)
        close = get_close_matches(name, SOURCES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SOURCES)}."
        raise UnknownSource(f"Booth knows no published model {name!r}; {hint}")

    def export(self, out: Path, precision: Precision, photos: Path | None = None) -> Card:
        """Fetch the weights where necessary, and make the model file.

        Args:
            out: The file.
            precision: Of the arithmetic.
            photos: A folder of photographs to calibrate and prove with; None takes Booth's own.

        Raises:
            DownloadError: The weights could not be had.
            WrongWeights: Those given are not the published ones.
            MissingLibrary: The extra ``export`` is not installed.
            CheckpointError: The weights can't be used.
            ParityError: The file does not answer as the network does.

        """
        require_torch()
        # Late: torch takes seconds to load.
        from export.photographs import photographs_in
        from export.pipeline import ExportConfig, export_model

        weights, attributes = self._files()
        return export_model(
            ExportConfig.from_source(self.source),
            weights,
            out,
            precision=precision,
            photographs=photographs_in(photos, self.source.input) if photos else None,
            attributes=attributes,
            progress=echo_step,
        )

    def _files(self) -> tuple[Path, Path | None]:
        """The weights, and the attribute matrix if there is one."""
        if self.weights:
            self._check_hash(self.weights)
            return self.weights, self.attributes
        folder = read_settings().model_dir / "weights"
        with progress_bar(f"Fetching {self.source.filename}") as progress:
            path = fetch_weights(
                self.source, folder, mirror=self.mirror, sha256=self.sha256, progress=progress
            )
        return path, fetch_attributes(self.source, folder, mirror=self.mirror)

    def _check_hash(self, file: Path) -> None:
        expected, found = (self.sha256 or self.source.sha256 or "").lower(), sha256_of(file)
        if not found.startswith(expected):
            raise WrongWeights(
                f"{file} has SHA-256 {found}, where {expected} was expected; give the right file, "
                "or its own hash with --sha256."
            )
