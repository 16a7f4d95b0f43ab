"""Model files that pass every check, and then can't run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.service.conftest import MakeTiny

MakeBroken = Callable[..., Path]


def _reshaped(model: onnx.ModelProto, shape: list[int]) -> None:
    """Give the answers another shape, which a file need not say and few batches have."""
    softmax = model.graph.node[-1]
    model.graph.node.insert(3, helper.make_node("Reshape", [softmax.input[0], "shape"], ["shaped"]))
    model.graph.node[-1].input[0] = "shaped"
    model.graph.initializer.append(numpy_helper.from_array(np.array(shape), "shape"))


def _averaged(model: onnx.ModelProto) -> None:
    """Answer for all photographs together: one row, however many there are."""
    axes = next(one for one in model.graph.initializer if one.name == "height_and_width")
    axes.CopyFrom(numpy_helper.from_array(np.array([0, 1, 2]), axes.name))
    _reshaped(model, [1, 3])


BREAKS: dict[str, Callable[[onnx.ModelProto], None]] = {
    "never runs": lambda model: _reshaped(model, [5, 3]),
    "runs one at a time": lambda model: _reshaped(model, [1, 3]),
    "answers once a batch": _averaged,
}


@pytest.fixture
def make_broken(make_tiny: MakeTiny) -> MakeBroken:
    """Writes a model file that breaks when it runs: ``make_broken("never runs", "name")``."""

    def make(how: str, name: str = "tiny", *, version: str = "1") -> Path:
        path = make_tiny(name, version=version)
        model = onnx.load(path)
        BREAKS[how](model)
        onnx.save(model, path)
        return path

    return make
