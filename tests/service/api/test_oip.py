"""The Open Inference Protocol over REST, on a real socket: what it tells, takes and answers."""

from __future__ import annotations

import base64
import gzip
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from service.api.oip import asks_for_labels
from tests.servers import Inside, ServeInside
from tests.service.asking import BLUE, PROBLEM, RED, coloured, replace_network, samples, total
from tests.waiting import eventually

INFER = "/v2/models/tiny/infer"
FP32 = {"name": "probabilities", "datatype": "FP32"}


def refused(response: httpx.Response, status: int, kind: str) -> str:
    """Checks that an error is one that KServe's client reads, and gives its sentence."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == PROBLEM
    assert body["type"] == f"/problems/{kind}"
    return str(body["error"])


def image(*photos: bytes, **more: Any) -> dict[str, Any]:
    """Photographs as a tensor in JSON."""
    texts = [base64.b64encode(one).decode() for one in photos]
    return {"name": "image", "datatype": "BYTES", "shape": [len(photos)], "data": texts, **more}


def infer(url: str, *inputs: dict[str, Any], path: str = INFER, **more: Any) -> httpx.Response:
    return httpx.post(url + path, json={"inputs": inputs, **more})


def binary(*photos: bytes, **more: Any) -> tuple[bytes, dict[str, str]]:
    """A body as Triton's client sends it, and its header."""
    raw = b"".join(len(one).to_bytes(4, "little") + one for one in photos)
    size = {"binary_data_size": len(raw)}
    tensor = {"name": "image", "datatype": "BYTES", "shape": [len(photos)], "parameters": size}
    head = orjson.dumps({"inputs": [tensor], **more})
    return head + raw, {"Inference-Header-Content-Length": str(len(head))}


def taken_apart(response: httpx.Response) -> tuple[dict[str, Any], bytes]:
    """The only output of an answer in bytes, and its bytes."""
    assert response.headers["content-type"] == "application/octet-stream"
    size = int(response.headers["inference-header-content-length"])
    (output,) = orjson.loads(response.content[:size])["outputs"]
    raw = response.content[size:]
    assert output.pop("parameters") == {"binary_data_size": len(raw)}
    return output, raw


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True, "live": True}),
        ("/v2/models", {"models": ["tiny"]}),
        ("/v2/models/tiny/ready", {"name": "tiny", "ready": True}),
        ("/v2/models/%74iny/versions/1/ready", {"name": "tiny", "ready": True}),
    ],
)
def test_what_it_tells(tiny_server: str, path: str, told: dict[str, Any]) -> None:
    response = httpx.get(tiny_server + path)
    assert (response.status_code, response.json()) == (200, told)
    assert response.headers["content-type"] == "application/json"


def test_the_server_and_the_models_describe_themselves(tiny_server: str) -> None:
    for path in ("/v2", "/v2/"):
        server = httpx.get(tiny_server + path, follow_redirects=False).json()
        assert server["name"] == "booth"
        assert server["extensions"] == ["classification", "binary_tensor_data"]
    for path in ("/v2/models/tiny", "/v2/models/tiny/versions/1"):
        model = httpx.get(tiny_server + path).json()
        assert (model["name"], model["versions"]) == ("tiny", ["1"])
        assert [one["name"] for one in model["inputs"]] == ["image", "photo"]
        assert model["outputs"] == [{**FP32, "shape": [-1, 3]}]
    index = httpx.post(f"{tiny_server}/v2/repository/index", content=b"").json()
    assert index == [{"name": "tiny", "version": "1", "state": "READY"}]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v2/models/none", 404, "unknown-model"),
        ("GET", "/v2/models/none/ready", 404, "unknown-model"),
        ("GET", "/v2/models/tiny/versions/2", 404, "unknown-version"),
        ("GET", "/v2/models/tiny/versions/2/ready", 404, "unknown-version"),
        ("POST", "/v2/models/none/infer", 404, "unknown-model"),
        ("POST", "/v2/models/tiny/versions/2/infer", 404, "unknown-version"),
        ("GET", "/v2/models/tiny/config", 404, "not-found"),
        ("GET", INFER, 405, "method-not-allowed"),
        ("GET", "/v2/nothing", 404, "not-found"),
        ("POST", INFER, 422, "invalid-parameter"),
    ],
)
def test_errors_are_such_as_its_clients_read(
    tiny_server: str, method: str, path: str, status: int, kind: str
) -> None:
    refused(httpx.request(method, tiny_server + path), status, kind)


