"""Whether a network's 8-bit weights can overflow on some CPUs: see `export.graph.weights`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto, numpy_helper

from export.adoption.walk import attribute, graphs_of
from export.graph.weights import PAIR_LEVELS, pair_sums

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["may_overflow"]

# From an operator to the place of its weights among its inputs.
_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
_PRODUCTS = {"Gemm": 1, "MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3, "QGemm": 3}


def may_overflow(model: ModelProto) -> bool:
    """Whether some weights are too large for the 16-bit sums of x86 CPUs without VNNI."""
    return any(
        pair_sums(weights).max(initial=0) > PAIR_LEVELS
        for graph in graphs_of(model.graph)
        for weights in _weights(graph)
    )


def _weights(graph: GraphProto) -> Iterator[NDArray[np.int8]]:
    """The int8 weights of each convolution and product of matrices, K x channels x ...."""
    stored = {t.name: t for t in graph.initializer if t.data_type == TensorProto.INT8}
    real = {
        node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"
    }
    for node in graph.node:
        place = (_CONVOLUTIONS | _PRODUCTS).get(node.op_type)
        if place is None or len(node.input) <= place:
            continue
        tensor = stored.get(real.get(node.input[place], node.input[place]))
        if tensor is not None and len(tensor.dims) > 1:
            yield _rows_first(node, numpy_helper.to_array(tensor))


def _rows_first(node: NodeProto, weights: NDArray[np.int8]) -> NDArray[np.int8]:
    is_transposed = node.op_type in _CONVOLUTIONS or attribute(node, "transB", 0)
    return weights if is_transposed else weights.swapaxes(-1, -2)
