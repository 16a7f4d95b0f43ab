"""The access log: a line a request with what is known of it, and not too many."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.telemetry.access_log import AccessLog
from service.telemetry.record import RequestRecord
from tests.service.asking import RED


def record(status: int, **known: Any) -> RequestRecord:
    request = RequestRecord("an-id", "POST", "/classify", start=0.0, **known)
    request.status, request.seconds = status, 0.0125
    return request


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, clock: Clock) -> AccessLog:
    caplog.set_level("INFO", "booth.access")
    return AccessLog(3, clock)


def write(log: AccessLog, status: int, times: int = 1) -> None:
    for _ in range(times):
        log.write(record(status))


def test_a_line_has_the_fields_of_its_request(
    log: AccessLog, caplog: pytest.LogCaptureFixture
) -> None:
    write(log, 200)
    (line,) = caplog.records
    assert line.getMessage() == "POST /classify 200 12.5 ms"
    fields = ("request_id", "method", "path", "status", "duration_ms")
    assert [getattr(line, name) for name in fields] == ["an-id", "POST", "/classify", 200, 12.5]
    assert not hasattr(line, "left_out")


def test_a_busy_service_leaves_lines_out_and_says_how_many(
    log: AccessLog, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    write(log, 200, times=10)
    assert len(caplog.records) == 3
    clock.now = 1 / 3
    write(log, 200, times=2)
    assert len(caplog.records) == 4
    assert vars(caplog.records[-1])["left_out"] == 7
    assert caplog.records[-1].getMessage().endswith("(7 lines left out before)")
    clock.now = 60
    write(log, 200, times=5)
    assert len(caplog.records) == 7
    assert [vars(line).get("left_out") for line in caplog.records[4:]] == [1, None, None]


def test_a_flood_of_answers_hides_no_error_and_a_flood_of_errors_is_bounded(
    log: AccessLog, caplog: pytest.LogCaptureFixture
) -> None:
    write(log, 404, times=100)
    write(log, 503, times=100)
    statuses = [vars(line)["status"] for line in caplog.records]
    assert statuses == [404] * 3 + [503] * 10
    assert vars(caplog.records[3])["left_out"] == 97


def test_no_lines_are_wanted_but_errors(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    caplog.set_level("INFO", "booth.access")
    log = AccessLog(0, clock)
    write(log, 200)
    write(log, 500)
    assert [vars(line)["status"] for line in caplog.records] == [500]


def test_a_request_that_came_to_no_model_has_no_stages(
    log: AccessLog, caplog: pytest.LogCaptureFixture
) -> None:
    log.write(record(404, classifies=True, outcome="unknown_model"))
    line = vars(caplog.records[0])
    assert (line["model"], line["outcome"], line["timing_ms"]) == ("unknown", "unknown_model", {})
    assert "trace_id" not in line


def test_json_tells_of_a_photograph_all_but_the_photograph(
    serve: Callable[..., Any], tiny: Path
) -> None:
    with serve(models=tiny, log="json", api_keys="a-secret", drain_ms=0) as server:
        url = f"{server.url}/classify?model=tiny"
        headers = {"Authorization": "Bearer a-secret", "X-Request-ID": "mine"}
        httpx.post(url, content=RED, headers=headers).raise_for_status()
        files = [("photo", RED), ("photo", b"broken")]
        httpx.post(url, files=files, headers=headers).raise_for_status()
        server.end()
    text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    one, two = [line for line in lines if line["logger"] == "booth.access"]
    expected = {
        "level": "info",
        "request_id": "mine",
        "method": "POST",
        "path": "/classify",
        "status": 200,
        "model": "tiny",
        "outcome": "ok",
        "photographs": 1,
        "bytes": len(RED),
    }
    assert expected.items() <= one.items()
    assert set(one["timing_ms"]) == {"read", "decode", "queue", "inference", "answer"}
    assert 0 < sum(one["timing_ms"].values()) <= one["duration_ms"] + 0.05
    assert (two["photographs"], two["outcome"]) == (2, "ok")
    assert "a-secret" not in text
    assert "IHDR" not in text


def test_a_path_of_any_length_is_one_short_line(caplog: pytest.LogCaptureFixture) -> None:
    record = RequestRecord("an-id", "GET", "/" + 60_000 * "a", 0.0)
    with caplog.at_level(logging.INFO, "booth.access"):
        AccessLog(10).write(record)
    (line,) = caplog.records
    assert len(line.getMessage()) < 400
    assert "aaa..." in line.getMessage()
