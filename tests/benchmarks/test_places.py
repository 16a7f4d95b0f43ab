"""The difference between an answer and the mean of its places, by numbers told by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.places import difference
from service.runtimes.explaining import Evidence, Head

HEAD = Head(np.array([1, 0, 0], np.float32), 2.0)
# With the bias the means are 3, 1 and 0.
ACTIVATIONS = np.array([[[4, 0, 0], [0, 2, 0]]], np.float32)


def evidence(*logits: float) -> Evidence:
    powers = np.exp(np.array(logits) / HEAD.temperature)
    return Evidence((powers / powers.sum()).astype(np.float32), ACTIVATIONS, HEAD)


def test_in_floats_there_is_none() -> None:
    found = difference(evidence(3, 1, 0))
    assert found.same_label
    assert (found.logits, found.confidence) == pytest.approx((0, 0), abs=1e-5)


def test_what_all_logits_have_in_common_does_not_count() -> None:
    assert difference(evidence(13, 11, 10)).logits == pytest.approx(0, abs=1e-4)


def test_it_is_told_in_logits_and_confidence() -> None:
    found = difference(evidence(0.5, 1, 0))
    assert not found.same_label
    assert found.logits == pytest.approx(2, abs=1e-4)  # of the first one, beside the median
    expected = [np.exp(np.array(one) / 2) for one in ((3, 1, 0), (0.5, 1, 0))]
    shares = [one[1] / one.sum() for one in expected]
    assert found.confidence == pytest.approx(shares[1] - shares[0], abs=1e-5)
