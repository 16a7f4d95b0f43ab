from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from export.graph.attributes import BadMatrix, add_attributes, read_matrix
from models.labels import sun_attributes

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto

NAMES = len(sun_attributes())


def _features() -> ModelProto:
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 512]) for n in ("x", "y")]
    values[1].name = "features"
    node = helper.make_node("Identity", ["x"], ["features"])
    graph = helper.make_graph([node], "test", values[:1], values[1:])
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


def test_the_output_is_mits_matrix_times_the_features(shared: Path) -> None:
    matrix = read_matrix(shared / "scenes/W_sceneattribute_wideresnet18.npy", NAMES, 512)
    features = np.random.default_rng(1).random((3, 512), np.float32)
    model = _features()

    add_attributes(model, matrix)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(["attributes"], {"x": features})

    assert found.shape == (3, 102)
    np.testing.assert_allclose(found, features @ matrix.T, rtol=1e-4, atol=1e-5)


def test_a_matrix_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "matrix.npy"
    np.save(path, np.zeros((102, 2048), np.float32))

    with pytest.raises(BadMatrix, match=r"matrix of 102 x 512, and is \(102, 2048\)"):
        read_matrix(path, NAMES, 512)


@pytest.mark.parametrize("what", ["code", "text", "nothing"])
def test_a_file_that_is_no_matrix_is_refused_and_never_executed(tmp_path: Path, what: str) -> None:
    path = tmp_path / "matrix.npy"
    if what == "code":
        np.save(path, np.array([test_a_matrix_of_another_shape_is_refused]), allow_pickle=True)
    else:
        path.write_text("a page" if what == "text" else "")

    with pytest.raises(BadMatrix, match=r"matrix.npy is no .npy file of numbers"):
        read_matrix(path, NAMES, 512)
