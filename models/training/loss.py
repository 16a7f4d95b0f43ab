"""Cross-entropy with sets of labels, and with a teacher beside them."""

from __future__ import annotations

from torch import Tensor

__all__ = ["classification_loss", "distillation", "set_cross_entropy"]


def set_cross_entropy(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """-log of the summed probability of each label set: N values, 0 where the set is everything."""
    return -log_probabilities.masked_fill(~labels, float("-inf")).logsumexp(1)


def distillation(log_probabilities: Tensor, teacher: Tensor) -> Tensor:
    """Cross-entropy to the teacher's probabilities (Hinton et al. 2015): N values."""
    return -(teacher * log_probabilities).sum(1)


def classification_loss(
    logits: Tensor, labels: Tensor, teacher: Tensor, teacher_weight: Tensor
) -> Tensor:
    """The mean over N photographs of (1 - w) x label loss + w x teacher loss.

    Args:
        logits: N x K.
        labels: N x K truth values, the set that holds the true class.
        teacher: N x K probabilities.
        teacher_weight: w of each, N shares in 0..1.

    """
    log_probabilities = logits.log_softmax(1)
    label_loss = set_cross_entropy(log_probabilities, labels)
    teacher_loss = distillation(log_probabilities, teacher)
    return ((1 - teacher_weight) * label_loss + teacher_weight * teacher_loss).mean()
