"""The network of label maps, which runs over photographs of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from booth_client.errors import InvalidParameter
from service.inspection.label_map import Grid, label_map
from service.inspection.label_map_network import Network
from tests.service.tiled import SIZE, STRIDE, write_tiled


def test_a_photograph_of_the_network_s_own_size_has_the_cells_of_a_plain_run(
    tmp_path: Path,
) -> None:
    content = write_tiled(tmp_path / "tiled.onnx").read_bytes()
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    plain = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    maps, probabilities = plain.run(["maps", "probabilities"], {"photo": pixels[np.newaxis]})
    network = Network(content, SIZE, STRIDE)
    assert (network(pixels) == maps[0]).all()
    cells = label_map(network, network.head, pixels, Grid(SIZE, SIZE, STRIDE, STRIDE), 3)
    assert cells
    assert cells.probabilities == pytest.approx(probabilities[0], abs=1e-6)
    colours = pixels.reshape(2, STRIDE, 2, STRIDE, 3).mean((1, 3))
    logits = (0.05 * colours + [0.5, 0, -0.5]) / 2
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    expected = np.sort(powers / powers.sum(-1, keepdims=True))[..., ::-1]
    assert cells.confidences == pytest.approx(expected, abs=1e-4)


def test_a_network_runs_over_other_sizes(tmp_path: Path) -> None:
    network = Network(write_tiled(tmp_path / "tiled.onnx").read_bytes(), SIZE, STRIDE)
    assert network(np.zeros((24, 40, 3), np.uint8)).shape == (3, 3, 5)


def test_one_that_takes_its_own_size_alone_is_refused(tmp_path: Path) -> None:
    content = write_tiled(tmp_path / "fixed.onnx", fixed=True).read_bytes()
    with pytest.raises(InvalidParameter, match="photographs of other sizes than its own"):
        Network(content, SIZE, STRIDE)


def test_one_without_a_classifier_of_its_maps_is_refused(tiny: Path) -> None:
    with pytest.raises(InvalidParameter, match="photographs of other sizes than its own"):
        Network(tiny.read_bytes(), SIZE, STRIDE)


def test_a_classifier_in_int8_is_read_with_its_scales(tmp_path: Path) -> None:
    content = write_tiled(tmp_path / "tiled.onnx").read_bytes()
    model = onnx.load_from_string(content)
    (weight,) = (one for one in model.graph.initializer if one.name == "classifier.weight")
    integers, scale = (
        np.diag([100, 50, 25]).astype(np.int8),
        np.array([5e-4, 1e-3, 2e-3], np.float32),
    )
    weight.CopyFrom(numpy_helper.from_array(integers, weight.name))
    model.graph.initializer.append(numpy_helper.from_array(scale, f"{weight.name}.scale"))
    names = [weight.name, f"{weight.name}.scale"]
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", names, ["real"], axis=0))
    (gemm,) = (one for one in model.graph.node if one.op_type == "Gemm")
    gemm.input[1] = "real"
    maps = np.random.default_rng(0).normal(size=(3, 2, 2)).astype(np.float32)
    expected = Network(content, SIZE, STRIDE).head.logits(maps)
    found = Network(model.SerializeToString(), SIZE, STRIDE).head.logits(maps)
    assert found == pytest.approx(expected, abs=1e-5)


def test_one_whose_labels_are_not_those_of_its_maps_is_refused(tmp_path: Path) -> None:
    model = onnx.load(write_tiled(tmp_path / "tiled.onnx"))
    model.graph.initializer.append(
        numpy_helper.from_array(np.array([-1, 2, 3], np.float32), "another")
    )
    (gemm,) = (one for one in model.graph.node if one.op_type == "Gemm")
    gemm.input[2] = "another"
    with pytest.raises(InvalidParameter, match="photographs of other sizes than its own"):
        Network(model.SerializeToString(), SIZE, STRIDE)


def test_one_whose_maps_have_another_stride_is_refused(tmp_path: Path) -> None:
    content = write_tiled(tmp_path / "tiled.onnx").read_bytes()
    with pytest.raises(InvalidParameter, match="photographs of other sizes than its own"):
        Network(content, SIZE, 2 * STRIDE)
