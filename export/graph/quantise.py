"""A float graph -> one that computes in 8-bit integers, in the QDQ form of ONNX.

Activations are uint8 with one grid a tensor, weights int8 and symmetric with one scale an output
channel, biases int32 (Jacob et al. 2018, arXiv:1712.05877; Nagel et al. 2021, arXiv:2106.08295).
A runtime fuses each operator with the QuantizeLinear and DequantizeLinear around it into one
integer kernel. ReLU and ReLU6 leave no operator behind: the grid that follows them starts at 0,
so saturation does their work. What rounding the weights adds to an output on average is taken from
its bias (Nagel et al. 2019, arXiv:1906.04721).

Without VNNI, an x86 CPU adds the products of two neighbouring channels in 16 bits, where 255 x 127
twice saturates: runtimes then answer wrongly, and say nothing. The weights here never let it come
to that (`export.graph.weights`), so a file answers the same on every CPU.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from export.graph.calibration import Grid, calibrate, channel_means
from export.graph.model import PIXELS, build_model, constant, consumers, preprocessing, softmax
from export.graph.weights import RoundedWeights, round_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

    from models.normalisation import Normalisation

__all__ = ["quantise"]

_WEIGHTED = frozenset({"Conv", "Gemm"})
_ACTIVATIONS = frozenset({"Relu", "Clip"})
# What these put out are values of their input, so they keep its grid.
_SELECTING = frozenset({"MaxPool", "Flatten", "Reshape"})
_BIAS_LEVELS = 2**30


def quantise(
    traced: ModelProto,
    normalisation: Normalisation,
    temperature: float,
    photos: NDArray[np.uint8],
) -> ModelProto:
    """Make the 8-bit model, calibrated on photographs.

    Args:
        traced: The float graph, as `export.graph.trace.trace_network` made it.
        normalisation: What the network was trained with. Where it is one scale and one whole zero
            point, the photograph's own bytes enter the first convolution.
        temperature: Divides the logits.
        photos: N x S x S x 3.

    """
    traced = _without_batch_norms(traced)
    fused = _fused_activations(traced)
    grids = _grids(traced, normalisation, photos, fused)
    sources = {node.input[0] for node in traced.graph.node if node.op_type in _WEIGHTED}
    means = channel_means(traced, normalisation, photos, sorted(sources))
    writer = _Writer(grids, fused, _values(traced), means)
    writer.write_photo(normalisation)
    for node in traced.graph.node:
        writer.write(node)
    after, constants = softmax(temperature)
    return build_model(
        [*writer.nodes, *after], [*writer.constants.values(), *constants], traced.graph
    )


def _without_batch_norms(traced: ModelProto) -> ModelProto:
    """Write what no convolution took in (DenseNet's) as a convolution of each channel by itself."""
    model = type(traced)()
    model.CopyFrom(traced)
    values = _values(model)
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            weight, bias = _as_convolution(node, values)
            name = node.output[0]
            inputs = [node.input[0], f"{name}.weight", f"{name}.bias"]
            values |= {inputs[1]: weight, inputs[2]: bias}
            node.CopyFrom(helper.make_node("Conv", inputs, [name], group=len(weight)))
    used = consumers(model.graph)
    del model.graph.initializer[:]
    model.graph.initializer.extend(constant(n, v) for n, v in values.items() if n in used)
    return model


def _as_convolution(
    node: NodeProto, values: dict[str, NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    gamma, beta, mean, variance = (values[name].astype(np.float64) for name in node.input[1:])
    epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
    factor = gamma / np.sqrt(variance + epsilon)
    weight = factor.astype(np.float32).reshape(-1, 1, 1, 1)
    return weight, (beta - mean * factor).astype(np.float32)


def _values(model: ModelProto) -> dict[str, NDArray[np.float32]]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def _fused_activations(traced: ModelProto) -> dict[str, str]:
    """From an operator's output to that of the ReLU or ReLU6 that alone takes it."""
    return {
        value: nodes[0].output[0]
        for value, nodes in consumers(traced.graph).items()
        if len(nodes) == 1 and nodes[0].op_type in _ACTIVATIONS
    }


def _grids(
    traced: ModelProto,
    normalisation: Normalisation,
    photos: NDArray[np.uint8],
    fused: dict[str, str],
) -> dict[str, Grid]:
    """The grid of every activation that the 8-bit graph has, the pixels included."""
    outputs = {node.output[0]: node for node in traced.graph.node if node.output[0] != "logits"}
    names = [
        name
        for name, node in outputs.items()
        if node.op_type not in _SELECTING and name not in fused
    ]
    grids = calibrate(traced, normalisation, photos, names)
    grids[PIXELS] = _pixel_grid(normalisation)
    for group in _sharing(list(outputs.values())):
        known = [grids[name] for name in group if name in grids]
        shared = Grid.spanning(min(g.low for g in known), max(g.high for g in known))
        grids |= dict.fromkeys(group, shared if len(known) > 1 else known[0])
    return grids


def _sharing(nodes: list[NodeProto]) -> list[set[str]]:
    """The groups of activations that have to have one grid between them.

    Selecting and concatenating then only move integers, and round nothing a second time.
    """
    groups: list[set[str]] = []
    for node in nodes:
        if node.op_type == "Concat":
            members = {*node.input, *node.output}
        elif node.op_type in _SELECTING:
            members = {node.input[0], *node.output}
        else:
            continue
        touched = [group for group in groups if group & members]
        groups = [group for group in groups if group not in touched]
        groups.append(members.union(*touched))
    return groups


def _pixel_grid(normalisation: Normalisation) -> Grid:
    if normalisation.is_quantisation:
        return Grid(np.float32(1 / normalisation.std[0]), np.uint8(normalisation.mean[0]))
    mean, std = np.array(normalisation.mean), np.array(normalisation.std)
    return Grid.spanning(float((-mean / std).min()), float(((255 - mean) / std).max()))


@dataclass
class _Writer:
    """Writes each operator of the float graph with its grids around it.

    Attributes:
        grids: Of each activation.
        fused: Operators' outputs that exist only until the activation behind them.
        values: The float graph's initializers.
        means: Of each channel of the activations that weights are applied to.

    """

    grids: dict[str, Grid]
    fused: dict[str, str]
    values: dict[str, NDArray[np.float32]]
    means: dict[str, NDArray[np.float64]]
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)

    def write_photo(self, normalisation: Normalisation) -> None:
        """Write what makes ``pixels`` of ``photo``."""
        if normalisation.is_quantisation:
            self._dequantise("photo", PIXELS, "photo.scaled")
        else:
            nodes, constants = preprocessing(normalisation, "photo.normalised")
            self.nodes += nodes
            self.constants |= {tensor.name: tensor for tensor in constants}
            self._round("photo.normalised", PIXELS, "photo.scaled")
        self._add("Transpose", ["photo.scaled"], PIXELS, perm=(0, 3, 1, 2))

    def write(self, node: NodeProto) -> None:
        """Write an operator, unless it is an activation that its predecessor's grid replaces."""
        if node.output[0] in self.fused.values():
            return
        inputs = self._weighted(node) if node.op_type in _WEIGHTED else self._plain(node)
        name = self.fused.get(node.output[0], node.output[0])
        exact = name if name == "logits" else f"{name}.exact"
        copy = helper.make_node(node.op_type, inputs, [exact])
        copy.attribute.extend(node.attribute)
        self.nodes.append(copy)
        if name != "logits":
            self._round(exact, name, name)

    def _plain(self, node: NodeProto) -> list[str]:
        for name in node.input:
            if name in self.values:
                self._store(name, self.values[name])
        return list(node.input)

    def _weighted(self, node: NodeProto) -> list[str]:
        source, weight, *bias = node.input
        values = self.values[weight]
        offsets = self.values[bias[0]] if bias else np.zeros(len(values), np.float32)
        grid = float(self.grids[source].scale)
        rounded = round_weights(values, np.abs(offsets) / grid / _BIAS_LEVELS)
        self._integers(weight, *rounded)
        if not bias:
            return [source, f"{weight}.real"]
        offsets = offsets - _mean_error(values, rounded, self.means[source])
        scales = (rounded.scales * np.float32(grid)).astype(np.float32)
        integers = np.rint(offsets / scales.astype(np.float64)).astype(np.int32)
        self._integers(bias[0], integers, scales)
        return [source, f"{weight}.real", f"{bias[0]}.real"]

    def _integers(
        self, name: str, integers: NDArray[np.signedinteger[Any]], scales: NDArray[np.float32]
    ) -> None:
        """Store a constant's integers, one scale for each of its rows, under its own name."""
        self._store(name, integers)
        self._store(f"{name}.scale", scales)
        self._store(f"{name}.zero", np.zeros(len(scales), integers.dtype))
        inputs = [name, f"{name}.scale", f"{name}.zero"]
        self._add("DequantizeLinear", inputs, f"{name}.real", axis=0)

    def _round(self, exact: str, activation: str, output: str) -> None:
        """Put an activation's values on its grid: to integers and back."""
        integers = f"{activation}.integers"
        self._add("QuantizeLinear", [exact, *self._grid(activation)], integers)
        self._dequantise(integers, activation, output)

    def _dequantise(self, integers: str, activation: str, output: str) -> None:
        self._add("DequantizeLinear", [integers, *self._grid(activation)], output)

    def _grid(self, activation: str) -> tuple[str, str]:
        grid = self.grids[activation]
        self._store(f"{activation}.scale", np.asarray(grid.scale))
        self._store(f"{activation}.zero", np.asarray(grid.zero_point))
        return f"{activation}.scale", f"{activation}.zero"

    def _store(self, name: str, values: NDArray[Any]) -> None:
        self.constants[name] = constant(name, values)

    def _add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))


def _mean_error(
    weight: NDArray[np.float32], rounded: RoundedWeights, means: NDArray[np.float64]
) -> NDArray[np.float32]:
    """What rounding a weight (K x C / groups x ...) adds to each output on average."""
    error = rounded.values - weight
    error = error.reshape(*weight.shape[:2], -1).sum(2)
    groups = len(means) // weight.shape[1]
    seen = means.reshape(groups, -1)[np.arange(len(weight)) * groups // len(weight)]
    return np.asarray((error * seen).sum(1), np.float32)
