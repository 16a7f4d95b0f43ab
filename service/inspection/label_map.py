"""A network run over a whole photograph: the grid of its cells, each with labels of its own.

A convolutional network takes a photograph of any size: its last maps then have a place for each
``stride`` pixels, and the classifier that follows their average can be applied to each place. To
have cells closer together, the photograph is shifted by parts of the stride, and what the runs give
is interleaved (Sermanet et al. 2014, arXiv:1312.6229, section 3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import InvalidParameter
from service.engine.explain import first_at_each

__all__ = [
    "MOST_SCALE",
    "Asked",
    "Cells",
    "Grid",
    "Head",
    "Maps",
    "label_map",
    "plan",
    "steps",
    "stride_of",
]

MOST_SCALE = 4
_LEAST_STEP = 4
_MOST_RATIO = 8  # of the longer side to the shorter
# Each costs as much as any other, some 0.2 ms of one core with the shipped models.
_MOST_CELLS = 10_000
_MOST_ENTRIES = 100_000  # of all cells: some two megabytes of JSON
_MOST_PIXELS = 1 << 21  # of one run, which holds up to a kilobyte for each


class Asked(NamedTuple):
    """What is asked of a network about a photograph.

    Attributes:
        size: side of the network's input, which the photograph's shorter side is resized to.
        stride: pixels between two places of the network's maps.
        step: pixels between two cells.
        scale: the shorter side is so many times the input's.
        top_k: labels of each cell.

    """

    size: int
    stride: int
    step: int
    scale: int
    top_k: int


class Grid(NamedTuple):
    """The cells of one photograph.

    Attributes:
        width: that the photograph is resized to, in pixels: a whole number of strides.
        height: likewise.
        stride: pixels between two places of the network's maps.
        step: pixels between two cells; it divides the stride.

    """

    width: int
    height: int
    stride: int
    step: int

    @property
    def rows(self) -> int:
        """Cells from top to bottom."""
        return self.height // self.step

    @property
    def columns(self) -> int:
        """Cells from left to right."""
        return self.width // self.step

    @property
    def cells(self) -> int:
        """All of them."""
        return self.rows * self.columns

    def shifts(self) -> list[int]:
        """How far, in pixels, each run in turn looks further right, or down, than the photograph.

        They lie evenly around 0, so that the cells cover the photograph and no more.
        """
        return [self.step // 2 - self.stride // 2 + at for at in range(0, self.stride, self.step)]


class Cells(NamedTuple):
    """What a network says of each cell.

    Attributes:
        labels: indices of the labels that occur, in order; L of them.
        first: rows x columns x k places in ``labels``, most confident first.
        confidences: rows x columns x k.
        probabilities: K, of the average of the cells' logits.

    """

    labels: NDArray[np.int32]
    first: NDArray[np.int32]
    confidences: NDArray[np.float32]
    probabilities: NDArray[np.float32]


class Maps(Protocol):
    """Gives the last maps (C x h x w) of pixels (H x W x 3)."""

    def __call__(self, pixels: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Run the network once."""


@dataclass(frozen=True, slots=True)
class Head:
    """The classifier behind the maps' average: ``weight`` (K x C), ``bias`` (K)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each place of maps (C x h x w): h x w x K."""
        places = maps.reshape(len(maps), -1).T
        logits = places @ self.weight.T + self.bias
        return logits.reshape(*maps.shape[1:], -1)


def stride_of(size: int, maps: tuple[int, ...] | None) -> int:
    """Pixels of the input between two places of the maps.

    Args:
        size: side of the network's input, in pixels.
        maps: C, h and w of its output ``maps``; None where it has none.

    Raises:
        InvalidParameter: it has none, or its places don't divide the input.

    """
    if maps and len(maps) == 3 and maps[1] == maps[2] > 0 == size % maps[1]:  # noqa: PLR2004
        stride = size // maps[1]
        if stride.bit_count() == 1:
            return stride
    raise InvalidParameter(
        "This model gives no maps that divide its input into cells; ask another one, or export it "
        "with `booth export`."
    )


def steps(stride: int) -> list[int]:
    """The steps that there are, largest first: the stride, and its halves down to 4 pixels."""
    halves = (stride >> times for times in range(stride.bit_length()))
    return [step for step in halves if step == stride or step >= _LEAST_STEP]


