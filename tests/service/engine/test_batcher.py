"""The batcher: greedy, bounded in what it runs, and never spoilt by one photograph."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from booth_client.errors import BadImage, DeadlineExceeded, InternalError, ShuttingDown
from booth_client.wire import Attribute, View
from service.engine.batcher import Batcher, PendingPhoto
from service.engine.inference import Explanation, Inference
from service.photo.decode import DecodedPhoto, Seen
from service.runtimes.explaining import Evidence
from tests.waiting import eventually

Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
SOON = 10.0
SEEN = Seen(4, 3, (0.5, 0.0, 3.5, 3.0))
DAMAGED, CRASHING = 254, 255


def pending(value: int, deadline: float | None = None) -> PendingPhoto:
    """A photograph of one colour."""
    until = time.monotonic() + SOON if deadline is None else deadline
    return PendingPhoto(bytes([value]), until)


def decode(data: bytes) -> DecodedPhoto:
    if data[0] == DAMAGED:
        raise BadImage("It is damaged.")
    if data[0] == CRASHING:
        raise MemoryError
    return DecodedPhoto(np.full((2, 2, 3), data[0], np.uint8), 4, 3, SEEN)


class Decoder:
    """A decoder that works while its gate is open, and remembers what it decoded, and where."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.decoded: list[int] = []
        self.threads: set[str] = set()

    def __call__(self, data: bytes) -> DecodedPhoto:
        self.entered.set()
        assert self.gate.wait(SOON)
        self.decoded.append(data[0])
        self.threads.add(threading.current_thread().name)
        return decode(data)


class Told:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.decoded: list[tuple[int, int]] = []
        self.ran: list[int] = []

    def photo_decoded(self, size: int, pixels: int) -> None:
        self.decoded.append((size, pixels))

    def batch_ran(self, size: int, seconds: float) -> None:
        assert seconds > 0
        self.ran.append(size)


