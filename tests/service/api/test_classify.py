"""POST /classify, on a real socket: its parameters and the fields of its answer."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from booth_client.client import Client
from booth_client.wire import Answer
from service.api.classify import _Query, _query_of, _remembered_query
from tests.service.asking import RED, problem
from tests.service.mapped import ATTRIBUTES, CELLS, write_mapped


def test_an_answer_has_the_documented_fields(tiny_server: str) -> None:
    response = httpx.post(f"{tiny_server}/classify?model=tiny&top_k=2&timeout_ms=9000", content=RED)
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


def test_the_fields_of_a_form_and_of_json_are_parameters(tiny_server: str) -> None:
    url, text = f"{tiny_server}/classify", base64.b64encode(RED).decode()
    given = {"model": "tiny", "version": "1", "top_k": "2", "timeout_ms": "2000"}
    form = httpx.post(f"{url}?top_k=2", files={"photo": RED}, data=given)
    json = httpx.post(url, json={"image": text, **given, "top_k": 2})
    for answer in (form.json(), json.json()):
        assert [one["label"] for one in answer["predictions"]] == ["Red", "Green"]
        assert answer["model"] == "tiny"


@pytest.mark.parametrize(
    ("query", "fields", "status", "sentence"),
    [
        ("", {"topk": "3"}, 422, "There is no parameter 'topk'; did you mean top_k?"),
        ("?top_k=1", {"top_k": "3"}, 422, "top_k is '1' in the address and '3' in the body"),
        ("", {"top_k": "0"}, 422, "top_k must be a whole number from 1 to 1000, not '0'."),
        ("", {"model": "tinny"}, 404, "did you mean 'tiny'"),
        ("", {"version": "7"}, 404, "version 1 only"),
        ("?model=tiny", {"version": "7"}, 404, "version 1 only"),
    ],
)
def test_a_bad_field_is_refused_as_a_bad_parameter_is(
    tiny_server: str, query: str, fields: dict[str, str], status: int, sentence: str
) -> None:
    url, text = f"{tiny_server}/classify{query}", base64.b64encode(RED).decode()
    for refusal in (
        httpx.post(url, files={"photo": RED}, data=fields),
        httpx.post(url, json={"image": text, **fields}),
    ):
        assert refusal.status_code == status
        assert sentence in refusal.json()["detail"]


def test_a_field_of_a_form_given_twice_is_refused(tiny_server: str) -> None:
    form = {"photo": RED}
    twice = httpx.post(f"{tiny_server}/classify", files=form, data={"top_k": ["1", "1"]})
    assert "top_k is given more than once" in problem(twice, 422, "invalid-parameter")


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
        ("timeout_ms=60001", 422, "invalid-parameter", "from 1 to 60000"),
        ("topk=3", 422, "invalid-parameter", "did you mean top_k"),
        ("top_k=1&top_k=1", 422, "invalid-parameter", "top_k is given more than once"),
        ("model=tiny&top_k=1&model=", 422, "invalid-parameter", "model is given more than once"),
    ],
)
def test_a_bad_parameter_gets_a_hint(
    tiny_server: str, query: str, status: int, kind: str, hint: str
) -> None:
    response = httpx.post(f"{tiny_server}/classify?{query}", content=RED)
    assert hint in problem(response, status, kind)


@pytest.mark.parametrize(
    "target",
    [
        "/classify?top_k=1",
        "/%63lassify?%74op_k=%31",
        "/classify?top_k=1&#fragment",
        "http://elsewhere.example/classify?top_k=1",
        "HTTPS://elsewhere.example:8443/classify?top_k=1",
    ],
)
def test_a_target_may_be_written_in_every_way_of_http(tiny_server: str, target: str) -> None:
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(RED)}"
    answer = exchange(tiny_server, head.encode() + b"\r\n\r\n" + RED)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b'"label"') == 1


def test_a_body_may_be_asked_for_first_and_come_in_chunks(tiny_server: str) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-Continue\r\n"
    chunks = b"%x;a=b\r\n%b\r\n%X\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n"
    chunked = chunks % (30, RED[:30], len(RED) - 30, RED[30:])
    answer = exchange(tiny_server, head + b"Transfer-Encoding: Chunked\r\n\r\n", chunked)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert b'"label":"Red"' in answer


def exchange(url: str, *pieces: bytes) -> bytes:
    """What a server answers to bytes, each piece but the first sent once it has said something."""
    address, answer = urlsplit(url), b""
    with socket.create_connection((address.hostname, address.port), 10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            answer += connection.recv(65_536)
        while more := connection.recv(65_536):
            answer += more
    return answer


@pytest.fixture(scope="module")
def explaining(
    serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server with a model that can explain, which caches."""
    path = write_mapped(tmp_path_factory.mktemp("models") / "mapped.onnx", attributes=True)
    with serve(models=path, cache_bytes=1_000_000) as running:
        yield running.url


