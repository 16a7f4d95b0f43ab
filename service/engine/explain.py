"""What led to an answer: where each label was seen, and what the network says at each place.

A network whose features are the mean of its last maps can be read at each place of these (Zhou et
al. 2016, arXiv:1512.04150). The classifier's weights times the maps are the class activation maps;
with the bias they are the logits of each place, whose mean is the logits of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from booth_client.wire import CellLabel, Cells, Region, View
from service.photo.decode import Seen

if TYPE_CHECKING:
    from models.card import Label

__all__ = ["Box", "box_on_photo", "cells", "first_at_each", "region", "view"]

# What is above so much of the maximum belongs to the region, as in the paper.
_SHARE = 0.2

Box: TypeAlias = tuple[float, float, float, float]
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_NOWHERE: Box = (0.0, 0.0, 0.0, 0.0)
_Place: TypeAlias = tuple[int, int]


def view(seen: Seen) -> View:
    """The upright photograph's size, and the part of it that the network saw."""
    return View(seen.width, seen.height, box_on_photo(_WHOLE, seen.box))


def box_on_photo(box: Box, seen: Box) -> list[float]:
    """A box on what the network saw as x, y, width and height on the photograph, to 0.1 pixel.

    Args:
        box: left, top, right, bottom, in shares of what was seen: 0 to 1.
        seen: the same of the part of the photograph that was seen, in its pixels.

    """
    left, top, right, bottom = seen
    width, height = right - left, bottom - top
    x, y = left + box[0] * width, top + box[1] * height
    sides = (box[2] - box[0]) * width, (box[3] - box[1]) * height
    return [round(number, 1) for number in (x, y, *sides)]


def region(activation: NDArray[np.float32], seen: Box) -> Region:
    """Where a label was seen.

    Its box is that around the largest connected part above a fifth of the maximum; it has no area
    where nothing in the photograph speaks for the label.

    Args:
        activation: the label's class activation map, h x w.
        seen: the part of the photograph that the network saw, in its pixels.

    """
    most = float(activation.max())
    scaled = activation.astype(np.float64) / (most if most > 0 else -np.inf)
    box = _box_of_largest(scaled.tolist()) if most > 0 else _NOWHERE
    shown: list[list[float]] = np.maximum(scaled, 0).round(3).tolist()
    return Region(shown, box_on_photo(box, seen))


def cells(
    logits: NDArray[np.float32],
    labels: Sequence[Label],
    *,
    top_k: int,
    temperature: float,
    box: list[float],
) -> Cells:
    """The first labels of each place, each label named once.

    Args:
        logits: of each place, h x w x K.
        labels: the K labels of the network.
        top_k: how many labels each place gets.
        temperature: divides the logits.
        box: what of the photograph the places cover: x, y, width, height in its pixels.

    """
    first, confidences = first_at_each(logits, top_k, temperature)
    indices, positions = np.unique(first, return_inverse=True)
    rows, columns, _ = first.shape
    shown: Any = positions.reshape(first.shape).tolist()
    return Cells(
        rows=rows,
        columns=columns,
        box=box,
        labels=[_cell_label(labels[index], index) for index in indices.tolist()],
        first=shown,
        confidences=confidences.astype(np.float64).round(4).tolist(),
    )


def first_at_each(
    logits: NDArray[np.float32], top_k: int, temperature: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Indices and confidences of the ``top_k`` largest of the last axis's logits, largest first."""
    count = min(top_k, logits.shape[-1])
    largest = np.argpartition(logits, -count)[..., -count:]
    values = np.take_along_axis(logits, largest, -1)
    order = np.argsort(-values, -1, kind="stable")
    first = np.take_along_axis(largest, order, -1)
    values = np.take_along_axis(values, order, -1)
    most = values[..., :1]
    sums = np.exp((logits - most) / np.float32(temperature)).sum(-1, keepdims=True)
    return first, np.exp((values - most) / np.float32(temperature)) / sums


def _cell_label(label: Label, index: int) -> CellLabel:
    return CellLabel(label.name, label.category, index)


def _box_of_largest(levels: list[list[float]]) -> Box:
    """The box around the largest part above ``_SHARE``, in shares of the map's sides.

    Between the middles of its cells the map is interpolated bilinearly, as the paper enlarges it.
    The outermost points of what is above a level then lie on the lines through these middles.
    """
    part = max(_parts(levels), key=lambda places: (len(places), _sum(levels, places)))
    columns = [list(column) for column in zip(*levels, strict=True)]
    across = [_reach(levels[row], column) for row, column in part]
    down = [_reach(columns[column], row) for row, column in part]
    width, height = len(columns), len(levels)
    return (
        min(low for low, _ in across) / width,
        min(low for low, _ in down) / height,
        max(high for _, high in across) / width,
        max(high for _, high in down) / height,
    )


def _sum(levels: list[list[float]], places: list[_Place]) -> float:
    return sum(levels[row][column] for row, column in places)


def _parts(levels: list[list[float]]) -> Iterator[list[_Place]]:
    """The connected parts of the map that are above ``_SHARE``."""
    left = {
        (row, column)
        for row, line in enumerate(levels)
        for column, level in enumerate(line)
        if level >= _SHARE
    }
    while left:
        part = [left.pop()]
        for row, column in part:
            found = [place for place in _neighbours(levels, row, column) if place in left]
            left.difference_update(found)
            part += found
        yield part


def _neighbours(levels: list[list[float]], row: int, column: int) -> Iterator[_Place]:
    """The places beside one, and those across a corner over which the level does not fall."""
    yield from ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    for y in (row - 1, row + 1):
        for x in (column - 1, column + 1):
            if 0 <= y < len(levels) and 0 <= x < len(levels[0]):
                ends = levels[row][column], levels[y][x]
                if min(ends) >= _SHARE and _saddle(*ends, levels[row][x], levels[y][column]):
                    yield y, x


def _saddle(one: float, other: float, beside: float, below: float) -> bool:
    """Whether two corners above ``_SHARE`` are connected by the middle of their square."""
    slope = one + other - beside - below
    return slope > 0 and (one * other - beside * below) / slope >= _SHARE


def _reach(line: list[float], place: int) -> tuple[float, float]:
    """How far what is above ``_SHARE`` reaches from a place of a line to both sides, in cells."""
    level, middle = line[place], place + 0.5
    low = middle - _until(level, line[place - 1]) if place else 0.0
    last = place == len(line) - 1
    high = len(line) + 0.0 if last else middle + _until(level, line[place + 1])
    return low, high


def _until(level: float, next_level: float) -> float:
    """Where between two places the level falls below ``_SHARE``; 1 if it does not."""
    return 1.0 if next_level >= _SHARE else (level - _SHARE) / (level - next_level)
