"""Who is let in: bounded in number, all or none, and only who will be answered in time."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from booth_client.errors import DeadlineExceeded, Overloaded
from service.engine.admission import Admission, Backlog
from tests.servers import Inside

BATCH = 4
WORK_S = 0.0025


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Outcome:
    """Shares of the photographs accepted, and of the capacity."""

    in_time: float
    good: float
    shed: float


class Machine:
    """A service under an open load: batches in the order of arrival, each at a pace that varies."""

    def __init__(self, *, pace: float, deadline_s: float, stall_s: float = 0.0) -> None:
        self.clock = Clock()
        self.backlog = Backlog(2, self.clock)
        self.backlog.expect_batches(BATCH)
        self._random = np.random.default_rng(7)
        self._pace = pace
        self._deadline_s = deadline_s
        self._stall_s = stall_s
        self._queue: deque[tuple[float, float]] = deque()
        self._late = self._good = 0

    def serve(self, works: np.ndarray[Any, Any], load: float) -> Outcome:
        """Let photographs arrive, as a Poisson process of ``load`` times the capacity."""
        capacity = 1 / (works.mean() * self._pace)
        start = self.clock.now
        arrivals = start + np.cumsum(self._random.exponential(1 / (load * capacity), len(works)))
        runs = self._runs()
        end = next(runs)
        shed = self._late = self._good = 0
        for arrival, work in zip(arrivals, works, strict=True):
            while end <= arrival:
                self.clock.now = end
                end = next(runs)
            self.clock.now = arrival
            shed += not self._let_in(arrival, work)
            if end == np.inf:
                end = next(runs)
        accepted = self._good + self._late
        seconds = self.clock.now - start
        return Outcome(self._good / accepted, self._good / seconds / capacity, shed / len(works))

    def _let_in(self, arrival: float, work: float) -> bool:
        try:
            self.backlog.admit([work], BATCH * WORK_S, self._deadline_s)
        except Overloaded:
            return False
        self._queue.append((arrival, work))
        return True

    def _runs(self) -> Iterator[float]:
        """When the next batch ends; infinity while there is none."""
        while True:
            batch = list(self._taken())
            if not batch:
                yield np.inf
                continue
            noise = self._random.lognormal(-0.02, 0.2)
            yield (
                self.clock.now + sum(work for _, work in batch) * self._pace * noise + self._stall()
            )
            for arrival, work in batch:
                self.backlog.release(work, done=True)
                self._count(in_time=self.clock.now <= arrival + self._deadline_s)

    def _taken(self) -> Iterator[tuple[float, float]]:
        for _ in range(min(BATCH, len(self._queue))):
            arrival, work = self._queue.popleft()
            if self.clock.now < arrival + self._deadline_s:
                yield arrival, work
            else:
                self.backlog.release(work, done=False)
                self._count(in_time=False)

    def _count(self, *, in_time: bool) -> None:
        self._good += in_time
        self._late += not in_time

    def _stall(self) -> float:
        stall_s, self._stall_s = self._stall_s, 0.0
        return stall_s


def ordinary(count: int) -> np.ndarray[Any, Any]:
    """Seconds of work of photographs that differ somewhat."""
    return np.random.default_rng(1).gamma(8, WORK_S / 8, count)


@pytest.mark.parametrize("deadline_s", [0.1, 0.25, 1.0])
@pytest.mark.parametrize("pace", [0.5, 1.0, 3.0])
def test_at_twice_capacity_who_is_let_in_is_answered_in_time(
    pace: float, deadline_s: float
) -> None:
    outcome = Machine(pace=pace, deadline_s=deadline_s).serve(ordinary(8000), load=2)
    assert outcome.in_time >= 0.95
    assert outcome.good >= 0.97
    assert 0.4 < outcome.shed < 0.6


def test_without_admission_nearly_nobody_would_be() -> None:
    machine = Machine(pace=1.0, deadline_s=0.25)
    machine.backlog._check = lambda *_: None  # type: ignore[method-assign]
    assert machine.serve(ordinary(8000), load=2).in_time < 0.5


def test_large_photographs_among_small_ones_make_nobody_late() -> None:
    works = ordinary(8000)
    works[::10] *= 15
    assert Machine(pace=1.4, deadline_s=0.25).serve(works, load=2).in_time >= 0.95


def test_below_capacity_nobody_is_turned_away() -> None:
    outcome = Machine(pace=1.4, deadline_s=0.5).serve(ordinary(8000), load=0.7)
    assert (outcome.shed, outcome.in_time) == (0, 1)


def test_it_recovers_from_a_run_that_stalled() -> None:
    machine = Machine(pace=1.0, deadline_s=0.25, stall_s=3.0)
    machine.serve(ordinary(2000), load=0.7)
    after = machine.serve(ordinary(2000), load=0.7)
    assert after.shed < 0.01
    assert after.in_time > 0.99


def test_it_recovers_from_a_pace_that_keeps_all_but_one_out() -> None:
    machine = Machine(pace=1.0, deadline_s=0.25)
    machine.backlog._pace = 1000.0
    machine.backlog._learned = machine.clock.now
    machine.serve(ordinary(2000), load=0.7)
    assert machine.serve(ordinary(2000), load=0.7).shed < 0.01


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backlog(clock: Clock) -> Backlog:
    return Backlog(2, clock)


def answer(backlog: Backlog, clock: Clock, count: int, *, seconds: float) -> None:
    """Answer photographs of a second's work, one after the other."""
    for _ in range(count):
        clock.now += seconds
        backlog.release(1.0, done=True)


