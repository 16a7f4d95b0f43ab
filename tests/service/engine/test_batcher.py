"""The batcher: greedy, bounded in what it runs, and never spoilt by one photograph."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from booth_client.errors import DeadlineExceeded, InternalError, ShuttingDown
from service.engine.batcher import Batcher, Inference, Waiting

Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
SOON = 10.0


def waiting(value: int, deadline: float | None = None) -> Waiting:
    until = time.monotonic() + SOON if deadline is None else deadline
    return Waiting(until, Future(), np.full((2, 2, 3), value, np.uint8))


def undecoded(value: int, seconds: float = 0.001, error: Exception | None = None) -> Waiting:
    """A photograph that is decoded only by who takes it."""

    def decode(photo: Waiting) -> None:
        if error:
            photo.future.set_exception(error)
            return
        photo.pixels = np.full((2, 2, 3), value, np.uint8)
        photo.decode_s, photo.decoded = seconds, time.perf_counter()

    return Waiting(time.monotonic() + SOON, Future(), decode=decode)


def first_pixel(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A network that says what it saw."""
    return photos[:, 0, 0, :1].astype(np.float32)


@contextmanager
def batching(network: Network, max_batch_size: int = 32, slots: int = 1) -> Iterator[Batcher]:
    batcher = Batcher(network, max_batch_size=max_batch_size, slots=slots)
    yield batcher
    batcher.close(SOON)


