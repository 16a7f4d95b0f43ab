"""The outputs of a network's layers are those that PyTorch gives on the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch.nn import functional

from booth_client.errors import InvalidParameter
from export.graph.model import assemble
from export.photographs import shipped_photographs
from models.card import Input
from service.inspection.layer_network import LayerNetwork, OneLayerNetwork, Output
from tests.export.checkpoints import IMAGENET, random_network, random_traced
from tests.service.tiled import SIZE as SIDE
from tests.service.tiled import write_tiled

SIZE = 64
LABELS = 7


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    photographs = shipped_photographs(Input(size=SIZE, resize=SIZE))
    return np.asarray(photographs.proof[0])


@pytest.fixture(scope="module")
def resnet() -> bytes:
    model = assemble(random_traced("resnet18", LABELS, SIZE), IMAGENET, 1.0)
    return bytes(model.SerializeToString())


def said_by_torch(photo: NDArray[np.uint8]) -> list[torch.Tensor]:
    """What each layer of ResNet-18 gives, a convolution's after its batch norm and activation."""
    network: Any = random_network("resnet18", LABELS, SIZE).module.eval()
    with torch.no_grad():
        x = torch.from_numpy(IMAGENET(photo[np.newaxis]))
        x = functional.relu(network.bn1(network.conv1(x)))
        said = [x, x := network.maxpool(x)]
        for block in (*network.layer1, *network.layer2, *network.layer3, *network.layer4):
            inner = functional.relu(block.bn1(block.conv1(x)))
            outer = block.bn2(block.conv2(inner))
            said += [inner, outer]
            if block.downsample:
                x = block.downsample(x)
                said.append(x)
            x = functional.relu(outer + x)
            said.append(x)
        pooled = network.avgpool(x)
        said += [pooled, network.fc(pooled.flatten(1))]
    return said


def maps(output: Output) -> NDArray[np.float32]:
    return output.real(output.raw)


def test_all_layers_of_a_resnet_answer_as_in_torch(resnet: bytes, photo: NDArray[np.uint8]) -> None:
    network = LayerNetwork(resnet)
    layers = list(network.layers.values())
    probabilities, outputs = network(photo, layers)
    expected = said_by_torch(photo)
    assert len(layers) == len(expected) == 1 + 1 + 8 * 3 + 3 + 2
    by_size: dict[Any, list[NDArray[np.float32]]] = {}
    for one in expected:
        values = one[0].reshape(one.shape[1], -1).numpy()
        by_size.setdefault(values.shape, []).append(values)
    for output in outputs:  # a shortcut may come before or after its block's convolutions
        found = maps(output)
        differences = [np.abs(found - one).max() for one in by_size[found.shape]]
        assert min(differences) < 1e-3, output.layer.name
        del by_size[found.shape][int(np.argmin(differences))]
    logits = expected[-1][0].numpy()
    assert probabilities == pytest.approx(np.exp(logits) / np.exp(logits).sum(), abs=1e-4)


def test_a_network_that_ends_with_a_layer_gives_the_same(
    resnet: bytes, photo: NDArray[np.uint8]
) -> None:
    network = LayerNetwork(resnet)
    name = next(one.name for one in network.layers.values() if one.kind == "addition")
    _, (whole,) = network(photo, [network.layers[name]])
    ended = OneLayerNetwork(resnet, name)
    grey = np.full_like(photo, 127)
    first, second = ended(np.stack([photo, grey]))
    assert maps(first) == pytest.approx(maps(whole), abs=1e-5)
    assert np.abs(maps(second) - maps(whole)).max() > 0.1


def test_a_layer_that_there_is_not_is_refused(resnet: bytes) -> None:
    with pytest.raises(InvalidParameter, match="This model has no layer 'nope'; it has "):
        OneLayerNetwork(resnet, "nope")
    with pytest.raises(InvalidParameter, match="can't be told apart into layers"):
        LayerNetwork(b"no model")


def test_integers_stand_for_what_the_network_computes_with(tmp_path: Path) -> None:
    model = onnx.load(write_tiled(tmp_path / "tiled.onnx"))
    place = next(at for at, one in enumerate(model.graph.node) if one.op_type == "Identity")
    for kind, given, made in (("Quantize", "conv", "integers"), ("Dequantize", "integers", "maps")):
        grid = [given, "step", "zero"]
        model.graph.node.insert(place, helper.make_node(f"{kind}Linear", grid, [made]))
        place += 1
    del model.graph.node[place]
    for name, value in (("step", np.float32(0.5)), ("zero", np.uint8(10))):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    network = LayerNetwork(model.SerializeToString())
    kernel = network.layers["kernel"]
    assert (kernel.tensor, kernel.scale, kernel.zero) == ("integers", 0.5, 10)
    photo = np.full((SIDE, SIDE, 3), (100, 0, 120), np.uint8)
    _, (output,) = network(photo, [kernel])
    assert output.raw.tolist() == [[210] * 4, [10] * 4, [250] * 4]
    assert maps(output).tolist() == [[100] * 4, [0] * 4, [120] * 4]
