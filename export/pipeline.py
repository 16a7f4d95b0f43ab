"""The one way from trained weights to a model file: load, trace, quantise, prove, write."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import onnx

from export.fetch.weights import sha256_of
from export.graph import model as graph
from export.graph.attributes import add_attributes, read_matrix
from export.graph.float16 import halve
from export.graph.model import Normalisation
from export.graph.quantise import quantise
from export.photographs import shipped
from export.proof.parity import expected_answers, prove
from models.card import METADATA_KEY, Card, Weights
from models.labels import label_set, sun_attributes
from models.networks import build
from models.networks.checkpoint import load_weights
from models.networks.count import multiply_adds, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto

    from export.photographs import Photographs
    from models.card import Accuracy, Input, Label
    from models.networks import Network
    from models.sources import Source

__all__ = ["Precision", "Recipe", "Traced", "check", "describe", "export_model", "trace"]

Precision = Literal["fp32", "fp16", "int8"]
Progress = Callable[[str], None]


def _silent(_step: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Recipe:
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

    @classmethod
    def of(cls, source: Source) -> Recipe:
        """The recipe for published weights."""
        return cls(
            name=source.name,
            title=source.title,
            architecture=source.architecture,
            labels=label_set(source.label_set),
            input=source.input,
            normalisation=Normalisation(source.mean, source.std),
            origin=source.origin,
            licence=source.licence,
            url=source.location,
            published=source.published,
        )


@dataclass(frozen=True)
class Traced:
    """A network with its weights and its graph, ready to become files of any precision.

    Attributes:
        recipe: What it was made by.
        network: In torch.
        body: Its graph, in float32.
        sha256: Of the file with the weights.

    """

    recipe: Recipe
    network: Network
    body: ModelProto
    sha256: str

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
        recipe = self.recipe
        card = _card(recipe, self.sha256, precision)
        seen = photographs or shipped(recipe.input)
        progress(f"Making the {precision} graph")
        model = self._model(precision, seen)
        if attributes:
            features = self.network.classifier.in_features
            add_attributes(model, read_matrix(attributes, len(sun_attributes()), features))
        progress(f"Proving it on {len(seen.proof)} photographs")
        expected = expected_answers(
            self.network, recipe.normalisation, recipe.temperature, seen.proof
        )
        parity = prove(model, expected, seen.proof, precision=precision)
        names = sun_attributes() if attributes else ()
        card = card.model_copy(update={"parity": parity, "attributes": names})
        _write(model, card, out)
        return card

    def _model(self, precision: Precision, seen: Photographs) -> ModelProto:
        recipe = self.recipe
        if precision == "int8":
            return quantise(self.body, recipe.normalisation, recipe.temperature, seen.calibration)
        make = halve if precision == "fp16" else graph.assemble
        return make(self.body, recipe.normalisation, recipe.temperature)


def trace(recipe: Recipe, weights: Path, progress: Progress = _silent) -> Traced:
    """Load weights into their network and trace it.

    Raises:
        CheckpointError: The weights can't be used.

    """
    progress("Loading the weights")
    network = build(recipe.architecture, len(recipe.labels))
    load_weights(network, recipe.architecture, weights)
    progress("Tracing the network")
    body = graph.body(network, recipe.input.size)
    return Traced(recipe, network, body, sha256_of(weights))


def export_model(
    recipe: Recipe,
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
        recipe: What to make.
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
        pydantic.ValidationError: The recipe gives no valid card.
        CheckpointError: The weights can't be used.
        ParityError: A file in floating point does not answer as the network does.
        ValueError: The matrix of attributes is not one.

    """
    check(recipe)
    return trace(recipe, weights, progress).write(
        out,
        precision=precision,
        photographs=photographs,
        attributes=attributes,
        progress=progress,
    )


def check(recipe: Recipe) -> None:
    """Refuse a bad name or label before the work, not after.

    Raises:
        pydantic.ValidationError: The recipe gives no valid card.

    """
    _card(recipe, "0" * 64, "fp32")


def describe(path: Path, card: Card, out: Path | None = None) -> None:
    """Give a model file another card; with ``out``, as another file."""
    _write(onnx.load(path), card, out or path)


def _card(recipe: Recipe, sha256: str, precision: Precision) -> Card:
    classes = len(recipe.labels)
    return Card(
        name=recipe.name,
        title=recipe.title,
        version=recipe.version,
        architecture=recipe.architecture,
        parameters=parameters(recipe.architecture, classes),
        multiply_adds=multiply_adds(recipe.architecture, classes, recipe.input.size),
        precision=precision,
        input=recipe.input,
        labels=recipe.labels,
        weights=Weights(
            origin=recipe.origin,
            url=recipe.url,
            sha256=sha256,
            licence=recipe.licence,
        ),
        published=recipe.published,
    )


def _write(model: ModelProto, card: Card, out: Path) -> None:
    onnx.helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(model.SerializeToString(deterministic=True))
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
