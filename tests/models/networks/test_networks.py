from __future__ import annotations

import pytest
import torch

from models.networks import ARCHITECTURES, build


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_every_network_gives_logits_features_and_maps(architecture: str) -> None:
    network = build(architecture, 7)
    logits, features, maps = network(torch.empty(2, 3, 224, 224, device="meta"))
    assert logits.shape == (2, 7)
    assert features.shape == (2, network.classifier.in_features)
    assert maps.ndim == 4


@pytest.mark.parametrize(("architecture", "side"), [("wideresnet18", 14), ("resnet18", 7)])
def test_mits_variant_has_finer_maps(architecture: str, side: int) -> None:
    _, _, maps = build(architecture, 365)(torch.empty(1, 3, 224, 224, device="meta"))
    assert maps.shape == (1, 512, side, side)


@pytest.mark.parametrize(("number", "size", "side"), [(0, 224, 7), (1, 240, 8), (2, 260, 9)])
def test_efficientnet_lite_pads_as_tensorflow(number: int, size: int, side: int) -> None:
    network = build(f"efficientnet_lite{number}", 1000)
    _, _, maps = network(torch.empty(1, 3, size, size, device="meta"))
    assert maps.shape == (1, 1280, side, side)
