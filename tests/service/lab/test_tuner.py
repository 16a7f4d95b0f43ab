"""Layouts are measured, loads replayed, and the best choice within the latency is picked."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from service.engine.cost import BatchCost
from service.fleet.identity import read_card, read_model_file
from service.lab import tuner
from service.lab.tuner import (
    MeasuredLayout,
    NothingMeets,
    layouts,
    measure,
    measure_decoding,
    pick,
)
from service.machine import cores

SIZES = (1, 2, 4, 8, 16, 32)


def layout(slots: int, threads: int, base_s: float, per_photo_s: float) -> MeasuredLayout:
    run = BatchCost(base_s, per_photo_s)
    return MeasuredLayout(slots, threads, {size: run(size) for size in SIZES}, run)


def test_no_layout_takes_more_cores_than_there_are_or_leaves_most_idle() -> None:
    assert layouts(1) == [(1, 1)]
    assert layouts(2) == [(1, 1), (1, 2), (2, 1)]
    assert (3, 2) in layouts(6)
    assert all(3 <= slots * threads <= 6 for slots, threads in layouts(6))


def test_a_larger_batch_is_taken_where_it_pays_and_the_latency_allows() -> None:
    gpu = [layout(1, 1, 0.010, 0.0005)]
    fast, _ = pick(gpu, 0.0005, 0.5)
    slow, choices = pick(gpu, 0.0005, 0.05)
    assert len(choices) == len(SIZES)
    assert fast.max_batch_size == 32
    assert 1 < slow.max_batch_size < 32
    assert slow.p99_s <= 0.05 < fast.p99_s
    assert slow.throughput < fast.throughput


def test_a_larger_batch_is_not_taken_where_it_does_not_pay() -> None:
    best, _ = pick([layout(2, 1, 0.0, 0.005)], 0.002, 1.0)
    assert best.max_batch_size == 1
    assert best.throughput == pytest.approx(2 / 0.007)


def test_the_layout_of_the_highest_throughput_is_picked() -> None:
    best, _ = pick([layout(1, 2, 0.001, 0.003), layout(2, 1, 0.001, 0.004)], 0.002, 1.0)
    assert (best.layout.slots, best.layout.threads) == (2, 1)


def test_decoding_beside_the_network_bounds_it() -> None:
    best, _ = pick([layout(1, 1, 0.001, 0.0001)], 0.1, 5.0, decodes_beside=True)
    assert best.throughput == pytest.approx(cores() / 0.1)


def test_a_latency_that_nothing_meets_is_told_with_what_can_be_had() -> None:
    with pytest.raises(NothingMeets, match=r"p99 of 5 ms here; the lowest predicted one is \d+"):
        pick([layout(1, 1, 0.010, 0.005)], 0.002, 0.005)


def test_a_single_server_waits_as_queueing_theory_says() -> None:
    # M/D/1 at a load of 0.8: the mean wait is 0.8 / (2 * (1 - 0.8)) = 2 services.
    one = layout(1, 1, 0.0, 1.0)
    gaps = np.random.default_rng(3).exponential(1 / 0.8, 60_000)
    latencies = tuner._replay(gaps.cumsum().tolist(), one, 1, 0.0)
    assert len(latencies) == 60_000
    assert np.mean(latencies) == pytest.approx(3.0, rel=0.1)


def test_replayed_slots_take_all_that_waits_up_to_a_batch() -> None:
    one = layout(1, 1, 1.0, 0.0)
    # The first runs alone; four wait meanwhile and run together; the fifth comes too late for them.
    latencies = tuner._replay([0.0, 0.1, 0.2, 0.3, 0.4, 1.5], one, 8, 0.0)
    assert latencies == pytest.approx([1.0, 1.9, 1.8, 1.7, 1.6, 1.5])


def test_a_layout_is_measured_with_as_many_runs_at_a_time_as_slots(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.lab.tuner.cores", lambda: 2)
    measured = list(measure(read_model_file(tiny), ["cpu"], 10.0))
    assert [(one.slots, one.threads) for one in measured] == [(1, 1), (1, 2), (2, 1)]
    for one in measured:
        assert list(one.seconds) == list(SIZES)
        assert one.run(4) > 0
    both = threading.Barrier(2)
    assert len(tuner._together(lambda: both.wait(10), 2, 3)) == 6


def test_sizes_that_take_longer_than_the_latency_are_left_out(tiny: Path) -> None:
    assert all(list(one.seconds) == [1] for one in measure(read_model_file(tiny), ["cpu"], 0.0))


def test_decoding_takes_time(photos: dict[str, bytes], tiny: Path) -> None:
    assert 1e-5 < measure_decoding(photos["coffee"], read_card(tiny).input) < 1