def test_an_idle_service_turns_nobody_away(backlog: Backlog) -> None:
    backlog.admit([5.0], 5.0, 0.001)
    assert backlog.predicted_s() == 5.0


def test_several_photographs_are_let_in_all_or_none(backlog: Backlog) -> None:
    backlog.admit([0.1], 0.0, 1.0)
    with pytest.raises(Overloaded) as refusal:
        backlog.admit([1.0] * 3, 0.0, 2.0)
    assert refusal.value.detail == (
        "The answer might take 3.1 s, too long for the deadline of 2 s; "
        "try again later, send fewer at once or raise timeout_ms."
    )
    assert refusal.value.retry_after_s == 2
    assert backlog.predicted_s() == pytest.approx(0.1)
    backlog.admit([1.0], 0.0, 2.0)


def test_what_it_takes_itself_counts_too(backlog: Backlog) -> None:
    backlog.admit([0.1], 0.0, 1.0)
    with pytest.raises(Overloaded):
        backlog.admit([0.1], 1.0, 1.0)


def test_the_pace_is_that_of_answers_not_of_what_was_dropped(
    backlog: Backlog, clock: Clock
) -> None:
    backlog.admit([1.0] * 64, 0.0, 10.0)
    for _ in range(40):
        backlog.release(1.0, done=False)
    assert backlog.predicted_s() == 24.0
    answer(backlog, clock, 16, seconds=2.0)
    assert backlog.predicted_s() > 8.0 * 1.2


def test_batches_that_are_answered_at_once_do_not_look_fast(backlog: Backlog, clock: Clock) -> None:
    backlog.expect_batches(32)
    backlog.admit([1.0] * 1056, 0.0, 10_000.0)
    for _ in range(32):
        clock.now += 32.0
        answer(backlog, clock, 32, seconds=0.0)
    assert backlog.predicted_s() == pytest.approx(32.0)


def test_a_flood_of_what_costs_nothing_is_not_taken_for_speed(
    backlog: Backlog, clock: Clock
) -> None:
    backlog.admit([1.0] * 1004, 0.0, 10_000.0)
    answer(backlog, clock, 1000, seconds=1e-6)
    assert backlog.predicted_s() == pytest.approx(1.0)


def test_what_was_learned_long_ago_is_doubted(backlog: Backlog, clock: Clock) -> None:
    backlog.admit([1.0] * 101, 0.0, 1000.0)
    answer(backlog, clock, 100, seconds=2.0)
    assert backlog.predicted_s() > 1.9
    answer(backlog, clock, 1, seconds=2.0)
    clock.now += 60.0
    backlog.admit([1.0], 0.0, 1.0)
    assert backlog.predicted_s() == 1.0


def test_an_outcome_counts_a_photograph_out_whatever_it_is() -> None:
    admission = Admission(3, Backlog())
    futures: list[Future[int]] = [Future() for _ in range(3)]
    admission.admit([1.0] * 3, 0.0, 10.0)
    for future in futures:
        admission.release_with(future, 1.0)
    with pytest.raises(Overloaded, match="room for 0 of 1"):
        admission.admit([1.0], 0.0, 10.0)
    futures[0].cancel()
    futures[1].set_exception(DeadlineExceeded("late"))
    assert (len(admission), admission.only_one) == (1, True)
    futures[2].set_result(1)
    admission.wait_until_idle(0)
    assert len(admission) == 0


