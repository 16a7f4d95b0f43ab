"""Networks whose layers' outputs can be had: all of them, or one without what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import InvalidParameter
from service.inspection.layers import Layer, layers
from service.inspection.task import Job
from service.runtimes.onnx_file import (
    GraphParts,
    Node,
    computing,
    read_graph,
    with_outputs,
    without_loop,
)
from service.runtimes.onnx_runtime import open_session

__all__ = [
    "LayerNetwork",
    "OneLayerNetwork",
    "Output",
    "layer_named",
    "layer_network",
    "one_layer_network",
]

_ANSWER = "probabilities"
_MOST_NAMED = 12  # layers in a refusal


class Output(NamedTuple):
    """What a layer gives for one photograph.

    Attributes:
        layer: the layer.
        raw: C x places, on the grid of the layer's integers where it has them.

    """

    layer: Layer
    raw: NDArray[Any]

    def real(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """What some of the raw numbers, or means of them, stand for."""
        layer, values = self.layer, raw.astype(np.float32)
        if layer.scale is None:
            return values
        return (values - np.float32(layer.zero or 0)) * np.float32(layer.scale)

    @classmethod
    def of(cls, layer: Layer, value: NDArray[Any]) -> Output:
        """That of the value of the layer's tensor."""
        channels = layer.shape[2]
        if layer.layout == "NCHW":
            return cls(layer, value.reshape(channels, -1))
        plain = replace(layer, scale=None)
        return cls(layer, plain.maps(value).reshape(-1, channels).T)


class LayerNetwork:
    """A network with the outputs of all its layers.

    Args:
        content: of the model file.

    Attributes:
        layers: in the order in which they are computed, by their names.

    Raises:
        InvalidParameter: its graph can't be read.

    """

    def __init__(self, content: bytes) -> None:
        content = _plain(content)
        self.layers = {layer.name: layer for layer in _readable_layers(content)}
        graph = read_graph(content)
        further = {layer.tensor for layer in self.layers.values()} - graph.outputs.keys()
        self._session = open_session(with_outputs(content, sorted(further)), {"cpu": {}}, threads=1)

    def __call__(
        self, square: NDArray[np.uint8], wanted: Sequence[Layer]
    ) -> tuple[NDArray[np.float32], list[Output]]:
        """The probabilities (K), and what some layers give, of a photograph (S x S x 3)."""
        names = [_ANSWER, *(layer.tensor for layer in wanted)]
        answer, *values = self._session.run(names, {"photo": square[np.newaxis]})
        pairs = zip(wanted, values, strict=True)
        return answer[0].astype(np.float32), [Output.of(*pair) for pair in pairs]


class OneLayerNetwork:
    """A network that ends with one of its layers.

    Args:
        content: of the model file.
        name: of the layer.

    Attributes:
        layer: the one with that name.

    Raises:
        InvalidParameter: there is none of that name, or its graph can't be read.

    """

    def __init__(self, content: bytes, name: str) -> None:
        plain = _plain(content)
        self._is_one_by_one = plain != content
        found = _readable_layers(plain)
        self.layer = layer_named({layer.name: layer for layer in found}, name)
        cut = computing(plain, self.layer.tensor)
        self._session = open_session(cut, {"cpu": {}}, threads=1)

    def __call__(self, squares: NDArray[np.uint8]) -> list[Output]:
        """What the layer gives for each of some photographs (N x S x S x 3)."""
        if self._is_one_by_one:
            return [one for at in range(len(squares)) for one in self._run(squares[at : at + 1])]
        return self._run(squares)

    def _run(self, squares: NDArray[np.uint8]) -> list[Output]:
        (values,) = self._session.run([self.layer.tensor], {"photo": squares})
        return [Output.of(self.layer, values[at : at + 1]) for at in range(len(values))]


def layer_network(job: Job) -> LayerNetwork:
    """The network of a job, with the outputs of all its layers."""
    return job.networks.get("layers", job.model, LayerNetwork)


def one_layer_network(job: Job, name: str) -> OneLayerNetwork:
    """The network of a job up to one of its layers."""
    return job.networks.get(
        ("layer", name), job.model, lambda content: OneLayerNetwork(content, name)
    )


def layer_named(known: dict[str, Layer], name: str) -> Layer:
    """One of a network's layers.

    Raises:
        InvalidParameter: there is none of that name.

    """
    if name in known:
        return known[name]
    some = ", ".join(list(known)[:_MOST_NAMED])
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    raise InvalidParameter(
        f"This model has no layer {name[:64]!r}; it has {some}{more}, as GET /models/NAME/layers "
        "tells."
    )


def _plain(content: bytes) -> bytes:
    """The file with its network outside any loop over photographs, where it has layers.

    Raises:
        InvalidParameter: its graph can't be read.

    """
    try:
        return bytes(without_loop(content))
    except (ValueError, IndexError):
        raise _unreadable() from None


def _unreadable() -> InvalidParameter:
    return InvalidParameter(
        "This model's graph has operators that can't be told apart into layers; ask another model."
    )


def _readable_layers(content: bytes) -> list[Layer]:
    try:
        found = layers(content)
    except (ValueError, IndexError, KeyError):
        raise _unreadable() from None
    graph = read_graph(content)
    makers = {name: node for node in graph.nodes() for name in node.outputs}
    return [_as_integers(layer, makers.get(layer.tensor), graph) for layer in found]


def _as_integers(layer: Layer, maker: Node | None, graph: GraphParts) -> Layer:
    """With the integers that its output is made of: to hand these out costs a fifth."""
    if layer.scale is not None or maker is None or maker.kind != "DequantizeLinear":
        return layer
    integers, *grid = maker.inputs
    if not set(grid) <= graph.tensors.keys() or integers in graph.tensors:
        return layer
    numbers = [graph.array(name).reshape(-1) for name in grid]
    if any(one.size != 1 for one in numbers):
        return layer
    scale, zero = (*numbers, np.zeros(1, np.int32))[:2]
    return replace(layer, tensor=integers, scale=float(scale[0]), zero=int(zero[0]))
