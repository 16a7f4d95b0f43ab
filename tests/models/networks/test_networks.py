from __future__ import annotations

import pytest
import torch

from models.networks import ARCHITECTURES, build
from models.networks.count import multiply_adds, parameters


@pytest.mark.parametrize(
    ("architecture", "count"),
    [
        ("efficientnet_lite0", 4_652_008),
        ("efficientnet_lite1", 5_416_680),
        ("efficientnet_lite2", 6_092_072),
        ("resnet18", 11_689_512),
        ("wideresnet18", 11_689_512),
        ("resnet50", 25_557_032),
        ("resnet152", 60_192_808),
        ("alexnet", 61_100_840),
        ("vgg16", 138_357_544),
        ("densenet161", 28_681_000),
    ],
)
def test_a_network_has_as_many_parameters_as_published(architecture: str, count: int) -> None:
    assert parameters(architecture, 1000) == count


@pytest.mark.parametrize(
    ("architecture", "size", "billions"),
    [
        ("efficientnet_lite0", 224, 0.385),
        ("efficientnet_lite2", 260, 0.86),
        ("resnet18", 224, 1.814),
        ("resnet50", 224, 4.089),
        ("alexnet", 224, 0.714),
        ("vgg16", 224, 15.47),
        ("densenet161", 224, 7.728),
    ],
)
def test_a_network_works_as_much_as_published(
    architecture: str, size: int, billions: float
) -> None:
    assert multiply_adds(architecture, 1000, size) / 1e9 == pytest.approx(billions, rel=0.02)


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
