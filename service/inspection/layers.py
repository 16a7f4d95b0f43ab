"""What a lecturer calls a network's layers, read from the graph that is served.

A convolution with its batch norm, bias and activation is one layer, whose output is the value after
the activation. In 8-bit files ReLU leaves no operator behind: the grid that follows begins at 0.
Parameters and multiply-adds are counted as they are published: those of convolutions and of fully
connected layers, whose batch norm, where the file has folded it, is in their weights and bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.inspection.body import ACTIVATIONS, Body
from service.inspection.graph import Graph
from service.inspection.names import Names, common_start
from service.inspection.operators import Shape
from service.inspection.receptive_field import ReceptiveField, Window, window_of
from service.inspection.traces import (
    CONVOLUTIONS,
    GLOBAL_POOLS,
    IMAGE,
    POOLS,
    Traces,
    image_shape,
    layout_of,
)
from service.runtimes.onnx_file import Node

__all__ = ["Layer", "layers", "layers_of"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Attributes:
        name: short, and its own in the network.
        kind: such as "convolution" or "max pooling".
        activation: such as "relu"; None where there is none.
        inputs: names of the layers that it takes; none for the photograph.
        shape: H, W and C of its output.
        kernel: height and width of its window; None where it has none.
        stride: down and across.
        padding: top, left, bottom and right.
        groups: parts that its channels are in; None where it is no convolution.
        input_channels: of a convolution's or fully connected layer's input.
        bias: whether it adds one.
        parameters: how many numbers it learnt.
        multiply_adds: for one photograph.
        receptive_field: of its places.
        tensor: the value of the graph that holds its output.
        layout: what that value's sides are: N, C, H, W, and T for places in a row.
        scale: with ``zero``, what that value's integers stand for; None where it has floats.
        zero: see there.
        weight: the value that holds its weights; None where it has none.
        weight_sides: what the sides of the weights are: O, I, H and W.
        weight_scale: with ``weight_zero``, what integers in it stand for; empty if it has floats.
        weight_zero: see there.
        bias_values: the value that holds its bias.
        bias_scales: values whose product integers in it are to be multiplied with.

    """

    name: str
    kind: str
    activation: str | None
    inputs: tuple[str, ...]
    shape: tuple[int, int, int]
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    padding: tuple[int, int, int, int] | None
    groups: int | None
    input_channels: int | None
    bias: bool
    parameters: int
    multiply_adds: int
    receptive_field: ReceptiveField
    tensor: str
    layout: str
    scale: float | None = None
    zero: int | None = None
    weight: str | None = None
    weight_sides: str = ""
    weight_scale: str = ""
    weight_zero: str = ""
    bias_values: str | None = None
    bias_scales: tuple[str, ...] = ()

    @property
    def has_filters(self) -> bool:
        """Whether it has weights to look at."""
        return self.weight is not None

    @property
    def filter_shape(self) -> tuple[int, int, int, int]:
        """Height, width, input channels of a filter, and how many filters there are."""
        height, width = self.kernel or (1, 1)
        channels = (self.input_channels or 0) // (self.groups or 1)
        return height, width, channels, self.shape[2]

    def maps(self, value: NDArray[Any]) -> NDArray[np.float32]:
        """Its output, H x W x C, of the value ``tensor`` of one photograph (1 x ...)."""
        sides = [self.layout.find(side) for side in "HWC"]
        if "T" in self.layout:
            sides[1] = self.layout.index("T")
        order = [at for at in sides if at >= 0]
        others = [at for at in range(value.ndim) if at not in order]
        maps = value.transpose([*others, *order]).reshape(self.shape).astype(np.float32)
        if self.scale is None:
            return maps
        return (maps - np.float32(self.zero or 0)) * np.float32(self.scale)


def layers(content: bytes | memoryview) -> list[Layer]:
    """The layers of a model file, in the order in which they are computed.

    Raises:
        UnreadableGraphError: it has an operator whose output's shape isn't known.
        ValueError, IndexError: it is no model file.

    """
    return layers_of(Graph(content))


def layers_of(graph: Graph) -> list[Layer]:
    """The layers of a graph, in the order in which they are computed."""
    return _Reader(graph).read()


