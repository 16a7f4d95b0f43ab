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

from export.graph.model import PIXELS, constant, finish, preprocessing, softmax

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

    from export.graph.model import Normalisation

__all__ = ["halve"]


def halve(body: ModelProto, normalisation: Normalisation, temperature: float) -> ModelProto:
    """Make the 16-bit model.

    A weight beyond 65,504 becomes infinite, and the proof of the export then fails.

    Args:
        body: The float graph, as `export.graph.model.body` made it.
        normalisation: What the network was trained with.
        temperature: Divides the logits.

    """
    before, first = preprocessing(normalisation, "photo.normalised")
    after, last = softmax(temperature)
    nodes = [
        *before,
        _cast("photo.normalised", "photo.half", TensorProto.FLOAT16),
        helper.make_node("Transpose", ["photo.half"], [PIXELS], perm=(0, 3, 1, 2)),
        *_body_nodes(body),
        *after,
    ]
    return finish(nodes, [*first, *_weights(body), *last], body.graph)


def _weights(body: ModelProto) -> list[TensorProto]:
    """The constants, those in float32 as float16."""
    return [
        _halved(tensor) if tensor.data_type == TensorProto.FLOAT else tensor
        for tensor in body.graph.initializer
    ]


def _halved(tensor: TensorProto) -> TensorProto:
    with np.errstate(over="ignore"):
        return constant(tensor.name, numpy_helper.to_array(tensor).astype(np.float16))


def _body_nodes(body: ModelProto) -> list[NodeProto]:
    """The operators; each output of the graph is float16 inside it, and float32 outside."""
    names = {output.name: f"{output.name}.half" for output in body.graph.output}
    nodes = []
    for node in body.graph.node:
        inputs = [names.get(name, name) for name in node.input]
        outputs = [names.get(name, name) for name in node.output]
        copy = helper.make_node(node.op_type, inputs, outputs)
        copy.attribute.extend(node.attribute)
        nodes.append(copy)
    return nodes + [_cast(half, name, TensorProto.FLOAT) for name, half in names.items()]


def _cast(source: str, output: str, kind: int) -> NodeProto:
    return helper.make_node("Cast", [source], [output], to=kind)
