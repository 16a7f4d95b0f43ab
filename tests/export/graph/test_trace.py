from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from export.graph.model import PIXELS, TRACED_OUTPUTS
from export.photographs import shipped_photographs
from models.card import Input
from tests.export.checkpoints import IMAGENET, random_network, random_traced

if TYPE_CHECKING:
    from onnx import ModelProto

SIZE = 64
CLASSES = 7


@pytest.fixture(name="traced")
def traced_resnet() -> ModelProto:
    return random_traced("resnet18", CLASSES, SIZE)


def test_the_graph_computes_what_the_network_does(traced: ModelProto) -> None:
    pixels = IMAGENET(shipped_photographs(Input(size=SIZE, resize=SIZE)).proof[:3])
    session = onnxruntime.InferenceSession(traced.SerializeToString())
    found = session.run(list(TRACED_OUTPUTS), {PIXELS: pixels})
    with torch.inference_mode():
        expected = random_network("resnet18", CLASSES, SIZE)(torch.from_numpy(pixels))
    for mine, its in zip(found, expected, strict=True):
        assert np.allclose(mine, its.numpy(), atol=1e-3)


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
