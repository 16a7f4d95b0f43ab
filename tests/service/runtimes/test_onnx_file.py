"""What is read of a model file, and added to it, as the package onnx sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.runtimes.onnx_file import (
    FLOAT,
    added,
    computing,
    node,
    read_graph,
    with_free_sizes,
    with_outputs,
    without_loop,
)
from tests.service.conftest import SIDE
from tests.service.mapped import write_mapped

PRECISIONS = ("fp32", "fp16", "int8")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_constants_and_outputs_are_read(tmp_path: Path, precision: str) -> None:
    path = write_mapped(tmp_path / "mapped.onnx", precision)
    model, found = onnx.load(path), read_graph(path.read_bytes())
    assert list(found.tensors) == [one.name for one in model.graph.initializer]
    for tensor in model.graph.initializer:
        assert found.shape(tensor.name) == tuple(tensor.dims)
        assert np.array_equal(found.array(tensor.name), numpy_helper.to_array(tensor))
    assert found.outputs == {"probabilities": (0, 3), "features": (0, 5), "maps": (0, 5, 4, 4)}


def test_numbers_that_are_not_stored_as_bytes_are_refused() -> None:
    tensor = helper.make_tensor("text", TensorProto.STRING, [1], ["a"])  # type: ignore[list-item]
    graph = helper.make_graph([], "graph", [], [], [tensor])
    found = read_graph(helper.make_model(graph).SerializeToString())
    with pytest.raises(ValueError, match="type 8"):
        found.array("text")


def test_the_shape_of_a_list_in_one_field_is_read() -> None:
    # Packed, as no writer of onnx.proto does, but any may: dims [300, 2] in one field.
    tensor = b"\x0a\x03\xac\x02\x02" + b"\x42\x01a"
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    assert read_graph(b"\x3a" + bytes([len(graph)]) + graph).shape("a") == (300, 2)


def test_fields_of_fixed_length_are_passed_over_and_others_refused() -> None:
    assert read_graph(b"\x0d" + bytes(4) + b"\x09" + bytes(8)).tensors == {}
    with pytest.raises(ValueError, match="no kind 3"):
        read_graph(b"\x0b")
    with pytest.raises(IndexError):
        read_graph(b"\x80")


def test_what_is_added_is_part_of_the_graph(tmp_path: Path) -> None:
    path = write_mapped(tmp_path / "mapped.onnx")
    nodes = [
        node("Transpose", ["maps"], "turned", perm=[0, 2, 3, 1]),
        node("Cast", ["turned"], "more", to=FLOAT),
    ]
    model = onnx.load_from_string(added(path.read_bytes(), nodes, "more", 4))
    before = onnx.load(path)
    assert list(model.graph.node)[:-2] == list(before.graph.node)
    assert [one.op_type for one in model.graph.node][-2:] == ["Transpose", "Cast"]
    (attribute,) = model.graph.node[-2].attribute
    assert helper.get_attribute_value(attribute) == [0, 2, 3, 1]
    assert [one.name for one in model.graph.output][-1] == "more"
    assert model.metadata_props == before.metadata_props
    onnx.checker.check_model(model)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_sizes_become_free_and_only_some_outputs_stay(tmp_path: Path, precision: str) -> None:
    path = write_mapped(tmp_path / "mapped.onnx", precision)
    before = onnx.load(path)
    model = onnx.load_from_string(with_free_sizes(path.read_bytes(), "photo", {"maps"}))
    onnx.checker.check_model(model)
    (photo,), (maps,) = model.graph.input, model.graph.output
    for value in (photo, maps):
        sides = value.type.tensor_type.shape.dim
        assert [one.WhichOneof("value") for one in sides] == [None] * 4
    assert photo.type.tensor_type.elem_type == TensorProto.UINT8
    assert maps.name == "maps"
    assert maps.type.tensor_type.elem_type == TensorProto.FLOAT
    for kept in ("node", "initializer"):
        assert list(getattr(model.graph, kept)) == list(getattr(before.graph, kept))
    for field in ("opset_import", "metadata_props", "ir_version", "producer_name"):
        assert getattr(model, field) == getattr(before, field)


def test_further_outputs_are_given_whatever_their_type(tmp_path: Path) -> None:
    path = write_mapped(tmp_path / "mapped.onnx", "int8")
    before = onnx.load(path)
    inner = next(one for one in before.graph.node if one.op_type == "QuantizeLinear").output[0]
    session = ort.InferenceSession(with_outputs(path.read_bytes(), [inner]))
    photo = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    maps, integers = session.run(["maps", inner], {"photo": photo})
    assert maps.dtype == np.float32
    assert integers.dtype.itemsize == 1


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_graph_may_end_with_one_of_its_values(tmp_path: Path, precision: str) -> None:
    content = write_mapped(tmp_path / "mapped.onnx", precision).read_bytes()
    cut = computing(content, "maps")
    model, before = onnx.load_from_string(cut), onnx.load_from_string(content)
    assert [one.name for one in model.graph.output] == ["maps"]
    assert "Softmax" not in [one.op_type for one in model.graph.node]
    assert "classifier.weight" in {one.name for one in before.graph.initializer}
    assert "classifier.weight" not in {one.name for one in model.graph.initializer}
    photo = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    (whole,) = ort.InferenceSession(content).run(["maps"], {"photo": photo})
    (found,) = ort.InferenceSession(cut).run(None, {"photo": photo})
    assert found == pytest.approx(whole, abs=1e-5)


def test_operators_and_their_attributes_are_read() -> None:
    how: dict[str, Any] = {
        "axis": -1,
        "to": 0,
        "alpha": 0.5,
        "mode": "linear",
        "perm": [1, -2],
        "scales": [1.5, 2.0],
    }
    graph = helper.make_graph([helper.make_node("Any", ["a", ""], ["b"], **how)], "graph", [], [])
    (read,) = read_graph(helper.make_model(graph).SerializeToString()).nodes()
    assert (read.kind, read.inputs, read.outputs) == ("Any", ("a", ""), ("b",))
    assert read.attributes == how
    assert (read.number("axis"), read.number("mode", 7), read.number("none", 3)) == (-1, 7, 3)
    assert (read.real("alpha"), read.text("mode"), read.numbers("perm")) == (0.5, "linear", [1, -2])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (TensorProto.FLOAT, [0.5, -2]),
        (TensorProto.DOUBLE, [0.5, -2]),
        (TensorProto.FLOAT16, [0.5, -2]),
        (TensorProto.INT64, [1, -2]),
        (TensorProto.INT8, [1, -2]),
        (TensorProto.BOOL, [True, False]),
    ],
)
def test_numbers_in_fields_of_their_own_are_read(kind: int, values: list[float]) -> None:
    tensor = helper.make_tensor("x", kind, [2], values)
    graph = helper.make_graph([], "graph", [], [], [tensor])
    found = read_graph(helper.make_model(graph).SerializeToString()).array("x")
    assert found.dtype == numpy_helper.to_array(tensor).dtype
    assert found.tolist() == values


def test_a_file_without_a_loop_stays_as_it_is(tmp_path: Path) -> None:
    content = write_mapped(tmp_path / "mapped.onnx").read_bytes()
    assert without_loop(content) is content
