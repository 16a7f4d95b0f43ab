from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from export.graph.model import assemble
from export.graph.quantise import quantise
from export.photographs import shipped_photographs
from models.card import Input
from models.normalisation import Normalisation
from models.shelf import ZOO
from tests.export.checkpoints import IMAGENET, random_traced
from tests.export.weights import classifier_weight

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto

SIZE = 64
CLASSES = 7
PHOTOS = shipped_photographs(Input(size=SIZE, resize=SIZE)).calibration


@pytest.fixture(name="traced")
def traced_resnet() -> ModelProto:
    return random_traced("resnet18", CLASSES, SIZE)


def fused(model: ModelProto, folder: Path) -> list[str]:
    """The operators that ONNX Runtime makes of a model, in order."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "fused.onnx")
    options.log_severity_level = 3  # it warns that the file fits this machine alone
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    return [node.op_type for node in onnx.load(folder / "fused.onnx").graph.node]


def test_every_operator_becomes_an_integer_kernel(traced: ModelProto, tmp_path: Path) -> None:
    counts = Counter(fused(quantise(traced, IMAGENET, 1, PHOTOS), tmp_path))
    assert counts["QLinearConv"] == 20
    assert counts["QLinearAdd"] == 8
    assert counts["QLinearGlobalAveragePool"] == counts["QGemm"] == 1
    assert not counts.keys() & {"Conv", "Gemm", "Add", "Relu", "Clip", "GlobalAveragePool"}


def test_the_photograph_enters_the_first_convolution_as_it_is(tmp_path: Path) -> None:
    shipped_file = onnx.load(ZOO / "efficientnet_lite0.onnx")
    # What tells how familiar a photograph is computes with the features as real numbers, beside.
    without = onnx.utils.Extractor(shipped_file).extract_model(["photo"], ["probabilities"])
    operators = fused(without, tmp_path)
    assert operators[0] == "QLinearConv"
    assert set(operators[: operators.index("QGemm")]) <= {
        "QLinearConv",
        "QLinearAdd",
        "QLinearGlobalAveragePool",
        "Transpose",
        "Flatten",
    }


def test_a_whole_zero_point_needs_no_float_pass(traced: ModelProto) -> None:
    whole = Normalisation((127, 127, 127), (128, 128, 128))
    first = [node.op_type for node in quantise(traced, whole, 1, PHOTOS).graph.node][:2]
    assert first == ["DequantizeLinear", "Transpose"]


def test_weights_keep_within_half_a_step_of_their_row(traced: ModelProto) -> None:
    model = quantise(traced, IMAGENET, 1, PHOTOS)
    found = classifier_weight(model)
    expected = classifier_weight(assemble(traced, IMAGENET, 1))
    stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    step = stored["classifier.weight.scale"][:, None]
    finest = np.abs(expected).max(1, keepdims=True) / 127
    assert ((step >= finest * 0.999) & (step <= finest * 2.001)).all()  # see export.graph.weights
    error = np.abs(found - expected) / step
    assert (error <= 0.501).mean() > 0.999
    assert error.max() <= 1.501  # one of two neighbours that would be 1 too much
    assert found.any()


def test_a_quarter_of_the_bytes_is_left(traced: ModelProto) -> None:
    small = quantise(traced, IMAGENET, 1, PHOTOS).ByteSize()
    assert small < 0.26 * assemble(traced, IMAGENET, 1).ByteSize()


def test_a_bias_far_larger_than_its_weights_survives(traced: ModelProto) -> None:
    """A dead channel: its step is set by the bias, which has to fit into 32 bits."""
    model = onnx.ModelProto()
    model.CopyFrom(traced)
    values = {t.name: t for t in model.graph.initializer}
    for name, row in (("conv0.weight", 0.0), ("conv0.bias", 5.0)):
        tensor = numpy_helper.to_array(values[name]).copy()
        tensor[0] = row
        values[name].CopyFrom(numpy_helper.from_array(tensor, name))

    small = quantise(model, IMAGENET, 1, PHOTOS)

    stored = {t.name: numpy_helper.to_array(t) for t in small.graph.initializer}
    bias = stored["conv0.bias"].astype(np.float64) * stored["conv0.bias.scale"]
    assert bias[0] == pytest.approx(5, rel=1e-6)


def test_rounded_weights_leave_the_mean_of_every_output_where_it_was(traced: ModelProto) -> None:
    real = {t.name: numpy_helper.to_array(t) for t in traced.graph.initializer}

    small = quantise(traced, IMAGENET, 1, PHOTOS)

    stored = {t.name: numpy_helper.to_array(t) for t in small.graph.initializer}
    scale = stored["conv0.weight.scale"][:, None, None, None]
    error = stored["conv0.weight"] * scale - real["conv0.weight"]
    shift = error.sum((2, 3)) @ IMAGENET(PHOTOS).mean((0, 2, 3))
    step = float(stored["conv0.bias.scale"].max())
    bias = stored["conv0.bias"].astype(np.float64) * stored["conv0.bias.scale"]
    assert np.abs(shift).max() > 10 * step, "rounding should matter here"
    assert np.abs(bias + shift - real["conv0.bias"]).max() < step
