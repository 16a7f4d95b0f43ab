"""A model's card: everything a reader, a client or the decoder needs to know about one ONNX file.

The card travels inside the file, as JSON under the metadata key ``booth.card``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "ANSWER",
    "METADATA_KEY",
    "Accuracy",
    "Basis",
    "Bin",
    "Calibration",
    "Card",
    "Content",
    "Familiarity",
    "Finer",
    "Input",
    "Label",
    "Measurement",
    "Parity",
    "Share",
    "Weights",
]

METADATA_KEY = "booth.card"

# The output that holds a photograph's probabilities, and behind them its familiarity.
ANSWER = "answer"

# What the network learned to look at; what it is shown else it names all the same.
Content: TypeAlias = Literal["photographs", "digits"]

# What a label was learned from: labelled photographs, or a teacher network's answers alone.
Basis: TypeAlias = Literal["labelled", "distilled"]


class _Record(BaseModel):
    """Immutable, and closed: a misspelt field is an error, not a lost fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(_Record):
    """One output of the network. ``name`` is for people and not unique; ``category`` is."""

    name: str = Field(min_length=1, description='for people: "Indoor booth"')
    category: str = Field(min_length=1, description='in the data set: "booth/indoor", "n02012849"')
    kind: Literal["indoor", "outdoor"] | None = Field(
        default=None, description="of a scene: whether it is indoors"
    )
    basis: Basis | None = Field(
        default=None,
        description="learned from labelled photographs, or from a teacher network's answers alone",
    )
    photographs: int | None = Field(
        default=None, ge=0, description="labelled photographs that it was trained on"
    )

    @model_validator(mode="after")
    def _photographs_fit_the_basis(self) -> Label:
        if self.basis == "distilled" and self.photographs:
            raise ValueError(f"{self.category!r} has photographs: its basis is labelled")
        if self.basis == "labelled" and self.photographs == 0:
            raise ValueError(f"{self.category!r} has no photographs: its basis is distilled")
        return self


class Input(_Record):
    """How a photograph becomes the S x S square that the network sees: resize, then centre crop."""

    size: int = Field(gt=0, description="S: side of the square the network sees, in pixels")
    resize: int = Field(gt=0, description="side to resize to before the crop, in pixels")
    keep_aspect: bool = Field(
        default=True, description="resize the shorter side (true), or squash both sides (false)"
    )
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    content: Content = Field(
        default="photographs",
        description="what it is a picture of: a photograph, or a single handwritten digit",
    )
    detail: int | None = Field(
        default=None,
        gt=0,
        description="side of a smaller square that S x S is enlarged from, bilinearly as in "
        "training, in pixels: of a network that learned from enlarged photographs, and takes finer "
        "detail for something else",
    )

    @property
    def coarseness(self) -> float:
        """How many times a photograph is enlarged after it was made smaller than asked for."""
        return self.size / self.detail if self.detail else 1

    @model_validator(mode="after")
    def _detail_is_coarser(self) -> Input:
        if self.detail and self.detail >= self.size:
            raise ValueError(f"detail ({self.detail}) must be less than size ({self.size})")
        return self

    @model_validator(mode="after")
    def _crop_fits(self) -> Input:
        if self.resize < self.size:
            raise ValueError(
                f"resize ({self.resize}) must be at least size ({self.size}), or the crop has holes"
            )
        return self


class Weights(_Record):
    """Where the trained weights came from, and on what terms."""

    origin: str = Field(description="who published them, in words")
    url: str | None = Field(default=None, description="where they can be fetched, if they can")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the file with the weights")
    licence: str = Field(description="SPDX name, or the publisher's terms in words")


class Accuracy(_Record):
    """Top-1 and top-5 as shares of 1."""

    dataset: str
    top1: float = Field(ge=0, le=1)
    top5: float | None = Field(default=None, ge=0, le=1)


class Measurement(Accuracy):
    """Accuracy that Booth measured on this very file."""

    photographs: int = Field(gt=0)
    calibration_error: float = Field(
        ge=0, le=1, description="expected calibration error over 15 bins (Guo et al. 2017)"
    )
    environment: float | None = Field(
        default=None, ge=0, le=1, description="of scenes: share right about indoors or outdoors"
    )


class Bin(_Record):
    """The photographs whose first label's confidence lies in one interval of a reliability diagram.

    Equal intervals divide 0 to 1; which one it is, its place among the others says.
    """

    photographs: int = Field(ge=0)
    confidence: float | None = Field(
        default=None, ge=0, le=1, description="their mean confidence; none in an empty bin"
    )
    right: float | None = Field(
        default=None, ge=0, le=1, description="share whose first label is right"
    )


