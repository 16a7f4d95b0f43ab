"""From bytes to an answer: right labels, bounded admission, deadlines, on_disconnect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from booth_client.errors import BadImage, DeadlineExceeded, Overloaded, ShuttingDown
from service.engine.classifier import Classifier, Limits
from service.runtimes.explaining import Explainer
from tests.service.asking import coloured
from tests.waiting import eventually

RED = coloured((250, 10, 10))


@pytest.fixture(params=[False, True], ids=["decoding on the slots", "decoding beside"])
def classifier(
    request: pytest.FixtureRequest, gated: Any, decoders: Executor
) -> Iterator[Classifier]:
    gated.leaves_cores_free = request.param
    made = Classifier(gated, decoders, Limits(queue_size=3, deadline_s=10))
    yield made
    gated.gate.set()
    made.close(10)


def test_the_labels_come_most_confident_first(classifier: Classifier) -> None:
    answer = classifier.classify(coloured((10, 100, 60)))
    assert [one.category for one in answer.predictions] == ["green", "blue", "red"]
    assert [one.index for one in answer.predictions] == [1, 2, 0]
    assert sum(one.confidence for one in answer.predictions) == pytest.approx(1, abs=1e-5)
    assert (answer.model, answer.version, answer.environment) == ("tiny", "1", None)
    assert answer.timing_ms.total >= answer.timing_ms.decode > 0


def test_top_k_limits_the_labels(classifier: Classifier) -> None:
    assert len(classifier.classify(RED, top_k=1).predictions) == 1
    assert len(classifier.classify(RED, top_k=1000).predictions) == 3


def test_a_bad_photograph_is_refused_before_the_network(gated: Any, classifier: Classifier) -> None:
    with pytest.raises(BadImage):
        classifier.classify(RED[:40])
    assert gated.seen == []


def test_more_than_the_queue_holds_is_refused_at_once_all_or_none(
    gated: Any, classifier: Classifier
) -> None:
    gated.gate.clear()
    accepted = classifier.submit([RED, RED])
    with pytest.raises(Overloaded) as refusal:
        classifier.submit([RED, RED])
    assert refusal.value.retry_after_s == 1
    accepted += classifier.submit([RED])
    with pytest.raises(Overloaded):
        classifier.classify(RED)
    gated.gate.set()
    assert [ticket.wait().predictions[0].label for ticket in accepted] == ["Red"] * 3
    assert classifier.classify(RED).predictions[0].label == "Red"


def test_before_the_body_is_read_the_usual_photograph_is_judged(
    gated: Any, classifier: Classifier
) -> None:
    gated.gate.clear()
    classifier.submit([RED])
    classifier.refuse_if_full()
    for _ in range(500):
        classifier.cost.decoded(6.0, 6.0)
    assert classifier.cost.latency_s(0) < 1
    with pytest.raises(Overloaded, match="too long for the deadline"):
        classifier.refuse_if_full()


def test_a_deadline_ends_the_wait_and_the_photograph_never_runs(
    gated: Any, classifier: Classifier
) -> None:
    gated.gate.clear()
    first = classifier.submit([RED])
    assert gated.entered.wait(10)  # the network holds the first one
    with pytest.raises(DeadlineExceeded):
        classifier.classify(coloured((0, 0, 255)), timeout_s=0.02)
    gated.gate.set()
    first[0].wait()
    classifier.close(10)
    assert len(gated.seen) == 1


def test_a_deadline_that_has_passed_before_decoding_costs_nothing(
    gated: Any, classifier: Classifier
) -> None:
    with pytest.raises(DeadlineExceeded):
        classifier.classify(RED, timeout_s=1e-9)
    classifier.close(10)
    assert gated.seen == []


def test_awaiting_does_not_block_the_loop_and_cancelling_drops_the_photograph(
    gated: Any, classifier: Classifier
) -> None:
    async def ask() -> None:
        (first,) = classifier.submit([RED])
        assert await asyncio.to_thread(gated.entered.wait, 10)
        (second,) = classifier.submit([coloured((0, 255, 0))])
        asking = asyncio.create_task(second.answer())
        await asyncio.sleep(0)  # it waits by then
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        gated.gate.set()
        assert (await first.answer()).predictions[0].label == "Red"

    gated.gate.clear()
    asyncio.run(ask())
    classifier.close(10)
    assert len(gated.seen) == 1


def test_trouble_is_told_when_a_thread_has_ended_or_nothing_moves(
    gated: Any, decoders: Executor
) -> None:
    classifier = Classifier(gated, decoders, Limits(stall_s=0.001))
    assert classifier.not_ready() is None
    gated.gate.clear()
    (ticket,) = classifier.submit([RED])
    assert "no progress" in str(eventually(classifier.not_ready))
    gated.gate.set()
    ticket.wait()
    classifier.close(10)
    assert "thread" in str(classifier.not_ready())


def test_what_decoding_takes_is_learned_from_what_could_be_decoded(classifier: Classifier) -> None:
    foreseen = classifier.cost.decode_s(1000)
    with pytest.raises(BadImage):
        classifier.classify(RED[:40])
    assert classifier.cost.decode_s(1000) == foreseen
    classifier.classify(RED)
    assert classifier.cost.decode_s(1000) != foreseen


def test_closing_answers_all_that_was_accepted(classifier: Classifier) -> None:
    tickets = classifier.submit([RED, RED, RED])
    classifier.close(10)
    assert [ticket.wait().predictions[0].label for ticket in tickets] == ["Red"] * 3
    with pytest.raises(ShuttingDown):
        classifier.classify(RED)


def test_a_photograph_does_not_wait_longer_than_its_time_for_what_explains(
    gated: Any, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading: Future[Explainer] = Future()
    monkeypatch.setattr(gated, "explainer", lambda: loading)
    with pytest.raises(DeadlineExceeded):
        classifier.submit([RED], timeout_s=0.01, explain=frozenset({"cells"}))
    assert classifier.accepted == 0
