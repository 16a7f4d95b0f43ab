"""The one way from trained weights to a model file: load, trace, quantise, prove, write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import onnx

from export import graph
from export.attributes import add_attributes, read_matrix
from export.checkpoint import load_weights
from export.count import multiply_adds, parameters
from export.fetch import sha256_of
from export.graph import Normalisation
from export.networks import build
from export.parity import expected_answers, prove
from export.photographs import shipped
from export.quantise import quantise
from models.card import METADATA_KEY, Card, Weights
from models.labels import label_set, sun_attributes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onnx import ModelProto

    from export.networks import Network
    from export.photographs import Photographs
    from models.card import Accuracy, Input, Label
    from models.sources import Source

__all__ = ["Precision", "Recipe", "describe", "export_model"]

Precision = Literal["fp32", "int8"]


@dataclass(frozen=True)
class Recipe:
    """What to make of some weights.

    Attributes:
        name: Of the model, in the service.
        title: For people.
        architecture: One of `export.networks.ARCHITECTURES`.
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


def export_model(
    recipe: Recipe,
    weights: Path,
    out: Path,
    *,
    precision: Precision = "fp32",
    photographs: Photographs | None = None,
    attributes: Path | None = None,
    progress: Callable[[str], None] = lambda _step: None,
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
        ParityError: The float32 file does not answer as the network does.
        ValueError: The matrix of attributes is not one.

    """
    progress("Loading the weights")
    card = _card(recipe, weights, precision)
    network = build(recipe.architecture, len(recipe.labels))
    load_weights(network, recipe.architecture, weights)
    photographs = photographs or shipped(recipe.input)
    model = _model(recipe, network, precision, photographs, progress)
    if attributes:
        names, features = sun_attributes(), network.classifier.in_features
        add_attributes(model, read_matrix(attributes, len(names), features))
        card = card.model_copy(update={"attributes": names})
    progress(f"Proving it on {len(photographs.proof)} photographs")
    expected = expected_answers(
        network, recipe.normalisation, recipe.temperature, photographs.proof
    )
    parity = prove(model, expected, photographs.proof, exact=precision == "fp32")
    card = card.model_copy(update={"parity": parity})
    _write(model, card, out)
    return card


def _model(
    recipe: Recipe,
    network: Network,
    precision: Precision,
    photographs: Photographs,
    progress: Callable[[str], None],
) -> ModelProto:
    progress("Tracing the network")
    body = graph.body(network, recipe.input.size)
    if precision == "fp32":
        return graph.assemble(body, recipe.normalisation, recipe.temperature)
    progress(f"Calibrating on {len(photographs.calibration)} photographs")
    return quantise(body, recipe.normalisation, recipe.temperature, photographs.calibration)


def describe(path: Path, card: Card) -> None:
    """Give a model file another card."""
    _write(onnx.load(path), card, path)


def _card(recipe: Recipe, weights: Path, precision: Precision) -> Card:
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
            sha256=sha256_of(weights),
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