def test_an_explained_answer_has_the_documented_fields(explaining: str) -> None:
    url = f"{explaining}/classify?top_k=2"
    plain = httpx.post(url, content=RED)
    answer = httpx.post(f"{url}&explain=region,cells,attributes", content=RED)
    again = httpx.post(f"{url}&explain=region,cells,attributes", content=RED)
    assert list(plain.json()) == ["model", "version", "predictions", "environment", "timing_ms"]
    body = answer.json()
    assert set(body) == {*plain.json(), "view", "cells", "attributes"}
    assert body["view"] == {"width": 20, "height": 20, "box": [0, 0, 20, 20]}
    assert set(body["cells"]) == {"rows", "columns", "box", "labels", "first", "confidences"}
    assert np.shape(body["cells"]["first"]) == (CELLS, CELLS, 2)
    assert np.shape(body["predictions"][1].pop("region")["map"]) == (CELLS, CELLS)
    assert body["predictions"][1] == plain.json()["predictions"][1]
    assert {one["attribute"] for one in body["attributes"]} == set(ATTRIBUTES)
    assert {**again.json(), "timing_ms": 0} == {**answer.json(), "timing_ms": 0}
    assert answer.headers["etag"] == again.headers["etag"] != plain.headers["etag"]


def test_a_form_and_json_ask_for_explanations_and_clients_read_them(explaining: str) -> None:
    url, text = f"{explaining}/classify", base64.b64encode(RED).decode()
    form = httpx.post(url, files=[("a", RED), ("b", RED)], data={"explain": "region"})
    json = httpx.post(url, json={"image": text, "explain": "region"})
    results = [*form.json()["results"], json.json()]
    assert [list(one["predictions"][0])[-1] for one in results] == ["region"] * 3
    with Client(explaining) as client:
        one = client.classify(RED, explain=["region", "cells"])
        many = list(client.classify_many([RED, b"no photograph"], explain=["cells"]))
        plain = client.classify(RED)
    assert one.predictions[0].region
    assert one.cells
    assert one.cells.rows == one.cells.columns == CELLS
    assert isinstance(many[0], Answer)
    assert many[0].cells == one.cells
    assert many[0].predictions[0].region is None
    assert (plain.view, plain.predictions) == (None, many[0].predictions)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("explain=heat", "explain must be some of region, cells, attributes"),
        ("explain=region&top_k=21", "top_k must be a whole number from 1 to 20"),
        ("explain=region", "tiny can't tell regions and cells: its features are not the mean"),
        ("explain=attributes", "tiny has no attributes"),
    ],
)
def test_what_can_t_be_explained_is_refused(tiny_server: str, query: str, sentence: str) -> None:
    response = httpx.post(f"{tiny_server}/classify?{query}", content=RED)
    assert problem(response, 422, "invalid-parameter").startswith(sentence)


def test_only_short_queries_are_remembered() -> None:
    _remembered_query.cache_clear()
    long = b"model=" + b"m" * 300
    assert _query_of(long) == ({"model": "m" * 300}, _Query(model="m" * 300))
    assert _remembered_query.cache_info().currsize == 0
    short = b"top_k=3&model=only-here"
    assert _query_of(short) is _query_of(short)
    assert _remembered_query.cache_info().currsize == 1
