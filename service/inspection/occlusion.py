"""What a unit loses when parts of what it sees are covered: its effective receptive field.

A grey patch slides over the receptive field of one place of a layer, as in Zeiler and Fergus 2014
(arXiv:1311.2901, section 4.2) and Zhou et al. 2015 (arXiv:1412.6856, section 3.2).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from booth_client.errors import InvalidParameter
from service.engine.explain import Box
from service.inspection.activations import check_units
from service.inspection.layer_network import OneLayerNetwork, one_layer_network
from service.inspection.layers import Layer
from service.inspection.numbers import significant
from service.inspection.task import MULTIPLY_ADDS_PER_S, Computed, Job, Task
from service.inspection.view import Sight

__all__ = ["Occlusion", "OcclusionTask", "Patches", "compute", "grid", "weighted_centre"]

MOST_SIDE = 15  # positions of the patch down, or across
_SHARE = 5  # of what a place sees, that the patch covers along a side
_GREY = 127
_BATCH = 4  # runs together: as fast as larger ones, and soon stopped


@dataclass(frozen=True, slots=True)
class Occlusion:
    """The answer, as JSON without its braces' outer fields.

    Attributes:
        content: fields of the answer: the view, the place, and what covering parts of it costs.
        decode_s: seconds that decoding took.
        inference_s: seconds that the network took.

    """

    content: dict[str, Any]
    decode_s: float
    inference_s: float


@dataclass(frozen=True, slots=True)
class OcclusionTask(Task[Occlusion]):
    """Occlusion of what one unit of a layer sees of one photograph.

    Attributes:
        layer: its name.
        unit: of it.
        at: the row and the column; None for the place where it answers most.

    """

    what: ClassVar[str] = "occlusion"
    most_bytes: ClassVar[int] = 1 << 20

    layer: str
    unit: int
    at: tuple[int, int] | None

    def asked(self) -> dict[str, Any]:
        """The layer, the unit and the place."""
        return {"layer": self.layer, "unit": self.unit, "at": self.at}

    def read(self, fields: dict[str, Any], body: bytes) -> Occlusion:
        """The answer."""
        content = orjson.loads(body)
        if not isinstance(content, dict):
            raise TypeError
        return Occlusion(content, float(fields["decode_s"]), float(fields["inference_s"]))

    def work_s(self) -> float:
        """Half a plain run for each position: the layer's depth is not known without the file."""
        card = self.subject.card
        runs = MOST_SIDE**2 / 2
        return (
            self.subject.decode_s(card.input.size) + runs * card.multiply_adds / MULTIPLY_ADDS_PER_S
        )

    def run_bytes(self) -> int:
        """Of the decoded photograph, and of a batch of runs."""
        subject, size = self.subject, self.subject.card.input.size
        return subject.decode_bytes(size) + _BATCH * subject.map_bytes(size**2)


