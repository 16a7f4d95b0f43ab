from __future__ import annotations

import pytest

from export.proof.accuracy import Comparison, tolerance


def test_the_tolerance_shrinks_with_the_root_of_the_number_of_photographs() -> None:
    assert tolerance(0.751, 100) == pytest.approx(3 * 0.04324 + 0.005, abs=1e-4)
    assert tolerance(0.751, 50_000) == pytest.approx(3 * 0.001934 + 0.005, abs=1e-5)


@pytest.mark.parametrize(
    ("measured", "photographs", "agrees"),
    [
        (0.751, 50_000, True),
        (0.742, 50_000, True),
        (0.738, 50_000, False),
        (0.764, 50_000, False),
        (0.70, 100, True),
        (0.60, 100, False),
        (0.0, 1, True),
    ],
)
def test_a_difference_counts_once_chance_does_not_explain_it(
    measured: float, photographs: int, *, agrees: bool
) -> None:
    assert Comparison("top-1", 0.751, measured, photographs).agrees is agrees


def test_the_verdict_tells_too_low_from_too_high() -> None:
    low, high = (Comparison("top-1", 0.751, measured, 1000) for measured in (0.6, 0.86))

    assert low.sentence == "top-1 is lower than published by more than chance allows."
    assert "trained on these very photographs" in high.sentence
    assert "agrees" in Comparison("top-1", 0.751, 0.75, 1000).sentence
