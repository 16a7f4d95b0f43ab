"""How a network is trained: everything that is chosen, and what depends on how far it has come."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import UserError, first_fault

__all__ = ["InvalidPlan", "Plan", "read_plan"]

STRIDE = 32  # the network's maps are this much smaller than what it sees


class InvalidPlan(UserError):
    """A plan can't be read, or a field can't have its value; the sentence says which."""


class Plan(BaseModel):
    """One annealed cycle of training; `booth train --plan FILE.toml` reads it.

    The defaults suit some ten thousand photographs or more and a network trained on ImageNet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(160, ge=STRIDE, multiple_of=STRIDE, description="side of the last crops, px")
    epochs: float = Field(10, gt=0, description="how often each photograph is shown")
    minutes: float | None = Field(
        None, gt=0, description="train for so long instead (a pause does not count)"
    )
    sides: tuple[tuple[float, int], ...] = Field(
        (), description="(from this share of the way on, crop side); empty: three steps to size"
    )
    batch: int = Field(64, gt=1, description="photographs a step")
    rate: float = Field(1.5e-4, gt=0, description="peak learning rate of AdamW")
    warmup: float = Field(0.03, ge=0, lt=1, description="share of the way on which the rate rises")
    weight_decay: float = Field(0.02, ge=0, description="of kernels; norms and biases have none")
    frozen: int = Field(0, ge=0, description="first convolutions that stay as they came")
    dropout: float = Field(0.2, ge=0, lt=1, description="of the features")
    average: float = Field(0.998, ge=0, lt=1, description="decay of the moving average of weights")
    smallest_area: float = Field(0.4, gt=0, le=1, description="least share of a photograph shown")
    colour: float = Field(0.25, ge=0, lt=1, description="change of brightness, contrast, ...")
    cutmix: float = Field(
        0, ge=0, le=1, description="share of photographs with a part of another one"
    )
    cutmix_until: float = Field(
        0.85, ge=0, le=1, description="share of the way after which none is mixed any more"
    )
    recompressed: float = Field(
        0, ge=0, le=1, description="share of photographs stored as JPEG once more"
    )
    coarsened: float = Field(
        0, ge=0, le=1, description="share of photographs that lose their finest detail"
    )
    teacher_weight: float = Field(
        0.15, ge=0, le=1, description="the teacher's share of the loss beside a label"
    )
    seed: int = Field(0, ge=0, description="of the random numbers")

    @model_validator(mode="after")
    def _sides_are_in_order(self) -> Self:
        starts = [start for start, _ in self.sides]
        if self.sides and (starts[0] != 0 or starts != sorted(starts)):
            raise ValueError("sides must begin at 0 and rise, such as [[0, 96], [0.5, 128]]")
        if any(side < STRIDE or side % STRIDE for _, side in self.sides):
            raise ValueError(f"each side must be a multiple of {STRIDE} pixels")
        return self

    def rate_at(self, progress: float) -> float:
        """The learning rate: a linear rise, then half a cosine (Loshchilov and Hutter 2017)."""
        if progress < self.warmup:
            return self.rate * max(progress / self.warmup, 0.01)
        annealed = min((progress - self.warmup) / (1 - self.warmup), 1)
        return self.rate * (0.01 + 0.99 * (1 + math.cos(math.pi * annealed)) / 2)

    def cutmix_at(self, progress: float) -> float:
        """The share of mixed photographs: none at the end, where all are as they will be served."""
        return self.cutmix if progress < self.cutmix_until else 0

    def side_at(self, progress: float) -> int:
        """The crop's side in pixels: small ones first, which cost less (Howard 2018)."""
        steps = self.sides or self._usual_sides()
        return [side for start, side in steps if start <= progress][-1]

    def _usual_sides(self) -> tuple[tuple[float, int], ...]:
        shares = ((0.0, 0.6), (0.25, 0.8), (0.7, 1.0))
        return tuple((at, max(round(self.size * s / STRIDE), 1) * STRIDE) for at, s in shares)


def read_plan(path: Path | None, **changes: float | None) -> Plan:
    """The plan in a TOML file, or the usual one, with some fields changed.

    Args:
        path: None takes the usual plan.
        changes: Fields with their values; None leaves a field as it is.

    Raises:
        InvalidPlan: The file is no TOML, names an unknown field, or a value can't be.

    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except ValueError as cause:
        raise InvalidPlan(f"{path} is no plan in TOML: {cause}.") from None
    try:
        return Plan.model_validate(given | {n: v for n, v in changes.items() if v is not None})
    except ValidationError as error:
        raise InvalidPlan(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    fault = error.errors()[0]
    if fault["type"] == "extra_forbidden":
        return f"A plan has no {fault['loc'][0]!r}; it has {', '.join(Plan.model_fields)}."
    return first_fault(error)
