from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, numpy_helper, shape_inference

from export.graph.float16 import to_float16
from export.graph.model import assemble
from export.graph.trace import trace_network
from export.photographs import shipped_photographs
from export.proof.parity import ParityError, check_parity, onnx_probabilities, torch_probabilities
from models.card import Input
from tests.export.checkpoints import IMAGENET, random_network, random_traced
from tests.export.weights import classifier_weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 64
CLASSES = 7
TEMPERATURE = 1.5


@pytest.fixture(scope="module")
def single() -> ModelProto:
    return assemble(random_traced("resnet18", CLASSES, SIZE), IMAGENET, TEMPERATURE)


@pytest.fixture(scope="module")
def half() -> ModelProto:
    return to_float16(random_traced("resnet18", CLASSES, SIZE), IMAGENET, TEMPERATURE)


@pytest.fixture(scope="module")
def photographs() -> NDArray[np.uint8]:
    return shipped_photographs(Input(size=SIZE, resize=SIZE)).proof


def kinds(model: ModelProto) -> dict[str, int]:
    """The type of every value in a graph."""
    graph = shape_inference.infer_shapes(model, strict_mode=True).graph
    values = [*graph.input, *graph.value_info, *graph.output]
    known = {value.name: value.type.tensor_type.elem_type for value in values}
    return known | {tensor.name: tensor.data_type for tensor in graph.initializer}


def test_from_the_outside_it_is_like_every_model_file(half: ModelProto, single: ModelProto) -> None:
    one, other = (
        onnxruntime.InferenceSession(model.SerializeToString()) for model in (half, single)
    )
    for ends in ("get_inputs", "get_outputs"):
        described = [
            [(end.name, end.type, end.shape) for end in getattr(session, ends)()]
            for session in (one, other)
        ]
        assert described[0] == described[1]


def test_the_network_computes_in_float16_and_what_is_around_it_in_float32(
    half: ModelProto,
) -> None:
    known = kinds(half)
    around = {"Sub", "Mul", "Div", "Softmax"}
    for node in half.graph.node:
        if node.op_type != "Cast":
            wanted = TensorProto.FLOAT if node.op_type in around else TensorProto.FLOAT16
            found = {known[name] for name in [*node.input, *node.output]}
            assert found - {TensorProto.INT64} == {wanted}, node.name
    assert around < {node.op_type for node in half.graph.node}


def test_it_takes_half_the_bytes(half: ModelProto, single: ModelProto) -> None:
    assert half.ByteSize() == pytest.approx(single.ByteSize() / 2, rel=0.01)


@pytest.mark.parametrize("architecture", ["resnet18", "efficientnet_lite0"])
def test_it_answers_as_the_network_does_but_for_rounding(
    architecture: str, photographs: NDArray[np.uint8]
) -> None:
    network = random_network(architecture, CLASSES, SIZE)
    expected = torch_probabilities(network, IMAGENET, TEMPERATURE, photographs)
    model = to_float16(random_traced(architecture, CLASSES, SIZE), IMAGENET, TEMPERATURE)
    parity = check_parity(model, expected, photographs, precision="fp16")
    assert 1e-6 < parity.largest_difference < 0.1
    assert parity.top1_agreement >= 0.9
    sums = onnx_probabilities(model, photographs).sum(1)
    assert np.allclose(sums, 1, atol=1e-6)  # of float16 they would be off by a thousandth


def test_a_weight_that_float16_can_not_hold_fails_the_proof(
    single: ModelProto, photographs: NDArray[np.uint8]
) -> None:
    large = trace_network(random_network("resnet18", CLASSES, SIZE), SIZE)
    bias = next(one for one in large.graph.initializer if one.name == "classifier.bias")
    bias.CopyFrom(numpy_helper.from_array(np.full(CLASSES, 1e5, np.float32), bias.name))
    expected = onnx_probabilities(single, photographs)
    model = to_float16(large, IMAGENET, TEMPERATURE)
    with pytest.raises(ParityError, match="by up to nan"):
        check_parity(model, expected, photographs, precision="fp16")


def test_the_classifiers_weights_can_be_read_from_it(half: ModelProto, single: ModelProto) -> None:
    weight = classifier_weight(half)
    assert weight.dtype == np.float32
    assert np.allclose(weight, classifier_weight(single), rtol=1e-3, atol=1e-6)
