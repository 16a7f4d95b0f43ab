from __future__ import annotations

import itertools
import random
import threading
import time

import pytest

from benchmarks import load
from benchmarks.load import Figures, Load, Plan, post_request, quantile
from tests.benchmarks.conftest import Answering, serving


def figures(answering: Answering, plan: Plan, bodies: tuple[bytes, ...] = (b"one",)) -> Figures:
    with serving(answering) as url:
        return Load(url, [post_request(url, body) for body in bodies], plan).run()


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on when it is looked at: as much is sent, however fast the machine is."""
    looks = itertools.count()
    monkeypatch.setattr(load, "clock", lambda: next(looks) / 1000)


@pytest.mark.usefixtures("ticking")
def test_a_closed_loop_counts_what_is_answered_while_it_measures() -> None:
    answered = 0

    def answer(_body: bytes) -> tuple[int, bytes]:
        nonlocal answered
        answered += 1
        return 200, b"yes"

    found = figures(answer, Plan(1, seconds=0.3, warm_up_s=0.05))
    assert 0 < found.answers <= answered
    assert found.throughput == pytest.approx(found.answers / 0.3)
    assert found.errors == 0
    assert 0 < found.p50 <= found.p95 <= found.p99 <= found.max


@pytest.mark.usefixtures("ticking")
def test_the_photographs_are_sent_in_turn_and_their_last_answers_kept() -> None:
    bodies = (b"one", b"two", b"three")
    found = figures(lambda body: (200, body.upper()), Plan(2, seconds=0.2, warm_up_s=0.1), bodies)
    assert found.bodies == ["ONE", "TWO", "THREE"]


@pytest.mark.usefixtures("ticking")
def test_a_body_larger_than_the_sockets_buffer_arrives_whole() -> None:
    body = bytes(range(256)) * 65536
    found = figures(
        lambda got: (200, str(len(got)).encode()), Plan(1, seconds=0.3, warm_up_s=0.1), (body,)
    )
    assert found.bodies == [str(len(body))]


@pytest.mark.usefixtures("ticking")
def test_error_statuses_are_counted_and_are_no_answers() -> None:
    found = figures(lambda _body: (503, b"full"), Plan(2, seconds=0.2, warm_up_s=0.1))
    assert found.errors > 0
    assert found.answers == 0
    assert found.bodies == [None]


@pytest.mark.usefixtures("ticking")
def test_connections_that_end_are_counted_and_replaced() -> None:
    turns = iter(range(10**9))
    found = figures(
        lambda _body: None if next(turns) % 2 else (200, b"yes"),
        Plan(1, seconds=0.3, warm_up_s=0.1),
    )
    assert found.errors > 0
    assert found.answers > 0


def test_an_open_loop_keeps_its_rate() -> None:
    answered = itertools.count()

    def answer(_body: bytes) -> tuple[int, bytes]:
        return 200, str(next(answered)).encode()

    found = figures(answer, Plan(8, rate=100, seconds=1, warm_up_s=0.1))
    gaps = random.Random(1)  # noqa: S311 no secret
    moments = itertools.accumulate(gaps.expovariate(100) for _ in range(1000))
    due = sum(moment < 1.1 for moment in moments)
    assert 65 < due < 155  # Poisson: 110, and 4.5 standard deviations
    assert next(answered) == due  # each was sent, and none more
    assert 0 < found.throughput <= due
    assert found.errors == 0


def test_an_open_loop_counts_the_wait_of_requests_that_could_not_be_sent() -> None:
    """One connection, 10 ms a request, but one due every 5 ms: the queue grows all the while."""

    def answer(_body: bytes) -> tuple[int, bytes]:
        time.sleep(0.01)  # the server's work
        return 200, b"yes"

    found = figures(answer, Plan(1, rate=200, seconds=0.5, warm_up_s=0.1))
    assert found.p50 > 100
    assert found.errors == 0


def test_what_is_never_answered_is_an_error() -> None:
    forever = threading.Event()

    def answer(_body: bytes) -> tuple[int, bytes]:
        forever.wait(0.5)
        return 200, b"late"

    found = figures(answer, Plan(1, rate=50, seconds=0.2, warm_up_s=0, timeout_s=0.1))
    assert found.answers == 0
    assert found.errors > 0


@pytest.mark.usefixtures("ticking")
def test_connections_are_opened_one_by_one() -> None:
    first: dict[int, float] = {}

    def answer(_body: bytes) -> tuple[int, bytes]:
        first.setdefault(threading.get_ident(), load.clock())
        return 200, b"yes"

    figures(answer, Plan(5, seconds=0.1, warm_up_s=0.5))
    moments = sorted(first.values())
    assert len(moments) == 5
    assert all(moment >= 0.05 * number for number, moment in enumerate(moments))


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1, 100)])
def test_quantiles_are_samples(share: float, value: int) -> None:
    assert quantile(range(1, 101), share) == value