@dataclass(frozen=True, slots=True)
class Patches:
    """Where a patch covers a square of pixels.

    Attributes:
        lefts: of each column.
        tops: of each row.
        width: of the patch, in the square's pixels.
        height: likewise.

    """

    lefts: list[int]
    tops: list[int]
    width: int
    height: int

    def covered(self, square: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
        """The square with the patch at each position, row by row."""
        for top in self.tops:
            for left in self.lefts:
                copy = square.copy()
                copy[top : top + self.height, left : left + self.width] = _GREY
                yield copy

    @property
    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The patch's middles: of each row, and of each column."""
        return (
            np.array(self.tops, np.float64) + self.height / 2,
            np.array(self.lefts, np.float64) + self.width / 2,
        )


def grid(box: Box) -> Patches:
    """The positions of a patch that slides over a box of the square's pixels.

    Args:
        box: left, top, right and bottom.

    """
    left, top = int(box[0]), int(box[1])
    right, bottom = max(left + 1, round(box[2])), max(top + 1, round(box[3]))
    width, lefts = _along(left, right)
    height, tops = _along(top, bottom)
    return Patches(lefts, tops, width, height)


def _along(first: int, end: int) -> tuple[int, list[int]]:
    """The patch's side, and where it begins."""
    side = max(1, round((end - first) / _SHARE))
    last = end - side
    count = min(MOST_SIDE, last - first + 1)
    return side, np.rint(np.linspace(first, last, count)).astype(int).tolist()


def weighted_centre(
    drop: NDArray[np.float64], patches: Patches, box: Box
) -> tuple[float, float] | None:
    """The x and y around which the loss lies, in the square's pixels; None where none is lost.

    Each position weighs what is lost there, but for what is less than half of the most: a field
    that reaches far would have its middle drawn to the photograph's.

    Args:
        drop: rows x columns.
        patches: of the rows and columns.
        box: that they cover.

    """
    weights = np.where(drop >= drop.max() / 2, drop, 0) if drop.size and drop.max() > 0 else None
    if weights is None:
        return None
    rows, columns = patches.centres
    total = weights.sum()
    x, y = float(weights.sum(0) @ columns / total), float(weights.sum(1) @ rows / total)
    left, top, right, bottom = box
    return min(max(x, left), right), min(max(y, top), bottom)


def compute(job: Job) -> Computed:
    """Cover parts of what the unit sees, one after the other."""
    network = one_layer_network(job, job.asked["layer"])
    layer, unit = network.layer, job.asked["unit"]
    check_units(layer, [unit])
    start = time.perf_counter()
    decoded = job.decoded(job.photos[0])
    between = time.perf_counter()
    sight = Sight(decoded.seen, job.wanted.size)
    (plain,) = _values(network, decoded.pixels[np.newaxis], unit)
    row, column = _place(layer, plain, job.asked["at"])
    value = float(plain[row, column])
    box = sight.clipped(layer.receptive_field, row, column)
    patches = grid(box)
    shape = len(patches.tops), len(patches.lefts)
    kept = list(_kept(job, network, patches.covered(decoded.pixels), (unit, row, column)))
    drop = value - np.array(kept, np.float64).reshape(shape)
    centre = weighted_centre(drop, patches, box)
    told = {
        "view": sight.view,
        "layer": layer.name,
        "unit": unit,
        "at": [row, column],
        "value": float(significant(np.array(value))),
        "box": sight.on_photo(box),
        "occlusion": {
            "rows": shape[0],
            "columns": shape[1],
            "box": sight.on_photo(box),
            "patch": sight.on_photo((0, 0, patches.width, patches.height))[2:],
            "drop": significant(drop),
        },
        "centre": sight.on_photo((*centre, *centre))[:2] if centre else None,
    }
    times = {"decode_s": between - start, "inference_s": time.perf_counter() - between}
    return times, orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)


def _values(
    network: OneLayerNetwork, squares: NDArray[np.uint8], unit: int
) -> list[NDArray[np.float32]]:
    """The unit's map for each of some squares."""
    shape = network.layer.shape[:2]
    return [one.real(one.raw[unit]).reshape(shape) for one in network(squares)]


def _place(layer: Layer, plain: NDArray[np.float32], at: list[int] | None) -> tuple[int, int]:
    if at is None:
        row, column = divmod(int(plain.argmax()), plain.shape[1])
        return row, column
    rows, columns = plain.shape
    if at[0] >= rows or at[1] >= columns:
        raise InvalidParameter(
            f"Layer {layer.name} has {rows} rows and {columns} columns, counted from 0; there is "
            f"no row {at[0]} with column {at[1]}."
        )
    return at[0], at[1]


def _kept(
    job: Job,
    network: OneLayerNetwork,
    squares: Iterator[NDArray[np.uint8]],
    place: tuple[int, int, int],
) -> Iterator[float]:
    """What is left of the value in each of the squares."""
    unit, row, column = place
    for batch in _batches(squares):
        job.stop_if_unwanted()
        yield from (float(one[row, column]) for one in _values(network, batch, unit))


def _batches(squares: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    batch: list[NDArray[np.uint8]] = []
    for square in squares:
        batch.append(square)
        if len(batch) == _BATCH:
            yield np.stack(batch)
            batch.clear()
    if batch:
        yield np.stack(batch)
