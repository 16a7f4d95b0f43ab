"""Which pixels of the network's input a place of a layer can see.

The recursion is that of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional
Neural Networks" (Distill 2019, https://distill.pub/2019/computing-receptive-fields/), for each
side by itself. Of several paths to a layer theirs takes the largest field, since all have one
centre. Where they haven't, as with padding on one side alone, the field here is the least box
around those of all paths. It is the theoretical field: padding counts as what is seen, so a field
may reach beyond the photograph, and be larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from service.runtimes.onnx_file import Node

__all__ = ["PHOTOGRAPH", "ReceptiveField", "Side", "Window", "joined", "window_of"]


class Window(NamedTuple):
    """What an operator sees of one side of its input.

    Attributes:
        kernel: places.
        stride: places between two windows.
        before: places of padding at the top or left.
        after: places of padding at the bottom or right.
        dilation: places between two of the kernel's.

    """

    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    @property
    def extent(self) -> int:
        """Places from its first to its last, both included."""
        return self.dilation * (self.kernel - 1) + 1

    def count(self, places: int, *, ceiling: bool = False) -> int:
        """How many windows there are on so many places."""
        free = places + self.before + self.after - self.extent
        count = (-(-free // self.stride) if ceiling else free // self.stride) + 1
        # A window that begins in the padding behind does not count.
        if ceiling and (count - 1) * self.stride >= places + self.before:
            count -= 1
        return count


class Side(NamedTuple):
    """One side of a receptive field, in pixels of the network's input.

    Attributes:
        size: of the field.
        jump: from the field of a place to that of the next.
        first_centre: of the first place's field, where 0 is the photograph's edge: 0.5 is the
            middle of its first pixel.

    """

    size: float
    jump: float
    first_centre: float

    def through(self, window: Window) -> Side:
        """That of what sees this one's places through a window."""
        reach = (window.extent - 1) * self.jump
        start = self.first_centre - window.before * self.jump
        return Side(self.size + reach, self.jump * window.stride, start + reach / 2)

    def resized(self, factor: float) -> Side:
        """That of places that were enlarged by a factor, each by itself."""
        start = self.first_centre + (1 / factor - 1) * self.jump / 2
        return Side(self.size, self.jump / factor, start)


class ReceptiveField(NamedTuple):
    """The receptive fields of a layer's places: ``y`` of their rows, ``x`` of their columns."""

    y: Side
    x: Side

    def through(self, windows: Sequence[Window]) -> ReceptiveField:
        """That of what sees this one's places through windows of height and width."""
        return ReceptiveField(self.y.through(windows[0]), self.x.through(windows[1]))

    def box(self, row: int, column: int) -> tuple[float, float, float, float]:
        """What a place sees: x, y, width and height, not clipped to the photograph."""
        left, top = (
            side.first_centre + at * side.jump - side.size / 2
            for side, at in ((self.x, column), (self.y, row))
        )
        return left, top, self.x.size, self.y.size


PHOTOGRAPH = ReceptiveField(Side(1, 1, 0.5), Side(1, 1, 0.5))


def joined(fields: Iterable[ReceptiveField]) -> ReceptiveField:
    """The least field around some, of places that lie on one another."""
    every = list(fields)
    return ReceptiveField(_around([one.y for one in every]), _around([one.x for one in every]))


def _around(sides: Sequence[Side]) -> Side:
    first = min(side.first_centre - side.size / 2 for side in sides)
    last = max(side.first_centre + side.size / 2 for side in sides)
    return Side(last - first, max(side.jump for side in sides), (first + last) / 2)


def window_of(node: Node, places: Sequence[int], kernel: Sequence[int]) -> list[Window]:
    """The windows of a convolution or a pooling.

    Args:
        node: the operator.
        places: its input's height and width; or only a length, or a depth as well.
        kernel: its kernel's, where the operator does not say it.

    """
    sides = len(places)
    kernel = node.numbers("kernel_shape", kernel)
    strides = node.numbers("strides", [1] * sides)
    dilations = node.numbers("dilations", [1] * sides)
    pads = node.numbers("pads", [0] * 2 * sides)
    windows = [
        Window(kernel[at], strides[at], pads[at], pads[at + sides], dilations[at])
        for at in range(sides)
    ]
    padding = node.text("auto_pad", "NOTSET")
    if padding in {"SAME_UPPER", "SAME_LOWER"}:
        pairs = zip(windows, places, strict=True)
        return [_same(one, count, lower=padding == "SAME_LOWER") for one, count in pairs]
    return windows


def _same(window: Window, places: int, *, lower: bool) -> Window:
    """With as much padding as gives one window for each stride."""
    windows = -(-places // window.stride)
    padding = max(0, (windows - 1) * window.stride + window.extent - places)
    less, more = padding // 2, padding - padding // 2
    return window._replace(before=more if lower else less, after=less if lower else more)