class _Weights(NamedTuple):
    """The values that hold an operator's weights, as `Layer` has them."""

    weight: str
    sides: str
    bias: str = ""
    scale: str = ""
    zero: str = ""
    bias_scales: tuple[str, ...] = ()


class _Found(NamedTuple):
    """A layer's own operator: its kind, windows, weights, and multiply-adds."""

    kind: str
    windows: Sequence[Window] = ()
    weights: _Weights | None = None
    groups: int | None = None
    input_channels: int | None = None
    multiply_adds: int = 0


_NORMS = {
    "BatchNormalization": "batch normalisation",
    "LRN": "local response normalisation",
    "LayerNormalization": "layer normalisation",
    "InstanceNormalization": "instance normalisation",
    "GroupNormalization": "group normalisation",
}
_JOINING = {
    "Add": "addition",
    "Sum": "addition",
    "QLinearAdd": "addition",
    "Mul": "multiplication",
    "QLinearMul": "multiplication",
    "Max": "maximum",
    "Concat": "concatenation",
    "QLinearConcat": "concatenation",
}
_BIASES = {"Conv": 2, "FusedConv": 2, "Gemm": 2, "QLinearConv": 8, "QGemm": 6}
_PRODUCTS = {"Gemm": 1, "QGemm": 3, "MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3}


class _Reader:
    """Goes through a graph once, from the photograph on."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._traces = Traces(graph)
        self._taken: set[int] = set()  # nodes that belong to a layer already
        self._layers: list[Layer] = []
        self._names = Names()

    def read(self) -> list[Layer]:
        for place, node in enumerate(self._graph.nodes):
            if place in self._taken:
                continue
            self._traces.follow(node)
            found = self._found(node)
            if found:
                self._add(place, node, found)
        return _shortened(self._layers)

    def _found(self, node: Node) -> _Found | None:
        """What layer begins with an operator; None where none does."""
        kind, sources = node.kind, self._traces[node.outputs[0]].sources
        if kind in CONVOLUTIONS and len(self._graph.shapes[node.inputs[0]]) == IMAGE:
            return self._convolution(node)
        if kind in _PRODUCTS:
            return self._product(node)
        return self._without_weights(node) if sources else None

    def _without_weights(self, node: Node) -> _Found | None:
        if node.kind in POOLS or node.kind in GLOBAL_POOLS:
            return self._pool(node)
        if node.kind in _JOINING and self._joins(node):
            return _Found(_JOINING[node.kind])
        name = "activation" if node.kind in ACTIVATIONS else _NORMS.get(node.kind)
        return _Found(name) if name else None

    def _joins(self, node: Node) -> bool:
        """Whether it joins what comes from different layers."""
        sources = {self._traces[name].sources for name in self._graph.depends(node)}
        return len(sources - {()}) > 1

    def _convolution(self, node: Node) -> _Found:
        weight = node.inputs[CONVOLUTIONS[node.kind]]
        shape = self._graph.shapes[weight]
        groups, places = node.number("group", 1), self._graph.shapes[node.inputs[0]]
        channels = shape[1] * groups
        return _Found(
            "depthwise convolution" if groups == channels > 1 else "convolution",
            self._windows(node, places, shape[2:]),
            _weights_of(node, weight, "OIHW"),
            groups,
            channels,
            self._graph.size(node.outputs[0]) * prod(shape[1:]),
        )

    def _windows(self, node: Node, places: Shape, kernel: Sequence[int]) -> list[Window]:
        """With the padding that a Pad before it adds."""
        windows = window_of(node, places[2:], kernel)
        pads = self._traces.padding.get(node.inputs[0], [(0, 0)] * len(places))
        return [
            one._replace(before=one.before + before, after=one.after + after)
            for one, (before, after) in zip(windows, pads[2:], strict=True)
        ]

    def _product(self, node: Node) -> _Found | None:
        graph, place = self._graph, _PRODUCTS[node.kind]
        left, weight = node.inputs[0], node.inputs[place]
        if weight not in graph.constants or left in graph.constants:
            return None  # of two values, as in attention
        shape = graph.shapes[weight]
        transposed = bool(node.number("transB"))
        channels = shape[-1] if transposed else shape[-2]
        if not self._traces[left].sources and len(graph.shapes[left]) == IMAGE:
            return None  # on the photograph's own channels: grey of its colours
        return _Found(
            "fully connected",
            (),
            _weights_of(node, weight, "OI" if transposed else "IO"),
            None,
            channels,
            graph.size(node.outputs[0]) * channels,
        )

    def _pool(self, node: Node) -> _Found | None:
        if node.kind in GLOBAL_POOLS:
            return self._global_pool(node)
        places = self._graph.shapes[node.inputs[0]]
        windows = self._windows(node, places, ())
        if all(one[:4] == (1, 1, 0, 0) for one in windows):
            return None
        covers = [one.kernel == side for one, side in zip(windows, places[2:], strict=True)]
        if all(covers) and self._graph.shapes[node.outputs[0]][2:] == (1, 1):
            return _Found(f"global {POOLS[node.kind]}")
        return _Found(POOLS[node.kind], windows)

    def _global_pool(self, node: Node) -> _Found | None:
        if not node.kind.startswith("Reduce") or self._traces.reduced(node) == {"H", "W"}:
            return _Found(GLOBAL_POOLS[node.kind])
        return None

    def _add(self, place: int, node: Node, found: _Found) -> None:
        """Add the layer that begins with an operator, with all that belongs to it."""
        body = Body(self._graph, place, self._taken)
        self._taken |= body.nodes
        nodes = [self._graph.nodes[at] for at in sorted(body.nodes)]
        for one in nodes[1:]:
            self._traces.follow(one)
        layout = layout_of(self._traces[body.output].sides, self._graph.shapes[body.output])
        if not layout:  # the heads of an attention, or windows of a photograph
            return
        name = self._names.new((_weight_of(found), node.outputs[0]), found.kind)
        self._layers.append(self._layer(name, layout, found, body))
        self._traces.claim(nodes, name)

    def _layer(self, name: str, layout: str, found: _Found, body: Body) -> Layer:
        trace, graph = self._traces[body.output], self._graph
        windows, weights = found.windows, found.weights
        own = weights.bias if weights else ""
        bias = own or body.bias
        scale, zero = body.grid()
        return Layer(
            name=name,
            kind=found.kind,
            activation=body.activation(found.kind),
            inputs=trace.sources,
            shape=image_shape(graph.shapes[body.output], layout),
            kernel=(windows[0].kernel, windows[1].kernel) if windows else None,
            stride=(windows[0].stride, windows[1].stride) if windows else None,
            padding=_padding(windows) if windows else None,
            groups=found.groups,
            input_channels=found.input_channels,
            bias=bool(bias) or body.has_batch_norm,
            parameters=sum(map(graph.size, body.trained(_weight_of(found), own))),
            multiply_adds=found.multiply_adds,
            receptive_field=trace.field,
            tensor=body.output,
            layout=layout,
            scale=scale,
            zero=zero,
            weight=weights.weight if weights else None,
            weight_sides=weights.sides if weights else "",
            weight_scale=weights.scale if weights else "",
            weight_zero=weights.zero if weights else "",
            bias_values=bias or None,
            bias_scales=weights.bias_scales if weights and own else (),
        )


def _shortened(found: Sequence[Layer]) -> list[Layer]:
    """The layers without what all their names begin with."""
    start = len(common_start([layer.name for layer in found]))
    return [
        replace(layer, name=layer.name[start:], inputs=tuple(name[start:] for name in layer.inputs))
        for layer in found
    ]


def _weight_of(found: _Found) -> str:
    return found.weights.weight if found.weights else ""


def _weights_of(node: Node, weight: str, sides: str) -> _Weights:
    at = _BIASES.get(node.kind, len(node.inputs))
    bias = node.inputs[at] if at < len(node.inputs) else ""
    if not node.kind.startswith("Q"):
        return _Weights(weight, sides, bias)
    _, scale, _, _, weight_scale, weight_zero = node.inputs[:6]
    return _Weights(weight, sides, bias, weight_scale, weight_zero, (scale, weight_scale))


def _padding(windows: Sequence[Window]) -> tuple[int, int, int, int]:
    y, x = windows[0], windows[1]
    return y.before, x.before, y.after, x.after
