"""What holds on every front that labels photographs in other services' JSON, on a real socket."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import proxied, serving_inside
from tests.service.asking import BLUE, RED, samples, total

RED64, BLUE64 = base64.b64encode(RED).decode(), base64.b64encode(BLUE).decode()
ROUTES = {
    "/hf/tiny": "inputs",
    "/v1/models/tiny:predict": "instances",
    "/v1/models/tiny/versions/1:predict": "inputs",
    "/invocations": "instances",
    "/predict": "instances",
}
every_route = pytest.mark.parametrize(("path", "name"), ROUTES.items())


ROUTE_SETTINGS = {"health_route": "/health", "predict_route": "/predict"}


@pytest.fixture(scope="module")
def clouds(tiny: Path) -> Iterator[httpx.Client]:
    """A service with the routes of all clouds, and the client that asks it."""
    settings: dict[str, Any] = {"max_body_bytes": 300_000, "max_photos": 4, "cache_bytes": 100_000}
    settings |= {**ROUTE_SETTINGS, "models": tiny, "trusted_proxies": "127.0.0.1"}
    with serving_inside(**settings) as running, httpx.Client(base_url=running.url) as client:
        yield client


def labels(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one for one in ("Red", "Green", "Blue") if f'"{one}"' in answer.text]


def test_each_is_counted_and_cached_as_any_request_for_labels(clouds: httpx.Client) -> None:
    url = str(clouds.base_url)
    before = samples(url)
    for path, name in ROUTES.items():
        photos = {name: [RED64, BLUE64], "top_k": 1}
        answer = clouds.post(path, json=photos, headers={"Cache-Control": "no-cache"})
        assert labels(answer) == ["Red", "Blue"]
        assert "read;dur=" in answer.headers["server-timing"]
    after = samples(url)
    for metric, each in (("booth_requests_total", 1), ("booth_images_total", 2)):
        assert total(after, metric) - total(before, metric) == each * len(ROUTES), metric
    for path, name in ROUTES.items():
        photos = {name: [RED64, BLUE64], "top_k": 1}
        assert labels(clouds.post(path, json=photos)) == ["Red", "Blue"]
    assert total(samples(url), "booth_images_total") == total(after, "booth_images_total")


@every_route
def test_a_photograph_may_come_as_it_is_or_in_a_form(
    clouds: httpx.Client, path: str, name: str
) -> None:
    del name
    path = f"{path}?top_k=1"
    raw = clouds.post(path, content=BLUE, headers={"Content-Type": "image/x"})
    assert labels(raw) == labels(clouds.post(path, files={"photo": BLUE})) == ["Blue"]
    same = clouds.post(path, content=BLUE, headers={"If-None-Match": raw.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


@every_route
def test_one_error_stands_among_the_answers_and_alone_is_the_answer(
    clouds: httpx.Client, path: str, name: str
) -> None:
    both = clouds.post(path, json={name: ["aGk=", RED64], "top_k": 1})
    assert labels(both) == ["Red"]
    assert '"status":415' in both.text
    alone = clouds.post(path, json={name: ["aGk=", ""]})
    assert alone.status_code == 415
    assert alone.json()["error"].startswith("This is text")


@every_route
@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"": []}, 422, "The JSON must have"),
        ({"": [{"b64": "???"}]}, 422, "[0] is not valid base64."),
        ({"": [RED64] * 5}, 413, "send at most 4 at once"),
        ({"": [[0] * 5000]}, 413, "too many photographs"),
        ({"": [{"a": {"b": {"c": [RED64]}}}]}, 422, "[0] must be a string"),
        ({"": [RED64], "parameters": {"top_k": 0}}, 422, "top_k must be a whole number from 1"),
        ({"": [RED64], "parameters": {"topk": 1}}, 422, "did you mean top_k?"),
        ({"": ["A" * 300_000]}, 413, "larger than 300 kB; send"),
    ],
)
def test_what_won_t_do_is_told_in_a_sentence(
    clouds: httpx.Client, path: str, name: str, *, fields: Any, status: int, sentence: str
) -> None:
    answer = clouds.post(path, json={one or name: value for one, value in fields.items()})
    assert answer.status_code == status
    assert sentence in answer.json()["error"]
    assert answer.json()["error"] == answer.json()["detail"]


@every_route
def test_a_parameter_is_told_once(clouds: httpx.Client, path: str, name: str) -> None:
    path, photo = f"{path}?top_k=1", {name: [RED64]}
    assert labels(clouds.post(path, json={**photo, "top_k": 1})) == ["Red"]
    contradiction = clouds.post(path, json={**photo, "parameters": {"top_k": 2}})
    assert "'1' in the address and '2' in the body" in contradiction.json()["error"]
    assert clouds.post(f"{path}&top_k=1", json=photo).status_code == 422


@pytest.mark.parametrize(
    "path", ["/hf/other", "/v1/models/other:predict", "/invocations", "/predict?model=other"]
)
def test_a_model_that_is_not_there_is_told(clouds: httpx.Client, path: str) -> None:
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": "model=other"}
    answer = clouds.post(path, content=RED, headers=attributes)
    assert answer.status_code == 404
    assert "other" in answer.json()["error"]


@every_route
def test_other_methods_are_not_possible(clouds: httpx.Client, path: str, name: str) -> None:
    del name
    for method in ("GET", "PUT", "DELETE"):
        answer = clouds.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), method
        assert answer.json()["error"].startswith(method)


@pytest.mark.parametrize(
    "path",
    [
        *("/hf/", "/hf/tiny/", "/hf/a/b", "/v1/models:predict", "/v1/modelsx:predict"),
        *("/v1/models/a/b:predict", "/v1/models/:predict", "/predict/x"),
    ],
)
def test_a_path_that_is_none_counts_as_no_request_for_labels(
    clouds: httpx.Client, path: str
) -> None:
    before = clouds.get("/metrics").text
    assert clouds.post(path, content=RED).status_code in {404, 405}
    requests = re.compile(r"^booth_requests_total.*", re.MULTILINE)
    assert requests.findall(clouds.get("/metrics").text) == requests.findall(before)


def test_behind_a_prefix_they_are_the_same(clouds: httpx.Client) -> None:
    with (
        proxied(str(clouds.base_url).rstrip("/"), "/booth", strips=True, names=True) as url,
        httpx.Client(base_url=url) as client,
    ):
        for path, name in ROUTES.items():
            assert "Red" in labels(client.post(path, json={name: [RED64]}))


def test_each_needs_a_key_and_the_health_routes_none(tiny: Path) -> None:
    settings: dict[str, Any] = {"models": tiny, "api_keys": "one", "rate_limit_per_minute": 8}
    settings |= ROUTE_SETTINGS
    key = {"Authorization": "Bearer one"}
    with (
        serving_inside(**settings) as running,
        httpx.Client(base_url=running.url) as client,
    ):
        for path, name in ROUTES.items():
            assert client.post(path, json={name: [RED64]}).status_code == 401
            assert "Red" in labels(client.post(path, json={name: [RED64]}, headers=key))
        # Five were counted, and three are left: each photograph of a request counts.
        refusal = client.post("/predict", json={"instances": [RED64] * 4}, headers=key)
        assert (refusal.status_code, "retry-after" in refusal.headers) == (429, True)
        for path in ("/ping", "/health"):
            assert all(client.get(path).status_code == 200 for _ in range(10))
            assert client.post(path).status_code == 405
