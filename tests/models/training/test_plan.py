from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.training.plan import Plan


def test_the_rate_rises_to_its_peak_and_falls_to_a_hundredth() -> None:
    plan = Plan(rate=1.0, warmup=0.1)
    assert plan.rate_at(0) == 0.01
    assert plan.rate_at(0.05) == pytest.approx(0.5)
    assert plan.rate_at(0.1) == pytest.approx(1)
    assert plan.rate_at(0.55) == pytest.approx(0.505)  # half-way down the cosine
    assert plan.rate_at(1) == pytest.approx(0.01)
    falling = [plan.rate_at(0.1 + 0.09 * step) for step in range(11)]
    assert falling == sorted(falling, reverse=True)


def test_without_a_warm_up_the_rate_starts_at_its_peak() -> None:
    assert Plan(rate=1.0, warmup=0).rate_at(0) == 1


@pytest.mark.parametrize(
    ("size", "expected"), [(160, [96, 128, 160]), (224, [128, 192, 224]), (32, [32, 32, 32])]
)
def test_crops_grow_to_their_size(size: int, expected: list[int]) -> None:
    plan = Plan(size=size)
    assert [plan.side_at(progress) for progress in (0, 0.25, 0.7)] == expected
    assert plan.side_at(0.24) == expected[0]
    assert plan.side_at(1) == size


def test_sides_can_be_chosen() -> None:
    plan = Plan.model_validate({"sides": [[0, 64], [0.5, 128]]})
    assert [plan.side_at(progress) for progress in (0, 0.49, 0.5, 1)] == [64, 64, 128, 128]


def test_photographs_are_mixed_until_near_the_end() -> None:
    plan = Plan(cutmix=0.5, cutmix_until=0.8)
    assert [plan.cutmix_at(progress) for progress in (0, 0.79, 0.8, 1)] == [0.5, 0.5, 0, 0]
    assert Plan().cutmix_at(0) == 0


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"size": 100}, "multiple of 32"),
        ({"size": 0}, "greater than or equal to 32"),
        ({"sides": [[0.5, 128]]}, "sides must begin at 0 and rise"),
        ({"sides": [[0, 96], [0.9, 128], [0.5, 160]]}, "sides must begin at 0 and rise"),
        ({"sides": [[0, 100]]}, "each side must be a multiple of 32 pixels"),
        ({"sides": [[0, 0]]}, "each side must be a multiple of 32 pixels"),
        ({"epochs": 0}, "greater than 0"),
        ({"batch": 1}, "greater than 1"),
        ({"cutmix": 1.1}, "less than or equal to 1"),
        ({"recompressed": 1.1}, "less than or equal to 1"),
        ({"coarsened": -0.1}, "greater than or equal to 0"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"learning_rate": 1}, "not permitted"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Plan.model_validate(fields)
