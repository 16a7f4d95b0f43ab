"""One record of a request: its stages, once each, and how long the longest of each took."""

from __future__ import annotations

import time
from concurrent.futures import Future
from itertools import pairwise

import numpy as np
import pytest

from service.engine.inference import Batch, Inference
from service.engine.ticket import Ticket
from service.telemetry.record import UNKNOWN, RequestRecord, Stage

BATCH = Batch(size=2, start=10.020, seconds=0.004)


def ticket(inference: Inference | None) -> Ticket:
    """That of a photograph which the network has seen, or was never asked about."""
    future: Future[Inference] = Future()
    if inference:
        future.set_result(inference)
    else:
        future.cancel()
    return Ticket(future, time.monotonic() + 10, lambda _: pytest.fail("nobody asked"))


def inference(decode_s: float) -> Inference:
    """It came at 10, was decoded until 10.015 and ran from 10.020 on."""
    return Inference(np.ones(3, np.float32), 10.0, decode_s, 10.015, BATCH)


def record(*tickets: Ticket, photographs: int = 0) -> RequestRecord:
    request = RequestRecord("an-id", "POST", "/classify", start=9.9)
    request.tickets, request.photographs = tickets, photographs or len(tickets)
    return request


def test_the_stages_of_a_photograph_follow_one_another_and_it_waits_twice() -> None:
    request = record(ticket(inference(0.005)))
    request.read_stage = Stage("read", 9.95, 0.05)
    request.answer_stage = Stage("answer", 10.024, 0.001)
    stages = list(request.stages())
    assert [one.name for one in stages] == [
        "read", "queue", "decode", "queue", "inference", "answer",
    ]  # fmt: skip
    for one, after in pairwise(stages):
        assert one.start + one.seconds == pytest.approx(after.start)
    assert [one.batch for one in stages if one.batch] == [BATCH]


def test_of_several_photographs_the_longest_counts_and_both_waits_are_one() -> None:
    longest = record(ticket(inference(0.005)), ticket(inference(0.002))).longest()
    assert longest["decode"] == pytest.approx(0.005)
    assert longest["queue"] == pytest.approx(0.018)  # of the second: all but decoding
    assert longest["inference"] == pytest.approx(0.004)


def test_a_photograph_whose_answer_was_known_shifts_the_tickets_of_the_others() -> None:
    request = record(ticket(inference(0.005)), ticket(inference(0.002)), photographs=3)
    request.cached = {1}
    assert [index for index, _ in request.inferences()] == [0, 2]


def test_what_the_network_has_not_seen_has_no_stages() -> None:
    request = record(ticket(None), ticket(inference(0.005)))
    assert {one.photograph for one in request.stages()} == {1}


def test_a_record_ends_when_its_answer_does_and_names_no_model_at_first() -> None:
    request = record()
    request.seconds = 0.25
    assert request.end == pytest.approx(10.15)
    assert (request.model, request.outcome) == (UNKNOWN, "")
