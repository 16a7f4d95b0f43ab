"""What the service says of photographs and models. The JSON of the HTTP API has these fields."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, TypeAlias

__all__ = [
    "Accuracy",
    "Activations",
    "Answer",
    "Attribute",
    "Basis",
    "Bin",
    "Calibration",
    "Card",
    "CellLabel",
    "Cells",
    "Environment",
    "ExplainedAnswer",
    "ExplainedPrediction",
    "Familiarity",
    "Features",
    "Filter",
    "Finer",
    "Input",
    "KnownAnswer",
    "Label",
    "LabelMap",
    "LabelMapCells",
    "Layer",
    "LayerActivations",
    "LayerFilters",
    "Maps",
    "Measurement",
    "ModelLayers",
    "ModelSummary",
    "Occlusion",
    "OcclusionGrid",
    "Parity",
    "Part",
    "Prediction",
    "PredictionWithBasis",
    "ReceptiveField",
    "Region",
    "Share",
    "Source",
    "Timing",
    "UnitActivation",
    "View",
    "Weights",
    "as_json",
]

# What a label was learned from: labelled photographs, or a teacher network's answers alone.
Basis: TypeAlias = Literal["labelled", "distilled"]

# What of an answer can be explained.
Part: TypeAlias = Literal["region", "cells", "attributes"]

# How the maps of a layer's units are given.
Maps: TypeAlias = Literal["numbers", "png", "none"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One label. ``index`` and ``category`` are its identity; ``label`` is for people."""

    label: str
    category: str
    index: int
    confidence: float

    @property
    def basis(self) -> Basis | None:
        """What the label was learned from; None where the model's card does not say."""
        return None

    @property
    def region(self) -> Region | None:
        """Where the label was seen; None where that was not asked."""
        return None


@dataclass(frozen=True, slots=True)
class PredictionWithBasis(Prediction):
    """A label of a model whose card says what it was learned from.

    "labelled": from labelled photographs; "distilled": from a teacher network's answers alone, so
    that nothing has measured its confidence.
    """

    basis: Basis = field()  # `field`, or the property above would be its default


@dataclass(frozen=True, slots=True)
class Region:
    """Where a label was seen: its class activation map (Zhou et al. 2016, arXiv:1512.04150).

    ``map`` has h rows of w numbers from 0 to 1, evenly over the box of the ``View``. ``box`` is x,
    y, width and height of what is above a fifth of the maximum, in the upright photograph's pixels.
    """

    map: list[list[float]]
    box: list[float]


@dataclass(frozen=True, slots=True)
class ExplainedPrediction(Prediction):
    """A label with where it was seen. What is None is left out of the JSON."""

    region: Region = field()
    basis: Basis | None = field(default=None)


@dataclass(frozen=True, slots=True)
class View:
    """The upright photograph's size in pixels, and the part of it that the network saw.

    ``box`` is x, y, width and height.
    """

    width: int
    height: int
    box: list[float]


@dataclass(frozen=True, slots=True)
class CellLabel:
    """A label that occurs in ``Cells``."""

    label: str
    category: str
    index: int


@dataclass(frozen=True, slots=True)
class Cells:
    """What the network says at each place of its last map: a grid of ``rows`` x ``columns``.

    ``box`` is x, y, width and height of what the grid covers, in the upright photograph's pixels.
    ``first`` has for each row and column the positions of its first labels in ``labels``, most
    confident first, and ``confidences`` how confident they are.
    """

    rows: int
    columns: int
    box: list[float]
    labels: list[CellLabel]
    first: list[list[list[int]]]
    confidences: list[list[list[float]]]


