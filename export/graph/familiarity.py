"""Whether a photograph is like those that a network learned from: one more number of its answer.

The classifier is applied once more to the features, none of which may exceed a limit (ReAct: Sun et
al. 2021, arXiv:2111.12797). What is left of the logits, by how much their log-sum-exp (the energy:
Liu et al. 2020, arXiv:2010.03759) exceeds their mean, is the familiarity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from export.graph.model import CLASSIFIER_WEIGHT, constant
from models.card import ANSWER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto
    from onnx import TensorProto as Tensor

__all__ = ["add_familiarity"]

_PREFIX = "familiarity"
_BIAS = "classifier.bias"
_LEVELS = 255


def add_familiarity(model: ModelProto, limit: float) -> None:
    """Give a model the output ``answer``, float32, N x (K + 1): probabilities, then familiarity.

    Args:
        model: With outputs ``features`` and ``probabilities``, and a linear classifier; an earlier
            familiarity is replaced.
        limit: Of the features.

    """
    _remove(model)
    writer = _Writer({tensor.name: tensor for tensor in model.graph.initializer})
    writer.write(limit)
    graph = model.graph
    graph.initializer.extend(writer.constants)
    graph.node.extend(writer.nodes)
    classes = len(numpy_helper.to_array(writer.stored[CLASSIFIER_WEIGHT]))
    graph.output.append(
        helper.make_tensor_value_info(ANSWER, TensorProto.FLOAT, ["N", classes + 1])
    )
    checker.check_model(model, full_check=True)


def _remove(model: ModelProto) -> None:
    graph = model.graph
    for held in (graph.node, graph.initializer, graph.output):
        kept = [one for one in held if one.name != ANSWER and not one.name.startswith(_PREFIX)]
        del held[:]
        held.extend(kept)


class _Writer:
    def __init__(self, stored: dict[str, Tensor]) -> None:
        self.stored = stored
        self.nodes: list[NodeProto] = []
        self.constants: list[Tensor] = []

    def write(self, limit: float) -> None:
        is_integer = self.stored[CLASSIFIER_WEIGHT].data_type == TensorProto.INT8
        inputs = self._integers(limit) if is_integer else self._floats(limit)
        logits = self._add("Gemm", inputs, "logits", transB=1)
        energy = self._add("ReduceLogSumExp", [logits, self._axis()], "energy", keepdims=1)
        mean = self._add("ReduceMean", [logits, self._axis()], "mean", keepdims=1)
        score = self._add("Sub", [energy, mean], "score")
        node = helper.make_node("Concat", ["probabilities", score], [ANSWER], ANSWER, axis=1)
        self.nodes.append(node)

    def _integers(self, limit: float) -> list[str]:
        """The limit is the end of the features' grid, beyond which everything saturates."""
        scale = np.float32(limit / _LEVELS)
        grid = [self._constant("scale", scale), self._constant("zero", np.uint8(0))]
        integers = self._add("QuantizeLinear", ["features", *grid], "integers")
        features = self._add("DequantizeLinear", [integers, *grid], "features")
        names = [CLASSIFIER_WEIGHT, f"{CLASSIFIER_WEIGHT}.scale", f"{CLASSIFIER_WEIGHT}.zero"]
        # A node of its own: a runtime fuses it with the one operator that takes its output.
        weight = self._add("DequantizeLinear", names, "weight", axis=0)
        return [features, weight, self._bias(scale)]

    def _bias(self, scale: np.float32) -> str:
        bias = self._values(_BIAS) * self._values(f"{_BIAS}.scale").astype(np.float64)
        scales = np.asarray(self._values(f"{CLASSIFIER_WEIGHT}.scale") * scale, np.float32)
        inputs = [
            self._constant("bias.integers", np.rint(bias / scales).astype(np.int32)),
            self._constant("bias.scale", scales),
            self._constant("bias.zero", np.zeros(len(bias), np.int32)),
        ]
        return self._add("DequantizeLinear", inputs, "bias", axis=0)

    def _floats(self, limit: float) -> list[str]:
        features = self._add(
            "Min", ["features", self._constant("limit", np.float32(limit))], "features"
        )
        return [features, self._float(CLASSIFIER_WEIGHT), self._float(_BIAS)]

    def _float(self, name: str) -> str:
        if self.stored[name].data_type == TensorProto.FLOAT:
            return name
        return self._add("Cast", [name], f"{name}.float", to=TensorProto.FLOAT)

    def _axis(self) -> str:
        name = f"{_PREFIX}.axis"
        if all(one.name != name for one in self.constants):
            self.constants.append(constant(name, np.array([1], np.int64)))
        return name

    def _values(self, name: str) -> NDArray[Any]:
        return numpy_helper.to_array(self.stored[name])

    def _constant(self, name: str, values: Any) -> str:
        self.constants.append(constant(f"{_PREFIX}.{name}", values))
        return f"{_PREFIX}.{name}"

    def _add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        name = f"{_PREFIX}.{output}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name
