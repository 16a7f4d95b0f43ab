"""What Prometheus sees: fixed names, and figures that add up."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx

from service.runtimes.registry import choose
from service.settings import read_settings
from service.telemetry.metrics import Metrics
from tests.service.asking import samples, total

NAMES = {
    "booth_requests_total",
    "booth_request_duration_seconds",
    "booth_stage_duration_seconds",
    "booth_inspection_requests_total",
    "booth_inspection_duration_seconds",
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
    "booth_memory_budget_bytes",
    "booth_memory_reserved_bytes",
    "booth_ready",
    "booth_models_complete",
    "booth_models_unusable",
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
    "booth_rollout_share",
    "booth_rollout_requests_total",
    "booth_rollout_request_duration_seconds",
    "booth_rollout_images_failed_total",
    "booth_shadow_share",
    "booth_shadow_photographs_total",
    "booth_shadow_labels_in_common",
    "booth_shadow_confidence_difference",
}


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
    start = time.perf_counter()
    httpx.post(f"{inside.url}/classify", content=photos["coffee"])
    seconds = time.perf_counter() - start
    page = samples(inside.url)
    assert page['booth_batch_duration_seconds_count{model="tiny",size="1"}'] == 1
    assert 0 < page['booth_batch_duration_seconds_sum{model="tiny",size="1"}'] < seconds
    assert page['booth_batch_size_limit{model="tiny"}'] == 4


def test_an_unknown_models_name_never_becomes_a_label(inside: Any) -> None:
    httpx.post(f"{inside.url}/classify?model=evil_label_value", content=b"x")
    assert "evil_label_value" not in httpx.get(f"{inside.url}/metrics").text


def test_duration_buckets_double_from_a_millisecond_to_past_the_default_deadline() -> None:
    buckets = Metrics(8).request_seconds.labels("m")._upper_bounds
    assert buckets[:3] == [0.001, 0.002, 0.004]
    assert buckets[-2:] == [16.384, float("inf")]
    assert read_settings({}).deadline_ms / 1000 < buckets[-2]
    assert Metrics(8).batch_size.labels("m")._upper_bounds == [1, 2, 4, 8, float("inf")]
