from __future__ import annotations

import torch
from torch import nn

from models.networks.network import Network


def network() -> Network:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(1), nn.Linear(4, 2))
    return Network(module, module[0], lambda maps: maps.mean((2, 3)), "2")


def test_it_hands_out_what_each_part_gives() -> None:
    made = network()
    logits, features, maps = made(torch.ones(2, 3, 5, 5))
    assert (logits.shape, features.shape, maps.shape) == ((2, 2), (2, 4), (2, 4, 5, 5))
    torch.testing.assert_close(features, maps.mean((2, 3)))
    torch.testing.assert_close(logits, made.classifier(features))


def test_each_weight_has_one_name_and_it_is_the_publishers() -> None:
    names = [name for name, _ in network().named_parameters()]
    assert names == ["module.0.weight", "module.0.bias", "module.2.weight", "module.2.bias"]
