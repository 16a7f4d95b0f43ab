"""A torch network -> a float graph: normalised pixels in, logits, features and maps out.

Batch norms are folded into the convolutions and every name is made anew, so that the same weights
always give the same bytes.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, cast

import torch
from onnx import helper

from export.graph.model import OPSET, PIXELS, TRACED_OUTPUTS, wrapped

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto
    from torch.onnx import ONNXProgram

    from models.networks import Network

__all__ = ["trace_network"]

_ROLES = {(kind, 1): "weight" for kind in ("Conv", "Gemm")} | {
    (kind, 2): "bias" for kind in ("Conv", "Gemm")
}


def trace_network(network: Network, size: int) -> ModelProto:
    """Trace a network into a float graph: ``pixels`` -> ``logits``, ``features``, ``maps``.

    Args:
        network: In evaluation mode, with its weights.
        size: S, the side of the square it sees.

    """
    model = _exported(network, size)
    _strip(model.graph)
    _pool_globally(model.graph)
    _rename(model.graph)
    return model


def _exported(network: Network, size: int) -> ModelProto:
    example = torch.zeros(1, 3, size, size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's exporter warns about torch
        program = torch.onnx.export(
            network,
            (example,),
            input_names=[PIXELS],
            output_names=list(TRACED_OUTPUTS),
            dynamic_shapes={"x": {0: torch.export.Dim("N")}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    return wrapped(cast("ONNXProgram", program).model_proto.graph)


def _strip(graph: GraphProto) -> None:
    """Remove what the exporter tells about itself: stack traces, paths, types in between."""
    del graph.value_info[:]
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]


def _pool_globally(graph: GraphProto) -> None:
    """Write the mean over height and width as the pooling for which there are integer kernels."""
    nodes = []
    for node in graph.node:
        if node.op_type == "ReduceMean":
            pooled = f"{node.output[0]}.pooled"
            nodes.append(helper.make_node("GlobalAveragePool", [node.input[0]], [pooled]))
            nodes.append(helper.make_node("Flatten", [pooled], list(node.output)))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _rename(graph: GraphProto) -> None:
    """Name values after the operator that makes or takes them, in the order of the graph."""
    names = {name: name for name in (PIXELS, *TRACED_OUTPUTS)}
    for number, node in enumerate(graph.node):
        stem = f"{node.op_type.lower()}{number}"
        _name_constants(node, stem, names)
        for place, value in enumerate(node.output):
            names.setdefault(value, f"{stem}.{place}" if place else stem)
    _apply(graph, names)


def _name_constants(node: NodeProto, stem: str, names: dict[str, str]) -> None:
    is_classifier = node.op_type == "Gemm" and node.output[0] == "logits"
    for place, value in enumerate(node.input):
        role = _ROLES.get((node.op_type, place), str(place))
        names.setdefault(value, f"{'classifier' if is_classifier else stem}.{role}")


def _apply(graph: GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(value, value) for value in node.input]
        node.output[:] = [names.get(value, value) for value in node.output]
    used = [tensor for tensor in graph.initializer if tensor.name in names]
    for tensor in used:
        tensor.name = names[tensor.name]
    ordered = sorted(used, key=lambda tensor: _natural(tensor.name))
    del graph.initializer[:]
    graph.initializer.extend(ordered)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts conv2 before conv10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
