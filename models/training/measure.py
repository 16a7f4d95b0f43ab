"""What a network in training says, and how often it is right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks import Network
from models.normalisation import Normalisation
from models.training.augment import normalised, resized
from models.training.examples import Examples

__all__ = ["Accuracy", "accuracy", "predict"]

_BATCH = 50
_TOP = 5


class Accuracy(NamedTuple):
    """Shares of 1 over so many ``photographs``."""

    photographs: int
    top1: float
    top5: float


@torch.inference_mode()
def predict(
    network: Network, photos: NDArray[np.uint8], side: int, normalisation: Normalisation
) -> Tensor:
    """Logits (N x K) of whole photographs.

    Args:
        network: In evaluation mode.
        photos: N x S x S x 3, uint8.
        side: What they are resized to, in pixels.
        normalisation: What the network was trained with.

    """
    device = network.classifier.weight.device
    batches = (torch.from_numpy(photos[i : i + _BATCH]) for i in range(0, len(photos), _BATCH))
    return torch.cat(
        [network(normalised(resized(b.to(device), side), normalisation))[0].cpu() for b in batches]
    )


def accuracy(
    network: Network, examples: Examples, side: int, normalisation: Normalisation
) -> Accuracy:
    """How often the first answer, and any of the first five, is in the set of labels."""
    logits = predict(network, examples.photos, side, normalisation)
    first = logits.topk(min(_TOP, logits.shape[1])).indices
    hits = torch.from_numpy(examples.labels).gather(1, first)
    return Accuracy(
        len(logits), hits[:, 0].float().mean().item(), hits.any(1).float().mean().item()
    )
