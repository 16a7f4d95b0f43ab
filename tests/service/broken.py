"""Model files that pass every check of the file, and then can't run, or never end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["BREAKS", "break_model"]


def break_model(path: Path, how: str) -> Path:
    """The tiny network's file, with a fault among ``BREAKS`` that shows when it runs."""
    model = onnx.load(path)
    BREAKS[how](model)
    onnx.save(model, path)
    return path


def _reshape(model: onnx.ModelProto, shape: list[int]) -> None:
    """Give the answers a shape that few batches have, and that the file need not say."""
    softmax = model.graph.node[-1]
    model.graph.node.insert(3, helper.make_node("Reshape", [softmax.input[0], "shape"], ["shaped"]))
    model.graph.node[-1].input[0] = "shaped"
    model.graph.initializer.append(numpy_helper.from_array(np.array(shape), "shape"))


def _average(model: onnx.ModelProto) -> None:
    """Answer for all photographs together: one row, however many there are."""
    axes = next(one for one in model.graph.initializer if one.name == "height_and_width")
    axes.CopyFrom(numpy_helper.from_array(np.array([0, 1, 2]), axes.name))
    _reshape(model, [1, 3])


def _set_scale(model: onnx.ModelProto, value: float) -> None:
    scale = next(one for one in model.graph.initializer if one.name == "scale")
    scale.CopyFrom(numpy_helper.from_array(np.array(value, np.float32), scale.name))


def _drop_softmax(model: onnx.ModelProto) -> None:
    softmax = model.graph.node.pop()
    model.graph.node[-1].output[0] = softmax.output[0]


def _loop(model: onnx.ModelProto, while_: str) -> None:
    """Send the answers round a loop that no photograph leaves while ``while_`` is true."""
    graph = model.graph
    condition = [
        helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("go", "go_on")
    ]
    rows = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in ("x", "y")]
    body = helper.make_graph(
        [helper.make_node("Identity", [one], [two]) for one, two in (("go", "go_on"), ("x", "y"))],
        "for_ever",
        [helper.make_tensor_value_info("trip", TensorProto.INT64, []), condition[0], rows[0]],
        [condition[1], rows[1]],
    )
    softmax = graph.node.pop()
    loop = helper.make_node("Loop", ["trips", while_, softmax.input[0]], ["looped"], body=body)
    softmax.input[0] = "looped"
    graph.node.extend([loop, softmax])
    graph.initializer.append(numpy_helper.from_array(np.array(2**63 - 1), "trips"))


def _never_end(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "true"))
    _loop(model, "true")


def _never_end_on_white(model: onnx.ModelProto) -> None:
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.array(250, np.float32), "bright"))
    softmax = graph.node.pop()
    graph.node.extend(
        [
            helper.make_node("ReduceMin", ["float"], ["darkest"], keepdims=0),
            helper.make_node("Greater", ["darkest", "bright"], ["all_white"]),
            softmax,
        ]
    )
    _loop(model, "all_white")


BREAKS: dict[str, Callable[[onnx.ModelProto], None]] = {
    "never runs": lambda model: _reshape(model, [5, 3]),
    "runs one at a time": lambda model: _reshape(model, [1, 3]),
    "answers once a batch": _average,
    "says NaN": lambda model: _set_scale(model, float("nan")),
    "says always the same": lambda model: _set_scale(model, 0.0),
    "has no softmax": _drop_softmax,
    "never ends": _never_end,
    "never ends on white": _never_end_on_white,
}