@dataclass(frozen=True, slots=True)
class LabelMapCells(Cells):
    """The cells of a whole photograph, ``step`` pixels of the network's input apart."""

    step: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a scene: the larger its score, the more of it. It is no probability."""

    attribute: str
    score: float


@dataclass(frozen=True, slots=True)
class Environment:
    """Whether a scene is indoors, with the summed confidence of all labels of that kind."""

    kind: Literal["indoor", "outdoor"]
    confidence: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time went, in milliseconds. ``total`` is from the whole body to the answer."""

    decode: float
    queue: float
    inference: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The first labels of one photograph, most confident first."""

    model: str
    version: str
    predictions: list[ExplainedPrediction | PredictionWithBasis | Prediction]
    environment: Environment | None
    timing_ms: Timing

    @property
    def known(self) -> bool | None:
        """False where the photograph is like nothing that the model learned from; None: untold."""
        return None

    @property
    def view(self) -> View | None:
        """What of the photograph the network saw; None where no explanation was asked for."""
        return None

    @property
    def cells(self) -> Cells | None:
        """What the network says at each place; None where that was not asked."""
        return None

    @property
    def attributes(self) -> list[Attribute] | None:
        """What else is true of the scene, most likely first; None where that was not asked."""
        return None


@dataclass(frozen=True, slots=True)
class KnownAnswer(Answer):
    """An answer of a model whose card has a threshold of familiarity."""

    known: bool = field()


@dataclass(frozen=True, slots=True)
class ExplainedAnswer(Answer):
    """An answer with what led to it. What is None was not asked, and is left out of the JSON."""

    view: View = field()
    cells: Cells | None = field(default=None)
    attributes: list[Attribute] | None = field(default=None)
    known: bool | None = field(default=None)


def as_json(answer: Answer) -> Any:
    """What ``json`` can write of an answer: optional fields that are None are left out.

    The times come last.
    """
    if isinstance(answer, KnownAnswer):
        return _with_known_before_times(answer)
    if not isinstance(answer, ExplainedAnswer):
        return answer
    shown = _without_none(answer)
    shown["predictions"] = [_without_none(one) for one in answer.predictions]
    shown["timing_ms"] = shown.pop("timing_ms")
    return shown


def _with_known_before_times(answer: KnownAnswer) -> dict[str, Any]:
    return {
        "model": answer.model,
        "version": answer.version,
        "predictions": answer.predictions,
        "environment": answer.environment,
        "known": answer.known,
        "timing_ms": answer.timing_ms,
    }


def _without_none(record: Answer | Prediction) -> dict[str, Any]:
    return {
        one.name: value
        for one in fields(record)
        if (value := getattr(record, one.name)) is not None or one.default is MISSING
    }


@dataclass(frozen=True, slots=True)
class LabelMap:
    """What the network says at each place of a whole photograph.

    ``predictions`` are the labels of the average of the cells, most confident first.
    """

    model: str
    version: str
    view: View
    cells: LabelMapCells
    predictions: list[PredictionWithBasis | Prediction]
    timing_ms: Timing


@dataclass(frozen=True, slots=True)
class UnitActivation:
    """What one unit of a layer answers to a photograph.

    ``value`` is its largest, at the row and column ``at``; ``box`` is x, y, width and height of
    what that place sees, on the upright photograph. ``map`` has rows of numbers, or is a ``data:``
    URL of a grey PNG whose black is ``least`` and whose white ``most``. What is None is left out.
    """

    unit: int
    value: float
    mean: float
    at: list[int]
    box: list[float]
    map: list[list[float]] | str | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class LayerActivations:
    """Some units of a layer; ``shape`` is height, width and channels of its output."""

    layer: str
    shape: list[int]
    units: list[UnitActivation]


@dataclass(frozen=True, slots=True)
class Activations:
    """What the units of some layers answer to a photograph, and what the network says of it."""

    model: str
    version: str
    view: View
    layers: list[LayerActivations]
    predictions: list[PredictionWithBasis | Prediction]
    timing_ms: Timing


@dataclass(frozen=True, slots=True)
class OcclusionGrid:
    """What of a unit's value is lost when a grey patch covers a part of what it sees.

    ``drop`` has ``rows`` x ``columns`` numbers, for positions evenly over ``box``; ``patch`` is the
    patch's width and height on the photograph.
    """

    rows: int
    columns: int
    box: list[float]
    patch: list[float]
    drop: list[list[float]]


@dataclass(frozen=True, slots=True)
class Occlusion:
    """Which part of what a unit sees matters to it: its effective receptive field.

    ``value`` is that at the row and column ``at`` of the layer, ``box`` what that place sees, and
    ``centre`` the x and y around which most is lost; None where nothing is.
    """

    model: str
    version: str
    view: View
    layer: str
    unit: int
    at: list[int]
    value: float
    box: list[float]
    occlusion: OcclusionGrid
    centre: list[float] | None
    timing_ms: Timing


@dataclass(frozen=True, slots=True)
class Features:
    """A photograph as ``size`` numbers, which are near those of photographs that are like it.

    ``layer`` is the one whose means they are; left out for what the network's classifier takes.
    """

    model: str
    version: str
    size: int
    features: list[float]
    layer: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """One loaded model, in short; ``labels`` counts them, ``content`` is what it looks at.

    ``year`` is when its architecture was first published; None where that is not known.
    """

    name: str
    title: str
    version: str
    precision: str
    provider: str
    labels: int
    scene: bool
    default: bool
    content: Literal["photographs", "digits"] = "photographs"
    year: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One output of the network. ``name`` is for people and not unique; ``category`` is."""

    name: str
    category: str
    kind: Literal["indoor", "outdoor"] | None = None
    basis: Basis | None = None
    photographs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """How a photograph becomes the square that the network sees: resize, then centre crop.

    ``size`` and ``resize`` in pixels; ``keep_aspect`` resizes the shorter side, else both. With
    ``detail``, the square is enlarged bilinearly from a smaller one of that side. ``content`` is
    what it is a picture of: a photograph, or a single handwritten digit.
    """

    size: int
    resize: int
    keep_aspect: bool = True
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    content: Literal["photographs", "digits"] = "photographs"
    detail: int | None = None


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Which pixels of the network's input the places of a layer can see, down and across.

    ``size`` of what one place sees, ``jump`` from one place's to the next one's, and
    ``first_centre`` of the first's: 0 is the input's edge, and 0.5 the middle of its first pixel.
    """

    size: list[float]
    jump: list[float]
    first_centre: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a network: an operator with its batch norm, bias and activation.

    ``inputs`` are names of layers, none for the photograph; ``shape`` is height, width, channels.
    ``padding`` is top, left, bottom, right. What a layer of its kind has not is None.
    """

    name: str
    kind: str
    activation: str | None
    inputs: list[str]
    shape: list[int]
    kernel: list[int] | None
    stride: list[int] | None
    padding: list[int] | None
    groups: int | None
    input_channels: int | None
    bias: bool
    parameters: int
    multiply_adds: int
    receptive_field: ReceptiveField
    has_filters: bool