def test_probabilities_are_the_engine_s_own_in_every_form(inside: Inside) -> None:
    photo = coloured((90, 100, 80))
    classifier = inside.state.fleet.get().classifier
    (ticket,) = classifier.submit([photo])
    ticket.wait()
    assert ticket.inference
    expected = ticket.inference.answer
    answer = infer(inside.url, image(photo), id="r1").json()
    assert list(answer) == ["model_name", "model_version", "id", "outputs"]
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("tiny", "1", "r1")
    (output,) = answer["outputs"]
    assert output == {**FP32, "shape": [1, 3], "data": output["data"]}
    np.testing.assert_array_equal(np.array(output["data"], np.float32), expected)
    body, headers = binary(photo, parameters={"binary_data_output": True})
    told, raw = taken_apart(httpx.post(inside.url + INFER, content=body, headers=headers))
    assert told == {**FP32, "shape": [1, 3]}
    assert raw == expected.tobytes()
    pixels = {"name": "photo", "datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [90, 100, 80]}
    (output,) = infer(inside.url, pixels).json()["outputs"]
    np.testing.assert_allclose(output["data"], expected, atol=1e-6)


def test_several_photographs_keep_their_order(tiny_server: str) -> None:
    path = "/v2/models/tiny/versions/1/infer"
    for tensor in (image(RED, BLUE), image(RED, BLUE, shape=[2, 1])):
        answer = infer(tiny_server, tensor, path=path).json()
        assert "id" not in answer
        (output,) = answer["outputs"]
        assert output["shape"] == [2, 3]
        assert np.reshape(output["data"], (2, 3)).argmax(axis=1).tolist() == [0, 2]


def test_classification_as_triton_has_it(tiny_server: str) -> None:
    asked = {"name": "probabilities", "parameters": {"classification": 1, "binary_data": False}}
    for more in ({"outputs": [asked]}, {"parameters": {"top_k": 1}}):
        (output,) = infer(tiny_server, image(RED, BLUE), **more).json()["outputs"]
        assert (output["datatype"], output["shape"]) == ("BYTES", [2, 1])
        assert output["data"] == ["0.999994:0:Red", "0.999994:2:Blue"]
    body, headers = binary(BLUE, outputs=[{**asked, "parameters": {"classification": 1}}])
    response = httpx.post(tiny_server + INFER, content=body, headers=headers)
    assert response.json()["outputs"][0]["data"] == ["0.999994:2:Blue"]
    asked["parameters"] = {"classification": 1, "binary_data": True}
    _, raw = taken_apart(infer(tiny_server, image(RED), outputs=[asked]))
    assert raw == b"\x0e\0\0\x000.999994:0:Red"


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_body_and_a_header_that_counts_before(
    tiny_server: str, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    body, headers = binary(BLUE, RED)
    headers["Content-Encoding"] = coding
    answer = httpx.post(tiny_server + INFER, content=pack(body), headers=headers).json()
    assert answer["outputs"][0]["shape"] == [2, 3]
    bomb = pack(b'{"inputs":[%b]}' % (b"[]," * 90_000))
    assert len(bomb) < 3000
    refused(
        httpx.post(tiny_server + INFER, content=bomb, headers={"Content-Encoding": coding}),
        413,
        "too-large",
    )
    bomb = pack(bytes(300_001))
    headers["Inference-Header-Content-Length"] = "1"
    refused(httpx.post(tiny_server + INFER, content=bomb, headers=headers), 413, "too-large")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
def test_a_coding_that_is_not_undone_is_named(tiny_server: str, coding: str) -> None:
    headers = {"Content-Encoding": coding}
    answer = httpx.post(tiny_server + INFER, content=b"\x8b\x02", headers=headers)
    assert f"Content-Encoding '{coding}' is" in refused(answer, 415, "unsupported-format")


def test_one_bad_photograph_fails_the_request_and_is_named(tiny_server: str) -> None:
    assert refused(infer(tiny_server, image(b"text")), 415, "unsupported-format").startswith(
        "This is text"
    )
    sentence = refused(infer(tiny_server, image(RED, RED[:40])), 400, "bad-image")
    assert sentence.startswith("Element 1 of the input: The PNG file can't be decoded")
    refused(infer(tiny_server, image(RED, b"")), 400, "bad-image")


def test_the_bounds_are_those_of_every_front(tiny_server: str) -> None:
    assert "at most 4" in refused(infer(tiny_server, image(*[RED] * 5)), 413, "too-many-photos")
    pixels = coloured("red", side=1001)
    sentence = refused(infer(tiny_server, image(pixels)), 413, "too-many-pixels")
    assert "1,000,000 pixels" in sentence
    body, headers = binary(bytes(300_000))
    refused(httpx.post(tiny_server + INFER, content=body, headers=headers), 413, "too-large")
    sentence = refused(
        infer(tiny_server, image(RED), parameters={"timeout": 60_000_001}), 422, "invalid-parameter"
    )
    assert "timeout" in sentence


def test_inferences_count_as_requests_for_labels_and_all_else_does_not(inside: Inside) -> None:
    infer(inside.url, image(RED, BLUE))
    infer(inside.url, image(RED, b"text"))
    httpx.get(f"{inside.url}/v2/models/tiny")
    page = samples(inside.url)
    assert page['booth_requests_total{model="tiny",outcome="ok"}'] == 1
    assert page['booth_requests_total{model="tiny",outcome="unsupported_format"}'] == 1
    assert page['booth_labels_total{label="red",model="tiny"}'] == 2
    assert page['booth_images_failed_total{model="tiny",outcome="unsupported_format"}'] == 1
    assert total(page, "booth_requests_total") == 2


def test_who_needs_a_key_and_how_often_each_may_ask(serve_inside: ServeInside) -> None:
    with serve_inside(api_keys="secret", rate_limit_per_minute=4, cors_origins="*") as service:
        refused(httpx.get(f"{service.url}/v2/models/tiny"), 401, "unauthorized")
        refused(infer(service.url, image(RED)), 401, "unauthorized")
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert httpx.get(service.url + path).status_code == 200
        key = {"Authorization": "Bearer secret", "Origin": "https://any.example"}
        body, headers = binary(RED, RED, RED)
        first, second = (
            httpx.post(service.url + INFER, content=body, headers={**headers, **key})
            for _ in range(2)
        )
        refused(second, 429, "rate-limited")
        assert first.status_code == 200
        exposed = first.headers["access-control-expose-headers"]
        preflight = httpx.options(
            service.url + INFER, headers={**key, "Access-Control-Request-Method": "POST"}
        )
        allowed = preflight.headers["access-control-allow-headers"]
    assert "Inference-Header-Content-Length" in exposed
    assert "Inference-Header-Content-Length" in allowed


def test_behind_a_path_prefix(serve_inside: ServeInside) -> None:
    with serve_inside(root_path="/booth") as service:
        assert infer(f"{service.url}/booth", image(RED)).status_code == 200
        refused(httpx.get(f"{service.url}/booth/v2/models/none"), 404, "unknown-model")
        assert samples(service.url)['booth_requests_total{model="tiny",outcome="ok"}'] == 1


def test_what_was_answered_before_is_known(serve_inside: ServeInside) -> None:
    with serve_inside(cache_bytes=100_000) as service:
        first = infer(service.url, image(RED, BLUE))
        network = service.state.fleet.get().classifier
        replace_network(network, None)
        assert infer(service.url, image(RED, BLUE)).content == first.content
        known = infer(service.url, image(BLUE), parameters={"top_k": 1}).json()
        assert known["outputs"][0]["data"] == ["0.999994:2:Blue"]
        page = samples(service.url)
    assert page['booth_cache_lookups_total{model="tiny",result="hit"}'] == 3
    assert page['booth_cache_lookups_total{model="tiny",result="miss"}'] == 2
    assert page['booth_labels_total{label="red",model="tiny"}'] == 1


def test_the_queue_and_the_deadline_are_those_of_every_front(serve_inside: ServeInside) -> None:
    gate = threading.Event()

    def gated(photos: Any) -> Any:
        gate.wait(20)
        return np.full((len(photos), 3), 1 / 3, np.float32)

    with serve_inside(queue_size=1) as service:
        classifier = service.state.fleet.get().classifier
        replace_network(classifier, gated)
        try:
            start = time.monotonic()
            late = infer(service.url, image(RED), parameters={"timeout": 200_000})
            assert time.monotonic() - start < 15
            refused(late, 504, "deadline")
            asking = threading.Thread(target=infer, args=(service.url, image(RED)))
            asking.start()
            eventually(lambda: classifier.accepted == 1)
            refused(infer(service.url, image(RED)), 503, "overloaded")
        finally:
            gate.set()
        asking.join(20)
        assert eventually(lambda: service.state.memory.held == 0)


def test_what_is_not_ready_says_so(serve_inside: ServeInside) -> None:
    with serve_inside() as service:
        service.state.draining = True
        refused(httpx.get(f"{service.url}/v2/health/ready"), 503, "not-ready")
        assert httpx.get(f"{service.url}/v2/health/live").json() == {"live": True}
        service.state.draining = False
        service.state.fatal = "broken"
        refused(httpx.get(f"{service.url}/v2/health/live"), 503, "not-ready")
        service.state.fatal = None
        service.state.started = False
        refused(httpx.get(f"{service.url}/v2/models"), 503, "starting")
        refused(infer(service.url, image(RED)), 503, "starting")
        service.state.started = True


@pytest.mark.parametrize(
    ("method", "path", "asks"),
    [
        ("POST", "/v2/models/tiny/infer", True),
        ("POST", "/v2/models/tiny/versions/1/infer", True),
        ("GET", "/v2/models/tiny/infer", False),
        ("POST", "/v2/repository/index", False),
        ("POST", "/v2/models/infer", False),
        ("POST", "/v2/models/tiny/versions/infer", False),
        ("POST", "/v2/models/tiny/ready", False),
        ("POST", "/v2/models/a/b/infer", False),
        ("POST", "/classify", False),
    ],
)
def test_which_requests_ask_for_labels(method: str, path: str, asks: bool) -> None:
    assert asks_for_labels({"method": method, "path": path}) is asks
