"""What all fronts share: one answer a photograph, room for all or none, and nothing for nobody."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from tests.service.asking import BLUE, PROBLEM, RED, first, problem, replace_network
from tests.waiting import eventually


def test_in_a_list_the_bad_photograph_alone_gets_a_problem(tiny_server: str) -> None:
    files = [("a", RED), ("b", b"no image at all"), ("c", b""), ("d", BLUE)]
    results = httpx.post(f"{tiny_server}/classify", files=files).json()["results"]
    assert [first(results[0]), first(results[3])] == ["Red", "Blue"]
    assert [results[i]["type"] for i in (1, 2)] == [
        "/problems/unsupported-format",
        "/problems/bad-image",
    ]
    assert set(results[1]) == PROBLEM


def test_overload_is_answered_at_once_for_one_photograph_and_for_a_list(inside: Any) -> None:
    classifier = inside.state.fleet.get().classifier
    gate = threading.Event()
    run = classifier.batcher._run
    replace_network(classifier, lambda photos: gate.wait(10) and run(photos))
    tickets = classifier.submit([RED] * 4)
    url = f"{inside.url}/classify"
    refusals = [httpx.post(url, content=RED), httpx.post(url, files=[("a", RED), ("b", RED)])]
    gate.set()
    assert [ticket.wait().predictions[0].label for ticket in tickets] == ["Red"] * 4
    for refusal in refusals:
        problem(refusal, 503, "overloaded")
        assert int(refusal.headers["retry-after"]) >= 1
        assert refusal.elapsed.total_seconds() < 1
    assert first(httpx.post(url, content=BLUE).json()) == "Blue"


def test_a_client_that_left_is_not_computed_for(inside: Any) -> None:
    classifier = inside.state.fleet.get().classifier
    gate, sizes = threading.Event(), []
    run = classifier.batcher._run

    def gated(photos: Any) -> Any:
        sizes.append(len(photos))
        assert gate.wait(10)
        return run(photos)

    replace_network(classifier, gated)
    (held,) = classifier.submit([RED])
    eventually(lambda: sizes)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{inside.url}/classify", content=BLUE, timeout=0.2)
    eventually(lambda: classifier.accepted, lambda count: count == 1)  # its departure was noticed
    gate.set()
    held.wait()
    assert first(httpx.post(f"{inside.url}/classify", content=RED).json()) == "Red"
    assert sizes == [1, 1]
    page = httpx.get(f"{inside.url}/metrics").text
    assert 'booth_requests_total{model="tiny",outcome="cancelled"} 1.0' in page


def test_a_photograph_past_its_deadline_gets_504(inside: Any) -> None:
    classifier = inside.state.fleet.get().classifier
    gate = threading.Event()
    run = classifier.batcher._run
    replace_network(classifier, lambda photos: gate.wait(10) and run(photos))
    response = httpx.post(f"{inside.url}/classify?timeout_ms=30", content=RED)
    gate.set()
    assert "timeout_ms" in problem(response, 504, "deadline")
