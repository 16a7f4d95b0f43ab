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

__all__ = ["Box", "box_on_photo", "cells", "first_at_each", "regions", "view"]

# What is above so much of the maximum belongs to the region, as in the paper.
_SHARE = 0.2

Box: TypeAlias = tuple[float, float, float, float]
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_NOWHERE: Box = (0.0, 0.0, 0.0, 0.0)


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


def regions(activations: NDArray[np.float32], seen: Box) -> list[Region]:
    """Where labels were seen.

    The box of each is that around the largest connected part above a fifth of the maximum; it has
    no area where nothing in the photograph speaks for the label.

    Args:
        activations: the labels' class activation maps, h x w x k.
        seen: the part of the photograph that the network saw, in its pixels.

    """
    maps = np.moveaxis(activations, -1, 0).astype(np.float64)
    most = maps.max((1, 2), keepdims=True)
    scaled = maps / np.where(most > 0, most, -np.inf)
    shown = np.maximum(scaled, 0).round(3).tolist()
    boxes = [box_on_photo(box, seen) for box in _boxes(scaled)]
    return [Region(rows, box) for rows, box in zip(shown, boxes, strict=True)]


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
    most, factor = values[..., :1], np.float32(1 / temperature)
    sums = np.exp((logits - most) * factor).sum(-1, keepdims=True)
    return first, np.exp((values - most) * factor) / sums


def _cell_label(label: Label, index: int) -> CellLabel:
    return CellLabel(label.name, label.category, index)


def _boxes(levels: NDArray[np.float64]) -> Iterator[Box]:
    """The box around the largest part above ``_SHARE`` of each of k maps, in shares of its sides.

    Between the middles of its cells a map is interpolated bilinearly, as the paper enlarges it. The
    outermost points of what is above a level then lie on the lines through these middles.
    """
    left, right = _reach(levels)
    top, bottom = (edge.swapaxes(1, 2) for edge in _reach(levels.swapaxes(1, 2)))
    corners = _joined_corners(levels)
    for number, one in enumerate(levels):
        part = _largest(one, *(joined[number] for joined in corners))
        if not part.any():
            yield _NOWHERE
            continue
        yield (
            float(left[number][part].min()),
            float(top[number][part].min()),
            float(right[number][part].max()),
            float(bottom[number][part].max()),
        )


def _reach(levels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far what is above ``_SHARE`` reaches to both sides, from each place that is above it.

    In shares of the last axis.
    """
    width = levels.shape[-1]
    one, other = levels[..., :-1], levels[..., 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = (_SHARE - one) / (other - one)
    middles = np.arange(width - 1) + 0.5
    low, high = np.zeros(levels.shape), np.full(levels.shape, float(width))
    low[..., 1:] = middles + np.where(one >= _SHARE, 0, crossing)
    high[..., :-1] = middles + np.where(other >= _SHARE, 1, crossing)
    return low / width, high / width


def _joined_corners(levels: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Between which places across a corner the level stays above ``_SHARE``.

    Of each square of four places: whether the upper left one is joined to the lower right one, and
    the upper right one to the lower left one.
    """
    a, b = levels[:, :-1, :-1], levels[:, :-1, 1:]
    c, d = levels[:, 1:, :-1], levels[:, 1:, 1:]
    saddle, slope = a * d - b * c, a + d - b - c
    return (
        (np.minimum(a, d) >= _SHARE) & (saddle >= _SHARE * slope),
        (np.minimum(b, c) >= _SHARE) & (-saddle >= -_SHARE * slope),
    )


def _largest(
    levels: NDArray[np.float64], falling: NDArray[np.bool_], rising: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The largest connected part of a map above ``_SHARE``; of equal ones that with the larger sum.

    Args:
        levels: the map, h x w.
        falling: which upper left places are joined to the lower right one, h - 1 x w - 1.
        rising: likewise the upper right to the lower left.

    """
    shape = levels.shape
    above = _bits(levels >= _SHARE, shape)
    corners = _bits(falling, shape), _bits(rising, shape)
    parts = [_mask(part, shape) for part in _parts(above, *corners, shape[1] + 1)]
    return max(parts, key=lambda part: (part.sum(), levels[part].sum()), default=levels > np.inf)


def _parts(above: int, falling: int, rising: int, stride: int) -> Iterator[int]:
    """The connected parts of a map's places, as bits: filled from a place of each."""
    while above:
        part, grown = 0, above & -above
        while grown != part:
            part = grown
            grown |= part << 1 | part >> 1 | part << stride | part >> stride
            grown |= (part & falling) << (stride + 1) | part >> (stride + 1) & falling
            grown |= (part >> 1 & rising) << stride | (part >> stride & rising) << 1
            grown &= above
        yield part
        above &= ~part


def _bits(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> int:
    """A mask as the bits of a number, with an empty column behind each row of ``shape``."""
    padded = np.zeros((shape[0], shape[1] + 1), np.bool_)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")


def _mask(bits: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, stride = shape[0], shape[1] + 1
    held = np.frombuffer(bits.to_bytes(-(-rows * stride // 8), "little"), np.uint8)
    places = np.unpackbits(held, count=rows * stride, bitorder="little")
    return places.reshape(rows, stride)[:, :-1].astype(np.bool_)
