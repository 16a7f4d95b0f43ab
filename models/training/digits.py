"""How LeNet-5 is trained: on distorted digits, a whole batch at a time in torch.

The paper, too, added distorted digits (its section III.C): shifted, scaled, squeezed, slanted. Here
each digit is distorted anew whenever it is shown, and another pen may have drawn it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from models.networks.lenet import LeNet5

__all__ = ["Epoch", "Recipe", "distorted", "train", "untrained"]


@dataclass(frozen=True)
class Recipe:
    """All that is chosen.

    Attributes:
        epochs: How often each digit is shown.
        batch: Digits a step.
        rate: Peak learning rate of AdamW; it falls along half a cosine.
        weight_decay: Of AdamW.
        smoothing: Share of each label that is spread over all (Szegedy et al. 2016).
        average: Decay of the moving average of the weights, which is the result.
        turn: Largest rotation, in degrees.
        scale: Largest change of width and of height, each by itself, as a share.
        shear: Largest slant: columns a row.
        shift: Largest shift in each direction, in pixels.
        seed: Of the random numbers.

    """

    epochs: int = 32
    batch: int = 256
    rate: float = 3e-3
    weight_decay: float = 0.01
    smoothing: float = 0.02
    average: float = 0.999
    turn: float = 10
    scale: float = 0.15
    shear: float = 0.15
    shift: float = 1.5
    seed: int = 0


class Epoch(NamedTuple):
    """What one epoch came to: its ``number`` from 1, and the mean ``loss``."""

    number: int
    loss: float


def untrained(classes: int, seed: int) -> LeNet5:
    """The network with random weights, always the same for a seed."""
    torch.manual_seed(seed)
    return LeNet5(classes)


def train(
    network: LeNet5,
    strokes: Tensor,
    labels: Tensor,
    recipe: Recipe,
    on_epoch: Callable[[Epoch, LeNet5], None],
) -> LeNet5:
    """Train a network.

    Args:
        network: Where to start; it is changed.
        strokes: N x 1 x S x S, uint8: 0 is paper, 255 is ink.
        labels: N numbers of classes.
        recipe: What to do.
        on_epoch: Called at the end of each epoch, with the average so far.

    Returns:
        The moving average of the network's weights, in evaluation mode.

    """
    average = deepcopy(network).eval()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay
    )
    size = min(recipe.batch, len(labels))
    steps = recipe.epochs * (len(labels) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, steps, pct_start=0.05)
    for number in range(1, recipe.epochs + 1):
        losses = []
        for batch in _batches(len(labels), size):
            loss = functional.cross_entropy(
                network(distorted(strokes[batch], recipe)),
                labels[batch],
                label_smoothing=recipe.smoothing,
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            _approach(average, network, 1 - recipe.average)
            losses.append(loss.item())
        on_epoch(Epoch(number, sum(losses) / len(losses)), average)
    result: LeNet5 = deepcopy(average).eval()
    return result


def distorted(strokes: Tensor, recipe: Recipe) -> Tensor:
    """Each digit turned, squeezed, slanted and shifted, and drawn with another pen.

    Args:
        strokes: N x 1 x S x S, uint8.
        recipe: By how much, at most.

    Returns:
        N x 1 x S x S, 0 to 1.

    """
    x = strokes.float() / 255
    grid = functional.affine_grid(
        _transforms(len(x), x.shape[-1], recipe), list(x.shape), align_corners=False
    )
    return _redrawn(functional.grid_sample(x, grid, align_corners=False))


@torch.no_grad()
def _approach(average: LeNet5, network: LeNet5, share: float) -> None:
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, share)


def _batches(count: int, size: int) -> Iterator[Tensor]:
    """Places of all digits, shuffled; a last incomplete batch is left out."""
    order = torch.randperm(count)
    return (order[start : start + size] for start in range(0, count - size + 1, size))


def _transforms(count: int, side: int, recipe: Recipe) -> Tensor:
    """N x 2 x 3: where each pixel of the result comes from."""
    turn = _random(count, math.radians(recipe.turn))
    shear = _random(count, recipe.shear)
    width, height = (_random(count, recipe.scale).exp() for _ in range(2))
    across, down = (_random(count, 2 * recipe.shift / side) for _ in range(2))
    cosine, sine = turn.cos(), turn.sin()
    rows = [
        [cosine * width, (shear * cosine - sine) * height, across],
        [sine * width, (shear * sine + cosine) * height, down],
    ]
    return torch.stack([torch.stack(row, 1) for row in rows], 1)


def _redrawn(x: Tensor) -> Tensor:
    """With a pen up to a pixel wider or narrower on each side."""
    pen = _random(len(x), 1).view(-1, 1, 1, 1)
    wider = functional.max_pool2d(x, 3, 1, 1)
    narrower = -functional.max_pool2d(-x, 3, 1, 1)
    return torch.where(pen > 0, x + 0.8 * pen * (wider - x), x + 0.5 * pen.abs() * (narrower - x))


def _random(count: int, most: float) -> Tensor:
    return torch.empty(count).uniform_(-most, most)
