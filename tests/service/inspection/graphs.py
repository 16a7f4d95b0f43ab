"""Small graphs as model files, and what ONNX Runtime makes of a value in one."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from service.inspection.layers import Layer
from service.runtimes.onnx_file import without_loop

SIDE = 8
CHANCE = np.random.default_rng(0)

# The photograph, N x 3 x 8 x 8, of which each graph here begins.
PHOTO = [
    helper.make_node("Cast", ["photo"], ["photo.float"], to=TensorProto.FLOAT),
    helper.make_node("Div", ["photo.float", "photo.std"], ["photo.scaled"]),
    helper.make_node("Transpose", ["photo.scaled"], ["pixels"], perm=[0, 3, 1, 2]),
]


def weights(*shape: int) -> NDArray[np.float32]:
    return CHANCE.normal(size=shape).astype(np.float32)


def node(kind: str, inputs: str, output: str, **how: Any) -> NodeProto:
    """An operator; its inputs and outputs stand with spaces between them."""
    return helper.make_node(kind, inputs.split(" "), output.split(" "), **how)


def model(nodes: list[NodeProto], **constants: Any) -> bytes:
    """The model file of some nodes behind those of ``PHOTO``; the last makes ``probabilities``."""
    constants["photo_std"] = np.array([58, 57, 57], np.float32)
    names = {name.replace("_", "."): np.asarray(value) for name, value in constants.items()}
    photo = helper.make_tensor_value_info("photo", TensorProto.UINT8, ["N", SIDE, SIDE, 3])
    answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, None)
    graph = helper.make_graph(
        [*PHOTO, *nodes],
        "graph",
        [photo],
        [answer],
        [numpy_helper.from_array(value, name) for name, value in names.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    file = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return bytes(file.SerializeToString())


def outputs(content: bytes, layers: list[Layer], photo: NDArray[np.uint8]) -> list[NDArray[Any]]:
    """The layers' own values, H x W x C, of one photograph."""
    file = onnx.load_from_string(bytes(without_loop(content)))
    known = {one.name for one in file.graph.output}
    wanted = {layer.tensor for layer in layers} - known
    file.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(wanted))
    session = ort.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run([layer.tensor for layer in layers], {"photo": photo[np.newaxis]})
    return [layer.maps(np.asarray(value)) for layer, value in zip(layers, values, strict=True)]


def photo(side: int = SIDE) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)
