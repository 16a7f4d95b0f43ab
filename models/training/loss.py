"""Cross-entropy with sets of labels, and with a teacher beside them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "classification_loss",
    "distillation",
    "mixed_losses",
    "photo_losses",
    "set_cross_entropy",
]


def set_cross_entropy(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """-log of the summed probability of each label set: N values, 0 where the set is everything."""
    return -log_probabilities.masked_fill(~labels, float("-inf")).logsumexp(1)


def distillation(log_probabilities: Tensor, teacher: Tensor) -> Tensor:
    """Cross-entropy to the teacher's probabilities (Hinton et al. 2015): N values."""
    return -(teacher * log_probabilities).sum(1)


def classification_loss(
    logits: Tensor, labels: Tensor, teacher: Tensor, teacher_weight: Tensor
) -> Tensor:
    """The mean of `photo_losses`, which takes the same."""
    return photo_losses(logits, labels, teacher, teacher_weight).mean()


def photo_losses(logits: Tensor, labels: Tensor, teacher: Tensor, teacher_weight: Tensor) -> Tensor:
    """(1 - w) x label loss + w x teacher loss of each photograph: N values.

    Args:
        logits: N x K.
        labels: N x K truth values, the set that holds the true class.
        teacher: N x K probabilities.
        teacher_weight: w of each, N shares in 0..1.

    """
    log_probabilities = logits.log_softmax(1)
    label_loss = set_cross_entropy(log_probabilities, labels)
    teacher_loss = distillation(log_probabilities, teacher)
    return (1 - teacher_weight) * label_loss + teacher_weight * teacher_loss


def mixed_losses(
    logits: Tensor, targets: tuple[Tensor, ...], partners: Tensor, shares: Tensor
) -> Tensor:
    """Losses of photographs that hold parts of others; both count by their area: N values.

    Args:
        logits: N x K.
        targets: What `photo_losses` takes beside them.
        partners: N places, whose part each holds.
        shares: N, in 0..1, what is left of each itself.

    """
    own = photo_losses(logits, *targets)
    others = photo_losses(logits, *(target[partners] for target in targets))
    return torch.lerp(others, own, shares)
