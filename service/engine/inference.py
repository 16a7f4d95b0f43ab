"""What a run of the network says about a photograph, and the times it took."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from booth_client.wire import Attribute, Cells, Region, View

__all__ = ["Batch", "Explanation", "Inference"]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Batch:
    """One run of the network over ``size`` photographs; its identity is the object itself.

    ``start`` is a ``time.perf_counter()`` instant; ``tags`` are those of its photographs that have
    one.
    """

    size: int
    start: float
    seconds: float
    tags: tuple[Hashable, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What led to an answer; what was not asked is None.

    ``regions`` are those of the first labels, in their order.
    """

    view: View
    regions: list[Region] | None = None
    cells: Cells | None = None
    attributes: list[Attribute] | None = None
    features: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Inference:
    """What the network said about one photograph, and what it took.

    ``answer`` is K probabilities, and behind them the familiarity if the model's card has
    a threshold of it. ``arrived`` and ``decoded`` are ``time.perf_counter()`` instants.
    """

    answer: NDArray[np.float32]
    arrived: float
    decode_s: float
    decoded: float
    batch: Batch
    explanation: Explanation | None = None

    @property
    def queue_s(self) -> float:
        """Seconds that it waited: for a slot, and decoded for the others of its batch."""
        return self.batch.start - self.arrived - self.decode_s

    @property
    def inference_s(self) -> float:
        """Seconds that the network ran."""
        return self.batch.seconds
