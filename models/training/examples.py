"""The photographs of a training, decoded, with all that is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Batch", "Examples"]


class Batch(NamedTuple):
    """N photographs and their targets; the fields are those of `Examples`."""

    photos: Tensor
    labels: Tensor
    teacher: Tensor
    teacher_weight: Tensor


@dataclass(frozen=True)
class Examples:
    """Photographs with labels, a teacher's opinion, or both.

    Attributes:
        photos: N x S x S x 3, uint8, each squashed to a square.
        labels: N x K truth values: the set of classes that holds the true one; all of them where
            nothing is known.
        teacher: N x K probabilities, or None without a teacher.
        teacher_weight: N shares of the loss, in 0..1, that are the teacher's.
        repeats: N, how often an epoch shows each.

    """

    photos: NDArray[np.uint8]
    labels: NDArray[np.bool_]
    teacher: NDArray[np.float16] | None
    teacher_weight: NDArray[np.float32]
    repeats: NDArray[np.int64]

    @classmethod
    def labelled(cls, photos: NDArray[np.uint8], labels: NDArray[np.bool_]) -> Examples:
        """Photographs that are learned from their labels alone, each once an epoch."""
        count = len(photos)
        return cls(photos, labels, None, np.zeros(count, np.float32), np.ones(count, np.int64))

    def __len__(self) -> int:
        """N."""
        return len(self.photos)

    @property
    def classes(self) -> int:
        """K."""
        return int(self.labels.shape[1])

    def epoch(self, seed: int, number: int) -> NDArray[np.int64]:
        """The places of one epoch's photographs, shuffled; always the same for the same numbers."""
        order = np.repeat(np.arange(len(self)), self.repeats)
        return np.random.default_rng([seed, number]).permutation(order)

    def batch(self, places: NDArray[np.int64]) -> Batch:
        """The photographs at these places, in this order."""
        teacher = (
            np.zeros((len(places), self.classes), np.float32)
            if self.teacher is None
            else self.teacher[places].astype(np.float32)
        )
        return Batch(
            torch.from_numpy(self.photos[places]),
            torch.from_numpy(self.labels[places]),
            torch.from_numpy(teacher),
            torch.from_numpy(self.teacher_weight[places]),
        )
