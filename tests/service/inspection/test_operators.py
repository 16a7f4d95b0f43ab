"""Shapes and values of single operators, against ONNX's own rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from service.inspection.operators import evaluated, output_shapes
from service.runtimes.onnx_file import Node, read_graph

IMAGE = (1, 8, 6, 4)


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize(
    ("kind", "constants", "how"),
    [
        ("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
        ("AveragePool", [], {"kernel_shape": [2, 3], "auto_pad": "SAME_UPPER"}),
        ("Conv", [np.zeros((4, 2, 3, 1), np.float32)], {"group": 4, "dilations": [2, 1]}),
        ("Flatten", [], {"axis": 2}),
        ("Reshape", [whole(0, -1, 3)], {}),
        ("Squeeze", [whole(0)], {}),
        ("Unsqueeze", [whole(0, -1)], {}),
        ("Slice", [whole(1, -1), whole(7, -5), whole(1, 2), whole(2, -1)], {}),
        ("Gather", [whole(2, 1, 0)], {"axis": 1}),
        ("Pad", [whole(0, 0, 1, 2, 0, 0, 3, 4)], {}),
        ("Expand", [whole(5, 8, 6, 4)], {}),
        ("Tile", [whole(2, 1, 1, 3)], {}),
        ("ReduceMean", [whole(2, 3)], {"keepdims": 0}),
        ("ArgMax", [], {"axis": 1}),
        ("Split", [], {"axis": 1, "num_outputs": 3}),
        ("DepthToSpace", [], {"blocksize": 2}),
        ("SpaceToDepth", [], {"blocksize": 2}),
        ("MatMul", [np.zeros((4, 7), np.float32)], {}),
        ("MatMul", [np.zeros(4, np.float32)], {}),
        ("Transpose", [], {}),
        ("Squeeze", [], {}),
        ("Reshape", [whole(1, 8, 24)], {"allowzero": 1}),
        ("Slice", [whole(-3), whole(1 << 40)], {}),
        ("Split", [whole(3, 5)], {"axis": 1, "num_outputs": None}),
        ("Pad", [whole(1, 2), np.float32(0), whole(-1)], {}),
        ("Resize", [np.zeros(0, np.float32), np.array([1, 1, 2, 1.5], np.float32)], {}),
        ("Resize", [np.zeros(0, np.float32), np.zeros(0, np.float32), whole(1, 8, 9, 2)], {}),
        ("ReduceSum", [], {"keepdims": 0}),
        ("ArgMax", [], {"axis": -1, "keepdims": 0}),
        ("GlobalMaxPool", [], {}),
        ("Concat", [np.zeros((1, 8, 6, 3), np.float32)], {"axis": -1}),
        ("Conv", [np.zeros((5, 8, 3, 3), np.float32)], {"auto_pad": "SAME_LOWER"}),
        ("LayerNormalization", [np.ones(4, np.float32)], {}),
        ("Add", [np.zeros((3, 1, 1, 4), np.float32)], {}),
    ],
)
def test_shapes_are_those_of_onnx(kind: str, constants: list[Any], how: dict[str, Any]) -> None:
    assert shapes_of(kind, IMAGE, constants, how) == shapes_by_onnx(kind, IMAGE, constants, how)


@pytest.mark.parametrize("how", [{}, {"transA": 1}, {"transB": 1}])
def test_a_product_is_as_large_as_onnx_says(how: dict[str, Any]) -> None:
    size = (5, 7)[:: -1 if "transB" in how else 1]
    image, constants = ((5, 2) if "transA" in how else (2, 5)), [np.zeros(size, np.float32)]
    assert shapes_of("Gemm", image, constants, how) == [(2, 7)]
    assert shapes_by_onnx("Gemm", image, constants, how) == [(2, 7)]


def made(kind: str, constants: list[Any], how: dict[str, Any]) -> onnx.NodeProto:
    """An operator of ``x`` and these constants; one named without a number splits in two."""
    parts = how.get("num_outputs", 1) or len(constants) + 1
    names = ["x", *(f"c{at}" for at in range(len(constants)))]
    given = {name: value for name, value in how.items() if value is not None}
    return helper.make_node(kind, names, ["a", "b", "c"][:parts], **given)


def shapes_of(kind: str, image: Any, constants: list[Any], how: dict[str, Any]) -> Any:
    shapes = [image, *(one.shape for one in constants)]
    values = [None, *(one if one.size else None for one in constants)]
    return output_shapes(read(made(kind, constants, how)), shapes, values)


def shapes_by_onnx(kind: str, image: Any, constants: list[Any], how: dict[str, Any]) -> Any:
    node = made(kind, constants, how)
    stored = zip(constants, node.input[1:], strict=True)
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, image)],
        [
            helper.make_tensor_value_info(one, onnx.TensorProto.UNDEFINED, None)
            for one in node.output
        ],
        [numpy_helper.from_array(np.asarray(one), name) for one, name in stored],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    known = shape_inference.infer_shapes(model, data_prop=True).graph.output
    return [tuple(side.dim_value for side in one.type.tensor_type.shape.dim) for one in known]


def read(node: onnx.NodeProto) -> Node:
    graph = helper.make_graph([node], "graph", [], [])
    (found,) = read_graph(helper.make_model(graph).SerializeToString()).nodes()
    return found


@pytest.mark.parametrize("kind", ["Resize", "Reshape"])
def test_a_size_that_depends_on_the_photograph_is_unknown(kind: str) -> None:
    node = read(helper.make_node(kind, ["x", "roi", "scales"], ["y"]))
    with pytest.raises(ValueError, match="depends on the photograph"):
        output_shapes(node, [IMAGE, (0,), (4,)], [None, None, None])


def test_quantised_operators_are_as_large_as_those_they_stand_for() -> None:
    weight: tuple[int, ...] = (5, 8, 3, 3)
    one: tuple[int, ...] = ()
    grid: list[tuple[int, ...]] = [IMAGE, one, one]
    given: list[tuple[str, list[tuple[int, ...]], dict[str, Any], tuple[int, ...]]] = [
        ("QLinearConv", [*grid, weight, one, one], {}, (1, 5, 4, 2)),
        ("QLinearMatMul", [*grid, (4, 7), one, one], {}, (1, 8, 6, 7)),
        ("QLinearAdd", [*grid, (8, 1, 1), one, one], {}, IMAGE),
        ("QLinearConcat", [one, one, *grid, *grid], {"axis": 1}, (1, 16, 6, 4)),
        ("QGemm", [(1, 5), one, one, (7, 5), one, one], {"transB": 1}, (1, 7)),
    ]
    for kind, shapes, how, expected in given:
        names = [f"i{at}" for at in range(len(shapes))]
        node = read(helper.make_node(kind, names, ["y"], domain="com.microsoft", **how))
        assert output_shapes(node, shapes, [None] * len(shapes)) == [expected]
    node = read(helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero"]))
    assert output_shapes(node, [IMAGE], [None]) == [IMAGE, (), ()]


@pytest.mark.parametrize(
    ("kind", "inputs", "how"),
    [
        ("Constant", [], {"value_int": 3}),
        ("Constant", [], {"value_ints": [3, 4]}),
        ("Constant", [], {"value_float": 0.5}),
        ("Constant", [], {"value_floats": [0.5, 1.5]}),
        ("Constant", [], {"value": numpy_helper.from_array(whole(1, 2))}),
        ("ConstantOfShape", [whole(2, 3)], {}),
        ("ConstantOfShape", [whole(2)], {"value": numpy_helper.from_array(whole(7))}),
        ("Reshape", [whole(1, 2, 3, 4), whole(2, -1)], {}),
        ("Unsqueeze", [whole(1, 2), whole(0)], {}),
        ("Expand", [whole(1, 2), whole(3, 1)], {}),
        ("Slice", [whole(1, 2, 3, 4), whole(-1), whole(-9), whole(0), whole(-2)], {}),
        ("Cast", [np.array([1.7, -1.7], np.float32)], {"to": onnx.TensorProto.INT64}),
        ("Div", [np.array([1.0, 3.0]), np.array([2.0, 2.0])], {}),
        ("Transpose", [np.arange(6).reshape(2, 3)], {}),
        ("Transpose", [np.arange(6).reshape(1, 2, 3)], {"perm": [1, 0, 2]}),
        ("Concat", [whole(1), whole(2, 3)], {"axis": 0}),
        ("Gather", [whole(5, 6, 7), whole(2, 0)], {"axis": 0}),
        ("Range", [np.int64(1), np.int64(7), np.int64(2)], {}),
        ("Max", [whole(1, 5), whole(2, 4), whole(3, 3)], {}),
        ("Min", [whole(1, 5), whole(2, 4), whole(0, 6)], {}),
        ("Reciprocal", [np.array([4.0], np.float32)], {}),
        ("Where", [np.array([True, False]), whole(1, 2), whole(3, 4)], {}),
        ("ReduceProd", [whole(2, 3, 4)], {"keepdims": 0}),
        (
            "DequantizeLinear",
            [np.array([[1, 2], [3, 4]], np.uint8), np.array([0.5, 2], np.float32),
             np.array([1, 3], np.uint8)],
            {"axis": 1},
        ),
        (
            "DequantizeLinear",
            [np.array([1, 2], np.int8), np.float32(0.5), np.int8(-1)],
            {},
        ),
    ],
)  # fmt: skip
def test_values_are_those_of_onnx(kind: str, inputs: list[Any], how: dict[str, Any]) -> None:
    names = [f"i{at}" for at in range(len(inputs))]
    node = helper.make_node(kind, names, ["y"], **how)
    reference: Any = ReferenceEvaluator(node)
    (expected,) = reference.run(None, dict(zip(names, inputs, strict=True)))
    before = [np.copy(one) for one in inputs]
    found = evaluated(read(node), [np.asarray(one) for one in inputs])
    assert found is not None
    (value,) = found
    assert np.array_equal(value, expected)
    assert all(map(np.array_equal, inputs, before))


def test_what_is_not_known_has_no_value() -> None:
    assert evaluated(read(helper.make_node("Erf", ["a"], ["b"])), [whole(1)]) is None


def test_whole_numbers_are_divided_towards_zero() -> None:
    node = read(helper.make_node("Div", ["a", "b"], ["c"]))
    assert evaluated(node, [whole(-7, 7), whole(2, 2)])[0].tolist() == [-3, 3]  # type: ignore[index]
