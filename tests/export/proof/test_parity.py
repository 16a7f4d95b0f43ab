from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from export.proof.parity import ParityError, check_parity

PHOTOS = np.zeros((6, 2, 2, 3), np.uint8)
ANSWERS = np.tile(np.array([0.7, 0.2, 0.1], np.float32), (6, 1))


def answering(rows: np.ndarray) -> ModelProto:
    """A model that gives these probabilities for any four photographs, and fewer for fewer."""
    nodes = [
        helper.make_node("Shape", ["photo"], ["count"], start=0, end=1),
        helper.make_node("Slice", ["rows", "zero", "count", "zero"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "fixed",
        [helper.make_tensor_value_info("photo", TensorProto.UINT8, ["N", 2, 2, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["M", 3])],
        [
            numpy_helper.from_array(rows[:4].astype(np.float32), "rows"),
            numpy_helper.from_array(np.zeros(1, np.int64), "zero"),
        ],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


def test_an_equal_file_is_proven() -> None:
    parity = check_parity(answering(ANSWERS), ANSWERS, PHOTOS, precision="fp32")
    assert (parity.photographs, parity.top1_agreement) == (6, 1)
    assert (parity.largest_difference, parity.mean_difference) == (0, 0)


@pytest.mark.parametrize(
    ("precision", "wrong"),
    [
        *(("fp32", wrong) for wrong in (2e-4, np.nan, np.inf)),
        *(("fp16", wrong) for wrong in (0.11, np.nan, np.inf)),
    ],
)
def test_a_float_file_that_answers_otherwise_is_refused(precision: str, wrong: float) -> None:
    rows = ANSWERS.copy()
    rows[2, 1] += wrong
    with pytest.raises(ParityError, match=r"differ from the network's by up to .* nothing was"):
        check_parity(answering(rows), ANSWERS, PHOTOS, precision=precision)


def test_what_int8_changes_is_measured() -> None:
    rows = ANSWERS.copy()
    rows[0] = [0.4, 0.5, 0.1]
    parity = check_parity(answering(rows), ANSWERS, PHOTOS, precision="int8")
    # The first of each batch of four is changed: two of the six.
    assert parity.top1_agreement == pytest.approx(4 / 6)
    assert parity.largest_difference == pytest.approx(0.3)
    assert parity.mean_difference == pytest.approx(2 * 0.3 / 6)
