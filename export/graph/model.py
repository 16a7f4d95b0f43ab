"""The graph of a model file: a photograph in, probabilities out, the traced network in between.

`assemble` makes the float32 one; `float16` and `quantise` make theirs of the same parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto, NodeProto

    from models.normalisation import Normalisation

__all__ = [
    "OPSET",
    "PIXELS",
    "TRACED_OUTPUTS",
    "assemble",
    "build_model",
    "constant",
    "consumers",
    "preprocessing",
    "softmax",
    "wrapped",
]

OPSET = 20  # ONNX Runtime 1.20, the oldest that serves these files, runs up to 21
_IR_VERSION = 10
CLASSIFIER_WEIGHT = "classifier.weight"
PIXELS = "pixels"
TRACED_OUTPUTS = ("logits", "features", "maps")


def assemble(traced: ModelProto, normalisation: Normalisation, temperature: float) -> ModelProto:
    """Put the preprocessing before a traced network and the softmax behind it.

    Args:
        traced: As `export.graph.trace.trace_network` made it.
        normalisation: What the network was trained with.
        temperature: Divides the logits (Guo et al. 2017, arXiv:1706.04599); 1 changes nothing.

    """
    before, first = preprocessing(normalisation, "photo.normalised")
    layout = helper.make_node("Transpose", ["photo.normalised"], [PIXELS], perm=(0, 3, 1, 2))
    after, last = softmax(temperature)
    nodes = [*before, layout, *traced.graph.node, *after]
    return build_model(nodes, [*first, *traced.graph.initializer, *last], traced.graph)


def preprocessing(
    normalisation: Normalisation, output: str
) -> tuple[list[NodeProto], list[TensorProto]]:
    """The nodes from ``photo`` to its normalised values, N x S x S x 3, and their constants."""
    mean = constant("photo.mean", np.array(normalisation.mean, np.float32))
    factor = constant("photo.factor", 1 / np.array(normalisation.std, np.float32))
    return [
        helper.make_node("Cast", ["photo"], ["photo.float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["photo.float", mean.name], ["photo.centred"]),
        helper.make_node("Mul", ["photo.centred", factor.name], [output]),
    ], [mean, factor]


def softmax(temperature: float) -> tuple[list[NodeProto], list[TensorProto]]:
    """The nodes from ``logits`` to ``probabilities``, and their constants."""
    if temperature == 1:
        return [helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1)], []
    divisor = constant("temperature", np.array(temperature, np.float32))
    return [
        helper.make_node("Div", ["logits", divisor.name], ["logits.calibrated"]),
        helper.make_node("Softmax", ["logits.calibrated"], ["probabilities"], axis=-1),
    ], [divisor]


def build_model(
    nodes: Sequence[NodeProto], initializers: Iterable[TensorProto], traced: GraphProto
) -> ModelProto:
    """Make the model of these nodes, with the inputs and outputs that every model file has."""
    outputs = {output.name: output for output in traced.output}
    classes = outputs["logits"].type.tensor_type.shape.dim[1].dim_value
    size = traced.input[0].type.tensor_type.shape.dim[2].dim_value
    photo = helper.make_tensor_value_info("photo", TensorProto.UINT8, ["N", size, size, 3])
    probabilities = helper.make_tensor_value_info(
        "probabilities", TensorProto.FLOAT, ["N", classes]
    )
    for number, node in enumerate(nodes):
        node.name = f"{node.op_type}_{number}"
    graph = helper.make_graph(
        nodes,
        "booth",
        [photo],
        [probabilities, outputs["features"], outputs["maps"]],
        list(initializers),
    )
    model = wrapped(graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def constant(name: str, values: NDArray[np.generic]) -> TensorProto:
    """An initializer that holds these values."""
    return numpy_helper.from_array(np.asarray(values), name)


def consumers(graph: GraphProto) -> dict[str, list[NodeProto]]:
    """From each value to the nodes that take it."""
    found: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for value in node.input:
            found.setdefault(value, []).append(node)
    return found


def wrapped(graph: GraphProto) -> ModelProto:
    """A graph as a model, with the versions of all of Booth's files."""
    return helper.make_model(
        graph,
        producer_name="booth",
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
