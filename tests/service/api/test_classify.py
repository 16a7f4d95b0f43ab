"""POST /classify, on a real socket: what it takes, what it answers, what it refuses."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from PIL import Image
from starlette.requests import Request

from booth_client.client import Client
from booth_client.errors import TooManyPhotos
from service.web.body import photographs
from tests.waiting import eventually

PROBLEM = {"type", "title", "status", "detail", "error"}


def coloured(colour: str, side: int = 20, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, form)
    return file.getvalue()


RED, BLUE = coloured("red"), coloured("blue")


def replace_network(classifier: Any, network: Any) -> None:
    classifier.batcher._run = classifier.batcher._run_alone = network


def first(answer: dict[str, object]) -> object:
    predictions = answer["predictions"]
    assert isinstance(predictions, list)
    return predictions[0]["label"]


def problem(response: httpx.Response, status: int, kind: str) -> str:
    """Checks the one shape of all errors and gives the sentence."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == PROBLEM
    assert (body["type"], body["status"]) == (f"/problems/{kind}", status)
    assert body["error"] == body["detail"]
    assert body["detail"].endswith((".", "?"))
    return str(body["detail"])


def test_an_answer_has_the_documented_fields(tiny_server: str) -> None:
    response = httpx.post(f"{tiny_server}/classify?model=tiny&top_k=2&timeout_ms=2000", content=RED)
    answer = response.json()
    assert list(answer) == ["model", "version", "predictions", "environment", "timing_ms"]
    assert list(answer["predictions"][0]) == ["label", "category", "index", "confidence"]
    assert list(answer["timing_ms"]) == ["decode", "queue", "inference", "total"]
    assert len(answer["predictions"]) == 2
    for stage in ("read", "decode", "queue", "inference", "total"):
        assert f"{stage};dur=" in response.headers["server-timing"]


def test_the_basis_is_there_where_the_card_says_one_and_the_client_reads_it(
    serve: Callable[..., Any], scenes: Path
) -> None:
    with serve(models=scenes) as server:
        answer = httpx.post(f"{server.url}/classify", content=RED).json()
        labels = httpx.get(f"{server.url}/models/scenes/labels").json()
        with Client(server.url) as client:
            read = client.classify(RED)
    bases = {one["category"]: one.get("basis", "left out") for one in answer["predictions"]}
    assert bases == {"red": "labelled", "green": "distilled", "blue": "left out"}
    assert [one.get("basis") for one in labels] == ["labelled", "distilled", None]
    assert {one.category: one.basis for one in read.predictions} == {
        one["category"]: one.get("basis") for one in labels
    }


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "image/png",
        "application/x-www-form-urlencoded",
        "application/json",
        "multipart/form-data",
    ],
)
def test_a_body_that_is_a_photograph_is_one_whatever_its_type_says(
    tiny_server: str, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = httpx.post(f"{tiny_server}/classify", content=RED, headers=headers)
    assert first(response.json()) == "Red"


def test_one_file_of_a_form_gives_an_answer_and_several_give_results(tiny_server: str) -> None:
    one = httpx.post(f"{tiny_server}/classify", files={"anything": RED})
    assert first(one.json()) == "Red"
    several = httpx.post(f"{tiny_server}/classify", files=[("a", BLUE), ("a", RED), ("b", BLUE)])
    assert [first(answer) for answer in several.json()["results"]] == ["Blue", "Red", "Blue"]


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "data:;base64,"])
def test_json_takes_base64_and_data_urls(tiny_server: str, prefix: str) -> None:
    text = prefix + base64.b64encode(RED).decode()
    one = httpx.post(f"{tiny_server}/classify", json={"image": text})
    assert first(one.json()) == "Red"
    several = httpx.post(f"{tiny_server}/classify", json={"images": [text]})
    assert [first(answer) for answer in several.json()["results"]] == ["Red"]


def test_json_is_known_by_its_brace_even_as_curl_sends_it(tiny_server: str) -> None:
    body = json.dumps({"image": base64.b64encode(BLUE).decode()})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = httpx.post(f"{tiny_server}/classify", content=body, headers=headers)
    assert first(response.json()) == "Blue"