@dataclass(frozen=True, slots=True)
class ModelLayers:
    """A network's layers, in the order in which they are computed, and what they have in all."""

    model: str
    version: str
    input: Input
    layers: list[Layer]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True, slots=True)
class Filter:
    """The weights of one unit: rows x columns x input channels, and its bias if it adds one."""

    unit: int
    kernel: list[list[list[float]]]
    bias: float | None


@dataclass(frozen=True, slots=True)
class LayerFilters:
    """Filters of a layer, whose ``shape`` is height, width, input channels, number of filters."""

    model: str
    version: str
    layer: str
    shape: list[int]
    filters: list[Filter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where the trained weights came from, and on what terms."""

    origin: str
    url: str | None = None
    sha256: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Top-1 and top-5 as shares of 1."""

    dataset: str
    top1: float
    top5: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Published weights that Booth can bring and serve: ``command`` brings them.

    ``year`` is when the architecture was first published; ``labels`` counts the labels, and with
    ``scene`` each of them is a scene; ``multiply_adds`` are of one photograph; ``published`` is
    the accuracy that the publisher states for these weights, if any.
    """

    name: str
    title: str
    year: int
    architecture: str
    labels: int
    scene: bool
    parameters: int
    multiply_adds: int
    published: Accuracy | None
    origin: str
    licence: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Accuracy):
    """Accuracy that Booth measured on this very file.

    ``calibration_error`` is the expected one over 15 bins (Guo et al. 2017); ``environment``, of
    scenes, the share right about indoors or outdoors.
    """

    photographs: int
    calibration_error: float
    environment: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The photographs whose first label's confidence lies in one interval of a reliability diagram.

    ``confidence`` is their mean, ``right`` the share whose first label is right.
    """

    photographs: int
    confidence: float | None = None
    right: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finer:
    """The temperature of photographs with finer detail than the network is shown.

    The errors are expected calibration errors of photographs of several ``collections``, those of
    each answered with the temperature that all the others give.
    """

    temperature: float
    fitted_on: str
    fitted_photographs: int
    collections: int
    error_before: float
    error_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How the confidences were fitted, and what that did to photographs that had no part in it.

    The errors are expected calibration errors, of equal bins from 0 to 1 (Guo et al. 2017).
    """

    temperature: float
    fitted_on: str
    fitted_photographs: int
    measured_on: str
    measured_photographs: int
    error_before: float
    error_after: float
    bins_before: tuple[Bin, ...]
    bins_after: tuple[Bin, ...]
    finer: Finer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Of how many photographs something is so."""

    of: str
    photographs: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Familiarity:
    """From which familiarity on a photograph counts as like those that the network learned from.

    ``known`` are shares of photographs that it should know, ``unknown`` of pictures that it should
    not; ``limit`` bounds the features before the familiarity is taken.
    """

    threshold: float
    limit: float
    known: tuple[Share, ...]
    unknown: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How closely the file answers as the torch module it was exported from.

    Shares and probabilities, of 1.
    """

    reference: str
    photographs: int
    top1_agreement: float
    largest_difference: float
    mean_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that is known about a model.

    ``labels`` stand in the order of the network's outputs; ``multiply_adds`` are of one photograph.
    """

    name: str
    title: str
    version: str = "1"
    architecture: str
    parameters: int
    multiply_adds: int
    precision: Literal["fp32", "fp16", "int8"]
    input: Input
    labels: tuple[Label, ...]
    attributes: tuple[str, ...] = ()
    weights: Weights
    published: Accuracy | None = None
    measured: tuple[Measurement, ...] = ()
    calibration: Calibration | None = None
    familiarity: Familiarity | None = None
    parity: Parity | None = None

    @property
    def is_scene_model(self) -> bool:
        """Whether every label says if it is indoors or outdoors."""
        return all(label.kind for label in self.labels)
