"""Numbers with five digits that mean something."""

from __future__ import annotations

import numpy as np

from service.inspection.numbers import significant


def test_numbers_keep_five_digits_whatever_their_size() -> None:
    given = np.array([0.123456, -12345.67, 1e-7 / 3, 0, 987654321, 1], np.float32)
    assert significant(given).tolist() == [0.12346, -12346.0, 3.3333e-8, 0.0, 987650000.0, 1.0]
