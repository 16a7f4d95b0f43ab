"""A float32 graph -> one that computes in float16, for GPUs: half the bytes, and tensor cores.

Weights and activations are float16 (Micikevicius et al. 2018, arXiv:1710.03740). Pixels are
normalised in float32, and softmax, whose sum of small exponentials float16 would round away, is
taken in it; the outputs are float32 as in every model file. The graphs are Booth's own and hold
only operators that exist in float16, so no list of exceptions is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from export.graph.model import PIXELS, build_model, constant, preprocessing, softmax

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

    from models.normalisation import Normalisation

__all__ = ["to_float16"]


def to_float16(traced: ModelProto, normalisation: Normalisation, temperature: float) -> ModelProto:
    """Make the 16-bit model.

    A weight beyond 65,504 becomes infinite, and the proof of the export then fails.

    Args:
        traced: The float graph, as `export.graph.trace.trace_network` made it.
        normalisation: What the network was trained with.
        temperature: Divides the logits.

    """
    before, first = preprocessing(normalisation, "photo.normalised")
    after, last = softmax(temperature)
    nodes = [
        *before,
        _cast("photo.normalised", "photo.half", TensorProto.FLOAT16),
        helper.make_node("Transpose", ["photo.half"], [PIXELS], perm=(0, 3, 1, 2)),
        *_half_nodes(traced),
        *after,
    ]
    return build_model(nodes, [*first, *_weights(traced), *last], traced.graph)


def _weights(traced: ModelProto) -> list[TensorProto]:
    """The constants, those in float32 as float16."""
    return [
        _halved(tensor) if tensor.data_type == TensorProto.FLOAT else tensor
        for tensor in traced.graph.initializer
    ]


def _halved(tensor: TensorProto) -> TensorProto:
    with np.errstate(over="ignore"):
        return constant(tensor.name, numpy_helper.to_array(tensor).astype(np.float16))


def _half_nodes(traced: ModelProto) -> list[NodeProto]:
    """The operators; each output of the graph is float16 inside it, and float32 outside."""
    names = {output.name: f"{output.name}.half" for output in traced.graph.output}
    nodes = []
    for node in traced.graph.node:
        inputs = [names.get(name, name) for name in node.input]
        outputs = [names.get(name, name) for name in node.output]
        copy = helper.make_node(node.op_type, inputs, outputs)
        copy.attribute.extend(node.attribute)
        nodes.append(copy)
    return nodes + [_cast(half, name, TensorProto.FLOAT) for name, half in names.items()]


def _cast(source: str, output: str, kind: int) -> NodeProto:
    return helper.make_node("Cast", [source], [output], to=kind)
