from __future__ import annotations

from functools import cache

import pytest

from models.labels import label_set
from models.networks import build
from models.networks.count import NetworkSize, count
from models.sources import SOURCES, Source


@cache
def counted(architecture: str, classes: int, side: int) -> NetworkSize:
    return count(build(architecture, classes), side)


@pytest.mark.parametrize(
    ("architecture", "parameters"),
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
def test_a_network_has_as_many_parameters_as_published(architecture: str, parameters: int) -> None:
    assert counted(architecture, 1000, 224).parameters == parameters


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
    found = counted(architecture, 1000, size).multiply_adds
    assert found / 1e9 == pytest.approx(billions, rel=0.02)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_table_of_sources_says_what_is_counted(source: Source) -> None:
    found = counted(source.architecture, len(label_set(source.label_set)), source.input.size)
    assert found == (source.parameters, source.multiply_adds)


def test_counting_leaves_nothing_behind() -> None:
    network = build("resnet18", 7)
    first = count(network, 64)
    assert count(network, 64) == first
    assert not any(layer._forward_hooks for layer in network.modules())
