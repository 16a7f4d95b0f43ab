"""The line through runs of several sizes, and what a photograph is foreseen to cost."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine.cost import BatchCost, Cost, fit, measure_quickly


def test_the_line_goes_through_the_medians() -> None:
    durations = {n: [0.9, 0.002 + 0.003 * n, 0.0] for n in (1, 2, 4, 8)}
    line = fit(durations)
    assert (line.base_s, line.per_photo_s) == pytest.approx((0.002, 0.003))
    assert line(4) == pytest.approx(0.014)


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ({1: [0.003], 2: [0.008], 4: [0.020]}, (0.0, 0.00367)),  # batches that do not pay
        ({1: [0.004], 8: [0.003]}, (0.00336, 0.0)),  # noise
        ({4: [0.008]}, (0.0, 0.002)),  # nothing to tell the two apart
    ],
)
def test_no_coefficient_is_negative(
    durations: dict[int, list[float]], expected: tuple[float, float]
) -> None:
    line = fit(durations)
    assert (line.base_s, line.per_photo_s) == pytest.approx(expected, rel=0.01)


def recording(sizes: list[int]):  # type: ignore[no-untyped-def]  # noqa: ANN201
    def run(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        sizes.append(len(photos))
        return np.zeros((len(photos), 3), np.float32)

    return run


def test_a_fast_network_is_measured_by_six_runs() -> None:
    sizes: list[int] = []
    line = measure_quickly(recording(sizes), 8, [1, 2, 4], budget_s=10)
    assert sizes == [1, 4, 1, 4, 1, 4]
    assert line(4) > 0


def test_a_slow_network_is_measured_by_one_run() -> None:
    sizes: list[int] = []
    line = measure_quickly(recording(sizes), 8, [1, 2, 4], budget_s=0)
    assert sizes == [1]
    assert line(4) == pytest.approx(4 * line(1))


@pytest.fixture
def cost() -> Cost:
    return Cost(BatchCost(0.002, 0.003), batch_size=4, slots=2, decoders=2)


def test_a_photograph_costs_its_decoding_and_its_share_of_a_full_run(cost: Cost) -> None:
    share_s = (0.002 + 0.003 * 4) / 4 / 2
    assert cost.work_s(0) == pytest.approx(share_s)
    assert cost.work_s(0.002) == pytest.approx(share_s + cost.decode_s(0.002) / 2)
    assert cost.latency_s(0) == pytest.approx(0.014)


def test_decoding_is_learned(cost: Cost) -> None:
    for _ in range(500):
        cost.decoded(0.002, 0.01)
    assert cost.decode_s(0.004) == pytest.approx(0.02, rel=0.01)


def test_the_usual_photograph_is_that_of_late(cost: Cost) -> None:
    assert cost.usual_foreseen_s == pytest.approx(0.0004)
    for _ in range(500):
        cost.decoded(0.003, 0.01)
    assert cost.usual_foreseen_s == pytest.approx(0.003, rel=0.01)


def test_one_photograph_that_took_long_is_taken_for_an_accident(cost: Cost) -> None:
    before_s = cost.decode_s(0.002)
    cost.decoded(0.002, 5.0)
    assert cost.decode_s(0.002) < 1.5 * before_s
