"""Walks through a graph: its subgraphs, its tensors, its values and who makes and takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import AttributeProto, TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from onnx import GraphProto, NodeProto

__all__ = [
    "all_tensors",
    "attribute",
    "constants_of",
    "graphs_of",
    "graphs_within",
    "makers",
    "shape_of",
    "takers",
]


def graphs_of(graph: GraphProto) -> Iterator[GraphProto]:
    """The graph, and all those in its branches and loops."""
    yield graph
    for node in graph.node:
        yield from graphs_within(node)


def graphs_within(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs of an operator that has some, and all those in them."""
    for one in node.attribute:
        for inner in (*([one.g] if one.type == AttributeProto.GRAPH else []), *one.graphs):
            yield from graphs_of(inner)


def all_tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every constant, wherever it stands."""
    for each in graphs_of(graph):
        yield from each.initializer
        for sparse in each.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in each.node:
            for one in node.attribute:
                yield from one.tensors
                if one.type == AttributeProto.TENSOR:
                    yield one.t
                for sparse in (one.sparse_tensor, *one.sparse_tensors):
                    yield from (sparse.values, sparse.indices)


def attribute(node: NodeProto, name: str, default: object = None) -> object:
    """The value of an attribute."""
    for one in node.attribute:
        if one.name == name:
            return helper.get_attribute_value(one)
    return default


def constants_of(graph: GraphProto) -> dict[str, NDArray[np.generic]]:
    """The constants of a graph that are small, by the name of their value."""
    found = {t.name: numpy_helper.to_array(t) for t in graph.initializer if _is_small(t)}
    for node in graph.node:
        if node.op_type == "Constant":
            value = helper.get_attribute_value(node.attribute[0])
            if not isinstance(value, TensorProto):
                found[node.output[0]] = np.asarray(value)
            elif _is_small(value):
                found[node.output[0]] = numpy_helper.to_array(value)
    return found


def makers(graph: GraphProto) -> dict[str, NodeProto]:
    """From each value to the node that makes it."""
    return {name: node for node in graph.node for name in node.output if name}


def takers(graph: GraphProto) -> dict[str, list[NodeProto]]:
    """From each value to the nodes that take it."""
    found: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            found.setdefault(name, []).append(node)
    return found


def shape_of(value: object) -> list[int | None] | None:
    """The sizes of an input or an output, None for those that may be any; None if nothing says."""
    kind = value.type.tensor_type  # type: ignore[attr-defined]
    if not kind.HasField("shape"):
        return None
    return [d.dim_value if d.dim_value > 0 else None for d in kind.shape.dim]


def _is_small(tensor: TensorProto) -> bool:
    return int(np.prod(tensor.dims, dtype=np.int64)) <= 1 << 12
