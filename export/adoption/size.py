"""How large a network of another maker is, as its graph tells; and in what it computes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal, TypeAlias

import onnx
from onnx import AttributeProto, TensorProto

from export.adoption.walk import all_tensors, attribute, graphs_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["Precision", "multiply_adds", "parameters", "precision_of"]

Precision: TypeAlias = Literal["fp32", "fp16", "int8"]

_WEIGHTS = {
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
    TensorProto.DOUBLE,
    TensorProto.INT8,
    TensorProto.UINT8,
}


def parameters(model: ModelProto) -> int:
    """The numbers that were learned, as far as these are constants."""
    tensors: int = sum(prod(t.dims) for t in all_tensors(model.graph) if t.data_type in _WEIGHTS)
    trees = sum(
        len(one.floats)
        for each in graphs_of(model.graph)
        for node in each.node
        for one in node.attribute
        if one.type == AttributeProto.FLOATS
    )
    return max(1, tensors + trees)


def precision_of(model: ModelProto) -> Precision:
    """In what it computes: what most of its weights are."""
    kinds: dict[int, int] = {}
    for tensor in all_tensors(model.graph):
        kinds[tensor.data_type] = kinds.get(tensor.data_type, 0) + prod(tensor.dims)
    small = kinds.get(TensorProto.INT8, 0) + kinds.get(TensorProto.UINT8, 0)
    half = kinds.get(TensorProto.FLOAT16, 0) + kinds.get(TensorProto.BFLOAT16, 0)
    full = kinds.get(TensorProto.FLOAT, 0) + kinds.get(TensorProto.DOUBLE, 0)
    if small > max(half, full):
        return "int8"
    return "fp16" if half > full else "fp32"


def multiply_adds(model: ModelProto, size: int) -> int:
    """Of one photograph, in convolutions and products of matrices whose shapes the graph tells.

    Args:
        model: A network whose only input is the photograph.
        size: S, the side of the square that it sees.

    """
    known, batch = _with_sizes(model, size)
    try:
        graph = onnx.shape_inference.infer_shapes(known, data_prop=True).graph
    except Exception:  # noqa: BLE001 (a figure for people: a file is as good without)
        return 1
    bodies = list(graphs_of(graph))
    shapes = _shapes(bodies)
    return max(1, sum(_work(node, shapes) for body in bodies for node in body.node) // batch)


def _shapes(bodies: Iterable[GraphProto]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for body in bodies:
        found |= {tensor.name: list(tensor.dims) for tensor in body.initializer}
        for value in (*body.value_info, *body.output, *body.input):
            found[value.name] = [d.dim_value for d in value.type.tensor_type.shape.dim]
    return found


def _with_sizes(model: ModelProto, size: int) -> tuple[ModelProto, int]:
    """The network for one square of this size, or for as many as it is made for; and how many."""
    copy = type(model)()
    copy.CopyFrom(model)
    sides = copy.graph.input[0].type.tensor_type.shape.dim
    for place, side in enumerate(sides):
        if side.dim_value <= 0:
            side.dim_value = size if place else 1
    del copy.graph.value_info[:]
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    return copy, sides[0].dim_value if sides else 1


def _work(node: NodeProto, shapes: dict[str, list[int]]) -> int:
    place = 3 if node.op_type.startswith("QLinear") else 1
    result, first = shapes.get(node.output[0]), shapes.get(node.input[0]) if node.input else None
    weight = shapes.get(node.input[place]) if len(node.input) > place else None
    if not (result and first and weight):
        return 0
    if node.op_type in ("Conv", "QLinearConv", "ConvInteger", "FusedConv"):
        return prod(result) * prod(weight[1:])
    if node.op_type == "Gemm":
        return prod(result) * first[0 if attribute(node, "transA", 0) else -1]
    if node.op_type in ("MatMul", "QLinearMatMul", "MatMulInteger", "FusedMatMul"):
        return prod(result) * first[-1]
    return 0
