"""Model files that pass every check, and then can't run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

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


BREAKS: dict[str, Callable[[onnx.ModelProto], None]] = {
    "never runs": lambda model: _reshape(model, [5, 3]),
    "runs one at a time": lambda model: _reshape(model, [1, 3]),
    "answers once a batch": _average,
}
