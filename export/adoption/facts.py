"""What is told about a network's pixels and labels, and by whom: the file, its folder, a person.

Each teller knows some of it. `merged` takes each fact from the first one who knows it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.card import Label

__all__ = ["Facts", "Rgb", "Told", "merged"]

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about a network; None is what the teller does not know.

    Attributes:
        size: S, the side of the square that the network sees.
        resize: Side before the centre crop.
        squash: Whether both sides are resized, whatever the aspect ratio.
        interpolation: ``bilinear`` or ``bicubic``, or what Booth does not have.
        mean: Of R, G and B, on pixels of 0..255.
        std: Likewise.
        bgr: Whether blue comes first.
        labels: In the order of the outputs.
        architecture: The network's, in a word.
        licence: Of the weights.

    """

    size: int | None = None
    resize: int | None = None
    squash: bool | None = None
    interpolation: str | None = None
    mean: Rgb | None = None
    std: Rgb | None = None
    bgr: bool | None = None
    labels: tuple[Label, ...] | None = None
    architecture: str | None = None
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Facts, and who told them."""

    by: str
    facts: Facts


def merged(tellers: Iterable[Told]) -> tuple[Facts, dict[str, str]]:
    """Each fact from the first who knows it, and who that was.

    Mean and standard deviation are one fact, for two tellers may mean two scales. What photographs
    are resized to belongs to the size that its teller has in mind.
    """
    found: dict[str, object] = {}
    by: dict[str, str] = {}
    for told in tellers:
        known = {one.name: getattr(told.facts, one.name) for one in fields(told.facts)}
        if "mean" in found:
            known["std"] = None
        if known["size"] not in (None, found.get("size", known["size"])):
            known["resize"] = None
        for name, value in known.items():
            if value is not None and name not in found:
                found[name], by[name] = value, told.by
    return Facts(**found), by  # type: ignore[arg-type]
