"""How closely two sets of answers agree, as a model's card tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.card import Parity

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["agreement"]


def agreement(found: NDArray[Any], expected: NDArray[Any], reference: str) -> Parity:
    """Compare probabilities, both N x K, with those of the ``reference``."""
    change = np.abs(found - expected)
    first = expected.argmax(1)
    return Parity(
        reference=reference,
        photographs=len(found),
        top1_agreement=float((found.argmax(1) == first).mean()),
        largest_difference=float(change.max()),
        mean_difference=float(change[np.arange(len(first)), first].mean()),
    )
