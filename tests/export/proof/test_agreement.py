from __future__ import annotations

import numpy as np
import pytest

from export.proof.agreement import agreement


def test_answers_are_compared_by_the_first_label_and_by_how_far_they_are_apart() -> None:
    expected = np.array([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4]])
    found = np.array([[0.6, 0.2, 0.2], [0.1, 0.3, 0.6]])
    parity = agreement(found, expected, "the original")
    assert (parity.reference, parity.photographs, parity.top1_agreement) == ("the original", 2, 0.5)
    assert parity.largest_difference == pytest.approx(0.2)
    assert parity.mean_difference == pytest.approx(0.15)
