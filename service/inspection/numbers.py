"""Numbers as answers have them: no more digits than mean anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["significant"]

_DIGITS = 5


def significant(values: NDArray[Any]) -> NDArray[np.float64]:
    """The values to 5 significant digits."""
    exact = np.asarray(values, np.float64)
    size = np.abs(exact)
    places = np.floor(np.log10(size, out=np.zeros_like(size), where=size > 0))
    decimals = _DIGITS - 1 - places
    # A power below 1 is no exact number in binary; dividing by one above 1 is.
    up, down = 10.0 ** np.maximum(decimals, 0), 10.0 ** np.maximum(-decimals, 0)
    return np.asarray(np.rint(exact * up / down) / up * down)
