from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from export.training.dataset import square_input
from models.shelf import ZOO
from models.training import teacher
from models.training.teacher import BadTeacher, teacher_probabilities
from service.fleet.identity import read_model_file
from service.photo.decode import decode
from service.runtimes.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LITE0 = ZOO / "efficientnet_lite0.onnx"
ESPRESSO = 967


def test_a_model_file_of_booth_teaches(photos: dict[str, bytes]) -> None:
    coffee = decode(photos["coffee"], square_input(160)).pixels
    seen: list[int] = []
    found = teacher_probabilities(LITE0, np.stack([coffee] * 40), 1000, seen.append)
    assert (found.shape, str(found.dtype), seen) == ((40, 1000), "float16", [32, 8])
    np.testing.assert_allclose(found.sum(1, dtype=np.float64), 1, atol=0.01)
    assert set(found.argmax(1).tolist()) == {ESPRESSO}


def test_photographs_of_its_own_side_are_shown_as_they_are() -> None:
    photos = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), np.uint8)
    with_booth = Session(read_model_file(LITE0), providers=["cpu"]).run(photos)[:, :1000]
    np.testing.assert_allclose(teacher_probabilities(LITE0, photos, 1000), with_booth, atol=1e-3)


def tiny(path: Path, output: str = "logits", **photo: Any) -> Path:
    """A network whose logits are the sums of the colours."""
    wanted: dict[str, Any] = {
        "name": "photo",
        "elem_type": TensorProto.UINT8,
        "shape": ["N", 8, 8, 3],
    } | photo
    inputs = helper.make_tensor_value_info(**wanted)
    outputs = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", 3])
    nodes = [
        helper.make_node("Cast", [inputs.name], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], [output], keepdims=0),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2])
    graph = helper.make_graph(nodes, "tiny", [inputs], [outputs], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)
    return path


def test_logits_become_probabilities(tmp_path: Path) -> None:
    photos = np.full((40, 16, 16, 3), (3, 2, 1), np.uint8)
    found = teacher_probabilities(tiny(tmp_path / "tiny.onnx"), photos, 3)
    powers = np.exp([3, 2, 1])
    np.testing.assert_allclose(found, np.tile(powers / powers.sum(), (40, 1)), atol=1e-3)


def test_a_network_for_any_side_sees_the_usual_one(tmp_path: Path) -> None:
    session, side, output = teacher._open(tiny(tmp_path / "any.onnx", shape=["N", "S", "S", 3]), 3)
    assert (session.get_inputs()[0].shape, side, output) == (["N", "S", "S", 3], 224, "logits")


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "image"},
        {"output": "answer"},
        {"elem_type": TensorProto.FLOAT},
        {"shape": ["N", 3, 8, 8]},
        {"shape": ["N", "S", 8, 3]},
        {"shape": ["N", 8, 9, 3]},
    ],
)
def test_a_file_with_another_way_in_or_out_is_refused(
    fault: dict[str, Any], tmp_path: Path, squares: NDArray[np.uint8]
) -> None:
    with pytest.raises(BadTeacher, match=r"tiny.onnx can't teach: it needs an input `photo`"):
        teacher_probabilities(tiny(tmp_path / "tiny.onnx", **fault), squares, 3)


def test_a_teacher_of_other_labels_is_refused(squares: NDArray[np.uint8]) -> None:
    with pytest.raises(BadTeacher, match="tells 1000 classes apart, and there are 5 labels"):
        teacher_probabilities(LITE0, squares, 5)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path, squares: NDArray[np.uint8]) -> None:
    (tmp_path / "my.onnx").write_bytes(b"not a network")
    with pytest.raises(BadTeacher, match=r"my.onnx is no ONNX file; give a model file as teacher"):
        teacher_probabilities(tmp_path / "my.onnx", squares, 3)
