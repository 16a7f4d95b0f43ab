"""Every HTTP request counts, with labels that are ours whatever a client sends."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from service.telemetry.http_metrics import HttpMetrics
from service.telemetry.record import RequestRecord
from tests.service.asking import RED
from tests.waiting import eventually

COUNT = "http_server_request_duration_seconds_count"


def record(method: str, route: str, status: int) -> RequestRecord:
    return RequestRecord(
        "id", method, "/as/sent", start=0.0, route=route, status=status, seconds=0.003
    )


def labels(method: str, route: str, status: str) -> dict[str, str]:
    return {
        "http_request_method": method,
        "http_route": route,
        "http_response_status_code": status,
    }


@pytest.mark.parametrize(
    ("method", "status", "named"),
    [
        ("GET", 200, ("GET", "200")),
        ("HEAD", 404, ("HEAD", "404")),
        ("BREW", 405, ("_OTHER", "405")),
        ("get", 400, ("_OTHER", "400")),
        ("POST", 0, ("POST", "")),
    ],
)
def test_labels_are_of_a_fixed_set(method: str, status: int, named: tuple[str, str]) -> None:
    registry = CollectorRegistry()
    metrics = HttpMetrics(registry, [0.002, 0.004])
    metrics.begin()
    assert registry.get_sample_value("http_server_active_requests") == 1
    metrics.end(record(method, "/models/{name}", status))
    assert registry.get_sample_value("http_server_active_requests") == 0
    wanted = labels(named[0], "/models/{name}", named[1])
    assert registry.get_sample_value(COUNT, wanted) == 1
    buckets = {le: {**wanted, "le": le} for le in ("0.002", "0.004")}
    name = COUNT.replace("_count", "_bucket")
    assert [registry.get_sample_value(name, one) for one in buckets.values()] == [0, 1]


def test_a_service_counts_every_route_by_its_template(inside: Any) -> None:
    with httpx.Client(base_url=inside.url) as http:
        http.post("/classify", content=RED)
        http.post("/classify", content=b"no photograph")
        for path in ("/models/tiny", "/models/none", "/readyz", "/a", "/b/c", "/models"):
            http.get(path)
        http.put("/models")
        http.request("PROPFIND", "/models")
    registry = inside.state.metrics.registry

    def counted(method: str, route: str, status: str) -> float | None:
        value: float | None = registry.get_sample_value(COUNT, labels(method, route, status))
        return value

    eventually(lambda: counted("_OTHER", "", "405"))
    assert counted("POST", "/classify", "200") == 1
    assert counted("POST", "/classify", "415") == 1
    assert counted("GET", "/models/{name}", "200") == 1
    assert counted("GET", "/models/{name}", "404") == 1
    assert counted("GET", "/readyz", "200") == 1
    assert counted("GET", "", "404") == 2
    assert counted("GET", "/models", "200") == 1
    assert counted("PUT", "", "405") == 1
    assert registry.get_sample_value("http_server_active_requests") == 0
