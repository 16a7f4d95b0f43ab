"""Where a graph's values come from: their layers, what their places see, what their sides are."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import NamedTuple

from service.inspection.graph import Graph
from service.inspection.operators import Shape, axes_of, pads_of, slices_of
from service.inspection.receptive_field import (
    PHOTOGRAPH,
    ReceptiveField,
    Window,
    joined,
    window_of,
)
from service.runtimes.onnx_file import Node

__all__ = [
    "CONVOLUTIONS",
    "GLOBAL_POOLS",
    "IMAGE",
    "POOLS",
    "Trace",
    "Traces",
    "image_shape",
    "layout_of",
]

CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3}
POOLS = {
    "MaxPool": "max pooling",
    "AveragePool": "average pooling",
    "QLinearAveragePool": "average pooling",
    "LpPool": "power-average pooling",
}
GLOBAL_POOLS = {
    "GlobalAveragePool": "global average pooling",
    "QLinearGlobalAveragePool": "global average pooling",
    "ReduceMean": "global average pooling",
    "GlobalMaxPool": "global max pooling",
    "ReduceMax": "global max pooling",
    "GlobalLpPool": "global power-average pooling",
}
IMAGE = 4  # sides of N x C x H x W


class Trace(NamedTuple):
    """Where a value comes from: layers, what its places see, and what its sides are."""

    sources: tuple[str, ...]
    field: ReceptiveField
    sides: str


class Traces:
    """The traces of a graph's values, followed from the photograph on, operator by operator.

    Attributes:
        padding: of the values that a Pad made, what it added before and after each side.

    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._traces = {graph.photo: Trace((), PHOTOGRAPH, "NHWC")}
        self.padding: dict[str, list[tuple[int, int]]] = {}

    def __getitem__(self, name: str) -> Trace:
        """That of a value which was followed."""
        return self._traces[name]

    def claim(self, nodes: Iterable[Node], layer: str) -> None:
        """Have what some operators give come from a layer."""
        for name in (name for node in nodes for name in node.outputs):
            self._traces[name] = self._traces[name]._replace(sources=(layer,))

    def reduced(self, node: Node) -> set[str]:
        """The sides over which an operator takes the mean or its like."""
        trace, rank = self._traces[node.inputs[0]], len(self._graph.shapes[node.inputs[0]])
        values = self._graph.values(node)
        return {trace.sides[at] for at in axes_of(node, values, rank) or range(rank)}

    def follow(self, node: Node) -> None:
        """Find where an operator's outputs come from."""
        depends = [self._traces[name] for name in self._graph.depends(node)]
        for name in node.outputs:
            shape = self._graph.shapes.get(name, ())
            found = self._traced(node, depends, shape)
            lost = len(found.sides) != len(shape)
            self._traces[name] = found._replace(sides=_usual(shape)) if lost else found

    def _traced(self, node: Node, depends: list[Trace], shape: Shape) -> Trace:
        graph = self._graph
        first = max(depends, key=lambda one: len(one.sides))
        sources = tuple(dict.fromkeys(name for one in depends for name in one.sources))
        field, sides = self._field(self._graph.depends(node)), first.sides
        source = node.inputs[0]
        places = graph.shapes[source]
        if node.kind in CONVOLUTIONS and len(shape) == IMAGE:
            weight = graph.shapes[node.inputs[CONVOLUTIONS[node.kind]]]
            return Trace(sources, field.through(window_of(node, places[2:], weight[2:])), "NCHW")
        if node.kind in POOLS and len(shape) == IMAGE:
            return Trace(sources, field.through(window_of(node, places[2:], ())), "NCHW")
        if node.kind in GLOBAL_POOLS or node.kind.startswith("Reduce"):
            return self._trace_reduced(node, Trace(sources, field, sides))
        return Trace(sources, *self._moved(node, Trace(sources, field, sides), shape))

    def _field(self, names: Iterable[str]) -> ReceptiveField:
        """What places see in all of these values together.

        A number that the photograph itself is scaled with, such as its mean grey, is left out: with
        it, each unit of the network would see the whole photograph.
        """
        places = {name: self._count(name) for name in names}
        most = max(places.values())
        return joined(
            self._traces[name].field
            for name, count in places.items()
            if count == most or self._traces[name].sources
        )

    def _count(self, name: str) -> int:
        """How many places a value has."""
        sizes = zip(self._traces[name].sides, self._graph.shapes.get(name, ()), strict=False)
        return prod(size for side, size in sizes if side in "HWT")

    def _trace_reduced(self, node: Node, trace: Trace) -> Trace:
        places = self._graph.shapes[node.inputs[0]]
        if node.kind.startswith("Reduce"):
            reduced = self.reduced(node)
            kept = node.number("keepdims", 1)
            sides = "".join(one for one in trace.sides if kept or one not in reduced)
        else:
            reduced, sides = {"H", "W"}, trace.sides
        if not reduced.intersection("HWT"):
            return trace._replace(sides=sides)
        return trace._replace(field=_everywhere(trace, places), sides=sides)

    def _moved(self, node: Node, trace: Trace, shape: Shape) -> tuple[ReceptiveField, str]:
        """Of an operator that moves values about, or leaves them where they are."""
        graph, source = self._graph, node.inputs[0]
        places = graph.shapes[source]
        if node.kind == "Transpose":
            order = node.numbers("perm", range(len(places))[::-1])
            return trace.field, "".join(trace.sides[at] for at in order)
        if node.kind in {"Flatten", "Reshape", "Squeeze", "Unsqueeze"}:
            sides, merged = _regrouped(trace.sides, places, shape)
            return (_everywhere(trace, places) if merged else trace.field), sides
        if node.kind in {"Pad", "Slice", "Resize", "Upsample", "SpaceToDepth", "DepthToSpace"}:
            return self._shifted(node, trace, shape), trace.sides
        return trace.field, trace.sides

    def _shifted(self, node: Node, trace: Trace, shape: Shape) -> ReceptiveField:
        graph, places = self._graph, self._graph.shapes[node.inputs[0]]
        values = graph.values(node)
        windows = {side: Window(1) for side in "HW"}
        if node.kind == "Pad":
            pads = pads_of(node, len(places), values)
            self.padding[node.outputs[0]] = pads
            for side, (before, after) in zip(trace.sides, pads, strict=True):
                windows[side] = Window(1, 1, before, after)
        elif node.kind == "Slice":
            for at, part in slices_of(node, len(places), values).items():
                start, _, step = part.indices(places[at])
                windows[trace.sides[at]] = Window(1, abs(step), -start)
        elif node.kind == "SpaceToDepth":
            block = node.number("blocksize")
            windows = {side: Window(block, block) for side in "HW"}
        else:
            y, x = (trace.sides.find(side) for side in "HW")
            return ReceptiveField(
                trace.field.y.resized(shape[y] / places[y]),
                trace.field.x.resized(shape[x] / places[x]),
            )
        return trace.field.through([windows["H"], windows["W"]])


