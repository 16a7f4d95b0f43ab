from __future__ import annotations

import pytest
import torch

from models.networks import ARCHITECTURES, build


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_every_network_gives_logits_features_and_maps(architecture: str) -> None:
    network = build(architecture, 7)
    side = 28 if architecture == "lenet5" else 224
    logits, features, maps = network(torch.empty(2, 3, side, side, device="meta"))
    assert logits.shape == (2, 7)
    assert features.shape == (2, network.classifier.in_features)
    assert maps.ndim == 4
