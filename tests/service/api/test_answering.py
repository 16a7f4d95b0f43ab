"""What all fronts share: one answer a photograph, room for all or none, and nothing for nobody."""

from __future__ import annotations

import base64
import gc
import socket
import threading
import tracemalloc
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from benchmarks.posts import post_request
from service.runtimes.explaining import Explainer
from tests.servers import serving_inside
from tests.service.asking import (
    BLUE,
    PROBLEM,
    RED,
    first,
    problem,
    replace_network,
    samples,
)
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
    assert not any(ticket.inference for ticket in tickets)  # at once: these wait for the gate
    gate.set()
    assert [ticket.wait().predictions[0].label for ticket in tickets] == ["Red"] * 4
    for refusal in refusals:
        problem(refusal, 503, "overloaded")
        assert int(refusal.headers["retry-after"]) >= 1
    assert first(httpx.post(url, content=BLUE).json()) == "Blue"


def test_a_body_may_name_another_model_than_the_one_that_is_full(
    make_tiny: Any,
) -> None:
    with serving_inside(models=f"{make_tiny('full')},{make_tiny('idle')}") as service:
        classifier = service.state.fleet.get().classifier
        gate = threading.Event()
        run = classifier.batcher._run
        replace_network(classifier, lambda photos: gate.wait(10) and run(photos))
        tickets = classifier.submit([RED] * 4)
        url, text = f"{service.url}/classify", base64.b64encode(RED).decode()
        answers = [
            httpx.post(url, files={"photo": RED}, data={"model": "idle"}),
            httpx.post(url, json={"image": text, "model": "idle"}),
            httpx.post(f"{url}?version=1", files={"photo": RED}, data={"model": "idle"}),
            httpx.post(f"{url}?model=idle", content=RED),
        ]
        refusals = [
            httpx.post(url, content=RED),
            httpx.post(url, files={"photo": RED}),
            httpx.post(f"{url}?model=full", json={"image": text}),
        ]
        gate.set()
        for ticket in tickets:
            ticket.wait()
    for answer in answers:
        assert answer.json()["model"] == "idle"
    for refusal in refusals:
        problem(refusal, 503, "overloaded")


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
    with socket.create_connection(("127.0.0.1", inside.port), 10) as leaving:
        leaving.sendall(post_request(f"{inside.url}/classify", BLUE))
        eventually(lambda: classifier.accepted, lambda count: count == 2)
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


def test_a_body_holds_its_memory_until_it_is_answered(inside: Any) -> None:
    memory, classifier = inside.state.memory, inside.state.fleet.get().classifier
    held: list[int] = []
    run = classifier.batcher._run

    def seen(photos: Any) -> Any:
        held.append(memory.held)
        return run(photos)

    replace_network(classifier, seen)
    url = f"{inside.url}/classify"
    assert first(httpx.post(url, content=RED).json()) == "Red"
    httpx.post(url, files=[("a", RED), ("b", BLUE)])
    assert held[0] == len(RED)
    assert held[1] == len(RED) + len(BLUE)
    problem(httpx.post(url, content=b"no image"), 415, "unsupported-format")
    problem(httpx.post(url, content=b"{"), 422, "invalid-parameter")
    assert memory.held == 0


def test_a_body_for_which_no_memory_is_free_is_refused_without_being_read(inside: Any) -> None:
    memory = inside.state.memory
    memory.size = 1000
    with memory.reserve(1000):
        refused = httpx.post(f"{inside.url}/classify", content=RED)
    assert "no memory free" in problem(refused, 503, "overloaded")
    assert refused.headers["retry-after"] == "1"
    assert first(httpx.post(f"{inside.url}/classify", content=RED).json()) == "Red"


def test_a_client_that_leaves_half_a_body_gives_its_memory_back(inside: Any) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhalf"
    with socket.create_connection(("127.0.0.1", inside.port), 10) as connection:
        connection.sendall(head)
        eventually(lambda: inside.state.memory.held, lambda held: held == 1_000_000)
    eventually(lambda: inside.state.memory.held, lambda held: held == 0)


def test_what_failed_leaves_no_photograph_in_a_cycle(inside: Any) -> None:
    size, headers = 5_000_000, {"Content-Type": "multipart/form-data; boundary=x"}
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for start in (b"\xff\xd8", b"--no form", b"{"):
            connection = HTTPConnection("127.0.0.1", inside.port, timeout=10)
            connection.request("POST", "/classify", start + bytes(size), headers)
            assert connection.getresponse().status >= 400
            connection.close()
        assert eventually(lambda: tracemalloc.get_traced_memory()[0], lambda held: held < size)
    finally:
        tracemalloc.stop()
        gc.enable()


def test_while_what_explains_is_loaded_others_are_answered_and_deadlines_hold(
    inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = inside.state.fleet.get().classifier.session
    loading: Future[Explainer] = Future()
    monkeypatch.setattr(session, "explainer", lambda: loading)
    url = f"{inside.url}/classify"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(httpx.post, f"{url}?explain=region", content=RED)
        late = httpx.post(f"{url}?explain=region&timeout_ms=50", content=RED)
        problem(late, 504, "deadline")
        assert first(httpx.post(url, content=RED).json()) == "Red"
        assert not waiting.done()
        loading.set_result(Explainer("tiny", None, ["probabilities"], None))
        problem(waiting.result(10), 422, "invalid-parameter")
    assert samples(inside.url)['booth_requests_total{model="tiny",outcome="deadline"}'] == 1