def test_in_a_list_the_bad_photograph_alone_gets_a_problem(tiny_server: str) -> None:
    files = [("a", RED), ("b", b"no image at all"), ("c", b""), ("d", BLUE)]
    results = httpx.post(f"{tiny_server}/classify", files=files).json()["results"]
    assert [first(results[0]), first(results[3])] == ["Red", "Blue"]
    assert [results[i]["type"] for i in (1, 2)] == [
        "/problems/unsupported-format",
        "/problems/bad-image",
    ]
    assert set(results[1]) == PROBLEM


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "bad-image"),
        (RED[:50], 400, "bad-image"),
        (b"some text", 415, "unsupported-format"),
        (b"%PDF-1.7 and so on", 415, "unsupported-format"),
        (coloured("red", side=1001), 413, "too-many-pixels"),
        (b"x" * 300_001, 413, "too-large"),
        (b"{", 422, "invalid-parameter"),
        (b"{}", 422, "invalid-parameter"),
        (b'{"image": 7}', 422, "invalid-parameter"),
        (b'{"image": "???"}', 422, "invalid-parameter"),
        (b'{"image": "data:image/png,plain"}', 422, "invalid-parameter"),
        (b'{"images": []}', 422, "invalid-parameter"),
        (b'{"images": [1]}', 422, "invalid-parameter"),
        (b'{"image": "aGk=", "surplus": 1}', 422, "invalid-parameter"),
        (b'{"image": "aGk="}', 415, "unsupported-format"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_bad_body_gets_a_clear_problem(
    tiny_server: str, body: bytes, status: int, kind: str
) -> None:
    problem(httpx.post(f"{tiny_server}/classify", content=body), status, kind)


def test_a_chunked_body_is_bounded_too(tiny_server: str) -> None:
    chunks = (b"x" * 10_000 for _ in range(31))
    problem(httpx.post(f"{tiny_server}/classify", content=chunks), 413, "too-large")


def test_a_form_without_a_file_and_a_broken_form_are_refused(tiny_server: str) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    text = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nhello\r\n--x--\r\n'
    url = f"{tiny_server}/classify"
    problem(httpx.post(url, content=text, headers=form), 400, "bad-image")
    broken = b"--x\r\nContent-Disposition\r\n\r\nhello\r\n"
    problem(httpx.post(url, content=broken, headers=form), 422, "invalid-parameter")


def test_too_many_photographs_are_refused(tiny_server: str) -> None:
    response = httpx.post(f"{tiny_server}/classify", files=[("a", RED)] * 5)
    assert "at most 4" in problem(response, 413, "too-many-photos")


@pytest.mark.parametrize("value", [b'"AA=="', b"{}", b"1"])
def test_a_json_of_countless_values_is_refused_before_it_is_parsed(
    tiny_server: str, monkeypatch: pytest.MonkeyPatch, value: bytes
) -> None:
    body = b'{"images": [' + b",".join([value] * 1000) + b"]}"
    problem(httpx.post(f"{tiny_server}/classify", content=body), 413, "too-many-photos")
    monkeypatch.delattr(orjson, "loads")
    with pytest.raises(TooManyPhotos):
        asyncio.run(photographs(Request({"type": "http", "headers": []}), body, 64))


def test_base64_may_come_in_lines(tiny_server: str) -> None:
    text = base64.encodebytes(RED).decode()
    assert "\n" in text.strip()
    assert first(httpx.post(f"{tiny_server}/classify", json={"image": text}).json()) == "Red"
    foreign = httpx.post(f"{tiny_server}/classify", json={"image": "caf\u00e9"})
    assert "not valid base64" in problem(foreign, 422, "invalid-parameter")


@pytest.mark.parametrize(
    ("query", "status", "kind", "hint"),
    [
        ("model=tinny", 404, "unknown-model", "did you mean 'tiny'"),
        ("version=7", 404, "unknown-version", "version 1 only"),
        ("top_k=0", 422, "invalid-parameter", "from 1 to 1000"),
        ("top_k=many", 422, "invalid-parameter", "'many'"),
        ("top_k=", 422, "invalid-parameter", "whole number"),
        ("top_k=-1", 422, "invalid-parameter", "'-1'"),
        ("timeout_ms=1e3", 422, "invalid-parameter", "whole number"),
        ("topk=3", 422, "invalid-parameter", "did you mean top_k"),
    ],
)
def test_a_bad_parameter_gets_a_hint(
    tiny_server: str, query: str, status: int, kind: str, hint: str
) -> None:
    response = httpx.post(f"{tiny_server}/classify?{query}", content=RED)
    assert hint in problem(response, status, kind)


def test_a_body_that_stops_coming_is_given_up(tiny_server: str) -> None:
    address = urlsplit(tiny_server)
    with socket.create_connection((address.hostname, address.port), 10) as connection:
        connection.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/slow-body" in answer


def test_an_id_is_taken_over_or_made(tiny_server: str) -> None:
    url = f"{tiny_server}/classify"
    given = httpx.post(url, content=RED, headers={"X-Request-ID": "my-id.7"})
    assert given.headers["x-request-id"] == "my-id.7"
    ids = {httpx.post(url, content=RED).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    odd = httpx.post(url, content=RED, headers={"X-Request-ID": "a b\tc"})
    assert odd.headers["x-request-id"] != "a b\tc"


def test_keys_are_asked_for_where_they_are_set(serve: Any, tiny: Path) -> None:
    with serve(models=tiny, api_keys="one,two") as server:
        url = f"{server.url}/classify"
        refused = httpx.post(url, content=RED)
        problem(refused, 401, "unauthorized")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        wrong = httpx.post(url, content=RED, headers={"Authorization": "Bearer three"})
        problem(wrong, 401, "unauthorized")
        right = httpx.post(url, content=RED, headers={"Authorization": "Bearer two"})
        assert first(right.json()) == "Red"
        for open_route in ("livez", "readyz", "metrics"):
            assert httpx.get(f"{server.url}/{open_route}").status_code == 200
        assert "two" not in server.log.read_text()


def test_a_client_that_asks_too_often_is_slowed_down(serve: Any, tiny: Path) -> None:
    with serve(models=tiny, rate_limit_per_minute=3) as server:
        answers = [httpx.post(f"{server.url}/classify", content=RED) for _ in range(4)]
        assert [answer.status_code for answer in answers[:3]] == [200] * 3
        problem(answers[3], 429, "rate-limited")
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60


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


def test_an_error_of_ours_tells_an_id_and_nothing_else(
    inside: Any, caplog: pytest.LogCaptureFixture
) -> None:
    classifier = inside.state.fleet.get().classifier

    def broken(_photos: Any) -> Any:
        raise RuntimeError("secret of /the/house")

    replace_network(classifier, broken)
    headers = {"X-Request-ID": "look-me-up"}
    response = httpx.post(f"{inside.url}/classify", content=RED, headers=headers)
    assert "look-me-up" in problem(response, 500, "internal")
    assert "secret" not in response.text
    assert any("look-me-up" in record.getMessage() for record in caplog.records)


def test_an_unforeseen_error_has_the_same_shape(
    inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(type(inside.state), "model", broken)
    response = httpx.post(f"{inside.url}/classify", content=RED)
    problem(response, 500, "internal")
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing/here", 404, "not-found"),
        ("POST", "/nothing", 404, "not-found"),
        ("GET", "/classify", 405, "method-not-allowed"),
        ("DELETE", "/models", 405, "method-not-allowed"),
        ("GET", "/models/none", 404, "unknown-model"),
        ("GET", "/models/tiny/labels?version=9", 404, "unknown-version"),
    ],
)
def test_every_route_fails_in_one_shape(
    tiny_server: str, method: str, path: str, status: int, kind: str
) -> None:
    problem(httpx.request(method, tiny_server + path), status, kind)
