"""The temperature of a finished model file: one number that divides its logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import helper, numpy_helper

from export.graph.model import constant

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

__all__ = ["scale_temperature"]

PROBABILITIES = "probabilities"
_NAME = "temperature"  # by which the service finds it, in the graphs that it explains
_TINY = np.float32(1e-12)


def scale_temperature(model: ModelProto, factor: float) -> float:
    """Divide the logits by one more factor, in place.

    The logits are what the last softmax takes. A network of another maker's may put out
    probabilities without one: their logarithms are logits as well.

    Args:
        model: Of any precision, with an output ``probabilities``, N x K.
        factor: Above 0.

    Returns:
        The temperature that the file has now: the factor, times the one that it had.

    """
    graph = model.graph
    divisor = _divisor(graph)
    if divisor is None:
        name = _free_name(graph)
        graph.initializer.append(constant(name, np.array(factor, np.float32)))
        _divide(graph, name)
        total = factor
    else:
        total = factor * float(numpy_helper.to_array(divisor))
        divisor.CopyFrom(constant(divisor.name, np.array(total, np.float32)))
    return total


def _divisor(graph: GraphProto) -> TensorProto | None:
    """The one number that already divides what the last softmax takes."""
    last = _maker(graph, PROBABILITIES)
    if last.op_type != "Softmax":
        return None
    before = next((node for node in graph.node if last.input[0] in node.output), None)
    if before is None or before.op_type != "Div":
        return None
    stored = {tensor.name: tensor for tensor in graph.initializer}
    divisor = stored.get(before.input[1])
    return divisor if divisor is not None and not divisor.dims else None


def _divide(graph: GraphProto, divisor: str) -> None:
    """Put a division before the last softmax, and the softmax itself where there is none."""
    last = _maker(graph, PROBABILITIES)
    place = list(graph.node).index(last)
    calibrated = f"{divisor}.logits"
    if last.op_type == "Softmax":
        graph.node.insert(place, _node("Div", [last.input[0], divisor], calibrated))
        last.input[0] = calibrated
        return
    before, smallest = f"{divisor}.probabilities", f"{divisor}.smallest"
    last.output[list(last.output).index(PROBABILITIES)] = before
    graph.initializer.append(constant(smallest, np.array(_TINY)))
    added = [
        _node("Max", [before, smallest], f"{divisor}.positive"),
        _node("Log", [f"{divisor}.positive"], f"{divisor}.logarithms"),
        _node("Div", [f"{divisor}.logarithms", divisor], calibrated),
        _node("Softmax", [calibrated], PROBABILITIES),
    ]
    for offset, node in enumerate(added, 1):
        graph.node.insert(place + offset, node)


def _node(kind: str, inputs: list[str], output: str) -> NodeProto:
    node: NodeProto = helper.make_node(kind, inputs, [output], name=f"{output}.{kind}")
    return node


def _maker(graph: GraphProto, value: str) -> NodeProto:
    makers: dict[str, NodeProto] = {name: node for node in graph.node for name in node.output}
    return makers[value]


def _free_name(graph: GraphProto) -> str:
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    taken |= {tensor.name for tensor in graph.initializer}
    return _NAME if _NAME not in taken else f"booth.{_NAME}"
