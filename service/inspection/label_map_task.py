"""A label map as a task of the process that looks into networks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from service.inspection.label_map import Asked, Cells, Grid, label_map, plan
from service.inspection.label_map_network import Network
from service.inspection.task import MULTIPLY_ADDS_PER_S, Computed, Job, StoppedError, Task
from service.photo.decode import decode_whole
from service.photo.header import read_header

__all__ = ["MadeMap", "MapTask", "compute"]


@dataclass(frozen=True, slots=True)
class MadeMap:
    """A label map: the upright photograph's size, its cells, and the seconds that went into it."""

    width: int
    height: int
    cells: Cells
    decode_s: float
    inference_s: float


@dataclass(frozen=True, slots=True)
class MapTask(Task[MadeMap]):
    """A label map to make of one photograph.

    Attributes:
        cells: what is asked of the network.

    """

    what: ClassVar[str] = "label-map"
    # All cells' labels, and the probabilities of the most labels.
    most_bytes: ClassVar[int] = 1 << 24

    cells: Asked

    def asked(self) -> dict[str, Any]:
        """The numbers in the order of ``Asked``."""
        return {"cells": self.cells}

    def read(self, fields: dict[str, Any], body: bytes) -> MadeMap:
        """The map."""
        size = int(fields["width"]), int(fields["height"])
        times = float(fields["decode_s"]), float(fields["inference_s"])
        return MadeMap(*size, _cells(fields, body), *times)

    def work_s(self) -> float:
        """Decoding, and as many shares of a plain run as there are cells."""
        cells, card = self.cells, self.subject.card
        per_cell = card.multiply_adds * (cells.stride / cells.size) ** 2 / MULTIPLY_ADDS_PER_S
        return self.subject.decode_s(self._side) + self._grid().cells * per_cell

    def run_bytes(self) -> int:
        """Of the decoded photograph, and of a run over it."""
        grid, subject = self._grid(), self.subject
        return subject.decode_bytes(self._side) + subject.map_bytes(grid.width * grid.height)

    @property
    def _side(self) -> int:
        return self.cells.size * self.cells.scale

    def _grid(self) -> Grid:
        """By the size of the photograph as it is stored; on its side it has as many cells."""
        (photo,) = self.subject.photos
        header = read_header(photo)
        return plan((header.width, header.height) if header else (1, 1), self.cells)


def compute(job: Job) -> Computed:
    """Make a label map."""
    asked, grid = Asked(*job.asked["cells"]), Grid(0, 0, 0, 0)
    network = job.networks.get(
        "any size", job.model, lambda content: Network(content, asked.size, asked.stride)
    )
    start = time.perf_counter()

    def fit(width: int, height: int) -> tuple[int, int]:
        nonlocal grid
        grid = plan((width, height), asked)
        return grid.width, grid.height

    decoded = decode_whole(
        job.photos[0],
        fit,
        job.wanted.interpolation,
        coarseness=job.wanted.coarseness,
        max_pixels=job.max_pixels,
        formats=job.formats,
    )
    between = time.perf_counter()
    head, top_k = network.head, asked.top_k
    cells = label_map(network, head, decoded.pixels, grid, top_k, is_wanted=job.is_wanted)
    if cells is None:
        raise StoppedError
    times = {"decode_s": between - start, "inference_s": time.perf_counter() - between}
    size = {"width": decoded.seen.width, "height": decoded.seen.height}
    shape = {"shape": cells.first.shape, "labels": len(cells.labels)}
    return {**size, **shape, **times}, b"".join(one.tobytes() for one in cells)


def _cells(fields: dict[str, Any], body: bytes) -> Cells:
    rows, columns, count = map(int, fields["shape"])
    integers, numbers = np.frombuffer(body, np.int32), np.frombuffer(body, np.float32)
    entries, labels = rows * columns * count, int(fields["labels"])
    first = labels + entries
    return Cells(
        integers[:labels],
        integers[labels:first].reshape(rows, columns, count),
        numbers[first : first + entries].reshape(rows, columns, count),
        numbers[first + entries :],
    )
