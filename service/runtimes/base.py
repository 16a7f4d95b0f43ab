"""What a runtime can do, and what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.card import Card

__all__ = ["Layout", "ModelFile", "Photos", "Runtime", "in_a_line"]

# Photographs, together (N x S x S x 3, RGB) or each for itself (S x S x 3).
Photos = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file that was read once: what runs is what was hashed, whatever becomes of the file.

    It is as large as the file: whoever keeps a model does not keep this.

    Attributes:
        path: where it was read.
        content: its bytes.
        sha256: of the content, in hexadecimal.
        modified: when the file was written, in seconds since 1970.
        card: the card in it.
        maps: C, h and w of the network's output ``maps``; None where it has none.

    """

    path: Path
    content: bytes = field(repr=False)
    sha256: str
    modified: float
    card: Card
    maps: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How a model is laid out over the cores.

    Attributes:
        slots: runs at the same time.
        threads: CPU threads of each of them; 0 for all cores.
        threads_alone: CPU threads of a run while nothing else runs; 0 for the same as ``threads``.
        max_batch_size: photographs of the largest batch; larger ones run in parts on a GPU.

    """

    slots: int = 1
    threads: int = 0
    threads_alone: int = 0
    max_batch_size: int = 32

    @property
    def sets_alone_apart(self) -> bool:
        """Whether a run that is alone gets more threads than one in company."""
        return self.threads_alone > self.threads > 0


class Runtime(Protocol):
    """A loaded network. Safe to call from several threads at once."""

    @property
    def provider(self) -> str:
        """Name of the execution provider that runs it; see ``service.runtimes.registry``."""

    def prepare(self, batch_size: int) -> None:
        """Do what only the first run of this size has to do, or begin to."""

    def wait_until_prepared(self) -> None:
        """Wait until what was begun is done."""

    def run(self, photos: Photos) -> NDArray[np.float32]:
        """Probabilities (N x K) of N photographs."""

    def run_alone(self, photos: Photos) -> NDArray[np.float32]:
        """As ``run``, for when nothing else wants the cores."""

    def close(self) -> None:
        """End its threads; nothing is prepared any more, and what runs now is stopped if it can be.

        A network without loops ends by itself; one with loops is run by who can stop it.
        """


def in_a_line(error: BaseException) -> str:
    """What a library says went wrong, its first line and no more, for the log."""
    said = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {said[:300]}" if said else type(error).__name__