def layout_of(sides: str, shape: Shape) -> str:
    """What the sides of a layer's output are; empty where they are no places and channels."""
    for names in (sides, _usual(shape)):
        sizes = dict(zip(names, shape, strict=False))
        if len(sizes) == len(shape) and prod(sizes.get(one, 1) for one in "HWTC") == prod(shape):
            return names
    return ""


def _usual(shape: Shape) -> str:
    """What the sides of a value mostly are, by their number."""
    alone = shape[:1] == (1,)
    usual = ["", "C", "NC" if alone else "TC", "NTC" if alone else "TNC", "NCHW"]
    return usual[len(shape)] if len(shape) < len(usual) else "N" + "?" * (len(shape) - 1)


def image_shape(shape: Shape, sides: str) -> tuple[int, int, int]:
    """Height, width and channels of a value, whose sides have these names."""
    sizes = dict(zip(sides, shape, strict=False))
    height, channels = sizes.get("H", 1), sizes.get("C", shape[-1])
    return height, sizes.get("W", sizes.get("T", 1)), channels


def _everywhere(trace: Trace, places: Shape) -> ReceptiveField:
    """What something sees that sees all places."""
    sizes = dict(zip(trace.sides, places, strict=False))
    return trace.field.through([Window(sizes.get("H", 1)), Window(sizes.get("W", 1))])


def _regrouped(sides: str, old: Shape, new: Shape) -> tuple[str, bool]:
    """The names of the sides of a value of another shape, and whether places were joined."""
    names, merged, at, to = "", False, 0, 0
    while at < len(old) or to < len(new):
        first, begin = at, to
        at, to = _group(old, new, at, to)
        part = [(side, size) for side, size in zip(sides[first:at], old[first:at], strict=False)]
        many = "".join(side for side, size in part if size > 1)
        names += _names_of(many or "".join(side for side, _ in part), new[begin:to])
        merged |= len(many) > 1 and bool(set(many) & set("HW")) and to - begin < len(many)
    return names, merged


def _group(old: Shape, new: Shape, at: int, to: int) -> tuple[int, int]:
    """The ends of the next sides that hold as many numbers."""
    first, begin = at, to
    at, to = min(at + 1, len(old)), min(to + 1, len(new))
    while prod(old[first:at]) != prod(new[begin:to]):
        if prod(old[first:at]) < prod(new[begin:to]) and at < len(old):
            at += 1
        elif to < len(new):
            to += 1
        else:
            return len(old), len(new)
    if at == len(old) or to == len(new):
        return len(old), len(new)
    return at, to


def _names_of(sides: str, sizes: Shape) -> str:
    """The names of new sides that stand for old ones."""
    large = sum(size > 1 for size in sizes)
    if len(sizes) == len(sides) == large or not sizes:
        return sides[: len(sizes)]
    if large > 1:
        return "HW" if sides == "T" and large == 2 == len(sizes) else "c" * len(sizes)  # noqa: PLR2004
    one = sides if len(sides) == 1 else "C" if set(sides) & set("Cc") else "T"
    spare = [side for side in "HW" if side not in one]
    names = (
        one if size > 1 or len(sizes) == 1 else spare.pop(0) if spare else "1" for size in sizes
    )
    return "".join(names)
