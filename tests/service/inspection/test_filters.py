"""The weights of units, and their pictures."""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from service.inspection.filters import Filters, as_sheet, filters_of, first_units
from service.inspection.graph import Graph
from service.inspection.layers import layers_of
from tests.conftest import ROOT

PLACES = ROOT / "models" / "zoo" / "places365.onnx"


def test_filters_of_a_file_in_8_bits_are_multiplied_with_their_scale() -> None:
    stored = {one.name: numpy_helper.to_array(one) for one in onnx.load(PLACES).graph.initializer}
    graph = Graph(PLACES.read_bytes())
    by_name = {layer.name: layer for layer in layers_of(graph)}
    first = by_name["conv0"]
    assert first.filter_shape == (3, 3, 3, 32)
    found = filters_of(graph, first, [5, 2])
    scale = stored["conv0.weight.scale"][[5, 2]]
    exact = stored["conv0.weight"][[5, 2]] * scale[:, None, None, None]
    assert found.kernels == pytest.approx(exact.transpose(0, 2, 3, 1))
    assert found.biases is not None
    bias = stored["conv0.bias"] * stored["conv0.bias.scale"]
    assert found.biases == pytest.approx(bias[[5, 2]])
    depthwise, last = by_name["conv2"], by_name["classifier"]
    assert depthwise.filter_shape == (3, 3, 1, 32)
    assert last.filter_shape == (1, 1, 1280, 365)
    weight = stored["classifier.weight"][7] * stored["classifier.weight.scale"][7]
    assert filters_of(graph, last, [7]).kernels[0, 0, 0] == pytest.approx(weight)
    assert first_units(first) == list(range(32))
    assert len(first_units(last)) == 64
    assert len(first_units(by_name["conv89"])) == 64


def picture(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)))


def test_a_sheet_in_colour_has_a_tile_a_unit_around_mid_grey() -> None:
    kernels = np.zeros((3, 2, 2, 3), np.float32)
    kernels[0, 0, 0] = [0.5, -0.5, 0]
    kernels[1, 1, 1] = [8, 4, -8]
    sheet = picture(as_sheet(Filters([0, 1, 2], kernels, None), in_colour=True))
    assert sheet.shape == (2 * 49 + 1, 2 * 49 + 1, 3)
    assert sheet[1, 1].tolist() == sheet[24, 24].tolist() == [255, 0, 128]
    assert sheet[25, 25].tolist() == [128, 128, 128]
    assert sheet[48, 97].tolist() == [255, 191, 0]
    assert sheet[0].min() == sheet[:, 49].min() == 255  # the border
    assert sheet[60, 10].tolist() == [128, 128, 128]  # of nothing


def test_a_sheet_in_grey_has_a_tile_for_each_input_of_a_unit() -> None:
    kernels = np.zeros((2, 1, 3, 5), np.float32)
    kernels[0, 0, :, 0] = [-2, 0, 1]
    sheet = picture(as_sheet(Filters([4, 5], kernels, None), in_colour=False))
    assert sheet.shape == (2 * 49 + 1, 3 * 145 + 1)
    assert sheet[10, [10, 60, 110]].tolist() == [0, 128, 191]
