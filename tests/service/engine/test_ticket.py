"""A ticket: a thread or an event loop waits for the outcome of one photograph, in time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np
import pytest

from booth_client.errors import BadImage, DeadlineExceeded
from booth_client.wire import Answer, Timing
from service.engine.inference import Batch, Inference
from service.engine.ticket import Ticket

SOON = 10.0
ANSWER = Answer("tiny", "1", [], None, Timing(1, 1, 1, 3))
INFERENCE = Inference(
    np.ones(1, np.float32), 10.0, 0.001, 10.001, Batch(size=1, start=10.002, seconds=0.001)
)


@pytest.fixture
def future() -> Future[Inference]:
    return Future()


def ticket(future: Future[Inference], seconds: float = SOON) -> Ticket:
    return Ticket(future, time.monotonic() + seconds, named)


def named(inference: Inference) -> Answer:
    assert inference is INFERENCE
    return ANSWER


def later(act: Callable[..., object], *given: object) -> None:
    threading.Timer(0.01, act, given).start()


def test_a_thread_and_a_loop_get_the_answer_when_it_is_there(future: Future[Inference]) -> None:
    held = ticket(future)
    later(future.set_result, INFERENCE)
    assert held.wait() is ANSWER
    assert asyncio.run(held.answer()) is ANSWER


def test_a_loop_is_woken_from_another_thread(future: Future[Inference]) -> None:
    later(future.set_result, INFERENCE)
    assert asyncio.run(ticket(future).answer()) is ANSWER


def test_both_get_the_photograph_s_own_error(future: Future[Inference]) -> None:
    future.set_exception(BadImage("It is damaged."))
    with pytest.raises(BadImage, match="damaged"):
        ticket(future).wait()
    with pytest.raises(BadImage, match="damaged"):
        asyncio.run(ticket(future).answer())


def test_past_the_deadline_both_stop_waiting_and_the_photograph_is_dropped() -> None:
    for wait in (Ticket.wait, lambda held: asyncio.run(held.answer())):
        future: Future[Inference] = Future()
        with pytest.raises(DeadlineExceeded):
            wait(ticket(future, 0.01))
        assert future.cancelled()


def test_past_the_deadline_what_runs_is_left_to_run(future: Future[Inference]) -> None:
    future.set_running_or_notify_cancel()
    with pytest.raises(DeadlineExceeded):
        ticket(future, 0.01).wait()
    with pytest.raises(DeadlineExceeded):
        asyncio.run(ticket(future, 0.01).answer())
    future.set_result(INFERENCE)


def test_who_cancels_the_ticket_ends_the_wait_of_the_loop(future: Future[Inference]) -> None:
    held = ticket(future)
    later(held.cancel)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(held.answer())


def test_an_outcome_after_the_loop_has_ended_disturbs_nobody(
    future: Future[Inference], caplog: pytest.LogCaptureFixture
) -> None:
    future.set_running_or_notify_cancel()
    with pytest.raises(DeadlineExceeded):
        asyncio.run(ticket(future, 0.01).answer())
    future.set_result(INFERENCE)
    assert caplog.records == []


def test_the_inference_is_there_once_it_ran() -> None:
    ran, failed, gone, waits = (Future[Inference]() for _ in range(4))
    ran.set_result(INFERENCE)
    failed.set_exception(BadImage("It is damaged."))
    gone.cancel()
    assert ticket(ran).inference is INFERENCE
    assert [ticket(one).inference for one in (failed, gone, waits)] == [None] * 3
