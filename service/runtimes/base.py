"""What a runtime can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Parallelism", "Photos", "Runtime"]

# Photographs, together (N x S x S x 3, RGB) or each for itself (S x S x 3).
Photos = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Parallelism:
    """How the cores are shared.

    Attributes:
        slots: runs at the same time.
        threads: CPU threads of each of them; 0 for all cores.
        threads_alone: CPU threads of a run while nothing else runs; 0 for the same as ``threads``.

    """

    slots: int = 1
    threads: int = 0
    threads_alone: int = 0

    @property
    def sets_alone_apart(self) -> bool:
        """Whether a run that is alone gets more threads than one in company."""
        return self.threads_alone > self.threads > 0


class Runtime(Protocol):
    """A loaded network. Safe to call from several threads at once."""

    @property
    def provider(self) -> str:
        """Short name of what runs it: a key of ``service.runtimes.session.PROVIDERS``."""

    def prepare(self, batch_size: int) -> None:
        """Do what the first run of this size would otherwise have to do, or begin to."""

    def wait_until_prepared(self) -> None:
        """Wait until what was begun is done."""

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs."""

    def run_alone(self, photos: Photos) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""