def first_pixel(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A network that says what it saw."""
    return photos[:, 0, 0, :1].astype(np.float32)


@contextmanager
def batching(network: Network, max_batch_size: int = 32, slots: int = 1) -> Iterator[Batcher]:
    batcher = Batcher(decode, network, max_batch_size=max_batch_size, slots=slots)
    yield batcher
    batcher.close(SOON)


@pytest.fixture(params=[False, True], ids=["on the slots", "beside"])
def decoders(request: pytest.FixtureRequest) -> Iterator[ThreadPoolExecutor | None]:
    """None where photographs are decoded on the slots; else the one thread beside them."""
    if not request.param:
        yield None
        return
    with ThreadPoolExecutor(1, thread_name_prefix="beside") as pool:
        yield pool


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
    photos = [pending(value) for value in range(100)]
    with batching(first_pixel, max_batch_size=7, slots=2) as batcher:
        for photo in photos:
            batcher.put(photo)
        seen = [photo.future.result(SOON).answer.item() for photo in photos]
    assert seen == list(range(100))


def test_alone_a_photograph_runs_at_once_and_what_waits_meanwhile_runs_together() -> None:
    network = Gated()
    with batching(network, max_batch_size=3) as batcher:
        batcher.put(pending(1))
        assert network.entered.wait(SOON)
        later = [pending(value) for value in (2, 3, 4, 5)]
        for photo in later:
            batcher.put(photo)
        assert len(batcher) == 4
        network.gate.set()
        later[-1].future.result(SOON)
    assert network.batches == [[1], [2, 3, 4], [5]]


def evidence_of(photos: NDArray[np.uint8], alone: bool) -> list[Evidence]:
    """A network that says what it saw, and whether it was alone."""
    return [Evidence(np.array([row, alone], np.float32)) for row in first_pixel(photos)[:, 0]]


def explanation_of(evidence: Evidence, seen: Seen) -> Explanation:
    if evidence.answer[0] == 13:
        raise ValueError("unlucky")
    score = Attribute("value", float(evidence.answer[0]))
    return Explanation(View(seen.width, seen.height, list(seen.box)), attributes=[score])


def test_what_is_to_be_explained_runs_apart_from_the_rest_of_its_batch() -> None:
    network, observer = Gated(), Told()
    batcher = Batcher(decode, network, run_explaining=evidence_of, observer=observer)
    batcher.put(pending(1))
    assert network.entered.wait(SOON)
    photos = [pending(value) for value in (2, 12, 3, 13, 14)]
    for photo in photos:
        if photo.data[0] > 10:
            photo.explain = explanation_of
        batcher.put(photo)
    network.gate.set()
    batcher.close(SOON)
    assert network.batches == [[1], [2, 3]]
    assert observer.ran == [1, 2, 1, 1]
    assert [photo.future.result().explanation for photo in (photos[0], photos[2])] == [None, None]
    for photo, value in ((photos[1], 12), (photos[4], 14)):
        expected = Explanation(View(4, 3, [0.5, 0, 3.5, 3]), attributes=[Attribute("value", value)])
        assert photo.future.result().explanation == expected
    with pytest.raises(InternalError):
        photos[3].future.result()


def test_only_the_culprit_of_a_failed_run_fails() -> None:
    network = Gated()
    network.gate.set()

    def picky(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        answer = network(photos)
        if 13 in photos:
            raise ValueError("unlucky")
        return answer

    photos = [pending(value) for value in (11, 12, 13, 14)]
    network.gate.clear()
    with batching(picky) as batcher:
        batcher.put(pending(1))
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
    assert [photos[i].future.result(SOON).answer.item() for i in (0, 1, 3)] == [11, 12, 14]


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
        victim, next_one = pending(1), pending(2)
        batcher.put(victim)
        assert isinstance(victim.future.exception(SOON), InternalError)
        batcher.put(next_one)
        assert next_one.future.result(SOON).answer.item() == 2
        assert batcher.alive


def test_a_network_that_answers_for_too_few_fails_its_photographs_and_lives_on() -> None:
    answers = iter([np.zeros((0, 1), np.float32), np.ones((1, 1), np.float32)])
    with batching(lambda _photos: next(answers)) as batcher:
        victim, next_one = pending(1), pending(2)
        batcher.put(victim)
        assert isinstance(victim.future.exception(SOON), InternalError)
        batcher.put(next_one)
        assert next_one.future.result(SOON).answer.item() == 1


def test_a_photograph_past_its_deadline_never_reaches_the_network() -> None:
    network = Gated()
    network.gate.set()
    with batching(network) as batcher:
        late = pending(1, deadline=time.monotonic() - 1)
        batcher.put(late)
        assert isinstance(late.future.exception(SOON), DeadlineExceeded)
    assert network.batches == []


def test_a_cancelled_photograph_never_reaches_the_network() -> None:
    network = Gated()
    with batching(network) as batcher:
        batcher.put(pending(1))
        assert network.entered.wait(SOON)
        gone, stays = pending(2), pending(3)
        batcher.put(gone)
        batcher.put(stays)
        assert gone.future.cancel()
        network.gate.set()
        stays.future.result(SOON)
        with pytest.raises(CancelledError):
            gone.future.result()
    assert network.batches == [[1], [3]]


def test_a_photograph_that_nobody_waits_for_is_let_go_at_once() -> None:
    network = Gated()
    with batching(network) as batcher:
        first, gone, damaged = pending(1), pending(2), pending(DAMAGED)
        batcher.put(first)
        assert network.entered.wait(SOON)
        batcher.put(gone)
        batcher.put(damaged)
        assert gone.future.cancel()
        assert gone.data == b""
        network.gate.set()
        error = damaged.future.exception(SOON)
        first.future.result(SOON)
    assert [first.data, damaged.data] == [b"", b""]
    assert error is not None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert [frame.f_code.co_name for frame in frames] == ["_decoded", "_pixels", "decode"]
    assert frames[-1].f_locals == {}


def test_closing_answers_what_waits_and_takes_nothing_new() -> None:
    batcher = Batcher(decode, first_pixel)
    photos = [pending(value) for value in range(9)]
    for photo in photos:
        batcher.put(photo)
    batcher.close(SOON)
    assert [photo.future.result(0).answer.item() for photo in photos] == list(range(9))
    assert not batcher.alive
    too_late = pending(1)
    batcher.put(too_late)
    assert isinstance(too_late.future.exception(0), ShuttingDown)


def test_a_stall_is_told_only_while_there_is_work() -> None:
    network = Gated()
    with batching(network) as batcher:
        assert batcher.stalled_s() == 0
        photo = pending(1)
        batcher.put(photo)
        assert network.entered.wait(SOON)
        first = batcher.stalled_s()
        assert batcher.stalled_s() > first > 0
        network.gate.set()
        photo.future.result(SOON)
        eventually(batcher.stalled_s, lambda seconds: seconds == 0)


def test_the_times_are_told() -> None:
    photo = pending(1)
    start = time.perf_counter()
    with batching(first_pixel) as batcher:
        batcher.put(photo)
        run: Inference = photo.future.result(SOON)
        seconds = time.perf_counter() - start
    assert run.decode_s > 0
    assert run.arrived + run.decode_s <= run.decoded <= run.batch.start
    assert run.queue_s == pytest.approx(run.batch.start - run.arrived - run.decode_s, abs=1e-6)
    assert 0 < run.inference_s < seconds


def test_a_slot_decodes_what_it_takes_until_its_batch_is_full() -> None:
    network = Gated()
    with batching(network, max_batch_size=3) as batcher:
        batcher.put(pending(1))
        assert network.entered.wait(SOON)
        later = [pending(value) for value in (2, 3, 4, 5)]
        for photo in later:
            batcher.put(photo)
        network.gate.set()
        assert [photo.future.result(SOON).batch.size for photo in later] == [3, 3, 3, 1]
    assert network.batches == [[1], [2, 3, 4], [5]]


def test_decoding_happens_where_it_is_wanted(decoders: ThreadPoolExecutor | None) -> None:
    decoder = Decoder()
    decoder.gate.set()
    batcher = Batcher(decoder, first_pixel, decoders=decoders, name="tiny")
    photos = [pending(value) for value in (1, 2, 3)]
    for photo in photos:
        batcher.put(photo)
    assert [photo.future.result(SOON).answer.item() for photo in photos] == [1, 2, 3]
    batcher.close(SOON)
    assert decoder.threads == {"beside_0" if decoders else "booth-tiny-0"}


@pytest.mark.parametrize(
    ("value", "error", "cause"),
    [(DAMAGED, BadImage, type(None)), (CRASHING, InternalError, MemoryError)],
)
def test_what_can_t_be_decoded_gets_its_error_and_leaves_its_neighbours_unharmed(
    decoders: ThreadPoolExecutor | None,
    value: int,
    error: type[Exception],
    cause: type[BaseException],
) -> None:
    network = Gated()
    network.gate.set()
    batcher = Batcher(decode, network, decoders=decoders)
    photos = [pending(1), pending(value), pending(2)]
    for photo in photos:
        batcher.put(photo)
    outcome = photos[1].future.exception(SOON)
    assert isinstance(outcome, error)
    assert isinstance(outcome.__cause__, cause)
    assert [photos[i].future.result(SOON).answer.item() for i in (0, 2)] == [1, 2]
    batcher.close(SOON)
    assert sorted(value for batch in network.batches for value in batch) == [1, 2]


def test_a_photograph_past_its_deadline_is_not_even_decoded(
    decoders: ThreadPoolExecutor | None,
) -> None:
    decoder = Decoder()
    decoder.gate.set()
    batcher = Batcher(decoder, first_pixel, decoders=decoders)
    late, next_one = pending(1, deadline=time.monotonic() - 1), pending(2)
    batcher.put(late)
    batcher.put(next_one)
    assert isinstance(late.future.exception(SOON), DeadlineExceeded)
    next_one.future.result(SOON)
    batcher.close(SOON)
    assert decoder.decoded == [2]


def test_a_cancelled_photograph_is_not_even_decoded(decoders: ThreadPoolExecutor | None) -> None:
    decoder = Decoder()
    batcher = Batcher(decoder, first_pixel, decoders=decoders)
    first, gone, next_one = pending(1), pending(2), pending(3)
    batcher.put(first)
    assert decoder.entered.wait(SOON)
    batcher.put(gone)
    batcher.put(next_one)
    assert gone.future.cancel()
    decoder.gate.set()
    next_one.future.result(SOON)
    batcher.close(SOON)
    assert decoder.decoded == [1, 3]


def test_what_is_late_or_cancelled_once_it_was_decoded_beside_does_not_run() -> None:
    network = Gated()
    with ThreadPoolExecutor(1) as decoders:
        batcher = Batcher(decode, network, decoders=decoders)
        batcher.put(pending(1))
        assert network.entered.wait(SOON)
        gone, late, next_one = pending(2), pending(3), pending(4)
        for photo in (gone, late, next_one):
            batcher.put(photo)
        decoders.submit(bool).result(SOON)  # by then the ones before it are decoded
        assert len(batcher) == 3
        assert gone.future.cancel()
        late.deadline = time.monotonic()
        network.gate.set()
        assert isinstance(late.future.exception(SOON), DeadlineExceeded)
        next_one.future.result(SOON)
        batcher.close(SOON)
    assert network.batches == [[1], [4]]


def test_without_decoders_that_work_nothing_stays_without_an_outcome() -> None:
    decoder = Decoder()
    with ThreadPoolExecutor(1) as decoders:
        batcher = Batcher(decoder, first_pixel, decoders=decoders)
        photos = [pending(1), pending(2), pending(3)]
        batcher.put(photos[0])
        assert decoder.entered.wait(SOON)
        batcher.put(photos[1])
        decoders.shutdown(wait=False, cancel_futures=True)
        batcher.put(photos[2])
        decoder.gate.set()
    assert photos[0].future.result(SOON).answer.item() == 1
    for photo in photos[1:]:
        with pytest.raises(InternalError, match="has stopped"):
            photo.future.result(SOON)
    batcher.close(SOON)


def test_what_is_decoded_beside_after_closing_is_told_so() -> None:
    decoder = Decoder()
    with ThreadPoolExecutor(1) as decoders:
        batcher = Batcher(decoder, first_pixel, decoders=decoders)
        photo = pending(1)
        batcher.put(photo)
        assert decoder.entered.wait(SOON)
        batcher.close(SOON)
        decoder.gate.set()
        assert isinstance(photo.future.exception(SOON), ShuttingDown)


def test_the_observer_is_told_of_photographs_and_batches(
    decoders: ThreadPoolExecutor | None,
) -> None:
    told = Told()
    batcher = Batcher(decode, first_pixel, decoders=decoders, observer=told)
    photos = [pending(1), pending(DAMAGED)]
    for photo in photos:
        batcher.put(photo)
        photo.future.exception(SOON)
    batcher.close(SOON)
    assert (told.decoded, told.ran) == ([(1, 12)], [1])


def test_a_batch_carries_the_tags_of_its_photographs() -> None:
    network = Gated()
    with batching(network) as batcher:
        batcher.put(pending(1))
        assert network.entered.wait(SOON)
        until = time.monotonic() + SOON
        photos = [PendingPhoto(b"1", until, tag) for tag in ("one", None, "two")]
        for photo in photos:
            batcher.put(photo)
        network.gate.set()
        assert {photo.future.result(SOON).batch.tags for photo in photos} == {("one", "two")}


def test_a_photograph_that_takes_long_to_decode_ends_its_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.engine.batcher.GATHERING_S", -1.0)
    network = Gated()
    with batching(network) as batcher:
        batcher.put(pending(1))
        assert network.entered.wait(SOON)
        photos = [pending(2), pending(3)]
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

    batcher = Batcher(decode, first_pixel, run_alone, is_alone=alone.is_set)
    for value in (1, 2):
        photo = pending(value)
        batcher.put(photo)
        photo.future.result(SOON)
        alone.set()
    batcher.close(SOON)
    assert ran_alone == [2]