class Gated:
    """A network that runs while its gate is open, and remembers its batches."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(photos[:, 0, 0, 0].tolist())
        self.entered.set()
        assert self.gate.wait(SOON)
        return first_pixel(photos)


def test_each_photograph_gets_its_own_row() -> None:
    photos = [waiting(value) for value in range(100)]
    with batching(first_pixel, max_batch_size=7, slots=2) as batcher:
        for photo in photos:
            batcher.put(photo)
        seen = [photo.future.result(SOON).probabilities.item() for photo in photos]
    assert seen == list(range(100))


def test_alone_a_photograph_runs_at_once_and_what_waits_meanwhile_runs_together() -> None:
    network = Gated()
    with batching(network, max_batch_size=3) as batcher:
        batcher.put(waiting(1))
        assert network.entered.wait(SOON)
        later = [waiting(value) for value in (2, 3, 4, 5)]
        for photo in later:
            batcher.put(photo)
        assert len(batcher) == 4
        network.gate.set()
        later[-1].future.result(SOON)
    assert network.batches == [[1], [2, 3, 4], [5]]


def test_only_the_culprit_of_a_failed_run_fails() -> None:
    network = Gated()
    network.gate.set()

    def picky(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        answer = network(photos)
        if 13 in photos:
            raise ValueError("unlucky")
        return answer

    photos = [waiting(value) for value in (11, 12, 13, 14)]
    network.gate.clear()
    with batching(picky) as batcher:
        batcher.put(waiting(1))
        assert network.entered.wait(SOON)
        for photo in photos:
            batcher.put(photo)
        network.gate.set()
        outcomes = [photo.future.exception(SOON) for photo in photos]
    assert network.batches[1] == [11, 12, 13, 14]
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        type(None),
        InternalError,
        type(None),
    ]
    assert [photos[i].future.result().probabilities.item() for i in (0, 1, 3)] == [11, 12, 14]


@pytest.mark.parametrize("fault", [ValueError("bad"), SystemExit(1), KeyboardInterrupt()])
def test_the_thread_survives_whatever_a_run_raises(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "service.engine.batcher")
    faults = [fault]

    def once(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        if faults:
            raise faults.pop()
        return first_pixel(photos)

    with batching(once) as batcher:
        victim, next_one = waiting(1), waiting(2)
        batcher.put(victim)
        assert isinstance(victim.future.exception(SOON), InternalError)
        batcher.put(next_one)
        assert next_one.future.result(SOON).probabilities.item() == 2
        assert batcher.alive


def test_a_network_that_answers_for_too_few_fails_its_photographs_and_lives_on() -> None:
    answers = iter([np.zeros((0, 1), np.float32), np.ones((1, 1), np.float32)])
    with batching(lambda _photos: next(answers)) as batcher:
        victim, next_one = waiting(1), waiting(2)
        batcher.put(victim)
        assert isinstance(victim.future.exception(SOON), InternalError)
        batcher.put(next_one)
        assert next_one.future.result(SOON).probabilities.item() == 1


def test_a_photograph_past_its_deadline_never_reaches_the_network() -> None:
    network = Gated()
    network.gate.set()
    with batching(network) as batcher:
        late = waiting(1, deadline=time.monotonic() - 1)
        batcher.put(late)
        assert isinstance(late.future.exception(SOON), DeadlineExceeded)
    assert network.batches == []


def test_a_cancelled_photograph_never_reaches_the_network() -> None:
    network = Gated()
    with batching(network) as batcher:
        batcher.put(waiting(1))
        assert network.entered.wait(SOON)
        gone, stays = waiting(2), waiting(3)
        batcher.put(gone)
        batcher.put(stays)
        assert gone.future.cancel()
        network.gate.set()
        stays.future.result(SOON)
        with pytest.raises(CancelledError):
            gone.future.result()
    assert network.batches == [[1], [3]]


def test_closing_answers_what_waits_and_takes_nothing_new() -> None:
    batcher = Batcher(first_pixel)
    photos = [waiting(value) for value in range(9)]
    for photo in photos:
        batcher.put(photo)
    batcher.close(SOON)
    assert [photo.future.result(0).probabilities.item() for photo in photos] == list(range(9))
    assert not batcher.alive
    too_late = waiting(1)
    batcher.put(too_late)
    assert isinstance(too_late.future.exception(0), ShuttingDown)


def test_a_stall_is_told_only_while_there_is_work() -> None:
    network = Gated()
    with batching(network) as batcher:
        assert batcher.stalled_s() == 0
        photo = waiting(1)
        batcher.put(photo)
        assert network.entered.wait(SOON)
        first = batcher.stalled_s()
        assert batcher.stalled_s() > first > 0
        network.gate.set()
        photo.future.result(SOON)
        deadline = time.monotonic() + SOON
        while batcher.stalled_s() and time.monotonic() < deadline:
            pass
        assert batcher.stalled_s() == 0


def test_the_times_are_told() -> None:
    photo = undecoded(1, seconds=1e-9)
    with batching(first_pixel) as batcher:
        batcher.put(photo)
        run: Inference = photo.future.result(SOON)
    assert run.decode_s == 1e-9
    assert run.arrived <= run.decoded <= run.batch.start
    assert run.queue_s == pytest.approx(run.batch.start - run.arrived, abs=1e-6)
    assert 0 < run.inference_s < 1


def test_a_slot_decodes_what_it_takes_until_its_batch_is_full() -> None:
    network = Gated()
    with batching(network, max_batch_size=3) as batcher:
        batcher.put(undecoded(1))
        assert network.entered.wait(SOON)
        later = [undecoded(value) for value in (2, 3, 4, 5)]
        for photo in later:
            batcher.put(photo)
        network.gate.set()
        assert [photo.future.result(SOON).batch.size for photo in later] == [3, 3, 3, 1]
    assert network.batches == [[1], [2, 3, 4], [5]]


def test_a_photograph_that_can_t_be_decoded_leaves_its_neighbours_unharmed() -> None:
    network = Gated()
    with batching(network) as batcher:
        batcher.put(waiting(1))
        assert network.entered.wait(SOON)
        photos = [undecoded(2), undecoded(3, error=ValueError("damaged")), undecoded(4)]
        for photo in photos:
            batcher.put(photo)
        network.gate.set()
        assert isinstance(photos[1].future.exception(SOON), ValueError)
        assert photos[2].future.result(SOON).probabilities.item() == 4
    assert network.batches == [[1], [2, 4]]


def test_a_photograph_that_takes_long_to_decode_ends_its_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.engine.batcher.GATHERING_S", -1.0)
    network = Gated()
    with batching(network) as batcher:
        batcher.put(waiting(1))
        assert network.entered.wait(SOON)
        photos = [undecoded(2), undecoded(3)]
        for photo in photos:
            batcher.put(photo)
        network.gate.set()
        assert [photo.future.result(SOON).batch.size for photo in photos] == [1, 1]


def test_only_what_is_all_there_is_to_do_runs_alone() -> None:
    alone = threading.Event()
    ran_alone: list[int] = []

    def run_alone(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        ran_alone.append(int(photos[0, 0, 0, 0]))
        return first_pixel(photos)

    batcher = Batcher(first_pixel, run_alone, is_alone=alone.is_set)
    for value in (1, 2):
        photo = waiting(value)
        batcher.put(photo)
        photo.future.result(SOON)
        alone.set()
    batcher.close(SOON)
    assert ran_alone == [2]
