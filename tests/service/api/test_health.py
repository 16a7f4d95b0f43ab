"""Health, metrics, the models' cards: what an operator relies on."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.engine.batcher import Batcher
from service.run.startup import reload
from service.runtimes.registry import choose
from service.telemetry.metrics import Metrics

NAMES = {
    "booth_requests_total",
    "booth_request_duration_seconds",
    "booth_stage_duration_seconds",
    "booth_images_failed_total",
    "booth_images_total",
    "booth_batches_total",
    "booth_batch_size",
    "booth_queue_length",
    "booth_in_flight_requests",
    "booth_confidence",
    "booth_labels_total",
    "booth_image_bytes",
    "booth_image_pixels",
    "booth_model_fell_back",
    "booth_model_info",
    "booth_model_loaded_timestamp_seconds",
    "booth_build_info",
    "booth_ready",
    "booth_models_complete",
    "booth_loads_total",
    "booth_accepted_images",
    "booth_accepted_images_limit",
    "booth_predicted_wait_seconds",
    "booth_batch_size_limit",
    "booth_batch_duration_seconds",
    "booth_cache_lookups_total",
    "booth_cache_evictions_total",
    "booth_cache_bytes",
    "booth_cache_bytes_limit",
}


def samples(url: str) -> dict[str, float]:
    """The page of metrics: ``name{labels}`` to value."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def total(page: dict[str, float], name: str) -> float:
    return sum(value for key, value in page.items() if key.partition("{")[0] == name)


