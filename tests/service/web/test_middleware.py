"""Around every request: its id, its line in the log, an answer whatever happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.asking import RED, problem, samples, total
from tests.waiting import eventually


def test_an_id_is_taken_over_or_made(tiny_server: str) -> None:
    url = f"{tiny_server}/classify"
    given = httpx.post(url, content=RED, headers={"X-Request-ID": "my-id.7"})
    assert given.headers["x-request-id"] == "my-id.7"
    ids = {httpx.post(url, content=RED).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    odd = httpx.post(url, content=RED, headers={"X-Request-ID": "a b\tc"})
    assert odd.headers["x-request-id"] != "a b\tc"


@pytest.mark.parametrize(("method", "path"), [("POST", "/classify"), ("GET", "/models/tiny")])
def test_an_unforeseen_error_has_the_same_shape(
    inside: Any, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(type(inside.state), "newest", broken)
    monkeypatch.setattr(type(inside.state), "model", broken)
    response = httpx.request(method, inside.url + path, content=RED)
    problem(response, 500, "internal")
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in response.json()["detail"]


def paths_logged(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    """The paths in the access log, as soon as there are ``count``: a line follows its answer."""

    def paths() -> list[str]:
        lines = [one.getMessage() for one in caplog.records if one.name == "booth.access"]
        return [line.split(" ")[1] for line in lines]

    return eventually(paths, lambda seen: len(seen) >= count)


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


def test_the_access_log_is_json_when_asked(serve: Any, tiny: Path) -> None:
    with serve(models=tiny, log="json") as server:
        httpx.get(f"{server.url}/models", headers={"X-Request-ID": "abc"})
        server.end()
        lines = server.log.read_text()
    assert '"request_id":"abc"' in lines
    assert '"path":"/models"' in lines
