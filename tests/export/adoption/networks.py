"""Small ONNX classifiers, written as other programs write them, with weights by chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE, CLASSES = 32, 5


@dataclass
class Network:
    """A convolution, a mean over all places and a classifier; change what a test is about.

    Attributes:
        shape: Of the input.
        kind: Type of the input.
        first: Nodes that make ``x`` of the input; their constants are in ``constants``.
        last: Nodes that make ``output`` of ``logits``.
        outputs: Names and shapes of the outputs.
        classes: K.
        flat: Whether ``logits`` are N x K, or N x K x 1 x 1.
        half: Whether the weights are float16.

    """

    shape: list[Any] = field(default_factory=lambda: ["N", 3, SIDE, SIDE])
    kind: int = TensorProto.FLOAT
    first: list[Any] = field(default_factory=list)
    last: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, list[Any]] = field(default_factory=lambda: {"output": ["N", CLASSES]})
    input_name: str = "input"
    classes: int = CLASSES
    channels: int = 3
    flat: bool = True
    half: bool = False
    opset: int = 17
    ir: int = 8
    metadata: dict[str, str] = field(default_factory=dict)
    weights_are_inputs: bool = False
    extra_inputs: list[Any] = field(default_factory=list)

    def model(self) -> onnx.ModelProto:
        chance = np.random.default_rng(0)
        kind = np.float16 if self.half else np.float32
        constants: dict[str, Any] = {
            "w": (chance.normal(size=(8, self.channels, 3, 3)) / 4).astype(kind),
            "fc": (chance.normal(size=(self.classes, 8)) * 3).astype(kind),
            "fc1x1": None,
            "bias": np.zeros(self.classes, kind),
        } | self.constants
        constants["fc1x1"] = constants["fc"][:, :, None, None]
        nodes = [
            *(self.first or [helper.make_node("Identity", [self.input_name], ["x"])]),
            helper.make_node("Conv", ["x", "w"], ["c"], strides=[2, 2]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("GlobalAveragePool", ["r"], ["p"]),
            *self._classifier(),
            *(self.last or [helper.make_node("Identity", ["logits"], ["output"])]),
        ]
        used = {name for node in nodes for name in node.input}
        tensors = [
            numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items() if n in used
        ]
        inputs = [helper.make_tensor_value_info(self.input_name, self.kind, self.shape)]
        if self.weights_are_inputs:
            inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors]
        out = TensorProto.FLOAT16 if self.half else TensorProto.FLOAT
        graph = helper.make_graph(
            nodes,
            "main_graph",
            inputs + self.extra_inputs,
            [helper.make_tensor_value_info(n, out, s) for n, s in self.outputs.items()],
            tensors,
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("ai.onnx.ml", 3)]
        model = helper.make_model(
            graph, producer_name="pytorch", producer_version="2.9", ir_version=self.ir,
            opset_imports=opsets,
        )  # fmt: skip
        helper.set_model_props(model, self.metadata)
        return model

    def _classifier(self) -> list[onnx.NodeProto]:
        if not self.flat:
            return [helper.make_node("Conv", ["p", "fc1x1"], ["logits"])]
        return [
            helper.make_node("Flatten", ["p"], ["f"], axis=1),
            helper.make_node("Gemm", ["f", "fc", "bias"], ["logits"], transB=1),
        ]

    def save(self, path: Path) -> Path:
        onnx.save(self.model(), path)
        return path


def node(kind: str, source: str, output: str, *more: str, **how: Any) -> onnx.NodeProto:
    """An operator with one output."""
    return helper.make_node(kind, [source, *more], [output], **how)


def run_file(path: Path, pixels: NDArray[Any]) -> list[Any]:
    """The outputs of a file, one photograph at a time, as its own maker would get them."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    rows = [session.run(None, {name: row[None]}) for row in pixels]
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def run_adopted(path: Path, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A model file's probabilities, of all squares in one batch."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(["probabilities"], {"photo": squares})[0]
    assert isinstance(found, np.ndarray)
    return found


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """By its definition."""
    powers = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
