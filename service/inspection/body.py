"""Which operators are one layer: its own, and the batch norm, bias and activation behind it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from service.inspection.graph import Graph
from service.runtimes.onnx_file import Node

__all__ = ["ACTIVATIONS", "Body"]

ACTIVATIONS = {
    "Relu": "relu",
    "LeakyRelu": "leaky relu",
    "QLinearLeakyRelu": "leaky relu",
    "PRelu": "prelu",
    "Elu": "elu",
    "Selu": "selu",
    "Celu": "celu",
    "Sigmoid": "sigmoid",
    "QLinearSigmoid": "sigmoid",
    "HardSigmoid": "hard sigmoid",
    "HardSwish": "hard swish",
    "Swish": "silu",
    "QuickGelu": "silu",
    "Mish": "mish",
    "Gelu": "gelu",
    "FastGelu": "gelu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "Clip": "clip",
    "Erf": "erf",
}
# What a value becomes by its product with this function of itself.
_GATED = {
    "sigmoid": "silu",
    "hard sigmoid": "hard swish",
    "clip": "hard swish",
    "relu6": "hard swish",
    "erf": "gelu",
    "tanh": "mish",
}
# The last factor of such a formula; any other stands behind the layer, as a temperature does.
_LAST_FACTOR = {"hard swish": 6.0, "gelu": 2.0}
_QUIET = {"Identity", "Cast", "Dropout", "QuantizeLinear", "DequantizeLinear", "Transpose"}
_AFFINE = {"Add", "Sub", "Mul", "Div", "BatchNormalization"}
_FORMULA = {"Pow", "Sqrt", "Neg", "Abs", "Exp", "Log", "Min", "Max", "Reciprocal"}
_POINTWISE = {*ACTIVATIONS, *_QUIET, *_AFFINE, *_FORMULA}
_TRAINED = {"BatchNormalization": (1, 2), "PRelu": (1,), "LayerNormalization": (1, 2)}


class Body:
    """The operators of a layer: its own, and those after it that only change each number.

    They reach as far as everything that takes the layer's output takes it from one value.

    Attributes:
        nodes: places of the operators.
        output: the value that others take.

    """

    def __init__(self, graph: Graph, place: int, taken: set[int]) -> None:
        self._graph = graph
        self._first = place
        self._derived = [place]  # in the order of the graph
        node = graph.nodes[place]
        self._values = dict.fromkeys(node.outputs, place)
        if node.kind in ACTIVATIONS:  # it may be the gate of a product with its own input
            self._base = {*graph.depends(node)}
        else:
            self._base = set()
        self._grow(taken)
        self.nodes, self.output = {place}, node.outputs[0]
        for at in self._derived[1:]:
            self._reach(at)

    def _grow(self, taken: set[int]) -> None:
        nodes, ahead = self._graph.nodes, {self._first}
        waiting = list(self._takers(self._first))
        while waiting:
            at = min(waiting)
            waiting.remove(at)
            if at in ahead or at in taken or nodes[at].kind not in _POINTWISE:
                continue
            depends = set(self._graph.depends(nodes[at]))
            if not depends <= self._values.keys() | self._base:
                continue
            ahead.add(at)
            self._derived.append(at)
            self._values |= dict.fromkeys(nodes[at].outputs, at)
            waiting.extend(self._takers(at))

    def _takers(self, place: int) -> Iterable[int]:
        outputs = self._graph.nodes[place].outputs
        return (at for name in outputs for at in self._graph.consumers.get(name, ()))

    def _reach(self, at: int) -> None:
        """Let the layer go as far as an operator, if that is right."""
        inside = self._before(at)
        if self._first not in inside or any(
            taker not in inside for one in inside - {at} for taker in self._takers(one)
        ):
            return
        if self._belongs(at, inside):
            self.nodes, self.output = inside, self._graph.nodes[at].outputs[0]

    def _before(self, at: int) -> set[int]:
        """The derived operators that one depends on, and that."""
        found, waiting = {at}, [at]
        while waiting:
            for name in self._graph.nodes[waiting.pop()].inputs:
                one = self._values.get(name)
                if one is not None and one not in found:
                    found.add(one)
                    waiting.append(one)
        return found

    def _belongs(self, at: int, inside: set[int]) -> bool:
        node = self._graph.nodes[at]
        if node.kind in ACTIVATIONS or node.kind == "BatchNormalization":
            return self._activation(self.nodes) is None
        if node.kind in {"QuantizeLinear", "DequantizeLinear", "Cast"}:
            return inside - {at} == self.nodes
        if node.kind not in _AFFINE:
            return False
        if len(self._graph.depends(node)) > 1:
            return True  # the gate's product
        constant = next((one for one in node.inputs if one in self._graph.constants), "")
        if self._graph.size(constant) > 1:
            return self._activation(self.nodes) is None
        return self._is_last_factor(constant, inside)

    def _is_last_factor(self, constant: str, inside: set[int]) -> bool:
        factor = _LAST_FACTOR.get(self._activation(inside) or "")
        number = self._graph.number(constant)
        if not factor or number is None:
            return False
        return any(math.isclose(number, one, rel_tol=1e-3) for one in (factor, 1 / factor))

    @property
    def has_batch_norm(self) -> bool:
        """Whether a batch norm of its own follows the layer's operator."""
        return any(one.kind == "BatchNormalization" for one in self._further())

    @property
    def bias(self) -> str:
        """The bias that an operator of its own adds; empty where there is none."""
        for node in self._further():
            if node.kind == "Add" and len(self._graph.depends(node)) == 1:
                constant = next(one for one in node.inputs if one in self._graph.constants)
                if self._graph.size(constant) > 1:
                    return constant
        return ""

    def _further(self) -> list[Node]:
        return [self._graph.nodes[at] for at in sorted(self.nodes - {self._first})]

    def trained(self, *own: str) -> list[str]:
        """The constants that were learnt, those of the layer's own operator among them."""
        graph, names = self._graph, list(own)
        for at in self.nodes:
            node = graph.nodes[at]
            places = _TRAINED.get(node.kind, ())
            names.extend(node.inputs[place] for place in places if place < len(node.inputs))
            if node.kind in _AFFINE - {"BatchNormalization"} and at != self._first:
                constants = (one for one in node.inputs if one in graph.constants)
                names.extend(one for one in constants if graph.size(one) > 1)
        return [one for one in dict.fromkeys(names) if one]

    def activation(self, kind: str) -> str | None:
        """What it ends with."""
        named = self._activation(self.nodes)
        if named or kind not in {
            "convolution",
            "depthwise convolution",
            "fully connected",
            "addition",
            "batch normalisation",
        }:
            return named
        return self._saturating()

    def _activation(self, places: set[int]) -> str | None:
        """What the operators make of the layer's own, if it is more than a scale and a bias."""
        name = None
        for at in sorted(places):
            node = self._graph.nodes[at]
            if node.kind in ACTIVATIONS:
                name = self._clipped(node) if node.kind == "Clip" else ACTIVATIONS[node.kind]
            elif name in _GATED and len(self._graph.depends(node)) > 1 and at != self._first:
                name = _GATED[name]
        return name

    def _clipped(self, node: Node) -> str:
        low, high = self._limits(node)
        if low == 0:
            return "relu6" if high == 6 else "relu" if high is None else "clip"  # noqa: PLR2004
        return "clip"

    def _limits(self, node: Node) -> tuple[float | None, float | None]:
        given = [node.attributes.get(name) for name in ("min", "max")]
        for at, name in enumerate(node.inputs[1:]):
            given[at] = self._graph.number(name)
        low, high = (one if isinstance(one, float) else None for one in given)
        return low, high if high is not None and high < 1e30 else None  # noqa: PLR2004

    def _saturating(self) -> str | None:
        """ReLU of the grid on which the layer's output is rounded."""
        grid = self._output_grid()
        if grid is None:
            return None
        scale, zero, lowest = grid
        if zero != lowest:
            return None
        return "relu6" if math.isclose(scale * 255, 6, rel_tol=1e-4) else "relu"

    def grid(self) -> tuple[float | None, int | None]:
        """Scale and zero of the output, if that is integers."""
        maker = self._graph.nodes[self._values[self.output]]
        grid = self._output_grid()
        if grid is None or maker.kind == "DequantizeLinear":
            return None, None
        return grid[0], grid[1]

    def _output_grid(self) -> tuple[float, int, int] | None:
        """Scale, zero and the lowest integer; None where there is no grid."""
        for at in sorted(self.nodes, reverse=True):
            node = self._graph.nodes[at]
            names = _grid_of(node)
            if names is None:
                continue
            scale, zero = names
            integers = self._graph.array(zero) if zero else np.zeros(1, np.uint8)
            lowest = int(np.iinfo(integers.dtype).min)
            return self._graph.number(scale) or 0.0, int(integers.reshape(-1)[0]), lowest
        return None


def _grid_of(node: Node) -> tuple[str, str] | None:
    """The names of scale and zero of an operator's output."""
    if node.kind == "QuantizeLinear":
        return node.inputs[1], node.inputs[2] if len(node.inputs) > 2 else ""  # noqa: PLR2004
    places = {
        "QLinearConv": 6,
        "QLinearMatMul": 6,
        "QLinearAdd": 6,
        "QLinearMul": 6,
        "QGemm": 7,
        "QLinearGlobalAveragePool": 3,
        "QLinearAveragePool": 3,
        "QLinearSigmoid": 3,
        "QLinearLeakyRelu": 3,
        "QLinearConcat": 0,
    }
    at = places.get(node.kind)
    return None if at is None else (node.inputs[at], node.inputs[at + 1])
