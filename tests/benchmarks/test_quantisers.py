from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from benchmarks.quantisers import _divergence, _fill, _right
from export.graph.quantise import quantise
from export.photographs import shipped_photographs
from models.card import Input
from tests.export.checkpoints import IMAGENET, random_traced


def test_the_divergence_is_that_of_kullback_and_leibler() -> None:
    wanted = np.array([[0.5, 0.5], [1.0, 0.0]], np.float32)
    found = np.array([[0.25, 0.75], [1.0, 0.0]], np.float32)
    expected = (0.5 * np.log(2) + 0.5 * np.log(2 / 3)) / 2
    assert _divergence(wanted, found) == pytest.approx(expected, abs=1e-6)


def test_a_first_label_of_the_set_counts_as_right() -> None:
    answers = np.array([[0.7, 0.3], [0.2, 0.8], [0.4, 0.6]], np.float32)
    assert _right(answers, [frozenset({0}), frozenset({0}), frozenset({0, 1})]) == 2 / 3


def test_a_float_graph_gets_the_weights_of_an_8_bit_file() -> None:
    traced = random_traced("resnet18", 7, 64)
    photos = shipped_photographs(Input(size=64, resize=64)).calibration
    integers = quantise(traced, IMAGENET, 1, photos)
    graph = type(traced)()
    graph.CopyFrom(traced)

    _fill(graph, integers)

    expected, found = (
        {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        for model in (traced, graph)
    )
    for name in ("conv0.weight", "classifier.weight"):
        step = np.abs(expected[name]).max() / 127
        assert 0 < np.abs(found[name] - expected[name]).max() <= step
