"""Weights that overflow on no CPU: checked by hand, in the shipped files, and by the runtimes."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.graph.weights import PAIR_LEVELS, pair_sums, round_weights
from models.shelf import ZOO

RANDOM = np.random.default_rng(0)
LARGEST_SUM = 2**15 - 1
SHIPPED = ("efficientnet_lite0", "places365")


def test_a_pair_is_two_channels_at_one_place_and_only_one_sign_adds_up() -> None:
    weights = np.array([[[[127]], [[127]], [[127]], [[-127]]]], np.int8)
    assert pair_sums(weights).ravel().tolist() == [254, 127]
    assert pair_sums(-weights).ravel().tolist() == [254, 127]


def test_a_channel_by_itself_has_no_neighbour_and_three_may_be_paired_in_any_way() -> None:
    assert pair_sums(np.array([[[[-127]]]], np.int8)).ravel().tolist() == [127]
    assert pair_sums(np.array([[[[100]], [[1]], [[-3]]]], np.int8)).ravel().tolist() == [200, 2, 6]


@pytest.mark.parametrize("shape", [(64, 32, 1, 1), (16, 8, 3, 3), (8, 3, 3, 3), (10, 7), (10, 64)])
def test_no_pair_overflows_and_each_row_is_as_fine_as_it_can_be(shape: tuple[int, ...]) -> None:
    weights = RANDOM.normal(size=shape).astype(np.float32)
    rounded = round_weights(weights)
    sums = pair_sums(rounded.integers).reshape(shape[0], -1).max(1)
    largest = np.abs(rounded.integers.astype(int)).reshape(shape[0], -1).max(1)
    assert 255 * sums.max() <= LARGEST_SUM
    assert np.all((sums >= PAIR_LEVELS - 1) | (largest == 127))
    steps = np.abs(rounded.values - weights) / rounded.scales.reshape(-1, *(1,) * (len(shape) - 1))
    assert steps.max() <= 1.5
    assert (steps > 0.5 + 1e-3).mean() < 0.02


def test_a_depthwise_kernel_keeps_all_127_levels() -> None:
    weights = RANDOM.normal(size=(32, 1, 3, 3)).astype(np.float32)
    rounded = round_weights(weights)
    assert np.all(np.abs(rounded.integers.astype(int)).reshape(32, -1).max(1) == 127)
    assert np.allclose(rounded.scales, np.abs(weights).reshape(32, -1).max(1) / 127)


def test_no_scale_is_below_the_smallest_and_a_row_of_zeros_stays_one() -> None:
    rounded = round_weights(np.zeros((2, 4), np.float32), np.array([0.5, 0.0]))
    assert rounded.scales[0] == np.float32(0.5)
    assert rounded.scales[1] > 0
    assert not rounded.integers.any()


@pytest.mark.parametrize("name", SHIPPED)
def test_no_weight_of_a_shipped_file_can_overflow(name: str) -> None:
    graph = onnx.load(ZOO / f"{name}.onnx").graph
    weights = [numpy_helper.to_array(one) for one in graph.initializer if one.data_type == 3]
    weights = [one for one in weights if one.ndim > 1]
    assert len(weights) == 50
    assert max(float(pair_sums(one).max()) for one in weights) <= PAIR_LEVELS


@pytest.mark.parametrize("channels", [3, 8])
def test_a_convolution_of_the_brightest_pixels_is_right_on_this_cpu(channels: int) -> None:
    weights = np.full((4, channels, 3, 3), 0.1, np.float32)
    rounded = round_weights(weights)
    photo = np.full((1, channels, 8, 8), 255, np.uint8)
    found = convolved(photo, rounded.integers, rounded.scales)
    assert found == pytest.approx(255 * weights[0].sum(), rel=0.01)


def convolved(
    photo: NDArray[np.uint8], weights: NDArray[np.int8], scales: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What ONNX Runtime's integer kernel puts out for the place in the middle."""
    most = float(255 * np.abs(weights * scales.reshape(-1, 1, 1, 1)).sum((1, 2, 3)).max())
    values = {
        "one": np.float32(1),
        "zero": np.uint8(0),
        "weight": weights,
        "scales": scales,
        "zeros": np.zeros(len(scales), np.int8),
        "grid": np.float32(most / 255),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["photo", "one", "zero"], ["pixels"]),
        helper.make_node("DequantizeLinear", ["weight", "scales", "zeros"], ["real"], axis=0),
        helper.make_node("Conv", ["pixels", "real"], ["exact"]),
        helper.make_node("QuantizeLinear", ["exact", "grid", "zero"], ["integers"]),
        helper.make_node("DequantizeLinear", ["integers", "grid", "zero"], ["map"]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolution",
        [helper.make_tensor_value_info("photo", TensorProto.UINT8, photo.shape)],
        [helper.make_tensor_value_info("map", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (maps,) = session.run(["map"], {"photo": photo})
    found: NDArray[np.float32] = maps[0, :, 3, 3]
    return found