def test_over_http_it_is_503_at_once_and_counted(inside: Inside, photos: dict[str, bytes]) -> None:
    backlog = inside.state.fleet._backlog
    backlog.admit([60.0], 0.0, 100.0, "127.0.0.1")  # another model's
    ask = f"{inside.url}/classify?timeout_ms=500"
    refusal = httpx.post(ask, content=photos["coffee"])
    assert refusal.status_code == 503
    assert refusal.headers["Retry-After"] == "60"
    assert refusal.json()["type"] == "/problems/overloaded"
    assert "might take 60 s, too long for the deadline of 0.5 s" in refusal.json()["detail"]
    page = httpx.get(f"{inside.url}/metrics").text
    assert 'booth_predicted_wait_seconds{model="tiny"} 60.0' in page
    assert 'booth_requests_total{model="tiny",outcome="overloaded"} 1.0' in page
    backlog.release(60.0, done=False, client="127.0.0.1")
    assert httpx.post(f"{inside.url}/classify", content=photos["coffee"]).status_code == 200


def test_one_client_has_three_quarters_of_the_queue_at_most() -> None:
    admission = Admission(8, Backlog())
    for _ in range(6):
        admission.admit([WORK_S], 0.01, 10, "a")
    with pytest.raises(Overloaded, match="This client has 6 photographs"):
        admission.admit([WORK_S], 0.01, 10, "a")
    admission.admit([WORK_S], 0.01, 10, "b")
    admission.admit([WORK_S], 0.01, 10, "c")
    with pytest.raises(Overloaded, match="room for 0 of 1"):
        admission.admit([WORK_S], 0.01, 10, "d")


def test_a_place_that_was_given_back_counts_no_longer() -> None:
    admission = Admission(4, Backlog())
    for _ in range(10):
        futures: list[Future[Any]] = [Future() for _ in range(3)]
        for future in futures:
            admission.admit([WORK_S], 0.01, 10, "a")
            admission.release_with(future, WORK_S, "a")
        for future in futures:
            future.set_result(None)
    assert len(admission) == 0


def test_who_sends_much_waits_behind_itself_alone() -> None:
    backlog = Backlog()
    for _ in range(100):
        backlog.admit([0.1], 0.01, 60, "greedy")
    with pytest.raises(Overloaded, match="too long for the deadline"):
        backlog.admit([0.1], 0.01, 1, "greedy")
    backlog.admit([0.1], 0.01, 1, "modest")
    backlog.admit([0.1], 0.01, 1, "modest")
    for _ in range(100):
        backlog.release(0.1, done=True, client="greedy")
    backlog.admit([0.1], 0.01, 1, "greedy")


def test_a_check_refuses_as_accepting_would_and_accepts_nothing() -> None:
    admission = Admission(2, Backlog())
    admission.check(WORK_S, 0.01, 10)
    admission.admit([5.0], 0.01, 10)
    with pytest.raises(Overloaded, match="too long for the deadline"):
        admission.check(WORK_S, 0.01, 1)
    admission.check(WORK_S, 0.01, 100)
    assert len(admission) == 1
    admission.admit([WORK_S], 0.01, 100)
    with pytest.raises(Overloaded, match="room for 0 of 1"):
        admission.check(WORK_S, 0.01, 100)


def test_what_is_about_to_be_accepted_counts_as_if_it_were() -> None:
    admission = Admission(3, Backlog(1))
    admission.admit([1.0], 0.0, 100)
    admission.check(1.0, 0.0, 100, ahead=1)
    with pytest.raises(Overloaded, match="room for 0 of 1"):
        admission.check(1.0, 0.0, 100, ahead=2)
    admission.check(1.0, 0.0, 3)
    with pytest.raises(Overloaded, match="too long for the deadline"):
        admission.check(1.0, 0.0, 3, ahead=1)


def test_over_http_a_full_queue_refuses_at_the_head(inside: Inside) -> None:
    backlog = inside.state.fleet._backlog
    backlog.admit([60.0], 0.0, 100.0, "127.0.0.1")
    address = urlsplit(inside.url)
    with socket.create_connection((address.hostname, address.port), 10) as connection:
        connection.sendall(
            b"POST /classify?timeout_ms=500 HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n"
        )
        assert connection.recv(12) == b"HTTP/1.1 503"  # nothing of the body was sent
    page = httpx.get(f"{inside.url}/metrics").text
    assert 'booth_requests_total{model="tiny",outcome="overloaded"} 1.0' in page
    backlog.release(60.0, done=False, client="127.0.0.1")
