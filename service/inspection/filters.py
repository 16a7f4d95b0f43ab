"""The weights of a layer's units, as numbers and as pictures.

A unit is one of a layer's C outputs; its filter is kh x kw x the input's channels (of its group).
Weights of 8-bit files are multiplied with their scale. A batch norm, and the preprocessing, are in
them where the file has them folded.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.inspection.graph import Graph
from service.inspection.layers import Layer

__all__ = ["MOST_NUMBERS", "MOST_UNITS", "Filters", "as_sheet", "filters_of", "first_units"]

MOST_UNITS = 64
MOST_NUMBERS = 200_000  # of one answer: some two megabytes of JSON
_MOST_TILES = 1024
_TILE = 48  # pixels, at least
_GREY = 127.5  # 0
_BORDER = 255


class Filters(NamedTuple):
    """The filters of U units.

    Attributes:
        units: their numbers.
        kernels: U x kh x kw x the input's channels.
        biases: U; None where the layer adds none.

    """

    units: Sequence[int]
    kernels: NDArray[np.float32]
    biases: NDArray[np.float32] | None


def first_units(layer: Layer) -> list[int]:
    """As many units, from the first on, as one answer has room for."""
    height, width, channels, count = layer.filter_shape
    return list(range(max(1, min(count, MOST_UNITS, MOST_NUMBERS // (height * width * channels)))))


def filters_of(graph: Graph, layer: Layer, units: Sequence[int]) -> Filters:
    """Read the filters of some units.

    Raises:
        ValueError: the file has the weights in a form that isn't known.

    """
    assert layer.weight  # noqa: S101 (asked of layers that have filters)
    axis = layer.weight_sides.index("O")
    weights = graph.rows(layer.weight, axis, units).astype(np.float32)
    if layer.weight_scale:
        weights = _dequantised(graph, layer, weights, axis, units)
    # Fully connected, or a convolution of height and width.
    order = [layer.weight_sides.index(side) for side in "OHWI" if side in layer.weight_sides]
    height, width, channels, _ = layer.filter_shape
    kernels = np.ascontiguousarray(weights.transpose(order))
    kernels = kernels.reshape(len(units), height, width, channels)
    return Filters(units, kernels, _biases(graph, layer, units))


def _dequantised(
    graph: Graph, layer: Layer, weights: NDArray[np.float32], axis: int, units: Sequence[int]
) -> NDArray[np.float32]:
    shape = [1] * weights.ndim
    shape[axis] = -1
    given = [graph.array(name).reshape(-1) for name in (layer.weight_scale, layer.weight_zero)]
    scale, zero = ((one if one.size == 1 else one[list(units)]).reshape(shape) for one in given)
    return np.asarray((weights - zero.astype(np.float32)) * scale, np.float32)


def _biases(graph: Graph, layer: Layer, units: Sequence[int]) -> NDArray[np.float32] | None:
    if layer.bias_values is None:
        return None
    values = graph.array(layer.bias_values).reshape(-1)
    if values.size != layer.filter_shape[3]:
        return None
    biases = values[list(units)].astype(np.float32)
    for name in layer.bias_scales:
        scale = graph.array(name).reshape(-1)
        biases *= scale if scale.size == 1 else scale[list(units)]
    return biases


def as_sheet(filters: Filters, *, in_colour: bool) -> bytes:
    """A PNG file with a tile for each filter; mid grey is 0.

    Args:
        filters: of a few units.
        in_colour: a tile in colour for each unit, which has its own largest weight as white or
            black; else, of the first unit, one in grey for each of its input channels, all with
            the unit's largest weight as white or black.

    """
    if in_colour:
        tiles = filters.kernels
        largest = np.abs(tiles).max((1, 2, 3), keepdims=True)
    else:
        tiles = filters.kernels[0].transpose(2, 0, 1)[:_MOST_TILES, :, :, np.newaxis]
        largest = np.abs(filters.kernels[:1]).max((1, 2, 3), keepdims=True)
    shades = _GREY + _GREY * tiles / np.maximum(largest, np.finfo(np.float32).tiny)
    sheet = _laid_out(shades.round().astype(np.uint8))
    file = io.BytesIO()
    Image.fromarray(sheet if in_colour else sheet[:, :, 0]).save(file, "PNG")
    return file.getvalue()


def _laid_out(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tiles (N x h x w x c) in rows, enlarged, with a border of one pixel around each."""
    count, height, width, channels = tiles.shape
    factor = -(-_TILE // min(height, width))
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    high, wide = height * factor + 1, width * factor + 1
    sheet = np.full((rows * high + 1, columns * wide + 1, channels), _BORDER, np.uint8)
    for at, tile in enumerate(tiles):
        top, left = at // columns * high + 1, at % columns * wide + 1
        large = tile.repeat(factor, 0).repeat(factor, 1)
        sheet[top : top + high - 1, left : left + wide - 1] = large
    return sheet
