from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from onnx import numpy_helper

from export.graph.familiarity import add_familiarity
from export.graph.float16 import to_float16
from export.graph.model import assemble
from export.graph.quantise import quantise
from export.photographs import shipped_photographs
from models.card import Input
from tests.export.checkpoints import IMAGENET, random_traced

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

SIZE, CLASSES, LIMIT = 64, 7, 0.4
PHOTOS = shipped_photographs(Input(size=SIZE, resize=SIZE)).calibration
Arrays = dict[str, "NDArray[np.float32]"]


@pytest.fixture(scope="module", name="traced")
def traced_resnet() -> ModelProto:
    return random_traced("resnet18", CLASSES, SIZE)


def outputs(model: ModelProto) -> Arrays:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"photo": PHOTOS}), strict=True))


def expected(
    traced: ModelProto, features: NDArray[np.float32], limit: float
) -> NDArray[np.float64]:
    """The familiarity by the classifier in float32."""
    stored = {one.name: numpy_helper.to_array(one) for one in traced.graph.initializer}
    logits = np.minimum(features, limit) @ stored["classifier.weight"].T + stored["classifier.bias"]
    energy = np.log(np.exp(logits.astype(np.float64)).sum(1))
    return np.asarray(energy - logits.mean(1))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_answer_is_the_probabilities_and_the_familiarity(
    traced: ModelProto, precision: str
) -> None:
    model = {
        "fp32": lambda: assemble(traced, IMAGENET, 1),
        "fp16": lambda: to_float16(traced, IMAGENET, 1),
        "int8": lambda: quantise(traced, IMAGENET, 1, PHOTOS),
    }[precision]()
    before = outputs(model)

    add_familiarity(model, LIMIT)
    after = outputs(model)

    assert (after["probabilities"] == before["probabilities"]).all()
    assert (after["answer"][:, :CLASSES] == after["probabilities"]).all()
    found = after["answer"][:, CLASSES]
    by = {"fp32": 1e-5, "fp16": 1e-2, "int8": 2e-2}[precision]
    assert found == pytest.approx(expected(traced, before["features"], LIMIT), abs=by)


def test_another_limit_takes_the_place_of_the_first(traced: ModelProto) -> None:
    model = assemble(traced, IMAGENET, 1)
    add_familiarity(model, 0.1)
    add_familiarity(model, LIMIT)
    found = outputs(model)
    assert found["answer"][:, CLASSES] == pytest.approx(
        expected(traced, found["features"], LIMIT), abs=1e-5
    )
    assert sum(output.name == "answer" for output in model.graph.output) == 1