def paths_logged(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    """The paths in the access log, as soon as there are ``count``: a line follows its answer."""
    while True:
        lines = [one.getMessage() for one in caplog.records if one.name == "booth.access"]
        if len(lines) >= count:
            return [line.split(" ")[1] for line in lines]
        threading.Event().wait(0.001)


def test_a_healthy_service_is_alive_and_ready(tiny_server: str) -> None:
    assert httpx.get(f"{tiny_server}/livez").text == "alive\n"
    assert httpx.get(f"{tiny_server}/readyz").text == "ready\n"


def test_readyz_turns_red_when_a_batching_thread_has_ended(inside: Any) -> None:
    assert httpx.get(f"{inside.url}/readyz").status_code == 200
    inside.state.fleet.get().classifier.batcher.close()
    response = httpx.get(f"{inside.url}/readyz")
    assert response.status_code == 503
    assert "batching thread of tiny has ended" in response.json()["detail"]
    assert int(response.headers["retry-after"]) >= 1
    assert httpx.get(f"{inside.url}/livez").status_code == 200


def test_readyz_turns_red_when_nothing_moves(inside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Batcher, "stalled_s", lambda _self: 31.0)
    response = httpx.get(f"{inside.url}/readyz")
    assert response.status_code == 503
    assert "no progress for 31 s" in response.json()["detail"]


def test_before_the_models_are_loaded_it_is_alive_but_not_ready(inside: Any) -> None:
    inside.state.started = False
    assert httpx.get(f"{inside.url}/livez").status_code == 200
    assert "being loaded" in httpx.get(f"{inside.url}/readyz").json()["detail"]
    response = httpx.post(f"{inside.url}/classify", content=b"photo")
    assert (response.status_code, response.json()["type"]) == (503, "/problems/starting")


def test_the_names_of_the_metrics_are_fixed(inside: Any, photos: dict[str, bytes]) -> None:
    httpx.post(f"{inside.url}/classify", content=photos["chelsea"])
    page = httpx.get(f"{inside.url}/metrics").text
    families = set(re.findall(r"^# TYPE (booth_\w+) ", page, re.MULTILINE))
    assert families == NAMES


def test_the_outcomes_sum_to_the_arrivals(inside: Any, photos: dict[str, bytes]) -> None:
    url = f"{inside.url}/classify"
    requests = [
        *[(url, photos["chelsea"])] * 3,
        (url, b""),
        (url, b"text"),
        (f"{url}?model=none", b"x"),
        (f"{url}?top_k=0", b"x"),
        (f"{url}?timeout_ms=1", photos["chelsea"]),
    ]
    for address, body in requests:
        httpx.post(address, content=body)
    httpx.post(url, files=[("a", photos["coffee"]), ("b", b"no photo")])
    page = samples(inside.url)
    assert total(page, "booth_requests_total") == len(requests) + 1
    assert total(page, "booth_request_duration_seconds_count") == len(requests) + 1
    assert page['booth_requests_total{model="tiny",outcome="bad_image"}'] == 1
    assert page['booth_requests_total{model="unknown",outcome="unknown_model"}'] == 1
    assert page['booth_requests_total{model="tiny",outcome="unsupported_format"}'] == 1
    answered = page['booth_images_total{model="tiny"}']
    assert answered == total(page, "booth_labels_total") == total(page, "booth_confidence_count")
    assert page["booth_in_flight_requests"] == 0


def test_every_stage_and_the_batches_are_counted(inside: Any, photos: dict[str, bytes]) -> None:
    for _ in range(2):
        httpx.post(f"{inside.url}/classify", content=photos["coffee"])
    page = samples(inside.url)
    for stage in ("read", "decode", "queue", "inference", "answer"):
        key = f'booth_stage_duration_seconds_count{{model="tiny",stage="{stage}"}}'
        assert page[key] == 2, stage
    assert (
        page['booth_batches_total{model="tiny"}'] == page['booth_batch_size_sum{model="tiny"}'] == 2
    )
    assert page["booth_image_bytes_sum"] == 2 * len(photos["coffee"])
    provider = choose()[0].name
    info = f'booth_model_info{{model="tiny",precision="fp32",provider="{provider}",version="1"}}'
    assert page[info] == 1


def test_a_run_is_timed_under_the_size_of_its_batch(inside: Any, photos: dict[str, bytes]) -> None:
    httpx.post(f"{inside.url}/classify", content=photos["coffee"])
    page = samples(inside.url)
    assert page['booth_batch_duration_seconds_count{model="tiny",size="1"}'] == 1
    assert 0 < page['booth_batch_duration_seconds_sum{model="tiny",size="1"}'] < 1
    assert page['booth_batch_size_limit{model="tiny"}'] == 4


def test_what_is_accepted_counts_until_it_is_answered(
    inside: Any, photos: dict[str, bytes]
) -> None:
    classifier = inside.state.fleet.get().classifier
    accepted, limit = (f'booth_accepted_images{name}{{model="tiny"}}' for name in ("", "_limit"))
    gate = threading.Event()
    run = classifier.batcher._run_alone
    classifier.batcher._run_alone = lambda photos: gate.wait(10) and run(photos)
    (held,) = classifier.submit([photos["coffee"]])
    page = samples(inside.url)
    assert (page[accepted], page[limit]) == (1, 4)
    gate.set()
    held.wait()
    classifier.close()
    assert samples(inside.url)[accepted] == 0


def test_the_metrics_say_whether_traffic_is_welcome(inside: Any) -> None:
    assert samples(inside.url)["booth_ready"] == 1
    inside.state.draining = True
    assert samples(inside.url)["booth_ready"] == 0


def test_the_metrics_say_that_a_model_asked_for_is_missing(inside: Any, tiny: Path) -> None:
    assert samples(inside.url)["booth_models_complete"] == 1
    wanted = {"models": (str(tiny), "nothing_of_that_name")}
    inside.state.settings = inside.state.settings.model_copy(update=wanted)
    before = samples(inside.url)
    asyncio.run(reload(inside.state))
    after = samples(inside.url)
    assert (before["booth_models_complete"], after["booth_models_complete"]) == (1, 0)
    unusable = 'booth_loads_total{outcome="unusable"}'
    assert after[unusable] == before[unusable] + 1


def test_an_unknown_models_name_never_becomes_a_label(inside: Any) -> None:
    httpx.post(f"{inside.url}/classify?model=evil_label_value", content=b"x")
    assert "evil_label_value" not in httpx.get(f"{inside.url}/metrics").text


def test_health_and_metrics_stay_out_of_the_request_metrics_and_the_log(
    inside: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "booth.access")
    for route in ("livez", "readyz", "metrics"):
        httpx.get(f"{inside.url}/{route}")
    httpx.get(f"{inside.url}/models")
    assert total(samples(inside.url), "booth_requests_total") == 0
    assert paths_logged(caplog, 1) == ["/models"]


def test_a_path_can_not_break_a_line_of_the_log(
    inside: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "booth.access")
    httpx.get(f"{inside.url}/models/a%0a2026-01-01%20fake%1b[31m")
    httpx.get(f"{inside.url}/nothing")
    assert paths_logged(caplog, 2) == ["/models/a%0a2026-01-01%20fake%1b[31m", "/nothing"]


def test_duration_buckets_double_from_a_millisecond_to_four_seconds() -> None:
    buckets = Metrics(8).request_seconds.labels("m")._upper_bounds
    assert buckets[:3] == [0.001, 0.002, 0.004]
    assert buckets[-2:] == [4.096, float("inf")]
    assert Metrics(8).batch_size.labels("m")._upper_bounds == [1, 2, 4, 8, float("inf")]


def test_the_models_the_card_and_the_labels(tiny_server: str) -> None:
    (listed,) = httpx.get(f"{tiny_server}/models").json()["models"]
    assert listed == {
        "name": "tiny",
        "title": "Which colour prevails",
        "version": "1",
        "precision": "fp32",
        "provider": choose()[0].name,
        "labels": 3,
        "scene": False,
        "default": True,
    }
    card = httpx.get(f"{tiny_server}/models/tiny").json()
    assert card["input"]["size"] == 8
    labels = httpx.get(f"{tiny_server}/models/tiny/labels").json()
    assert labels == card["labels"]
    assert labels[0] == {"name": "Red", "category": "red"}


def test_the_description_of_the_api_has_every_route(tiny_server: str) -> None:
    description = httpx.get(f"{tiny_server}/openapi.json").json()
    assert set(description["paths"]) == {
        "/classify",
        "/models",
        "/models/{name}",
        "/models/{name}/labels",
        "/livez",
        "/readyz",
        "/metrics",
    }
    classify = description["paths"]["/classify"]["post"]
    assert [one["name"] for one in classify["parameters"]] == [
        "model",
        "version",
        "top_k",
        "timeout_ms",
        "If-None-Match",
        "Cache-Control",
    ]
    assert {"200", "400", "413", "415", "422", "429", "503", "504"} <= set(classify["responses"])
    one, several = classify["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
    prediction = one["properties"]["predictions"]["items"]
    assert prediction["properties"]["basis"]["enum"] == ["labelled", "distilled"]
    assert prediction["required"] == ["label", "category", "index", "confidence"]
    assert several["properties"]["results"]["items"]["anyOf"][0] == one


def test_the_access_log_is_json_when_asked(serve: Any, tiny: Path) -> None:
    with serve(models=tiny, log="json") as server:
        httpx.get(f"{server.url}/models", headers={"X-Request-ID": "abc"})
        server.end()
        lines = server.log.read_text()
    assert '"request_id":"abc"' in lines
    assert '"path":"/models"' in lines
