"""Fit a new classifier to the features of a network that stays as it is, before all of it learns.

A network whose head is random first learns away what it knew (Kumar et al. 2022).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.networks import Network
from models.normalisation import Normalisation
from models.training.augment import normalised, resized
from models.training.examples import Batch, Examples
from models.training.loss import classification_loss

__all__ = ["fit_head"]

_PHOTOGRAPHS = 24_000
_EPOCHS = 12
_FEWEST_STEPS = 200  # a few photographs make a step an epoch, and a dozen steps fit nothing
_BATCH = 256
_RATE = 1e-3
_WEIGHT_DECAY = 0.05


def fit_head(
    network: Network, train: Examples, side: int, normalisation: Normalisation, seed: int = 0
) -> None:
    """Fit the classifier of ``network`` on some 24,000 of the photographs, at ``side`` pixels."""
    generator = torch.Generator().manual_seed(seed)
    features, targets = _features(network, train, side, normalisation, seed)
    head = nn.Linear(features.shape[1], train.classes)
    nn.init.normal_(head.weight, std=0.1 * features.shape[1] ** -0.5, generator=generator)
    nn.init.zeros_(head.bias)
    _fit(head, features, targets, generator)
    with torch.no_grad():
        network.classifier.weight.copy_(head.weight)
        network.classifier.bias.copy_(head.bias)


@torch.no_grad()
def _features(
    network: Network, train: Examples, side: int, normalisation: Normalisation, seed: int
) -> tuple[Tensor, Batch]:
    device = network.classifier.weight.device
    chosen = train.epoch(seed, 0)[:_PHOTOGRAPHS]
    network.eval()
    features, targets = [], []
    for start in range(0, len(chosen), _BATCH):
        batch = train.batch(chosen[start : start + _BATCH])
        pixels = normalised(resized(batch.photos.to(device), side), normalisation)
        features.append(network(pixels)[1].cpu())
        targets.append(batch._replace(photos=batch.photos[:, :0]))
    return torch.cat(features), Batch(*map(torch.cat, zip(*targets, strict=True)))


def _fit(head: nn.Linear, features: Tensor, targets: Batch, generator: torch.Generator) -> None:
    """AdamW with a rate that falls linearly."""
    optimizer = torch.optim.AdamW(head.parameters(), _RATE, weight_decay=_WEIGHT_DECAY)
    steps = max(len(features) // _BATCH, 1)
    epochs = max(_EPOCHS, math.ceil(_FEWEST_STEPS / steps))
    rates = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.05, epochs)
    for _ in range(epochs):
        for at in torch.randperm(len(features), generator=generator).tensor_split(steps):
            loss = classification_loss(head(features[at]), *(part[at] for part in targets[1:]))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        rates.step()
