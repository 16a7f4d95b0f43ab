"""How large a network is, counted on its own layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from models.networks.network import Network

__all__ = ["NetworkSize", "count"]


class NetworkSize(NamedTuple):
    """What a network holds, and what one photograph costs.

    Attributes:
        parameters: Trained values, batch norms' scales and shifts included.
        multiply_adds: Multiplications, each with its addition, of convolutions and linear layers.

    """

    parameters: int
    multiply_adds: int


def count(network: Network, side: int) -> NetworkSize:
    """Count a network that `models.networks.build` made and nothing was loaded into yet.

    Args:
        network: Its weights have shapes but no values, so nothing is computed.
        side: S of the square that the network sees, in pixels.

    """
    parameters = sum(value.numel() for value in network.module.parameters())
    return NetworkSize(parameters, _multiply_adds(network, side))


def _multiply_adds(network: Network, side: int) -> int:
    counts: list[int] = []

    def add(layer: Any, _inputs: Any, output: torch.Tensor) -> None:
        each = layer.weight[0].numel()  # the weights that make one value of the output
        counts.append(output.numel() * each)

    hooks = [
        layer.register_forward_hook(add)
        for layer in network.module.modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear))
    ]
    with torch.no_grad():
        network(torch.empty(1, 3, side, side, device="meta"))
    for hook in hooks:
        hook.remove()  # or they would be traced
    return sum(counts)
