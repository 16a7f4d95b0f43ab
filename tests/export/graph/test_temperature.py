from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from export.graph.float16 import to_float16
from export.graph.model import assemble
from export.graph.quantise import quantise
from export.graph.temperature import scale_temperature
from export.photographs import shipped_photographs
from models.card import Input
from models.shelf import ZOO
from models.training.temperature import softmax
from tests.export.checkpoints import IMAGENET, random_traced

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

SIZE, CLASSES = 64, 7
PHOTOS = shipped_photographs(Input(size=SIZE, resize=SIZE)).calibration


@pytest.fixture(scope="module", name="traced")
def traced_resnet() -> ModelProto:
    return random_traced("resnet18", CLASSES, SIZE)


def probabilities(model: ModelProto, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return np.asarray(session.run(["probabilities"], {"photo": photos})[0])


@pytest.mark.parametrize("before", [1.0, 0.5])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_it_is_the_file_that_an_export_with_that_temperature_makes(
    traced: ModelProto, precision: str, before: float
) -> None:
    def exported(temperature: float) -> ModelProto:
        if precision == "int8":
            return quantise(traced, IMAGENET, temperature, PHOTOS)
        make = assemble if precision == "fp32" else to_float16
        return make(traced, IMAGENET, temperature)

    model = exported(before)
    assert scale_temperature(model, 3.0) == 3 * before
    onnx.checker.check_model(model, full_check=True)
    expected = probabilities(exported(3 * before), PHOTOS)
    assert probabilities(model, PHOTOS) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["places365", "efficientnet_lite0", "lenet5"])
def test_a_shipped_file_keeps_its_other_outputs(name: str) -> None:
    model = onnx.load(ZOO / f"{name}.onnx")
    side = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    photos = shipped_photographs(Input(size=side, resize=side)).proof
    before = _outputs(model, photos)

    scale_temperature(model, 2.0)
    after = _outputs(model, photos)

    first = before.pop("probabilities").astype(np.float64)
    expected = softmax(np.log(np.maximum(first, 1e-30)), 2.0)
    assert after["probabilities"] == pytest.approx(expected, abs=1e-5)
    if "answer" in before:
        assert np.array_equal(after["answer"][:, :-1], after["probabilities"])
        assert after["answer"][:, -1] == pytest.approx(before.pop("answer")[:, -1], rel=1e-5)
    for output, values in before.items():
        assert np.array_equal(after[output], values)


def test_probabilities_without_a_softmax_are_taken_for_what_they_are() -> None:
    """Another maker's network may end in anything; a probability of 0 has a logarithm as well."""
    given = helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["N", 3])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])
    taken = helper.make_node("Identity", ["photo"], ["temperature"])
    last = helper.make_node("Identity", ["temperature"], ["probabilities"])
    graph = helper.make_graph([taken, last], "other", [given], [out])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    values = np.array([[0.8, 0.2, 0], [0.25, 0.25, 0.5]], np.float32)

    assert scale_temperature(model, 0.25) == 0.25
    assert scale_temperature(model, 2) == 0.5

    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(["probabilities"], {"photo": values})[0]
    squares = values**2
    assert found == pytest.approx(squares / squares.sum(1, keepdims=True), abs=1e-6)


def _outputs(model: ModelProto, photos: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"photo": photos}), strict=True))
