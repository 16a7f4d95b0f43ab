"""A torch network -> the graph of a model file: a photograph in, probabilities out.

Two steps. `body` traces the network alone: normalised pixels to logits, features and maps, with
batch norms folded into the convolutions and every name made anew, so that the same weights always
give the same bytes. `assemble` puts scaling, normalisation and layout before it, softmax behind.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto, NodeProto
    from torch.onnx import ONNXProgram

    from models.networks import Network

__all__ = [
    "PIXELS",
    "Normalisation",
    "assemble",
    "body",
    "classifier_weight",
    "constant",
    "consumers",
    "finish",
    "preprocessing",
    "softmax",
]

_OPSET = 20  # ONNX Runtime 1.20, the oldest that serves these files, runs up to 21
_IR_VERSION = 10
CLASSIFIER_WEIGHT = "classifier.weight"
PIXELS = "pixels"
_OUTPUTS = ("logits", "features", "maps")
_ROLES = {(kind, 1): "weight" for kind in ("Conv", "Gemm")} | {
    (kind, 2): "bias" for kind in ("Conv", "Gemm")
}


@dataclass(frozen=True)
class Normalisation:
    """(pixel - mean) / std for each of R, G, B, on pixels of 0..255."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def is_quantisation(self) -> bool:
        """Whether uint8 pixels are the normalised ones already: one scale, one whole zero point."""
        zero = self.mean[0]
        return len(set(self.mean)) == len(set(self.std)) == 1 and zero == int(zero)

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Photographs N x S x S x 3 of 0..255 -> normalised pixels N x 3 x S x S."""
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return np.ascontiguousarray(((photos - mean) / std).transpose(0, 3, 1, 2))


def body(network: Network, size: int) -> ModelProto:
    """Trace a network into a float graph: ``pixels`` -> ``logits``, ``features``, ``maps``.

    Args:
        network: In evaluation mode, with its weights.
        size: S, the side of the square it sees.

    """
    model = _trace(network, size)
    _strip(model.graph)
    _pool_globally(model.graph)
    _rename(model.graph)
    return model


def assemble(body: ModelProto, normalisation: Normalisation, temperature: float) -> ModelProto:
    """Put the preprocessing before a float body and the softmax behind it.

    Args:
        body: As `body` made it.
        normalisation: What the network was trained with.
        temperature: Divides the logits (Guo et al. 2017, arXiv:1706.04599); 1 changes nothing.

    """
    before, first = preprocessing(normalisation, "photo.normalised")
    layout = helper.make_node("Transpose", ["photo.normalised"], [PIXELS], perm=(0, 3, 1, 2))
    after, last = softmax(temperature)
    nodes = [*before, layout, *body.graph.node, *after]
    return finish(nodes, [*first, *body.graph.initializer, *last], body.graph)


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


def finish(
    nodes: Sequence[NodeProto], initializers: Iterable[TensorProto], body: GraphProto
) -> ModelProto:
    """Make the model of these nodes, with the inputs and outputs that every model file has."""
    outputs = {output.name: output for output in body.output}
    classes = outputs["logits"].type.tensor_type.shape.dim[1].dim_value
    size = body.input[0].type.tensor_type.shape.dim[2].dim_value
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
    model = _model(graph)
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


def classifier_weight(model: ModelProto) -> NDArray[np.float32]:
    """The classifier's weights, K x D, of a model file of any precision.

    Where the features are the mean of the maps (C = D), the class activation map of label k is
    the sum over c of ``weight[k, c] * maps[c]`` (Zhou et al. 2016, arXiv:1512.04150).
    """
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    weight = numpy_helper.to_array(stored[CLASSIFIER_WEIGHT])
    if weight.dtype != np.int8:
        return weight.astype(np.float32)
    scales = numpy_helper.to_array(stored[f"{CLASSIFIER_WEIGHT}.scale"])
    return np.asarray(weight * scales[:, None], np.float32)


def _model(graph: GraphProto) -> ModelProto:
    return helper.make_model(
        graph,
        producer_name="booth",
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)],
    )


def _trace(network: Network, size: int) -> ModelProto:
    example = torch.zeros(1, 3, size, size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's exporter warns about torch
        program = torch.onnx.export(
            network,
            (example,),
            input_names=[PIXELS],
            output_names=list(_OUTPUTS),
            dynamic_shapes={"x": {0: torch.export.Dim("N")}},
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    return _model(cast("ONNXProgram", program).model_proto.graph)


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
    names = {name: name for name in (PIXELS, *_OUTPUTS)}
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
