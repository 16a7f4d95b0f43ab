from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from export.graph.model import assemble
from export.photographs import shipped_photographs
from models.card import Input
from service.inspection.layers import layers
from tests.export.checkpoints import IMAGENET, random_network, random_traced
from tests.export.weights import classifier_weight
from tests.service.inspection.graphs import outputs

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


def test_the_layers_of_a_model_are_torch_s(traced: ModelProto) -> None:
    model = assemble(traced, IMAGENET, 1)
    found = layers(model.SerializeToString())
    photo = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    module = random_network("resnet18", CLASSES, SIZE).module
    given: list[NDArray[np.float32]] = []
    for part in module.modules():
        if isinstance(part, nn.ReLU | nn.MaxPool2d | nn.Linear):
            part.register_forward_hook(lambda *step: given.append(step[-1].numpy().copy()))
    pixels = (photo.astype(np.float32) - IMAGENET.mean) / IMAGENET.std
    with torch.no_grad():
        module(torch.tensor(pixels.transpose(2, 0, 1)[None], dtype=torch.float32))

    kinds = {"max pooling", "fully connected"}
    hooked = [layer for layer in found if layer.activation or layer.kind in kinds]
    assert len(hooked) == len(given) == 19
    values = outputs(model.SerializeToString(), hooked, photo)
    for value, wanted in zip(values, given, strict=True):
        places = wanted[0].reshape(*wanted.shape[1:], *(1,) * (4 - wanted.ndim))
        assert value == pytest.approx(places.transpose(1, 2, 0), abs=1e-3)
