from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from export.graph.model import assemble, classifier_weight
from export.photographs import shipped_photographs
from models.card import Input
from models.normalisation import Normalisation
from tests.export.checkpoints import IMAGENET, random_traced

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

SIZE = 64
CLASSES = 7


@pytest.fixture(name="traced")
def traced_resnet() -> ModelProto:
    return random_traced("resnet18", CLASSES, SIZE)


@pytest.fixture(scope="module")
def photographs() -> NDArray[np.uint8]:
    return shipped_photographs(Input(size=SIZE, resize=SIZE)).proof


def run(model: ModelProto, photos: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"photo": photos}), strict=True))


def test_a_model_has_the_inputs_and_outputs_of_its_contract(traced: ModelProto) -> None:
    session = onnxruntime.InferenceSession(assemble(traced, IMAGENET, 1).SerializeToString())
    (photo,) = session.get_inputs()
    assert (photo.name, photo.type, photo.shape) == ("photo", "tensor(uint8)", ["N", 64, 64, 3])
    assert {output.name: output.shape for output in session.get_outputs()} == {
        "probabilities": ["N", 7],
        "features": ["N", 512],
        "maps": ["N", 512, 2, 2],
    }


def test_maps_features_and_classifier_make_the_probabilities(
    traced: ModelProto, photographs: NDArray[np.uint8]
) -> None:
    model = assemble(traced, IMAGENET, 1)
    found = run(model, photographs)
    bias = next(t for t in model.graph.initializer if t.name == "classifier.bias")

    features = found["maps"].mean((2, 3))
    logits = features @ classifier_weight(model).T + np.frombuffer(bias.raw_data, np.float32)
    odds = np.exp(logits)

    assert np.allclose(features, found["features"], atol=1e-5)
    assert np.allclose(odds / odds.sum(1, keepdims=True), found["probabilities"], atol=1e-5)


def test_the_temperature_softens(traced: ModelProto, photographs: NDArray[np.uint8]) -> None:
    plain = run(assemble(traced, IMAGENET, 1), photographs)["probabilities"]
    softened = run(assemble(traced, IMAGENET, 2.5), photographs)["probabilities"]
    rooted = plain ** (1 / 2.5)
    assert np.allclose(softened, rooted / rooted.sum(1, keepdims=True), atol=1e-5)


def test_batch_norms_are_folded(traced: ModelProto) -> None:
    kinds = {node.op_type for node in traced.graph.node}
    assert kinds == {"Conv", "Relu", "MaxPool", "Add", "GlobalAveragePool", "Flatten", "Gemm"}


def test_the_graph_tells_nothing_of_its_maker(traced: ModelProto) -> None:
    parts = [traced.graph, *traced.graph.node, *traced.graph.input, *traced.graph.output]
    assert not any(part.doc_string or part.metadata_props for part in parts)
    bare = type(traced)()
    bare.CopyFrom(traced)
    del bare.graph.initializer[:]  # random numbers may spell anything
    assert not re.search(rb"\.py|torch|module|/", bare.SerializeToString())


def test_names_follow_the_order_of_the_graph(traced: ModelProto) -> None:
    assert [node.output[0] for node in traced.graph.node][:4] == [
        "conv0",
        "relu1",
        "maxpool2",
        "conv3",
    ]
    weights = {t.name: t.data_type for t in traced.graph.initializer}
    assert set(weights.values()) == {TensorProto.FLOAT}
    assert {"conv0.weight", "conv0.bias", "classifier.weight", "classifier.bias"} <= weights.keys()


@pytest.mark.parametrize(
    ("mean", "std", "answer"),
    [
        ((127, 127, 127), (128, 128, 128), True),
        ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), False),
        ((127, 127, 120), (128, 128, 128), False),
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), False),
    ],
)
def test_which_normalisation_is_a_quantisation(
    mean: tuple[float, float, float], std: tuple[float, float, float], answer: bool
) -> None:
    assert Normalisation(mean, std).is_quantisation is answer