class Finer(_Record):
    """A temperature of its own for photographs with finer detail than the network is shown.

    That is, whose part that is seen has more pixels on both sides than `Input.detail`. The errors
    are expected calibration errors of photographs of several collections, those of each answered
    with the temperature that all the others give.
    """

    temperature: float = Field(
        gt=0, description="divides the logarithms of the file's own probabilities"
    )
    fitted_on: str = Field(description="data that the temperature was fitted on")
    fitted_photographs: int = Field(gt=0)
    collections: int = Field(gt=1, description="that these photographs come from")
    error_before: float = Field(ge=0, le=1)
    error_after: float = Field(ge=0, le=1)


class Calibration(_Record):
    """How the confidences were fitted, and what that did to photographs that had no part in it.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: one temperature divides the
    logits; it stands in the graph. The errors are expected calibration errors.
    """

    temperature: float = Field(gt=0)
    fitted_on: str = Field(description="data that the temperature was fitted on")
    fitted_photographs: int = Field(gt=0)
    measured_on: str = Field(description="data that neither training nor the fit saw")
    measured_photographs: int = Field(gt=0)
    error_before: float = Field(ge=0, le=1)
    error_after: float = Field(ge=0, le=1)
    bins_before: tuple[Bin, ...]
    bins_after: tuple[Bin, ...]
    finer: Finer | None = Field(
        default=None, description="of photographs with finer detail than `detail`"
    )

    @model_validator(mode="after")
    def _bins_hold_every_photograph(self) -> Calibration:
        for bins in (self.bins_before, self.bins_after):
            held = sum(one.photographs for one in bins)
            if held != self.measured_photographs:
                raise ValueError(
                    f"the bins hold {held} photographs, but {self.measured_photographs} "
                    "were measured"
                )
        return self


class Share(_Record):
    """Of how many photographs something is so."""

    of: str = Field(description="which photographs")
    photographs: int = Field(gt=0)
    share: float = Field(ge=0, le=1)


class Familiarity(_Record):
    """From which familiarity on a photograph counts as like those that the network learned from.

    Familiarity is the last number of the file's output ``answer``: by how much the log-sum-exp of
    the logits exceeds their mean, after no feature exceeded ``limit`` (Liu et al. 2020, Sun et al.
    2021).
    """

    threshold: float = Field(description="below it, a photograph is like nothing that it learned")
    limit: float = Field(gt=0, description="of the features")
    known: tuple[Share, ...] = Field(
        description="shares known of photographs that it should know, none of which set it"
    )
    unknown: tuple[Share, ...] = Field(
        default=(), description="shares unknown of kinds of pictures that it should not know"
    )


class Parity(_Record):
    """How closely this file answers as the torch module it was exported from."""

    reference: str = Field(description="what it was compared with")
    photographs: int = Field(gt=0)
    top1_agreement: float = Field(ge=0, le=1, description="share with the same first label")
    largest_difference: float = Field(ge=0, description="largest |change| of one probability")
    mean_difference: float = Field(ge=0, description="mean |change| of the first label's")


class Card(_Record):
    """All that is known about a model.

    ``labels`` stand in the order of the network's outputs; their categories are unique.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)
    title: str
    version: str = Field(default="1", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=32)
    architecture: str
    parameters: int = Field(gt=0)
    multiply_adds: int = Field(gt=0, description="of one photograph")
    precision: Literal["fp32", "fp16", "int8"]
    input: Input
    labels: tuple[Label, ...] = Field(min_length=2)
    attributes: tuple[str, ...] = Field(
        default=(), description="names of the output `attributes`, where the file has it"
    )
    weights: Weights
    published: Accuracy | None = Field(default=None, description="what the publisher states")
    measured: tuple[Measurement, ...] = ()
    calibration: Calibration | None = None
    familiarity: Familiarity | None = None
    parity: Parity | None = None

    @model_validator(mode="after")
    def _categories_are_unique(self) -> Card:
        seen: set[str] = set()
        for label in self.labels:
            if label.category in seen:
                raise ValueError(f"the category {label.category!r} stands twice among the labels")
            seen.add(label.category)
        return self

    @model_validator(mode="after")
    def _finer_than_something(self) -> Card:
        if self.calibration and self.calibration.finer and not self.input.detail:
            raise ValueError("finer photographs have a temperature, but no detail is less fine")
        return self

    @property
    def is_scene_model(self) -> bool:
        """Whether every label says if it is indoors or outdoors."""
        return all(label.kind for label in self.labels)

    @property
    def answer_output(self) -> str:
        """The output to ask for: K probabilities, and behind them the familiarity if there is."""
        return ANSWER if self.familiarity else "probabilities"

    @property
    def answer_size(self) -> int:
        """How many numbers that output has for a photograph."""
        return len(self.labels) + bool(self.familiarity)

    def to_json(self) -> str:
        """The card as compact JSON: the same card always gives the same text."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Card:
        """Read a card.

        Raises:
            pydantic.ValidationError: the text is no valid card.

        """
        return cls.model_validate_json(text)
