"""Traffic moves from one version to another, by who may say so."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from service.fleet.rollout import Plan, plans_in
from tests.servers import Inside, serving_inside
from tests.service.asking import RED, problem, samples
from tests.service.conftest import tiny_card, write_tiny

KEY = {"Authorization": "Bearer manager"}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [write_tiny(folder / f"{one}.onnx", tiny_card(version=str(one))) for one in (1, 2, 3)]


@pytest.fixture(scope="module")
def service(versions: list[Path]) -> Iterator[Inside]:
    """Three versions of the tiny model, of which the second takes a twentieth of the traffic."""
    models = ",".join(map(str, versions))
    rollout = '{"tiny": {"1": 95, "2": 5}, "later": {"9": 1}}'
    with serving_inside(
        models=models, rollout=rollout, queue_size=64, management_keys="manager"
    ) as inside:
        yield inside


@pytest.fixture(autouse=True)
def _as_set(service: Inside) -> Iterator[None]:
    """Each test finds the rollout of the settings."""
    yield
    service.state.rollout.replace({"unlike": Plan({"1": 1})})
    service.state.rollout.replace({})


def answers(inside: Inside, count: int, query: str = "") -> Iterator[dict[str, Any]]:
    """Of so many requests over one connection, each with an id of its own."""
    connection = HTTPConnection("127.0.0.1", inside.port, timeout=30)
    for number in range(count):
        headers = {"X-Request-ID": f"request-{number}"}
        connection.request("POST", f"/classify{query}", RED, headers)
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        yield orjson.loads(body)
    connection.close()


def by_version(inside: Inside, count: int, query: str = "") -> Counter[str]:
    return Counter(one["version"] for one in answers(inside, count, query))


def put(inside: Inside, plan: object, name: str = "tiny", **more: Any) -> httpx.Response:
    url = f"{inside.url}/models/{name}/rollout"
    return httpx.put(url, **{"json": plan, "headers": KEY, **more})


def get(inside: Inside, name: str = "tiny", **more: Any) -> httpx.Response:
    return httpx.get(f"{inside.url}/models/{name}/rollout", **{"headers": KEY, **more})


def test_a_thousand_requests_go_by_weight_and_count_by_version(service: Inside) -> None:
    before = samples(service.url)
    assert by_version(service, 1000) == {"1": 940, "2": 60}  # by their ids; chance gives 50 +- 7
    after = samples(service.url)
    for version, count in (("1", 940), ("2", 60)):
        name = f'booth_rollout_requests_total{{model="tiny",outcome="ok",version="{version}"}}'
        assert after[name] - before.get(name, 0) == count
    assert after['booth_rollout_share{model="tiny",version="2"}'] == 0.05
    assert after['booth_rollout_share{model="tiny",version="3"}'] == 0


def test_the_same_request_gets_the_same_version_again(service: Inside) -> None:
    again = [[one["version"] for one in answers(service, 50)] for _ in range(2)]
    assert again[0] == again[1]


def test_ids_that_nobody_sent_are_chance(service: Inside) -> None:
    put(service, {"weights": {"1": 1, "2": 1}})
    with httpx.Client(base_url=service.url) as http:
        seen = Counter(http.post("/classify", content=RED).json()["version"] for _ in range(60))
    assert set(seen) == {"1", "2"}


def test_all_photographs_of_a_request_get_one_version_whatever_its_form(service: Inside) -> None:
    put(service, {"weights": {"1": 1, "2": 1}})
    files = [("photo", RED)] * 4
    expected = [one["version"] for one in answers(service, 12)]
    assert set(expected) == {"1", "2"}
    with httpx.Client(base_url=service.url) as http:
        for number, version in enumerate(expected):
            headers = {"X-Request-ID": f"request-{number}"}
            results = http.post("/classify", files=files, headers=headers).json()["results"]
            assert [one["version"] for one in results] == [version] * 4


def test_what_is_told_of_a_model_is_told_of_its_main_version(service: Inside) -> None:
    def told() -> str:
        version: str = httpx.get(f"{service.url}/models/tiny").json()["version"]
        listed = httpx.get(f"{service.url}/models").json()["models"]
        assert [one["version"] for one in listed if one["default"]] == [version]
        return version

    assert told() == "1"
    put(service, {"weights": {"1": 1, "2": 2}})
    assert told() == "2"
    put(service, {"shadow": {"3": 0.1}})
    assert told() == "2"
    put(service, {})
    assert told() == "3"


def test_who_names_a_version_gets_it(service: Inside) -> None:
    assert by_version(service, 20, "?version=3") == {"3": 20}
    assert by_version(service, 20, "?version=1") == {"1": 20}


def test_the_canary_takes_all_and_is_taken_back_under_load(service: Inside) -> None:
    seen: list[str] = []
    ends = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=service.url) as http:
            while not ends.is_set():
                response = http.post("/classify", content=RED)
                seen.append(response.json()["version"] if response.is_success else response.text)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for plan, version in (({"2": 1}, "2"), ({"1": 1}, "1")):
            answer = put(service, {"weights": plan}).json()
            assert answer["shares"] == {"1": 0, "2": 0, "3": 0} | {version: 1}
            assert by_version(service, 20) == {version: 20}
    finally:
        ends.set()
        for thread in threads:
            thread.join(10)
    assert set(seen) <= {"1", "2"}


def test_a_version_that_is_unloaded_leaves_its_share_to_the_others(
    service: Inside, versions: list[Path]
) -> None:
    service.state.fleet.unload("tiny", "2")
    try:
        assert by_version(service, 30) == {"1": 30}
        assert get(service).json()["shares"] == {"1": 1, "3": 0}
    finally:
        service.state.fleet.load(versions[1])


def test_a_rollout_is_read_and_set(service: Inside) -> None:
    as_set = {
        "model": "tiny",
        "weights": {"1": 95, "2": 5},
        "shadow": {},
        "shares": {"1": 0.95, "2": 0.05, "3": 0},
        "set_by": "settings",
    }
    assert get(service).json() == as_set
    changed = put(service, {"weights": {"1": 1, "4": 3}, "shadow": {"3": 0.1}})
    assert changed.status_code == 200
    expected = {
        "model": "tiny",
        "weights": {"1": 1, "4": 3},
        "shadow": {"3": 0.1},
        "shares": {"1": 1, "2": 0, "3": 0},
        "set_by": "request",
    }
    assert changed.json() == get(service).json() == expected
    none = put(service, {}).json()
    assert (none["weights"], none["shares"]) == ({}, {"1": 0, "2": 0, "3": 1})
    assert by_version(service, 5) == {"3": 5}
    service.state.rollout.replace(plans_in('{"tiny": {"weights": {"2": 1}}}'))
    assert get(service).json()["set_by"] == "repository"
    assert by_version(service, 5) == {"2": 5}


def test_a_model_that_is_not_loaded_yet_may_have_one(service: Inside) -> None:
    assert get(service, "later").json()["shares"] == {}
    put(service, {"weights": {"1": 1}}, "sooner").raise_for_status()
    assert get(service, "sooner").json()["weights"] == {"1": 1}
    sentence = problem(get(service, "never"), 404, "unknown-model")
    assert sentence == "There is no model 'never'; there is: tiny."


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "The body is no JSON; write an object such as"),
        (b"\xff\xfe", "The body is no JSON; write an object such as"),
        (b"[" * 60_000, "The body is no JSON; write an object such as"),
        (b"[]", "The body must be an object such as"),
        (
            b'{"weight": {"1": 1}}',
            'The rollout of tiny: there is no "weight"; did you mean weights?',
        ),
        (b'{"weights": {"1": -1}}', "The weight of version 1 of tiny is -1, and must be a number"),
        (b'{"weights": {"1": NaN}}', "The weight of version 1 of tiny is NaN, and must be"),
        (b'{"weights": {"1": 0}}', "The weights of tiny are all 0; give a version more"),
        (b'{"weights": {"1": 1, "1": 2}}', '"1" stands twice in one object; write it once.'),
        (b'{"weights": {"../1": 1}}', '"../1" is no version of a model'),
        (b'{"shadow": {"1": 2}}', "The share of the shadow 1 of tiny is 2, and must be a number"),
        (b'{"weights": null}', "The weights of tiny must be an object such as"),
    ],
)
def test_what_wont_do_is_told_and_changes_nothing(service: Inside, body: bytes, told: str) -> None:
    refused = put(service, None, json=None, content=body)
    assert problem(refused, 422, "invalid-parameter").startswith(told)
    assert get(service).json()["set_by"] == "settings"


def test_its_body_and_its_parameters_are_bounded(service: Inside) -> None:
    problem(put(service, None, json=None, content=b" " * 70_000), 413, "too-large")
    problem(put(service, {}, params={"x": 1}), 422, "invalid-parameter")
    problem(get(service, params={"x": 1}), 422, "invalid-parameter")
    problem(put(service, {}, "Tiny"), 422, "invalid-parameter")
    assert service.state.memory.held == 0


def test_nobody_else_may_and_without_management_keys_there_is_no_such_route(
    service: Inside, tiny_server: str
) -> None:
    for headers in ({}, {"Authorization": "Bearer guess"}):
        problem(get(service, headers=headers), 401, "unauthorized")
        problem(put(service, {}, headers=headers), 401, "unauthorized")
    assert get(service).json()["set_by"] == "settings"
    for method in ("GET", "PUT"):
        refused = httpx.request(method, f"{tiny_server}/models/tiny/rollout", headers=KEY)
        problem(refused, 404, "not-found")


def test_the_routes_are_described_where_there_are_any(service: Inside, tiny_server: str) -> None:
    described = httpx.get(f"{service.url}/openapi.json").json()["paths"]["/models/{name}/rollout"]
    assert {one["operationId"] for one in described.values()} == {"get_rollout", "put_rollout"}
    assert "403" in described["put"]["responses"]
    assert "/models/{name}/rollout" not in httpx.get(f"{tiny_server}/openapi.json").json()["paths"]


def test_a_cached_answer_is_that_of_its_version(versions: list[Path]) -> None:
    models = ",".join(map(str, versions[:2]))
    rollout = '{"tiny": {"1": 1, "2": 1}}'
    with serving_inside(models=models, rollout=rollout, cache_bytes=100_000) as inside:
        first, again = ([one["version"] for one in answers(inside, 12)] for _ in range(2))
        assert first == again
        assert set(first) == {"1", "2"}
        tags = {
            version: httpx.post(f"{inside.url}/classify?version={version}", content=RED).headers[
                "etag"
            ]
            for version in "12"
        }
        assert tags["1"] != tags["2"]
        hits = 'booth_cache_lookups_total{model="tiny",result="hit"}'
        assert samples(inside.url)[hits] == 24 + 2 - 2
