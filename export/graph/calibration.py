"""What range each activation of a network takes on photographs, and how best to cut it into 256."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from onnx import ValueInfoProto

from export.graph.model import PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from onnx import ModelProto

    from models.normalisation import Normalisation

    Floats = NDArray[np.float32]

__all__ = ["Grid", "calibrate", "channel_means"]

LEVELS = 255
_TINY = 1e-12  # an activation that is always 0 has a grid too
_BINS = 2048
_BATCH = 2  # every activation of a batch is in memory at once
# Shares of the observed range that are tried as the range of the grid.
_SHARES = np.linspace(0.2, 1.0, 81)


@dataclass(frozen=True)
class Grid:
    """The 256 values that an activation may take: scale x (0..255 - zero point)."""

    scale: np.float32
    zero_point: np.uint8

    @classmethod
    def spanning(cls, low: float, high: float) -> Grid:
        """The grid from about low to about high, with 0 exactly on it."""
        low, high = min(low, 0.0), max(high, 0.0)
        step = (high - low) / LEVELS
        scale = np.float32(step if step > _TINY else 1)
        return cls(scale, np.uint8(np.clip(round(-low / float(scale)), 0, LEVELS)))

    @property
    def low(self) -> float:
        """The least value on the grid."""
        return float(self.scale) * -int(self.zero_point)

    @property
    def high(self) -> float:
        """The greatest value on the grid."""
        return float(self.scale) * (LEVELS - int(self.zero_point))

    def round(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each value's nearest on the grid."""
        steps = np.clip(np.rint(values / float(self.scale)) + int(self.zero_point), 0, LEVELS)
        return np.asarray((steps - int(self.zero_point)) * float(self.scale))


@dataclass
class _Histogram:
    low: float
    high: float
    counts: NDArray[np.int64]

    def add(self, values: Floats) -> None:
        self.counts += np.histogram(values, _BINS, (self.low, self.high))[0]

    def best_grid(self) -> Grid:
        """The grid with the least squared error, clipping included, one end after the other."""
        low, high = self.low, self.high
        edges = np.linspace(low, high, _BINS + 1)
        middles = (edges[1:] + edges[:-1]) / 2

        def error(grid: Grid) -> float:
            return float(self.counts @ (grid.round(middles) - middles) ** 2)

        high = min((high * share for share in _SHARES), key=lambda h: error(Grid.spanning(low, h)))
        low = min((low * share for share in _SHARES), key=lambda lo: error(Grid.spanning(lo, high)))
        return Grid.spanning(low, high)


def calibrate(
    traced: ModelProto,
    normalisation: Normalisation,
    photos: NDArray[np.uint8],
    names: Sequence[str],
) -> dict[str, Grid]:
    """Choose a grid for each of these activations.

    The range is the one with the least mean squared error on the photographs, so that a few far
    outliers may be clipped for the sake of all the others.

    Args:
        traced: A float graph as `export.graph.trace.trace_network` made it.
        normalisation: What the network was trained with.
        photos: N x S x S x 3.
        names: The activations.

    """
    probe = _Probe(traced, normalisation, names)
    ranges: dict[str, tuple[float, float]] = dict.fromkeys(names, (0.0, 0.0))
    for name, values in probe.activations(photos):
        low, high = ranges[name]
        ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
    histograms = {n: _Histogram(*ranges[n], np.zeros(_BINS, np.int64)) for n in names}
    for name, values in probe.activations(photos):
        histograms[name].add(values)
    return {name: histogram.best_grid() for name, histogram in histograms.items()}


def channel_means(
    traced: ModelProto,
    normalisation: Normalisation,
    photos: NDArray[np.uint8],
    names: Sequence[str],
) -> dict[str, NDArray[np.float64]]:
    """The mean of each channel (or feature) of these activations, over photographs and places.

    Args:
        traced: A float graph as `export.graph.trace.trace_network` made it.
        normalisation: What the network was trained with.
        photos: N x S x S x 3.
        names: The activations; ``pixels`` may be among them.

    """
    sums = {name: np.zeros(1) for name in names}
    probed = [name for name in names if name != PIXELS]
    for name, values in _Probe(traced, normalisation, probed).activations(photos):
        places = tuple(axis for axis in range(values.ndim) if axis != 1)
        sums[name] = sums[name] + values.mean(places, np.float64) * len(values)
    if PIXELS in sums:
        pixels = photos.mean((0, 1, 2), np.float64) - np.array(normalisation.mean)
        sums[PIXELS] = pixels / np.array(normalisation.std) * len(photos)
    return {name: total / len(photos) for name, total in sums.items()}


class _Probe:
    """Runs a float graph and hands out what its activations are."""

    def __init__(
        self, traced: ModelProto, normalisation: Normalisation, names: Sequence[str]
    ) -> None:
        known = {output.name for output in traced.graph.output}
        model = type(traced)()
        model.CopyFrom(traced)
        model.graph.output.extend(ValueInfoProto(name=n) for n in names if n not in known)
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        self._normalisation = normalisation
        self._names = list(names)

    def activations(self, photos: NDArray[np.uint8]) -> Iterator[tuple[str, Floats]]:
        """Name and values of each activation, a few photographs at a time."""
        for start in range(0, len(photos), _BATCH):
            pixels = self._normalisation(photos[start : start + _BATCH])
            values = self._session.run(self._names, {PIXELS: pixels})
            yield from zip(self._names, values, strict=True)
