"""Traces, as a collector gets them: a real one, that speaks OTLP over HTTP on a socket."""

from __future__ import annotations

import itertools
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.run.app import create_state
from service.settings import BadSettings, read_settings
from service.telemetry.record import RequestRecord
from service.telemetry.tracing import EXPORT_TIMEOUT_S, Traces
from tests.servers import on_a_thread
from tests.service.asking import BLUE, RED
from tests.waiting import eventually

STAGES = ["read", "decode", "queue", "inference", "answer"]


class Collector:
    """Keeps the spans that are sent to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Span] = []
        self.services: set[str] = set()

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.services.add(attributes(resource.resource)["service.name"])
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def named(self, name: str) -> list[Span]:
        found = [span for span in self.spans if span.name == name]
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    def one(self, name: str) -> Span:
        (span,) = self.named(name)
        return span

    @property
    def requests(self) -> list[Span]:
        return self.named("POST /classify")


def attributes(of: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert (self.path, self.headers["Content-Type"]) == (
                "/v1/traces",
                "application/x-protobuf",
            )
            taken.take(self.rfile.read(int(self.headers["Content-Length"])))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        taken = Collector(f"http://127.0.0.1:{server.server_port}")
        with on_a_thread(server):
            yield taken


Start = Callable[..., Any]


@pytest.fixture
def traced(serve_inside: Callable[..., Any], collector: Collector) -> Start:
    """Starts a service that traces every request; at its end the collector has all."""
    return lambda **settings: serve_inside(
        otlp_endpoint=collector.url, **{"trace_share": 1, **settings}
    )


def test_a_trace_shows_each_stage_within_its_request_and_in_order(
    traced: Start, collector: Collector
) -> None:
    before = time.time_ns()
    with traced() as service:
        httpx.post(f"{service.url}/classify", content=RED).raise_for_status()
    request = collector.one("POST /classify")
    assert before < request.start_time_unix_nano < request.end_time_unix_nano < time.time_ns()
    stages = sorted(
        (span for span in collector.spans if span.name in STAGES),
        key=lambda span: (span.start_time_unix_nano, span.end_time_unix_nano),
    )
    # It waits twice: for a slot, and decoded for the others of its batch.
    assert [span.name for span in stages] == [
        "read",
        "queue",
        "decode",
        "queue",
        "inference",
        "answer",
    ]
    assert {span.trace_id for span in stages} == {request.trace_id}
    assert {span.parent_span_id for span in stages} == {request.span_id}
    edges = [
        request.start_time_unix_nano,
        *(t for span in stages for t in (span.start_time_unix_nano, span.end_time_unix_nano)),
        request.end_time_unix_nano,
    ]
    # One nanosecond: each instant is rounded for itself.
    assert all(later - earlier >= -1 for earlier, later in itertools.pairwise(edges))
    assert collector.services == {"booth"}


def test_a_request_says_what_came_of_it(traced: Start, collector: Collector) -> None:
    with traced() as service:
        httpx.post(f"{service.url}/classify", content=RED)
    request = collector.one("POST /classify")
    assert request.kind == Span.SPAN_KIND_SERVER
    assert request.parent_span_id == b""
    assert request.status.code == Status.STATUS_CODE_UNSET
    said = attributes(request)
    expected = {
        "http.request.method": "POST",
        "http.route": "/classify",
        "http.response.status_code": 200,
        "http.request.body.size": len(RED),
        "booth.model": "tiny",
        "booth.version": "1",
        "booth.outcome": "ok",
        "booth.photographs": 1,
    }
    assert expected.items() <= said.items()


def test_two_requests_of_one_batch_share_it(
    traced: Start, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.engine.batcher.GATHERING_S", 60)
    reached, opened = threading.Event(), threading.Event()

    def gated(photos: Any) -> Any:
        reached.set()
        assert opened.wait(10)
        return np.full((len(photos), 3), 1 / 3, np.float32)

    with traced() as service, ThreadPoolExecutor(3) as clients:
        batcher = service.state.model().classifier.batcher
        batcher._run = batcher._run_alone = gated
        url = f"{service.url}/classify"
        asked = [clients.submit(httpx.post, url, content=RED)]
        assert reached.wait(10)
        asked += [clients.submit(httpx.post, url, content=BLUE) for _ in range(2)]
        eventually(lambda: len(batcher), lambda waiting: waiting == 2)
        opened.set()
        assert [one.result().status_code for one in asked] == [200, 200, 200]
    alone, together = collector.named("batch")
    assert [attributes(batch)["booth.batch.size"] for batch in (alone, together)] == [1, 2]
    requests = {span.span_id: span.trace_id for span in collector.requests}
    linked = {link.span_id: link.trace_id for link in together.links}
    assert len(linked) == 2
    assert linked.items() <= requests.items()
    assert together.trace_id not in requests.values()
    inferences = [span for span in collector.named("inference") if span.trace_id in linked.values()]
    assert len(inferences) == 2
    for span in inferences:
        assert [link.span_id for link in span.links] == [together.span_id]
        assert attributes(span)["booth.batch.size"] == 2


def test_each_photograph_of_a_request_has_its_stages(traced: Start, collector: Collector) -> None:
    with traced() as service:
        files = [("photo", RED), ("photo", b"broken"), ("photo", BLUE)]
        answer = httpx.post(f"{service.url}/classify", files=files)
        assert answer.json()["results"][1]["status"] == 415
    for name in STAGES[1:4]:
        assert {attributes(span)["booth.photograph"] for span in collector.named(name)} == {0, 2}
    request = collector.one("POST /classify")
    (event,) = request.events
    assert attributes(event) == {"booth.photograph": 1, "error.type": "unsupported_format"}
    assert attributes(request)["booth.outcome"] == "ok"


def test_the_clients_error_is_told_but_is_no_error_of_the_service(
    traced: Start, collector: Collector
) -> None:
    with traced() as service:
        httpx.post(f"{service.url}/classify", content=b"text")
    request = collector.one("POST /classify")
    assert request.status.code == Status.STATUS_CODE_UNSET
    said = attributes(request)
    assert (said["http.response.status_code"], said["booth.outcome"]) == (415, "unsupported_format")
    assert [span.name for span in collector.spans if span.parent_span_id] == ["read"]


def test_the_services_own_error_is_one(traced: Start, collector: Collector) -> None:
    def broken(_photos: Any) -> Any:
        raise RuntimeError

    with traced() as service:
        batcher = service.state.model().classifier.batcher
        batcher._run = batcher._run_alone = broken
        assert httpx.post(f"{service.url}/classify", content=RED).status_code == 500
    request = collector.one("POST /classify")
    assert request.status.code == Status.STATUS_CODE_ERROR
    assert attributes(request)["error.type"] == "error"


def test_what_is_not_sampled_sends_nothing(traced: Start, collector: Collector) -> None:
    with traced(trace_share=0) as service:
        httpx.post(f"{service.url}/classify", content=RED).raise_for_status()
    assert collector.spans == []


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_trace_that_came_with_the_request_goes_on(traced: Start, collector: Collector) -> None:
    with traced(trace_share=0) as service:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
        httpx.post(f"{service.url}/classify", content=RED, headers=headers)
    request = collector.one("POST /classify")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert request.trace_state == "vendor=1"


def test_a_sender_that_does_not_trace_is_not_traced(traced: Start, collector: Collector) -> None:
    with traced() as service:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
        httpx.post(f"{service.url}/classify", content=RED, headers=headers)
    assert collector.spans == []


@pytest.mark.parametrize("given", ["", "00", "\xff", f"00-{'0' * 32}-{PARENT}-01", "x" * 5000])
def test_a_traceparent_that_is_none_is_ignored(
    traced: Start, collector: Collector, given: str
) -> None:
    with traced() as service:
        headers = {b"traceparent": given.encode("latin-1")}
        answer = httpx.post(f"{service.url}/classify", content=RED, headers=headers)
        assert answer.status_code == 200
    assert collector.one("POST /classify").parent_span_id == b""


def test_the_log_names_the_trace(
    traced: Start, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "booth.access")
    with traced() as service:
        httpx.post(f"{service.url}/classify", content=RED)
    (line,) = [vars(one) for one in caplog.records if one.name == "booth.access"]
    assert line["trace_id"] == collector.one("POST /classify").trace_id.hex()


def test_sigterm_sends_what_is_left(
    serve: Callable[..., Any], tiny: Path, collector: Collector
) -> None:
    with serve(models=tiny, otlp_endpoint=collector.url, trace_share=1, drain_ms=0) as server:
        httpx.post(f"{server.url}/classify", content=RED)
        assert server.end() == 0
    assert len(collector.requests) == 1
    assert len(collector.spans) == 8


def test_a_collector_that_is_down_costs_one_line(
    serve: Callable[..., Any], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    nobody = "http://127.0.0.1:9"
    with serve(models=tiny, otlp_endpoint=nobody, trace_share=1, drain_ms=0) as server:
        for _ in range(20):
            answer = httpx.post(f"{server.url}/classify", content=RED)
            assert answer.status_code == 200
        eventually(server.log.read_text, lambda text: "not taken" in text)
        assert server.end() == 0
    lines = server.log.read_text()
    assert lines.count("traces are not taken by http://127.0.0.1:9/v1/traces") == 1
    assert "Traceback" not in lines
    assert "retry" not in lines.split("not taken")[1].partition("\n")[2]


def test_a_collector_that_never_answers_does_not_hold_up_the_end() -> None:
    scope = {"method": "POST", "path": "/classify", "scheme": "http", "http_version": "1.1"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        traces = Traces(f"http://127.0.0.1:{silent.getsockname()[1]}", 1)
        trace = traces.begin({**scope, "headers": []}, time.perf_counter())
        assert trace
        trace.end(RequestRecord("an-id", "POST", "/classify", time.perf_counter(), trace=trace))
        start = time.monotonic()
        traces.close()
        assert time.monotonic() - start < EXPORT_TIMEOUT_S - 1


def test_a_missing_extra_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "service.telemetry.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(BadSettings, match=r"pip install '\.\[tracing\]'"):
        create_state(read_settings({"BOOTH_OTLP_ENDPOINT": "http://127.0.0.1:4318"}))


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://a", "http://", "http://a:b@c"])
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(BadSettings, match="such as http://collector:4318"):
        read_settings({"BOOTH_OTLP_ENDPOINT": endpoint})


def test_without_an_endpoint_opentelemetry_is_not_loaded(inside: Any) -> None:
    assert inside.state.traces is None
    code = "import sys, service.run.app; sys.exit('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


@pytest.fixture(autouse=True)
def _own_logger() -> Iterator[None]:
    """The exporter takes over OpenTelemetry's logger."""
    logger = logging.getLogger("opentelemetry")
    yield
    logger.handlers, logger.propagate = [], True
