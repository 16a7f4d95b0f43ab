"""The one way from trained weights to a model file: load, trace, quantise, prove, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import onnx

from export.fetch.weights import sha256_of
from export.graph.attributes import add_attributes, read_matrix
from export.graph.file import write_model
from export.graph.float16 import to_float16
from export.graph.model import assemble
from export.graph.quantise import quantise
from export.graph.trace import trace_network
from export.photographs import shipped_photographs
from export.proof.parity import check_parity, torch_probabilities
from models.card import Card, Weights
from models.errors import UserError, validation_as
from models.labels import label_set, sun_attributes
from models.networks.checkpoint import find_weights
from models.networks.count import NetworkSize, count

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto

    from export.photographs import Photographs
    from models.card import Accuracy, Input, Label
    from models.networks import Network
    from models.normalisation import Normalisation
    from models.sources import Source

__all__ = [
    "ExportConfig",
    "Exporter",
    "InvalidCard",
    "Precision",
    "export_model",
    "write_card",
]

Precision = Literal["fp32", "fp16", "int8"]
Progress = Callable[[str], None]

# Any that a card may have, to check the rest of it by.
_SOME_HASH, _SOME_SIZE = "0" * 64, NetworkSize(1, 1)


def _silent(_step: str) -> None:
    """Tell nobody."""


class InvalidCard(UserError):
    """A name, a label or another fact can't stand in a model's card; the sentence says which."""


@dataclass(frozen=True)
class ExportConfig:
    """What to make of some weights.

    Attributes:
        name: Of the model, in the service.
        title: For people.
        architecture: One of `models.networks.ARCHITECTURES`.
        labels: In the order of the network's outputs.
        input: How a photograph becomes the square that the network sees.
        normalisation: Of the square's pixels.
        origin: Who trained the weights, in words.
        licence: SPDX name, or terms in words.
        url: Where the weights can be fetched, if they can.
        published: The accuracy that the publisher states, if any.
        temperature: Divides the logits; 1 leaves the confidences as they are.
        version: Of the model, in the service.
        use: Which of several networks in the checkpoint; see `find_weights`.
        activation: Between the linear layers of a head of one's own; likewise.

    """

    name: str
    title: str
    architecture: str
    labels: tuple[Label, ...]
    input: Input
    normalisation: Normalisation
    origin: str
    licence: str
    url: str | None = None
    published: Accuracy | None = None
    temperature: float = 1.0
    version: str = "1"
    use: str | None = None
    activation: str | None = None

    @classmethod
    def from_source(cls, source: Source) -> ExportConfig:
        """What to make of published weights."""
        return cls(
            name=source.name,
            title=source.title,
            architecture=source.architecture,
            labels=label_set(source.label_set),
            input=source.input,
            normalisation=source.normalisation,
            origin=source.origin,
            licence=source.licence,
            url=source.location,
            published=source.published,
        )

    def check(self) -> None:
        """Refuse a bad name or label before the work, not after.

        Raises:
            InvalidCard: There is one.

        """
        self.card(_SOME_SIZE, _SOME_HASH, "fp32")

    def card(self, size: NetworkSize, sha256: str, precision: Precision) -> Card:
        """The card of the model file, without what is measured on it.

        Args:
            size: Of the network.
            sha256: Of the file with the weights.
            precision: Of the arithmetic.

        Raises:
            InvalidCard: One of the facts can't be.

        """
        with validation_as(InvalidCard):
            return Card(
                name=self.name,
                title=self.title,
                version=self.version,
                architecture=self.architecture,
                parameters=size.parameters,
                multiply_adds=size.multiply_adds,
                precision=precision,
                input=self.input,
                labels=self.labels,
                weights=Weights(
                    origin=self.origin, url=self.url, sha256=sha256, licence=self.licence
                ),
                published=self.published,
            )


@dataclass(frozen=True)
class Exporter:
    """A network with its weights, counted and traced once, to be written in any precision.

    Attributes:
        config: What to make of it.
        network: In torch.
        size: Of the network.
        traced: Its graph, in float32.
        sha256: Of the file with the weights.

    """

    config: ExportConfig
    network: Network
    size: NetworkSize
    traced: ModelProto
    sha256: str

    @classmethod
    def load(cls, config: ExportConfig, weights: Path, progress: Progress = _silent) -> Exporter:
        """Load weights into their network and trace it.

        Raises:
            CheckpointError: The weights can't be used.

        """
        progress("Loading the weights")
        found = find_weights(
            config.architecture,
            len(config.labels),
            weights,
            use=config.use,
            activation=config.activation,
        )
        for note in found.notes:
            progress(note)
        size = count(found.network, config.input.size)
        found.load()
        progress("Tracing the network")
        traced = trace_network(found.network, config.input.size)
        return cls(config, found.network, size, traced, sha256_of(weights))

    def with_temperature(self, temperature: float) -> Exporter:
        """The same network, its logits divided by another temperature."""
        return replace(self, config=replace(self.config, temperature=temperature))

    def write(
        self,
        out: Path,
        *,
        precision: Precision = "fp32",
        photographs: Photographs | None = None,
        attributes: Path | None = None,
        progress: Progress = _silent,
    ) -> Card:
        """Make the model file, prove it, and write it; see `export_model`."""
        config = self.config
        card = config.card(self.size, self.sha256, precision)
        seen = photographs or shipped_photographs(config.input)
        progress(f"Making the {precision} graph")
        model = self._model(precision, seen)
        if attributes:
            features = self.network.classifier.in_features
            add_attributes(model, read_matrix(attributes, len(sun_attributes()), features))
        progress(f"Proving it on {len(seen.proof)} photographs")
        expected = torch_probabilities(
            self.network, config.normalisation, config.temperature, seen.proof
        )
        parity = check_parity(model, expected, seen.proof, precision=precision)
        names = sun_attributes() if attributes else ()
        card = card.model_copy(update={"parity": parity, "attributes": names})
        write_model(model, card, out)
        return card

    def _model(self, precision: Precision, seen: Photographs) -> ModelProto:
        config = self.config
        if precision == "int8":
            return quantise(self.traced, config.normalisation, config.temperature, seen.calibration)
        make = to_float16 if precision == "fp16" else assemble
        return make(self.traced, config.normalisation, config.temperature)


def export_model(
    config: ExportConfig,
    weights: Path,
    out: Path,
    *,
    precision: Precision = "fp32",
    photographs: Photographs | None = None,
    attributes: Path | None = None,
    progress: Progress = _silent,
) -> Card:
    """Make one proven, self-contained model file.

    Args:
        config: What to make.
        weights: The checkpoint.
        out: The file to write; it appears whole, or not at all.
        precision: Of the arithmetic.
        photographs: To calibrate int8 on and to prove the file with; None takes those that come
            with Booth.
        attributes: A matrix of SUN attributes (``.npy``), which becomes a further output.
        progress: Called with the name of each step as it begins.

    Returns:
        The card that the file holds.

    Raises:
        InvalidCard: The config gives no valid card.
        CheckpointError: The weights can't be used.
        ParityError: A file in floating point does not answer as the network does.
        BadMatrix: The matrix of attributes is not one.

    """
    config.check()
    return Exporter.load(config, weights, progress).write(
        out,
        precision=precision,
        photographs=photographs,
        attributes=attributes,
        progress=progress,
    )


def write_card(path: Path, card: Card, out: Path | None = None) -> None:
    """Give a model file another card; with ``out``, as another file."""
    write_model(onnx.load(path), card, out or path)