def plan(photo: tuple[int, int], asked: Asked) -> Grid:
    """The grid of a photograph.

    Args:
        photo: its width and height, in pixels.
        asked: of the network about it.

    Raises:
        InvalidParameter: the step is none of ``steps``, the photograph is too long, or there would
            be too much to do or to send.

    """
    if asked.step not in steps(asked.stride):
        known = ", ".join(map(str, steps(asked.stride)))
        raise InvalidParameter(f"step must be one of {known} for this model, not {asked.step}.")
    if max(photo) > _MOST_RATIO * min(photo):
        raise InvalidParameter(
            f"The photograph is {photo[0]} x {photo[1]} pixels, and a label map is made of those "
            f"up to {_MOST_RATIO} times as long as wide; crop it."
        )
    if why := _too_much(photo, asked):
        raise InvalidParameter(f"{why}; {_instead(photo, asked)}.")
    return _grid(photo, asked)


def _grid(photo: tuple[int, int], asked: Asked) -> Grid:
    unit = min(photo) * asked.stride
    width, height = (
        asked.stride * max(1, round(asked.scale * asked.size * side / unit)) for side in photo
    )
    return Grid(width, height, asked.stride, asked.step)


def _too_much(photo: tuple[int, int], asked: Asked) -> str:
    """What there is too much of, if so."""
    grid = _grid(photo, asked)
    if grid.width * grid.height > _MOST_PIXELS:
        return (
            f"At scale={asked.scale} the photograph has {grid.width} x {grid.height} pixels, and "
            f"at most {_MOST_PIXELS} are looked at"
        )
    if grid.cells > _MOST_CELLS:
        return f"That makes {grid.cells} cells, and a label map has at most {_MOST_CELLS}"
    if grid.cells * asked.top_k > _MOST_ENTRIES:
        return (
            f"That makes {asked.top_k} labels for each of {grid.cells} cells, and a label map has "
            f"at most {_MOST_ENTRIES} labels"
        )
    return ""


def _instead(photo: tuple[int, int], asked: Asked) -> str:
    """What could be asked for: as many labels if possible, then as large a scale, then as fine."""
    larger = sorted(step for step in steps(asked.stride) if step >= asked.step)
    for top_k in sorted({asked.top_k, min(asked.top_k, 5), 1}, reverse=True):
        for scale in range(asked.scale, 0, -1):
            for step in larger:
                other = asked._replace(top_k=top_k, scale=scale, step=step)
                if not _too_much(photo, other):
                    return f"step={step}, scale={scale} and top_k={top_k} would do"
    return "send a smaller photograph"


def label_map(
    maps: Maps,
    head: Head,
    pixels: NDArray[np.uint8],
    grid: Grid,
    top_k: int,
    *,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Cells | None:
    """Run a network over a photograph.

    Args:
        maps: the network.
        head: its classifier.
        pixels: height x width x 3, of the grid's size.
        grid: of the photograph.
        top_k: labels of each cell.
        is_wanted: asked before each run.

    Returns:
        The cells; None as soon as they are no longer wanted.

    """
    count = min(top_k, len(head.weight))
    first = np.empty((grid.rows, grid.columns, count), np.int32)
    confidences = np.empty((grid.rows, grid.columns, count), np.float32)
    total = np.zeros(len(head.weight))
    every = grid.stride // grid.step
    for down, across, view in _views(pixels, grid):
        if not is_wanted():
            return None
        logits = head.logits(maps(view))
        total += logits.sum((0, 1), dtype=np.float64)
        where = np.s_[down::every, across::every]
        first[where], confidences[where] = first_at_each(logits, count, 1)
    labels, places = np.unique(first, return_inverse=True)
    average = (total / grid.cells).astype(np.float32)
    return Cells(
        labels,
        places.reshape(first.shape).astype(np.int32),
        confidences.round(4),
        _softmax(average),
    )


def _views(pixels: NDArray[np.uint8], grid: Grid) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """The photograph as each run sees it, with the row and the column of that run's first cell.

    What lies beyond the photograph is its mirror image: black would be an edge that it hasn't.
    """
    margin = grid.stride // 2
    padded = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), "symmetric")
    height, width, _ = pixels.shape
    for row, down in enumerate(grid.shifts()):
        for column, across in enumerate(grid.shifts()):
            top, left = margin + down, margin + across
            yield row, column, padded[top : top + height, left : left + width]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(-1, keepdims=True))
