"""How large a network is, counted on its own layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from models.networks import build

__all__ = ["multiply_adds", "parameters"]


def parameters(architecture: str, classes: int) -> int:
    """The number of trained values, batch norms' scales and shifts included."""
    return sum(value.numel() for value in build(architecture, classes).module.parameters())


def multiply_adds(architecture: str, classes: int, size: int) -> int:
    """The multiplications, each with its addition, that convolutions and linear layers make.

    Args:
        architecture: One of `models.networks.ARCHITECTURES`.
        classes: K.
        size: S, the side of the square that the network sees.

    """
    network = build(architecture, classes)
    counts: list[int] = []

    def count(layer: Any, _inputs: Any, output: torch.Tensor) -> None:
        each = layer.weight[0].numel()  # the weights that make one value of the output
        counts.append(output.numel() * each)

    for layer in network.module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.empty(1, 3, size, size, device="meta"))
    return sum(counts)
