from __future__ import annotations

import pytest
import torch

from models.networks import build
from tests.export.checkpoints import random_network


@pytest.mark.parametrize(("architecture", "side"), [("wideresnet18", 14), ("resnet18", 7)])
def test_mits_variant_has_finer_maps(architecture: str, side: int) -> None:
    _, _, maps = build(architecture, 365)(torch.empty(1, 3, 224, 224, device="meta"))
    assert maps.shape == (1, 512, side, side)


@pytest.mark.parametrize("architecture", ["resnet18", "densenet121", "alexnet", "vgg11"])
def test_taken_apart_a_network_answers_as_torchvisions_own(architecture: str) -> None:
    network = random_network(architecture, 7, 64)
    pixels = torch.linspace(-2, 2, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)
    with torch.inference_mode():
        logits, features, _ = network(pixels)
        whole = network.module(pixels)
    torch.testing.assert_close(logits, whole)
    assert features.shape == (2, network.classifier.in_features)
